"""Scores of all heads of a model: the probe texts in its own tokens, run and recorded once, kept with the model."""

from __future__ import annotations

import re

import numpy as np

from unrolled.checkpoints import Model
from unrolled.figures import _head_scores as heads
from unrolled.progress import Progress, Work, finish
from unrolled.text import Tokens
from unrolled.trace import Kind, Trace, record

WORDS = re.compile(r"\w+(?:'\w+)?|[^\w\s]")


def scores_of(model: Model, kind: Kind) -> Work[heads.Scores]:
    """Scored on some seventy short texts, whatever the reader's own is. Yields progress."""
    causal = kind == "self"
    probes = _probes(model, causal)
    traces: list[Trace] = []
    for done, probe in enumerate(probes):
        yield Progress(done, len(probes), "texts read to score the heads")
        traces.append(finish(record(model, _tokens(probe.ids))))
    cosines = [_cosines(model, probe.ids) if "first" in probe.targets else None for probe in probes]
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
    return heads.Scores(mean=stacked[:, :, 0], low=stacked[:, :, 1], high=stacked[:, :, 2])


def _probes(model: Model, causal: bool) -> list[heads.ProbeText]:
    sentences, arcs = heads.texts()
    found = []
    for text in sentences:
        tokens = model.encode(text)
        found.append(heads.sentence_probe(tokens.ids, tokens.strings))
    for notation in arcs:
        text, pairs = heads.arcs_text(notation)
        tokens = model.encode(text)
        found.append(heads.arcs_probe(tokens.ids, words_of(tokens), pairs, causal))
    frame = model.encode("a").ids  # with the special tokens that this model wants around every text
    place = frame.index(model.tokenizer.encode("a").ids[0])
    return found + heads.repeat_probes(_ordinary(model), prefix=frame[:place])


def words_of(tokens: Tokens) -> list[list[int]]:
    """The tokens of each word and punctuation mark of the text, in order."""
    spans = [(found.start(), found.end()) for found in WORDS.finditer(tokens.text)]
    return [[at for at, (start, end) in enumerate(tokens.spans) if start < b and end > a] for a, b in spans]


def _ordinary(model: Model) -> list[int]:
    """Tokens that are plain text, to draw random ones from."""
    tokenizer = model.tokenizer
    letters = (id_ for id_ in range(model.vocabulary) if not tokenizer.is_special(id_))
    return [id_ for id_ in letters if tokenizer.piece_bytes(id_).strip().isalpha()]


def _tokens(ids: tuple[int, ...]) -> Tokens:
    return Tokens(text="", ids=ids, strings=("",) * len(ids), spans=((0, 0),) * len(ids))


def _cosines(model: Model, ids: tuple[int, ...]) -> np.ndarray:
    """(token, token): cosine of the tokens' embeddings."""
    rows = model.embeddings(ids)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
    return np.asarray(unit @ unit.T)
