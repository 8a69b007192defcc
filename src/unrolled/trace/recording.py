"""Recording: one run of a model over a text, in chunks, with its attentions heard."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.checkpoints.model import CHUNK, Model
from unrolled.checkpoints.prefixes import as_row
from unrolled.errors import BadInput, BadKnob, ProbeNotFound, TextTooLong
from unrolled.models.weighing import Ear, Heard, Kind
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.text import Tokens
from unrolled.trace.stream import Stream, all_places, check_readable, last_place
from unrolled.trace.trace import Layer, Trace

_CELLS = 1 << 20  # of a mask (positions of a part × positions so far), so that long texts need little beside the trace


def record(
    model: Model,
    tokens: Tokens,
    *,
    target: Tokens | None = None,
    values: Collection[int] = (),
    residual: bool = False,
    logits: bool = False,
) -> Work[Trace]:
    """Queries and keys of every layer; values of the layers named; the residual stream; what logits are made of.

    `target`: an encoder-decoder's text (`model.encode_target`). Cold: no cache of earlier texts is used, so the same
    call gives the same numbers.
    """
    ear = _checked(model, tokens, target)
    if residual or logits:
        check_readable(model)
    recording = _Recording(len(tokens if target is None else target), frozenset(values), ear.sizes)
    stream = Stream(len(tokens), all_places(model) if residual else last_place(model) if logits else {})
    yield from _run(model, ear, tokens, target, recording, stream)
    heard = recording.finished()
    return Trace(
        model=model.name,
        tokens=tokens,
        target=target,
        layers={kind: heard[kind] for kind in ear.kinds if kind in heard},
        stream=stream.heard,
        readout=model.readout,
    )


def _run(
    model: Model,
    ear: Ear,
    tokens: Tokens,
    target: Tokens | None,
    recording: _Recording,
    stream: Stream,
) -> Work[None]:
    ids = as_row(tokens.ids, model.device)
    decoder = as_row(target.ids, model.device) if target is not None else None
    cache = ear.new_cache(len(tokens))
    step = min(CHUNK, max(32, _CELLS // len(tokens))) if ear.chunked else len(tokens)
    for start in range(0, len(tokens), step):
        yield Progress(start, len(tokens), "tokens recorded")
        stop_if_cancelled()
        with model.running(), stream.listening(start):
            ear.forward(ids[:, start : start + step], decoder, cache, recording.hear)
    recording.take(cache)
    yield Progress(len(tokens), len(tokens), "tokens recorded")


def heard_once(model: Model) -> list[Heard]:
    """Every attention of one run over two tokens. ProbeNotFound, where none can be heard."""
    ear = _ear(model)
    heard: list[Heard] = []
    ids = as_row((0, 1), model.device)
    with model.running():
        ear.forward(ids, ids if ear.takes_target else None, ear.new_cache(2), heard.append)
    return heard


def _ear(model: Model) -> Ear:
    if model.ear is None:
        said = model.why.get("attn", "its attentions cannot be recorded.")
        raise ProbeNotFound(f"{model.name} has no probe 'attn': {said}")
    return model.ear


def _checked(model: Model, tokens: Tokens, target: Tokens | None) -> Ear:
    ear = _ear(model)
    if ear.takes_target and target is None:
        raise BadInput(f"{model.name} is an encoder-decoder: it needs a target, what its decoder reads.")
    if target is not None and not ear.takes_target:
        raise BadInput(f"{model.name} is no encoder-decoder: it reads one text, and there is no target.")
    for each in (tokens, target):
        if each is not None:
            model.check_ids(each.ids)
            if ear.longest is not None and len(each) > ear.longest:
                raise TextTooLong(
                    f"The text has {len(each):,} tokens; {model.name} gives whole maps of its attention only, which are"
                    f" kept up to {ear.longest:,} tokens."
                )
    return ear


class _Recording:
    """What has been heard so far."""

    def __init__(self, n: int, values: frozenset[int], sizes: Mapping[Kind, tuple[int, int]]) -> None:
        self._n, self._values, self._sizes = n, values, sizes
        self._heard: dict[tuple[Kind, int], Heard] = {}
        self._queries: dict[tuple[Kind, int], Tensor] = {}
        self._blocks: dict[Kind, Tensor] = {}
        self._layers: dict[Kind, list[Layer]] = {}

    def hear(self, heard: Heard) -> None:
        """One attention of one chunk. Queries are copied; keys are those of the newest call, which hold all."""
        place = (heard.kind, heard.layer)
        self._heard[place] = heard
        if heard.query is None:
            return
        n_head, n, d_head = heard.query.shape
        if place not in self._queries:
            total = n if heard.kind != "self" or heard.start + n >= self._n else self._n
            self._queries[place] = self._room(heard, (n_head, total, d_head))
        self._queries[place][:, heard.start : heard.start + n] = heard.query

    def _room(self, heard: Heard, shape: tuple[int, int, int]) -> Tensor:
        """One block of memory for the queries of all layers of a kind, which the system gets back whole."""
        assert heard.query is not None
        block = self._blocks.get(heard.kind)
        if block is None:
            block = self._blocks[heard.kind] = _block((self._sizes[heard.kind][0], *shape), heard.query)
        fits = block.shape[1:] == shape and heard.layer < len(block)
        return block[heard.layer] if fits else heard.query.new_empty(shape)

    def take(self, cache: Any) -> None:
        """After the last chunk: keys and values, which are in the cache or came with the last call."""
        layers: dict[Kind, dict[int, Layer]] = {}
        for (kind, layer), heard in self._heard.items():
            key, value = heard.key, heard.value
            if heard.key is None and heard.weights is None:
                key, value = cache.keys(layer)[0], cache.values(layer)[0]
            query = self._queries.get((kind, layer))
            whole = heard.weights if query is None else query
            assert whole is not None
            n_key = heard.weights.shape[2] if key is None and heard.weights is not None else key.shape[1]  # type: ignore[union-attr]
            layers.setdefault(kind, {})[layer] = Layer(
                attention=heard.attention,
                n_query=whole.shape[1],
                n_key=n_key,
                query=query,
                key=key,
                value=value.clone() if value is not None and layer in self._values else None,
                weights=heard.weights,
            )
        wrong = self._values - {layer for _, layer in self._heard}
        if wrong:
            last = max(layer for _, layer in self._heard)
            raise BadKnob(f"layer was {min(wrong)}; the model has layers 0 to {last}.")
        self._layers = {kind: [found[layer] for layer in sorted(found)] for kind, found in layers.items()}
        self._heard.clear()

    def finished(self) -> dict[Kind, list[Layer]]:
        return self._layers


def _block(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Memory that is not written to yet. numpy asks the system for large pages and torch does not: the first writing
    takes a third of the time, and was most of what recording costs (Linux, 35 MB: 5 ms instead of 15)."""
    if like.device.type != "cpu":
        return like.new_empty(shape)
    memory = np.empty(math.prod(shape) * like.itemsize, np.uint8)
    return torch.from_numpy(memory).view(like.dtype).view(shape)
