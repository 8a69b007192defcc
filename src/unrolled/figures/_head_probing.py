"""Scores of all heads of a model: the probe texts in its own tokens, run and recorded once, kept with the model."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from unrolled.checkpoints import Model
from unrolled.errors import TextTooLong
from unrolled.figures import _head_scores as heads
from unrolled.progress import Progress, Work, finish
from unrolled.text import Tokens
from unrolled.trace import Kind, Trace, record

WORDS = re.compile(r"\w+(?:'\w+)?|[^\w\s]")


def too_short(model: Model) -> str:
    """Why nothing of this model can be scored, if so."""
    if model.context >= heads.SHORTEST + len(model.frame.before):
        return ""
    return f"No heads are scored: {model.name} reads {model.context:,} tokens at most, and that says too little."


def scores_of(model: Model, kind: Kind, material: heads.Material | None = None) -> Work[heads.Scores]:
    """Scored on some eighty texts, whatever the reader's own is; the standard ones, if no others are given. Yields
    progress."""
    causal = kind == "self"
    probes, unscored = _probes(model, causal, material or heads.standard())
    traces: list[Trace] = []
    for done, probe in enumerate(probes):
        yield Progress(done, len(probes), "texts read to score the heads")
        traces.append(finish(record(model, _tokens(probe.ids))))
    cosines = [_cosines(model, probe.ids) if "first" in probe.targets and not probe.long else None for probe in probes]
    layers = []
    for layer in range(traces[0].n_layer(kind)):
        yield Progress(layer, traces[0].n_layer(kind), "layers scored")
        layers.append(
            heads.score_layer(
                lambda number, layer=layer: traces[number].heads(layer, slice(None), kind=kind),  # type: ignore[misc]
                probes,
                cosines,
                causal,
            )
        )
    stacked = np.stack(layers, axis=1)  # (score, layer, 3, head)
    return heads.Scores(mean=stacked[:, :, 0], low=stacked[:, :, 1], high=stacked[:, :, 2], unscored=unscored)


def _probes(model: Model, causal: bool, material: heads.Material) -> tuple[list[heads.ProbeText], str]:
    """What this model can be scored on, and what it cannot.

    To a model whose tokens do not spell the sentences, each is the same unknown token again and again: that would be
    one text and not many, whose interval says nothing. It is given random tokens instead."""
    prefix = model.frame.before
    drawn, room = _ordinary(model), model.context - len(prefix)
    seed = 3 * material.seed  # each seed takes three
    missing = []
    found = [heads.sentence_probe(tokens.ids, tokens.strings) for tokens in _read(model, material.sentences)]
    with_arcs = _arcs(model, material.arcs, causal)
    if not (found and with_arcs):
        found, with_arcs = heads.random_probes(drawn, prefix, longest=min(heads.LONGEST, room), seed=seed + 1), []
        missing.append(_NO_SENTENCES.format(name=model.name, context=model.context))
    found += heads.long_probes(drawn, prefix, length=min(heads.LONG, room), seed=seed + 2)
    longest = min(heads.LONGEST, room // 2, len(drawn))
    if longest >= heads.SHORTEST:
        with_arcs += heads.repeat_probes(drawn, prefix, longest=longest, seed=seed)
    else:
        missing.append(_NO_REPEATS.format(name=model.name, context=model.context, n=len(drawn), length=heads.SHORTEST))
    return found + with_arcs, " ".join(missing)


_NO_SENTENCES = (
    "No separators and no syntactic arcs are scored: {name} does not spell most of the sentences that these are scored"
    " on, or they are longer than its {context:,} tokens. Positions are scored on random tokens."
)
_NO_REPEATS = (
    "No duplicates and no induction are scored: that takes {length} different tokens, said twice; {name} has {n:,} and"
    " reads {context:,} at most."
)


def _arcs(model: Model, notations: Sequence[str], causal: bool) -> list[heads.ProbeText]:
    """The sentences with arcs, or none where the model cannot read most of them."""
    written = dict(map(heads.arcs_text, notations))
    return [
        heads.arcs_probe(tokens.ids, words_of(tokens), written[tokens.text], causal)
        for tokens in _read(model, tuple(written))
    ]


def _read(model: Model, texts: Sequence[str]) -> list[Tokens]:
    """The texts that the model can read, if it can read most of them."""
    found = []
    for text in texts:
        try:
            tokens = model.encode(text)
        except TextTooLong:
            continue
        if _spelled(model, tokens):
            found.append(tokens)
    return found if 2 * len(found) > len(texts) else []


def _spelled(model: Model, tokens: Tokens) -> bool:
    """Whether most tokens have the letters of the text that they stand for; an unknown token has not."""
    pairs = [
        (_letters(tokens.text[start:end]), _letters(model.tokenizer.piece_bytes(id_).decode(errors="ignore")))
        for id_, (start, end) in zip(tokens.ids, tokens.spans, strict=True)
    ]
    said = [theirs == ours for theirs, ours in pairs if theirs]
    return 2 * sum(said) > len(said)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def words_of(tokens: Tokens) -> list[list[int]]:
    """The tokens of each word and punctuation mark of the text, in order."""
    spans = [(found.start(), found.end()) for found in WORDS.finditer(tokens.text)]
    return [[at for at, (start, end) in enumerate(tokens.spans) if start < b and end > a] for a, b in spans]


def _ordinary(model: Model) -> list[int]:
    """Tokens that are plain text, to draw random ones from; where few are words, all that are not special."""
    tokenizer = model.tokenizer
    pieces = {
        id_: tokenizer.piece_bytes(id_).strip() for id_ in range(model.vocabulary) if not tokenizer.is_special(id_)
    }
    letters = [id_ for id_, piece in pieces.items() if piece.isalpha()]
    if len(letters) >= heads.SHORTEST:
        return letters
    return [id_ for id_, piece in pieces.items() if piece] or list(pieces)


def _tokens(ids: tuple[int, ...]) -> Tokens:
    return Tokens(text="", ids=ids, strings=("",) * len(ids), spans=((0, 0),) * len(ids))


def _cosines(model: Model, ids: tuple[int, ...]) -> np.ndarray:
    """(token, token): cosine of the tokens' embeddings."""
    rows = model.embeddings(ids)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
    return np.asarray(unit @ unit.T)
