"""What is the LSTM's own: its forget bias, the paper's equations step by step, and twins that have lost something."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tiny_recurrent import IDS, SIZES, Theirs, hooked, ours
from unrolled.models.lstm import LSTMConfig


def test_the_forget_bias_is_in_one_of_the_two() -> None:
    for said in (1.0, -2.0):
        module = ours("lstm", forget_bias=said)
        module.initialise(torch.Generator().manual_seed(0))
        for layer in module.layers:
            i, f, g, o = layer.bias_ih_l0.split(8)
            assert (f == said).all()
            assert not torch.cat([i, g, o, layer.bias_hh_l0]).any()


def test_a_forget_bias_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="forget_bias = inf is not possible"):
        LSTMConfig(**SIZES, forget_bias=float("inf"))


@torch.no_grad()
def test_the_equations_hold_between_what_is_heard() -> None:
    """c_t = f c_{t-1} + i g and h_t = o tanh(c_t), and a forget gate that starts open keeps c."""
    module = ours("lstm")
    layer = module.layers[0]
    points = {**dict(layer.gate.named_children()), "c": layer.c, "h": layer.h}
    seen: dict[str, list[Tensor]] = {name: [] for name in points}
    for name, point in points.items():
        point.register_forward_hook(lambda _m, _i, x, name=name: seen[name].append(x))
    module(IDS)
    x = {name: torch.stack(steps) for name, steps in seen.items()}
    before = torch.cat([torch.zeros_like(x["c"][:1]), x["c"][:-1]])
    assert_close(x["c"], x["forget"] * before + x["input"] * x["candidate"])
    assert_close(x["h"], x["output"] * x["c"].tanh())
    into = module.embed(IDS).transpose(0, 1) @ layer.weight_ih_l0[8:16].T + layer.bias_ih_l0[8:16]
    h = torch.cat([torch.zeros_like(x["h"][:1]), x["h"][:-1]])
    assert_close(x["forget"], (into + h @ layer.weight_hh_l0[8:16].T + layer.bias_hh_l0[8:16]).sigmoid())


TWINS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "no forget gate, as in 1997": ("gate.forget", torch.ones_like),
    "no input gate": ("gate.input", torch.ones_like),
    "no output gate": ("gate.output", torch.ones_like),
    "candidate without tanh": ("gate.candidate", torch.atanh),
    "the gate turned round": ("gate.forget", lambda f: 1 - f),
}


@pytest.mark.parametrize("twin", TWINS)
@torch.no_grad()
def test_a_broken_formula_is_noticed(twin: str) -> None:
    module = ours("lstm")
    probe, broken = TWINS[twin]
    with hooked(module.layers[0].get_submodule(probe), lambda _m, _i, x: broken(x)):
        assert (module(IDS) - Theirs("lstm", module)(IDS)).abs().max() > 0.05


@torch.no_grad()
def test_h_without_the_tanh_of_c_is_noticed() -> None:
    module = ours("lstm")
    layer, last = module.layers[0], {}
    keep = layer.c.register_forward_hook(lambda _m, _i, c: last.update(c=c))
    with hooked(layer.h, lambda _m, _i, h: h / last["c"].tanh() * last["c"]):
        assert (module(IDS) - Theirs("lstm", module)(IDS)).abs().max() > 0.05
    keep.remove()
