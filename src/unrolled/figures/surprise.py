"""How well is this text predicted?

Before a language model reads a token it has given it a probability. The token's surprisal is −log₂ of that: 0 bits for
what was certain, 1 bit for the fall of a coin. Its mean over a text is the loss that training makes small; e to the
mean loss is the perplexity; over the bytes of the text it compares models that cut texts differently. Shannon 1948;
Jelinek et al. 1977. Which of two texts is likelier says what a model has learned: Warstadt et al. 2020.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from unrolled.checkpoints import Model
from unrolled.errors import BadKnob
from unrolled.figures import _surprise_words as words
from unrolled.figures._inputs import Models, Text, UpTo
from unrolled.figures._knobs import Below, Choice, Length, Range
from unrolled.figures._panel import panel
from unrolled.figures._surprise_pairs import KINDS, MinimalPair, bits_of, likely_share, pairs_of, parsed
from unrolled.figures._surprise_results import Chain, Preferences, Surprisal
from unrolled.forecasting import Forecast, expectation, forecast
from unrolled.mathematics import Formula, Symbol
from unrolled.progress import Work
from unrolled.scoring import Score, Span, span_of, windows
from unrolled.trace.every_text import Branch, conditionals, every_text

ELSE = "anything else"
START = {
    "text": "It was raining, so she took her umbrella, opened the door and stepped out into the elephant.",
    "models": ["smollm2", "gpt"],
}

_SURPRISAL = Formula(
    r"s_t = -\log_2 p(x_t \mid x_1 \ldots x_{t-1})"
    "\n"
    r"L = -\frac{1}{n} \sum_{t} \ln p(x_t \mid x_1 \ldots x_{t-1}) \qquad \mathrm{PPL} = e^{L}"
    "\n"
    r"\mathrm{BPB} = \frac{1}{B} \sum_{t} s_t",
    (
        Symbol("x_t", "the t-th token of the text", "a token"),
        Symbol("s_t", "its surprisal in bits", "a number"),
        Symbol("n", "tokens that are scored: all but a first one that has nothing before it", "a count"),
        Symbol("L", "cross-entropy of the text under the model, in nats a token: the training loss", "a number"),
        Symbol(r"\mathrm{PPL}", "perplexity: as unsure as among so many equally likely tokens", "a number"),
        Symbol("B", "UTF-8 bytes that the scored tokens stand for", "a count"),
        Symbol(r"\mathrm{BPB}", "bits per byte: no longer depends on how the text was cut", "a number"),
    ),
)
_CHAIN = Formula(
    r"p(w_1 \ldots w_m \mid \text{text}) = \prod_{k=1}^{m} p(w_k \mid \text{text}, w_1 \ldots w_{k-1})"
    "\n"
    r"\sum_{w_1 \in V} \cdots \sum_{w_m \in V} p(w_1 \ldots w_m \mid \text{text}) = 1",
    (
        Symbol("w_k", "the k-th word after the text", "a word of V"),
        Symbol("m", "how many words are added", "a count"),
        Symbol("V", "the vocabulary: here the few words that were named, or these and everything else", "a set"),
    ),
)
_PAIRS = Formula(
    r"\Delta = \sum_{t} s_t(\text{wrong}) - \sum_{t} s_t(\text{right})"
    r" = \log_2 \frac{p(\text{right})}{p(\text{wrong})}",
    (
        Symbol("s_t", "surprisal of token t of a text, in bits", "a number"),
        Symbol(r"\Delta", "above 0 where the right text is likelier; 1 bit is twice as likely", "bits"),
    ),
)


@panel(needs=("logits",), formula=_SURPRISAL, source="Shannon 1948, §6; Jelinek et al. 1977", shows=(expectation,))
def surprisal(
    models: Annotated[Models, UpTo(5)],
    text: Text,
    *,
    window: Annotated[int, Range(0, 100_000), Below("window_below")] = 0,
    stride: Annotated[int, Range(0, 100_000), Below("window_below")] = 0,
    bos: bool = False,
) -> Work[Surprisal]:
    """How many bits each token told a model that read all before it, and what that makes of the text.

    Args:
        models: up to five, on the same text.
        text: what they read, at least two tokens.
        window: tokens read at once; 0 is all that the model takes, 1,024 at most, or a state carried through it all.
        stride: tokens from one window's start to the next one's; 0 is half a window.
        bos: begin with the model's beginning-of-sequence token, so that the first token is scored too.
    """
    rows: list[dict[str, Any]] = []
    for model in models:
        span = span_of(model, window=window or None, stride=stride or None)
        found = yield from _forecast(model, text, span, bos)
        rows.append(_row(model, text, bos, found))
    columns = {name: tuple(row[name] for row in rows) for name in rows[0]}
    return Surprisal(**columns, window_below=min(model.context for model in models) + 1)


@panel(needs=("logits",), formula=_CHAIN, source="the chain rule of probability", shows=(every_text, conditionals))
def chain(
    model: Model,
    text: Text,
    *,
    words: Annotated[str, Length(80)] = "the cat saw",
    length: Annotated[int, Range(1, 4)] = 3,
    others: bool = False,
) -> Work[Chain]:
    """Every text that a few words make after the reader's: the conditionals multiply, and all texts add up to 1.

    Args:
        model: what says what comes next.
        text: what stands before.
        words: two to four, each a single token of the model.
        length: how many of them are added.
        others: let anything else of the vocabulary come too, as one more branch; without, the words are scaled up to 1.
    """
    listed = list(dict.fromkeys(words.replace(",", " ").split()))
    if not 2 <= len(listed) <= 4:
        raise BadKnob(
            f"surprise (chain): words were “{words}”; it takes two to four different ones, such as the dog saw."
        )
    ids = [_single(model, word) for word in listed]
    start = model.encode(text).ids
    branches = yield from every_text(model, start, ids, length, others=others)
    return _chain(model, ids, branches, length, others)


@panel(needs=("logits",), formula=_PAIRS, source="Warstadt et al. 2020, §3", shows=(bits_of,))
def pairs(
    models: Annotated[Models, UpTo(5)],
    *,
    kind: Annotated[str, Choice(*KINDS)] = "agreement",
    own: Annotated[str, Length(300)] = "",
) -> Work[Preferences]:
    """Two texts that differ in one place: which does a model find likelier, and by how much?

    Args:
        models: up to five, side by side.
        kind: which pairs: rules of grammar, what makes sense, facts, or what follows.
        own: a pair of your own, the right way first: The keys to the cabinet [are|is] on the table.
    """
    about, listed = pairs_of(kind)
    mine = (parsed(own),) if own.strip() else ()
    every = (*mine, *listed)
    rows = []
    for model in models:
        bits = yield from _bits(model, every)
        rows.append(_preferences(bits, len(mine)))
    columns = {name: tuple(row[name] for row in rows) for name in rows[0]}
    parts = {name: tuple(getattr(pair, name) for pair in every) for name in MinimalPair.__dataclass_fields__}
    return Preferences(**columns, **parts, n_pair=len(listed), n_own=len(mine), about=about)


def _forecast(model: Model, text: str, span: Span, bos: bool) -> Work[Forecast]:
    """Kept with the model: to put a second one beside it reads nothing again."""
    return (yield from model.keeping("surprise", (text, span, bos), lambda: forecast(model, text, span, bos=bos)))


def _bits(model: Model, every: tuple[MinimalPair, ...]) -> Work[np.ndarray]:
    return (yield from model.keeping("surprise pairs", every, lambda: bits_of(model, every)))


def _row(model: Model, text: str, bos: bool, found: Forecast) -> dict[str, Any]:
    """One model's part of `surprisal`."""
    score, tokens = found.score, model.tokenizer.encode(text, bos=bos)
    piece = model.tokenizer.piece
    bits = score.surprisals / math.log(2)
    return {
        "strings": tokens.strings[1:],
        "unscored": "" if score.first_scored else tokens.strings[0],
        "spans": np.array(tokens.spans[1:], dtype=np.int64).reshape(-1, 2),
        "bits": bits,
        "probabilities": np.exp(-score.surprisals),
        "ranks": found.ranks,
        "expected": tuple(piece(int(token)) for token in found.top_ids),
        "expected_probabilities": found.top_probabilities,
        "entropy_bits": found.entropy_bits,
        "before": _before(score),
        "total_bits": float(bits.sum()),
        "nats_per_token": score.nats_per_token,
        "bits_per_token": float(bits.mean()),
        "perplexity": score.perplexity,
        "bits_per_byte": score.bits_per_byte,
        "n_token": score.tokens,
        "n_byte": score.bytes,
        "vocabulary_size": model.vocabulary,
        "uniform_bits": math.log2(model.vocabulary),
        "window": score.span.window or 0,
        "stride": score.span.stride or 0,
        "reading": _reading(score),
        "loss_arithmetic": words.loss(score),
        "perplexity_arithmetic": words.perplexity(score),
        "byte_arithmetic": words.per_byte(score),
    }


def _before(score: Score) -> np.ndarray:
    """Tokens that stood before each scored one when it was scored."""
    n, span = score.tokens + 1, score.span
    if span.window is None or span.stride is None:
        return np.arange(1, n)
    parts = [np.arange(first, end) - start for start, first, end in windows(n, span.window, span.stride)]
    return np.concatenate(parts)


def _reading(score: Score) -> str:
    span, n = score.span, score.tokens + 1
    if span.window is None or span.stride is None:
        return "state carried through it all"
    if n <= span.window:
        return "read in one window"
    return f"windows of {span.window:,}, stride {span.stride:,}"


def _single(model: Model, word: str) -> int:
    """The one token that a word is after other text, or else by itself. BadKnob where it is several."""
    for written in (f" {word}", word):
        ids = model.tokenizer.encode(written).ids
        if len(ids) == 1:
            return ids[0]
    pieces = " ".join(f"“{piece}”" for piece in model.tokenizer.encode(f" {word}").strings)
    raise BadKnob(f"surprise (chain): “{word}” is several tokens for {model.name} ({pieces}); choose shorter words.")


def _chain(model: Model, ids: list[int], branches: list[Branch], length: int, others: bool) -> Chain:
    names = (*(model.tokenizer.piece(token) for token in ids), ELSE)
    ends = np.array([len(b.path) == length or b.path[-1] == len(ids) for b in branches])
    joint = np.array([branch.joint for branch in branches])
    return Chain(
        words=names[:-1],
        strings=tuple(names[branch.path[-1]] for branch in branches),
        texts=tuple(_written(model, ids, branch.path) for branch in branches),
        parent=np.array([branch.parent for branch in branches], dtype=np.int64),
        depth=np.array([len(branch.path) for branch in branches], dtype=np.int64),
        conditional=np.array([branch.conditional for branch in branches]),
        joint=joint,
        is_text=ends.astype(np.int64),
        n_text=int(ends.sum()),
        total=float(joint[ends].sum()),
        is_restricted=not others,
    )


def _written(model: Model, ids: list[int], path: tuple[int, ...]) -> str:
    text = model.tokenizer.decode([ids[word] for word in path if word < len(ids)])
    return f"{text} … {ELSE}" if path[-1] == len(ids) else text


def _preferences(bits: np.ndarray, own: int) -> dict[str, Any]:
    """One model's part of `pairs`."""
    right, wrong = bits.T
    counted = wrong[own:] > right[own:]
    share, low, high = likely_share(int(counted.sum()), len(counted))
    said = tuple(words.preference(a, b) for a, b in zip(right.tolist(), wrong.tolist(), strict=True))
    return {
        "bits_right": right,
        "bits_wrong": wrong,
        "preference": wrong - right,
        "arithmetic": said,
        "n_right": int(counted.sum()),
        "share": share,
        "low": low,
        "high": high,
    }
