"""The sums behind one unit of a recurrent layer: which numbers meet which weights before a gate or the state is
squashed.

Names and order of the rows are torch.nn's, as in models/rnn.py, lstm.py and gru.py. Everything is in float64, from the
model's own weights and from the states that were recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from unrolled.checkpoints.model import Model
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.models.gru import GRULayer
from unrolled.models.lstm import LSTMLayer
from unrolled.models.rnn import RNNLayer
from unrolled.trace.states import States

LSTM_GATES = ("input", "forget", "candidate", "output")
"""In the order of the rows of an LSTM's weights."""
Row = Float64[np.ndarray, "width"]
_NOTHING: Row = np.zeros(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitSum:
    """x · w_x + h · w_h + bias, of one unit at one token."""

    name: str
    """Of what: state, input, forget, candidate, output, reset, update; of a GRU that resets after the product, its
    candidate has two: candidate_input and candidate_state."""
    x: Row
    """What the layer reads: the token's embedding, or h of the layer below."""
    w_x: Row
    h: Row
    """The layer's own h after the token before; of a GRU that resets before the product, what the reset gate left."""
    w_h: Row
    bias: float
    """Of both of torch's biases, where only their sum counts."""

    @property
    def total(self) -> float:
        """The sum."""
        return float(self.x @ self.w_x + self.h @ self.w_h + self.bias)


def unit_sums(model: Model, states: States, layer: int, unit: int, token: int) -> tuple[UnitSum, ...]:
    """Every sum behind unit `unit` of layer `layer` at token `token`, all counted from 0. BadKnob, ProbeNotFound."""
    check_unit(states, layer, unit, token)
    block: Any = model.blocks[layer]
    if layer:
        x = states.h[layer - 1, token].astype(np.float64)
    else:
        x = model.embeddings([states.tokens.ids[token]])[0].astype(np.float64)
    if isinstance(block, RNNLayer):
        return tuple(_rows(block, ("state",), x, _before(states, layer, token), unit))
    if isinstance(block, LSTMLayer):
        return tuple(_rows(block, LSTM_GATES, x, _before(states, layer, token), unit))
    if isinstance(block, GRULayer):
        return _of_gru(block, states, x, layer, unit, token)
    raise ProbeNotFound(f"{model.name} is no RNN, LSTM or GRU of ours: how its states are summed up is not known here.")


def check_unit(states: States, layer: int, unit: int, token: int) -> None:
    """BadKnob names what does not exist, and what does."""
    for name, asked, n in zip(("layer", "token", "unit"), (layer, token, unit), states.h.shape, strict=True):
        if asked >= n:
            raise BadKnob(f"{name} was {asked}; {states.model} on this text has {name}s 0 to {n - 1}.")


def _before(states: States, layer: int, token: int) -> Row:
    """h after the token before; zeros before the first."""
    now: Row = states.h[layer, token - 1].astype(np.float64) if token else np.zeros(states.h.shape[2])
    return now


def _rows(block: Any, names: tuple[str, ...], x: Row, h: Row, unit: int) -> list[UnitSum]:
    """One sum a block of rows, both biases in one."""
    w_x, w_h, b_x, b_h = map(_float64, block.parameters())
    width = block.hidden_size
    return [
        UnitSum(name=name, x=x, w_x=w_x[at], h=h, w_h=w_h[at], bias=float(b_x[at] + b_h[at]))
        for name, at in ((name, number * width + unit) for number, name in enumerate(names))
    ]


def _of_gru(block: GRULayer, states: States, x: Row, layer: int, unit: int, token: int) -> tuple[UnitSum, ...]:
    """Reset and update gate, and the candidate as this GRU has it."""
    h = _before(states, layer, token)
    reset, update, candidate = _rows(block, ("reset", "update", "candidate"), x, h, unit)
    if block.reset == "before":
        left = states.gates["reset"][layer, token].astype(np.float64) * h
        return reset, update, replace(candidate, h=left)
    _, _, b_x, b_h = map(_float64, block.parameters())
    at = 2 * block.hidden_size + unit
    read = UnitSum(name="candidate_input", x=x, w_x=candidate.w_x, h=_NOTHING, w_h=_NOTHING, bias=float(b_x[at]))
    kept = UnitSum(name="candidate_state", x=_NOTHING, w_x=_NOTHING, h=h, w_h=candidate.w_h, bias=float(b_h[at]))
    return reset, update, read, kept


def _float64(parameter: Tensor) -> Row:
    values: Row = parameter.detach().double().cpu().numpy()
    return values


def squash_of(model: Model, layer: int, name: str) -> tuple[str, Callable[[float], float]]:
    """What stands around a sum: its name and the function itself."""
    block: Any = model.blocks[layer]
    if name == "state" and block.nonlinearity == "relu":
        return "relu", lambda total: max(total, 0.0)
    if name in ("state", "candidate"):
        return "tanh", lambda total: float(np.tanh(total))
    return "sigmoid", lambda total: float((1 + np.tanh(total / 2)) / 2)
