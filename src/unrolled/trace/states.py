"""The states of a recurrent model: h of every layer, token and unit, and c and the gates where there are any.

Heard at the model's named points, so the written-out loop runs (models/rnn.py, lstm.py, gru.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.progress import Work
from unrolled.text import Tokens
from unrolled.trace.recurrent_matrices import check_recurrent


@dataclass(frozen=True, kw_only=True, eq=False)
class States:
    """What a recurrent model's layers held after each token."""

    model: str
    tokens: Tokens
    h: Float32[np.ndarray, "layer token unit"]
    """What a layer gives to the next, and carries on."""
    c: Float32[np.ndarray, "layer token unit"] | None
    """An LSTM's cell state."""
    gates: Mapping[str, Float32[np.ndarray, "layer token unit"]]
    """After their sigmoid or tanh. LSTM: input, forget, candidate, output; GRU: reset, update, candidate; RNN: none."""

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        return self.h.nbytes * (1 + (self.c is not None) + len(self.gates))


def record_states(model: Model, tokens: Tokens) -> Work[States]:
    """Reads the text once, from an empty state, and keeps what passed through every point. ProbeNotFound."""
    places = points_of(model)
    ear = _Ear(places, len(tokens))
    yield from model.reading(tokens.ids, ear.listening)
    names = sorted({probe for probe, _ in places})
    found = {name: ear.values(name, len(model.blocks)) for name in names}
    return States(
        model=model.name,
        tokens=tokens,
        h=found["h"],
        c=found.get("c"),
        gates={name.removeprefix("gate."): found[name] for name in names if name.startswith("gate.")},
    )


def points_of(model: Model) -> dict[tuple[str, int], nn.Module]:
    """(probe, layer) -> the point that it passes through, (batch, unit) at every step. ProbeNotFound."""
    check_recurrent(model)
    names = sorted(model.probes - {"logits"})
    return {(name, layer): block.get_submodule(name) for layer, block in enumerate(model.blocks) for name in names}


class _Ear:
    """What was heard at each point, step by step."""

    def __init__(self, places: Mapping[tuple[str, int], nn.Module], n: int) -> None:
        self._places, self._n = places, n
        self._heard: dict[tuple[str, int], np.ndarray] = {}

    @contextmanager
    def listening(self, start: int) -> Iterator[None]:
        """Around a forward pass that reads on from token `start`."""
        steps: dict[tuple[str, int], list[Tensor]] = {place: [] for place in self._places}
        with ExitStack() as hooks:
            for place, module in self._places.items():
                hook = module.register_forward_hook(lambda _, __, x, into=steps[place]: into.append(x))
                hooks.callback(hook.remove)
            yield
        for place, values in steps.items():
            self._write(place, start, torch.stack(values)[:, 0].float().cpu().numpy())

    def _write(self, place: tuple[str, int], start: int, values: np.ndarray) -> None:
        into = self._heard.setdefault(place, np.empty((self._n, values.shape[1]), np.float32))
        into[start : start + len(values)] = values

    def values(self, name: str, n_layer: int) -> Float32[np.ndarray, "layer token unit"]:
        """Of all layers."""
        return np.stack([self._heard[name, layer] for layer in range(n_layer)])
