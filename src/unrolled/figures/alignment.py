"""Where does the decoder look back?

A recurrent encoder reads a sentence, a recurrent decoder writes its translation. Without attention all that passes from
one to the other is a single vector. With it, the decoder looks back at the whole source before each token that it
writes, and where it looks can be drawn. Sutskever et al. 2014; Bahdanau et al. 2015; Luong et al. 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from unrolled.checkpoints import Model
from unrolled.errors import BadInput, BadKnob
from unrolled.figures import _arithmetic
from unrolled.figures._alignment_results import NO_STEP, Alignments, ByLength, Step
from unrolled.figures._alignment_scores import Scores, scores_of, sources
from unrolled.figures._inputs import Models, Target, Text, UpTo
from unrolled.figures._knobs import Below, Choice, Hidden, Range
from unrolled.figures._long_sums import long_sum
from unrolled.figures._panel import panel
from unrolled.mathematics import Formula, Symbol
from unrolled.models.attention import additive_scores
from unrolled.models.seq2seq import Seq2Seq
from unrolled.models.transformer import Transformer
from unrolled.progress import Work
from unrolled.text import Tokens
from unrolled.trace import Alignment, align, target_tokens
from unrolled.translating import translating

START = {"models": ["en-fr", "en-fr-bottleneck"], "text": "Deletes the contents of the selected cells."}
"""What the figure opens with on a page of its own."""

LARGEST = 4  # terms of a long sum that are told one by one

Beam = Annotated[int, Range(1, 16)]
Layer = Annotated[int, Range(0, 999), Below("n_layer")]
Head = Annotated[int, Range(0, 999), Below("n_head")]
Place = Annotated[int, Range(0, 9_999), Hidden()]


_BAHDANAU = Formula(
    r"\key{e}_{ij} = v^{\top} \tanh\left(\query{W s_{i-1}} + \key{U h_j}\right)"
    "\n"
    r"\alpha_{ij} = \frac{\exp e_{ij}}{\sum_{k=1}^{n} \exp e_{ik}} \qquad c_i = \sum_{j=1}^{n} \alpha_{ij} \value{h_j}",
    (
        Symbol(r"\value{h_j}", "the encoder's state at source token j, both directions one after the other", "2 d"),
        Symbol(r"\query{s_{i-1}}", "the decoder's state before it writes token i", "d"),
        Symbol("W", "learned map of the decoder's state", "d × d"),
        Symbol("U", "learned map of the encoder's states", "d × 2 d"),
        Symbol("v", "learned vector that makes one number of the match", "d"),
        Symbol("e_{ij}", "energy: how well source token j fits what is to be written", "target × source"),
        Symbol(r"\alpha_{ij}", "weights: the energies' softmax over the source", "target × source"),
        Symbol("c_i", "what the decoder is fed at step i: the states, mixed by the weights", "2 d"),
    ),
)


@panel(
    needs=("target",),
    formula=_BAHDANAU,
    source="Bahdanau et al. 2015, §3 and App. A.1.2; dot products, Luong et al. 2015, §3.1",
    claim="bottleneck",
    shows=(align, additive_scores),
)
def alignment(
    models: Annotated[Models, UpTo(3)],
    text: Text,
    target: Target,
    *,
    beam: Beam = 4,
    layer: Layer = 0,
    head: Head = 0,
) -> Work[Alignments]:
    """Where each model looked in the source before it wrote each token; beside it a model that cannot look.

    Args:
        models: encoder-decoders, with attention and without.
        text: the source sentence.
        target: what the decoder is made to write; left empty, the model translates by itself.
        beam: texts that the search for a translation keeps; with 1 it takes the likeliest token each time.
        layer: of a model that looks back in several, counted from 0.
        head: counted from 0 within its layer.
    """
    found = []
    for model in models:
        found.append((yield from _looked(model, text, target, beam, layer, head)))  # noqa: PERF401 (a generator)
    most = [max((getattr(each.alignment, name) for each in found if each.alignment), default=1) for name in _SIZES]
    for name, chosen, end in zip(("layer", "head"), (layer, head), most, strict=True):
        if chosen >= end:
            raise BadKnob(f"{name} was {chosen}; these models look back in {name}s 0 to {end - 1}.")
    return Alignments(
        source_tokens=tuple(each.source.strings for each in found),
        target_tokens=tuple(each.written.strings for each in found),
        weights=tuple(_weights(each.alignment) for each in found),
        translation=tuple(each.translation for each in found),
        ended=tuple(each.ended for each in found),
        passes=tuple("" if each.alignment else _passes(model) for each, model in zip(found, models, strict=True)),
        domain=tuple(model.training.pairs if model.training else "" for model in models),
        given=bool(target),
        n_layer=most[0],
        n_head=most[1],
    )


@panel(
    needs=("target",),
    formula=_BAHDANAU,
    source="Bahdanau et al. 2015, §3 and App. A.1.2",
    shows=(align, additive_scores),
)
def step(
    model: Model,
    text: Text,
    target: Target,
    *,
    step: Place = 0,
    source: Place = 0,
    beam: Beam = 4,
    layer: Layer = 0,
    head: Head = 0,
) -> Work[Step]:
    """One row of weights with the arithmetic behind it: energies, their softmax, their sum.

    Args:
        model: an encoder-decoder; of one without attention there is no row.
        text: the source sentence.
        target: what the decoder is made to write; left empty, the model translates by itself.
        step: which token of the target, counted from 0; a number beyond its end means the last.
        source: which source token's arithmetic is told, counted from 0; a number beyond its end means the last.
        beam: texts that the search for a translation keeps; with 1 it takes the likeliest token each time.
        layer: of a model that looks back in several, counted from 0.
        head: counted from 0 within its layer.
    """
    looked = (yield from _looked(model, text, target, beam, layer, head, strict=True)).alignment
    if looked is None:
        return NO_STEP
    at, column = min(step, len(looked.written) - 1), min(source, len(looked.source) - 1)
    weights = looked.weights[at]
    energies = np.zeros(0) if looked.scores is None else looked.scores[at]
    return Step(
        source_tokens=looked.source.strings,
        written=looked.written.strings[at],
        step=at,
        source=column,
        steps=len(looked.written),
        energies=energies,
        powers=np.exp(energies - energies.max()) if len(energies) else energies,
        weights=weights,
        energy=_energy(looked, at, column),
        share=_arithmetic.share(energies.tolist(), column) if len(energies) else "",
        total=_total(weights, looked.source.strings),
        n_layer=looked.n_layer,
        n_head=looked.n_head,
    )


@panel(needs=("target",), source="recorded by scripts/score_by_length.py; sacrebleu (Post 2018)", sources=sources)
def by_length(
    models: Annotated[Models, UpTo(3)], *, measure: Annotated[str, Choice("chrF", "BLEU")] = "chrF"
) -> ByLength:
    """Score against the length of the source, recorded on sentences that no model was trained on.

    Args:
        models: encoder-decoders that were scored.
        measure: chrF counts pieces of words that match the reference; BLEU counts runs of one to four words.
    """
    found: list[Scores] = [scores_of(model, measure) for model in models]
    first = found[0]
    return ByLength(
        shortest=first.shortest,
        longest=first.longest,
        pairs=first.pairs,
        score=tuple(each.score for each in found),
        low=tuple(each.low for each in found),
        high=tuple(each.high for each in found),
        all=tuple(each.all for each in found),
        note=tuple(each.note for each in found),
        about=first.about,
    )


_SIZES = ("n_layer", "n_head")


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """One model's part of the answer."""

    source: Tokens
    written: Tokens
    translation: str
    ended: bool
    alignment: Alignment | None


def _looked(
    model: Model, text: str, target: str, beam: int, layer: int, head: int, *, strict: bool = False
) -> Work[_Looked]:
    """Source and target through one model. `strict`: a layer or head beyond its last is an error, else that last."""
    source = model.encode(text)
    ours = isinstance(model.module, Seq2Seq | Transformer)
    if not (ours or target):
        raise BadInput(
            f"{model.name} is not asked for translations here: type what its decoder is to write, and it is read."
        )
    best = None
    if ours:
        best = (yield from model.keeping("translation", (text, beam), lambda: translating(model, [text], beam=beam)))[0]
    written = target_tokens(model, target) if target or best is None else best.tokens
    looked = None
    if "attn" in model.probes:
        n_layer, n_head = model.ear.sizes.get("cross", (1, 1)) if model.ear else (1, 1)
        at = (layer, head) if strict else (min(layer, n_layer - 1), min(head, n_head - 1))
        key = (source.ids, written.ids, *at)
        looked = yield from model.keeping(
            "alignment", key, lambda: align(model, source, written, layer=at[0], head=at[1])
        )
    own = (best.text, best.ended) if best else ("", True)
    return _Looked(source=source, written=written, translation=own[0], ended=own[1], alignment=looked)


def _weights(looked: Alignment | None) -> np.ndarray:
    empty: np.ndarray = np.zeros((0, 0), np.float32)
    return empty if looked is None else looked.weights.astype(np.float32)


def _passes(model: Model) -> str:
    """What goes from encoder to decoder when the decoder cannot look back."""
    config: Any = getattr(model.module, "config", None)
    if not isinstance(model.module, Seq2Seq):
        return model.why.get("attn", "its attentions cannot be recorded.")
    parts = config.n_layer * (2 if config.cell == "lstm" else 1)
    vectors = "one vector" if parts == 1 else f"{parts} vectors"
    return f"all that it knows of the source is {vectors} of {config.d_hidden} numbers"


def _energy(looked: Alignment, row: int, column: int) -> str:
    """`v·tanh(…)` or `q·k`, unit by unit: the largest terms one by one, the others together."""
    how, query, key = looked.attention, looked.query, looked.key
    if query is None or key is None:
        return "this model gives its weights only, not what they are made of"
    if how.softcap is not None or how.bias is not None:
        return "this model does more to its scores than multiply and add"
    if how.additive is not None:
        left, right = how.additive.double().cpu().numpy(), np.tanh(query[row] + key[column])
    else:
        left, right = query[row], key[column]
    told = _longest(left, right)
    if how.scaling == 1:
        return told
    divisor = 1 / how.scaling
    root = f"√{round(divisor**2)}" if abs(divisor**2 - round(divisor**2)) < 1e-6 else _arithmetic.number(divisor)
    return f"{told}; {_arithmetic.quotient(float(np.dot(left, right)), divisor, root)}"


def _longest(left: np.ndarray, right: np.ndarray) -> str:
    products = left * right
    order = np.argsort(-np.abs(products))
    shown, rest = order[:LARGEST], order[LARGEST:]
    others = [(f"the other {len(rest)} units", float(products[rest].sum()))] if len(rest) else []
    return long_sum(left[shown].tolist(), right[shown].tolist(), others)


def _total(weights: np.ndarray, strings: Sequence[str]) -> str:
    """The largest weights by name and the others together add up to 1."""
    order = np.argsort(-weights, kind="stable")
    named = [(f"“{strings[i].strip() or strings[i]}”", float(weights[i])) for i in order[:LARGEST]]
    rest = order[LARGEST:]
    others = [(f"the other {len(rest)}", float(weights[rest].sum()))] if len(rest) else []
    return long_sum([], [], [*named, *others])
