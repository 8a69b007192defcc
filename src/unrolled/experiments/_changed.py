"""An LSTM that is changed in one place: a gate is a constant, or c is no sum; and what is left of a gradient by c."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.experiments._recall import VOCABULARY, WIDTH, Answering, chrono
from unrolled.experiments._training import Batch, loss_of
from unrolled.models.lstm import LSTM, LSTMConfig, LSTMLayer
from unrolled.models.recurrent import State
from unrolled.models.rnn import RNN, RNNConfig

FIXED: Mapping[str, Mapping[str, float]] = {
    "forget gate 1": {"f": 1.0},
    "input gate 1": {"i": 1.0},
    "output gate 1": {"o": 1.0},
    "all gates 1": {"f": 1.0, "i": 1.0, "o": 1.0},
    "forget gate 0.9": {"f": 0.9},
}
"""Gates that are constants, i, f or o; the others are learnt."""
RNN_WIDTH = 144
"""Units of a simple network with as many weights as the LSTM, which has 64."""


def changed(name: str, lag: int, reach: float, drawn: torch.Generator) -> Answering:
    """A model of one layer that differs in one place from an LSTM with chrono's biases; or a simple network."""
    if name == "rnn":
        simple = RNN(RNNConfig(**_sizes(lag, reach, RNN_WIDTH)))
        simple.initialise(drawn)
        return Answering(simple)
    model = LSTM(LSTMConfig(**_sizes(lag, reach, WIDTH)))
    model.initialise(drawn)
    plain = model.layers[0]
    assert isinstance(plain, LSTMLayer)
    _, _, bias, _ = plain.parameters()
    chrono(bias, "lstm", lag, drawn)
    layer = ChangedLayer(WIDTH, WIDTH, name)
    layer.load_state_dict(plain.state_dict(), strict=False)  # all but the matrix, which an LSTM has not
    nn.init.orthogonal_(layer.mix, generator=drawn)
    model.layers[0] = layer
    return Answering(model)


def _sizes(lag: int, reach: float, width: int) -> Mapping[str, Any]:
    sizes: Mapping[str, Any] = {
        "vocabulary": VOCABULARY,
        "context": lag + 1,
        "n_layer": 1,
        "d_embed": WIDTH,
        "d_hidden": width,
    }
    return {**sizes, "initial_range": reach}


class ChangedLayer(LSTMLayer):
    """An LSTM layer with one change, written out step by step; with a name that says none, it is an LSTM's."""

    def __init__(self, d_input: int, d_hidden: int, change: str) -> None:
        super().__init__(d_input, d_hidden)
        self.fixed = FIXED.get(change, {})
        self.joined = _JOINED.get(change, _sum)
        self.start = 1.0 if change.startswith("product") else 0.0
        self.mix = nn.Parameter(torch.eye(d_hidden), requires_grad=change == "matrix")

    def forward(  # type: ignore[override]
        self, x: Tensor, state: State | None = None, written_out: bool = True
    ) -> tuple[Tensor, State]:
        """x (batch, n, input), (h, c) before -> h of every step (batch, n, d_hidden), the last (h, c)."""
        nothing = x.new_zeros(len(x), self.hidden_size)
        h, c = state or (nothing, nothing + self.start)
        w_ih, w_hh, b_ih, b_hh, mix = self.parameters()
        given = F.linear(x, w_ih, b_ih + b_hh)  # (batch, n, 4 d_hidden)
        out = []
        for x_t in given.unbind(1):
            i, f, g, o = torch.addmm(x_t, h, w_hh.t()).chunk(4, dim=1)
            gate = {name: a.sigmoid() for name, a in {"i": i, "f": f, "o": o}.items() if name not in self.fixed}
            gate |= {name: torch.full_like(h, value) for name, value in self.fixed.items()}
            c = self.c(self.joined(gate["f"] * c, gate["i"] * g.tanh(), mix))
            h = self.h(gate["o"] * c.tanh())
            out.append(h)
        return torch.stack(out, dim=1), (h, c)


def _sum(kept: Tensor, written: Tensor, mix: Tensor) -> Tensor:
    return kept + written


def _matrix(kept: Tensor, written: Tensor, mix: Tensor) -> Tensor:
    """As in a simple network; the matrix is orthogonal at the start, and learnt."""
    return torch.tanh(kept @ mix.t() + written)


def _product(kept: Tensor, written: Tensor, mix: Tensor) -> Tensor:
    return kept * written


def _product_about_1(kept: Tensor, written: Tensor, mix: Tensor) -> Tensor:
    return kept * (1 + written)


_JOINED: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "matrix": _matrix,
    "product": _product,
    "product about 1": _product_about_1,
}


def survival(model: Answering, batch: Batch) -> float:
    """log₁₀ of ‖dL/dc_1‖ over ‖dL/dc_last but one‖, h in a simple network; over the whole way back, through gates too.

    At the cue itself c is read and no longer kept: one step before it is where the way back begins. Below 1e-30 the
    floor is said.
    """
    (layer,) = model.model.layers  # type: ignore[misc]
    seen: list[Tensor] = []

    def keep(point: nn.Module, given: object, value: Tensor) -> None:
        value.retain_grad()
        seen.append(value)

    handle = getattr(layer, "c", layer.h).register_forward_hook(keep)
    loss_of(model, batch).backward()  # type: ignore[no-untyped-call]
    handle.remove()
    model.zero_grad()
    first, last = (float(value.grad.norm()) for value in (seen[0], seen[-2]) if value.grad is not None)
    return math.log10(max(first, 1e-30) / max(last, 1e-30))
