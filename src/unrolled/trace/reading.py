"""Logits at stated positions, and the loss at all, without ever holding the logits of a whole long text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from unrolled.checkpoints.model import Model
from unrolled.checkpoints.output import all_logits_of
from unrolled.checkpoints.prefixes import as_row
from unrolled.errors import EmptyText, ProbeNotFound, TextTooLong
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.text import Tokens
from unrolled.trace.stream import Place, Stream, check_positions, check_readable, last_place

BATCH = 64  # positions whose logits are held at a time
_MOST_BYTES = 1 << 29  # of logits, in a model that gives them all or none


def logits_of(
    model: Model, tokens: Tokens, positions: Sequence[int], *, target: Tokens | None = None
) -> Work[Float32[np.ndarray, "position vocabulary"]]:
    """What the model says after each of these positions of the text (of the target, in an encoder-decoder)."""
    check_positions(positions, len(tokens if target is None else target))
    kept = sorted(set(positions))
    source = yield from _source(model, tokens, target, kept)
    out = np.empty((len(kept), model.vocabulary), np.float32)
    for at in range(0, len(kept), BATCH):
        out[at : at + BATCH] = source.logits(slice(at, at + BATCH)).cpu().numpy()
        yield Progress(at, len(kept), "positions read out")
        stop_if_cancelled()
    return out[np.searchsorted(kept, positions)]


def losses(model: Model, tokens: Tokens, *, target: Tokens | None = None) -> Work[Float32[np.ndarray, "position"]]:
    """-ln p of every token but the first, given those before it: (n - 1,), in nats."""
    read = tokens if target is None else target
    n = len(read) - 1
    if n < 1:
        raise EmptyText("A loss needs two tokens at least: one to read, one to say.")
    source = yield from _source(model, tokens, target, range(n))
    return (yield from _losses(model, source, read.ids[1:]))


@dataclass(frozen=True, kw_only=True)
class Saying:
    """What a model says of a text, from one reading."""

    losses: Float32[np.ndarray, "position"]
    """-ln p of every token but the first, in nats."""
    logits: Float32[np.ndarray, "vocabulary"]
    """After the last token."""
    lengths: Float64[np.ndarray, "point"]
    """Length of the residual stream at the last token: what the first block reads, then what each leaves."""


def saying(model: Model, tokens: Tokens) -> Work[Saying]:
    """Reads the text once; a model whose stream is read out, of a text of any length from one token on."""
    check_readable(model)
    n, whole = len(tokens), last_place(model)
    places: list[Place] = [(0, "pre"), *((number, "post") for number in range(len(model.blocks)))]
    every, last = Stream(n, whole), Stream(n, {place: model.blocks[place[0]] for place in places}, [n - 1])

    @contextmanager
    def listening(start: int) -> Iterator[None]:
        with every.listening(start), last.listening(start):
            yield

    yield from model.reading(tokens.ids, listening)
    source = _Source(model, every.heard[next(iter(whole))], is_stream=True)
    return Saying(
        losses=(yield from _losses(model, source, tokens.ids[1:])),
        logits=source.logits(slice(n - 1, n))[0].cpu().numpy(),
        lengths=np.array([float(last.heard[place].double().norm()) for place in places]),
    )


def _losses(model: Model, source: _Source, ids: Sequence[int]) -> Work[Float32[np.ndarray, "position"]]:
    """Of these tokens, each after the position before it."""
    n, said = len(ids), torch.tensor(ids, device=model.device)
    out = np.empty(n, np.float32)
    for at in range(0, n, BATCH):
        logits = source.logits(slice(at, min(at + BATCH, n)))
        chosen = logits.gather(1, said[at : at + BATCH, None])[:, 0]
        out[at : at + BATCH] = (logits.logsumexp(dim=1) - chosen).cpu().numpy()
        yield Progress(at, n, "positions read out")
        stop_if_cancelled()
    return out


class _Source:
    """Logits of the positions that were kept, from the residual stream or as the model gave them."""

    def __init__(self, model: Model, kept: Tensor, *, is_stream: bool) -> None:
        self._model, self._kept, self._is_stream = model, kept, is_stream

    def logits(self, asked: slice) -> Tensor:
        """(asked, vocabulary), float32."""
        if not self._is_stream:
            return self._kept[asked].float()
        assert self._model.readout is not None
        with torch.inference_mode():
            return self._model.readout(self._kept[asked]).float()


def _source(model: Model, tokens: Tokens, target: Tokens | None, kept: Sequence[int]) -> Work[_Source]:
    if model.readout is None:
        return _Source(model, (yield from _all_logits(model, tokens, target))[list(kept)], is_stream=False)
    places = last_place(model)
    stream = Stream(len(tokens), places, kept)
    yield from model.reading(tokens.ids, stream.listening)
    return _Source(model, stream.heard[next(iter(places))], is_stream=True)


def _all_logits(model: Model, tokens: Tokens, target: Tokens | None) -> Work[Tensor]:
    """(n, vocabulary) in one go."""
    if "logits" not in model.probes and target is None:
        raise ProbeNotFound(f"{model.name} has no logits: it does not say what comes next.")
    n, most = len(tokens if target is None else target), _MOST_BYTES // (4 * model.vocabulary)
    if n > most:
        raise TextTooLong(f"{model.name} gives the logits of all positions or none; {most:,} tokens of them are kept.")
    yield Progress(0, n, "tokens read")
    said = {} if target is None else {"decoder_input_ids": as_row(target.ids, model.device)}
    with model.running() as module:
        return all_logits_of(module, as_row(tokens.ids, model.device), **said)[0]
