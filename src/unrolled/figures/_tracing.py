"""Traces for figures, recorded once for a text and kept with the model; long maps in small; words in tokens."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Int64, UInt8

from unrolled.checkpoints import Model
from unrolled.errors import BadInput, BadKnob, ProbeNotFound
from unrolled.models.weighing import Attention
from unrolled.progress import Progress, Work
from unrolled.text import Tokens
from unrolled.trace import Kind, Trace, record
from unrolled.trace.recording import heard_once

NAVIGATION = 64  # rows and blocks of the picture that one finds one's way through a long text by


def trace_of(model: Model, text: str, target: str = "", *, values: tuple[int, ...] = ()) -> Work[Trace]:
    """The recording of this text; the last few are kept with the model, so that turning a knob runs nothing again."""
    key = (text, target, values)
    return (yield from model.keeping("trace", key, lambda: _recorded(model, text, target, values)))


def _recorded(model: Model, text: str, target: str, values: tuple[int, ...]) -> Work[Trace]:
    read = model.encode_target(target) if target else None
    return (yield from record(model, model.encode(text), target=read, values=values))


def thumbnails(
    trace: Trace, kind: Kind, side: int, *, layer: int | None = None, head: int | None = None
) -> Work[tuple[Int64[np.ndarray, "row"], int, UInt8[np.ndarray, "layer head row block"]]]:
    """Exact rows for at most `side` evenly spaced queries, the largest weight of each of at most `side` blocks of keys.

    Queries and keys are never averaged: a head that looks at one token of a thousand is seen to do so. -> positions of
    the queries, keys a block, pictures of all heads or of one.
    """
    n_query, n_key = trace.shape(kind)
    rows = np.unique(np.linspace(0, n_query - 1, min(side, n_query)).round().astype(np.int64))
    block = -(-n_key // side)
    starts = np.arange(0, n_key, block)
    layers = range(trace.n_layer(kind)) if layer is None else [layer]
    pictures = []
    for done, number in enumerate(layers):
        yield Progress(done, len(layers), "layers drawn")
        if head is None:
            weights = trace.heads(number, rows.tolist(), kind=kind)
        else:
            weights = trace.weights(number, head, rows.tolist(), kind=kind)[None]
        pictures.append((np.maximum.reduceat(weights, starts, axis=-1) * 255).round().astype(np.uint8))
    return rows, block, np.stack(pictures)


def navigation(
    model: Model, trace: Trace, kind: Kind, layer: int, head: int
) -> Work[tuple[Int64[np.ndarray, "row"], int, UInt8[np.ndarray, "row block"]]]:
    """One head in small, as `thumbnails` has it; kept while the reader goes through its tiles."""
    key = (trace.tokens.ids, trace.target and trace.target.ids, kind, layer, head)  # a trace itself is large
    rows, block, pictures = yield from model.keeping(
        "navigation", key, lambda: thumbnails(trace, kind, NAVIGATION, layer=layer, head=head)
    )
    return rows, block, pictures[0, 0]


def check_head(model: Model, trace: Trace, kind: Kind, layer: int, head: int) -> None:
    """BadKnob for a layer or head that the model does not have, with those that it has."""
    for name, given, most in (("layer", layer, trace.n_layer(kind)), ("head", head, trace.n_head(kind))):
        if given >= most:
            raise BadKnob(f"{name} was {given}; {model.name} has {name}s 0 to {most - 1}.")


def check_plain(model: Model) -> None:
    """ProbeNotFound for one whose weights do not follow from queries and keys by scaling, masking and a softmax."""
    check_one_text(model)
    heard = heard_once(model)
    if any(each.weights is not None for each in heard):
        raise ProbeNotFound(f"{model.name} gives its attention weights only, not its queries.")
    check_scores(model, (each.attention for each in heard))


def check_one_text(model: Model) -> None:
    """ProbeNotFound for an encoder-decoder."""
    if model.ear is not None and model.ear.takes_target:
        raise ProbeNotFound(f"{model.name} is an encoder-decoder: its heads are in the figure heads.")


def check_scores(model: Model, ways: Iterable[Attention]) -> None:
    """ProbeNotFound where one of its layers does more than scale and mask."""
    for how in ways:
        if any(part is not None for part in (how.softcap, how.sinks, how.bias, how.additive)):
            raise ProbeNotFound(
                f"{model.name} does more to its scores than scale and mask them, which these steps do not show: "
                "its weights are in the figure heads."
            )


def occurrences(tokens: Tokens, word: str) -> list[int]:
    """Every token that has a part in the word, wherever it stands in the text as a word of its own."""
    places = [at for at in range(len(tokens.text)) if tokens.text.startswith(word, at)]
    alone = [at for at in places if _is_alone(tokens.text, at, at + len(word))]
    found = [
        number
        for number, (start, end) in enumerate(tokens.spans)
        if any(max(start, at) < min(end, at + len(word)) for at in alone or places)
    ]
    if not found:
        raise BadInput(f"“{word}” does not occur in the text; its tokens are {' '.join(tokens.strings)[:300]}")
    return found


def _is_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return not before.isalnum() and not after.isalnum()
