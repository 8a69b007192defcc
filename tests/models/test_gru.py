"""What is the GRU's own: the reset gate before or after the product, z or 1 - z, and twins that mix them up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tiny_recurrent import IDS, Kernels, Theirs, gradients, hooked, ours


def cho(x: Tensor, layer: torch.nn.GRU) -> Tensor:
    """Cho et al. 2014, eq. 5–8, one sentence, one unit after the other. x (n, input) -> h of every step (n, d)."""
    d = layer.hidden_size
    W_r, W_z, W = layer.weight_ih_l0.split(d)
    U_r, U_z, U = layer.weight_hh_l0.split(d)
    b_r, b_z, b = (layer.bias_ih_l0 + layer.bias_hh_l0).split(d)
    h = torch.zeros(d, dtype=x.dtype)
    steps = []
    for x_t in x:
        r = torch.sigmoid(torch.mv(W_r, x_t) + torch.mv(U_r, h) + b_r)
        new = []
        for j in range(d):
            z_j = torch.sigmoid(W_z[j] @ x_t + U_z[j] @ h + b_z[j])
            candidate_j = torch.tanh(W[j] @ x_t + U[j] @ (r * h) + b[j])
            new.append(z_j * h[j] + (1 - z_j) * candidate_j)
        h = torch.stack(new)
        steps.append(h)
    return torch.stack(steps)


def test_reset_before_the_product_is_the_papers() -> None:
    module = ours("gru", reset="before", n_layer=1)
    layer = module.layers[0]
    with Kernels() as kernels:
        logits = module(IDS)
    assert kernels.calls == 0  # there is no kernel for it
    wanted = module.read_out(torch.stack([cho(module.embed(row), layer) for row in IDS]))
    assert_close(logits, wanted)
    theirs = gradients(module, wanted)
    theirs = {name: gradient.clone() for name, gradient in theirs.items()}
    assert_close(gradients(module, module(IDS)), theirs)


@torch.no_grad()
def test_reset_before_is_not_reset_after() -> None:
    before, after = ours("gru", reset="before"), ours("gru")
    assert_close(before.state_dict(), after.state_dict())
    assert (before(IDS) - Theirs("gru", after)(IDS)).abs().max() > 0.05


@torch.no_grad()
def test_one_minus_z_is_the_same_model_with_the_signs_of_its_weights_turned() -> None:
    module, turned = ours("gru"), ours("gru")
    for layer in turned.layers:
        for weight in layer.parameters():
            weight[8:16] *= -1
        layer.gate.update.register_forward_hook(lambda _m, _i, z: 1 - z)  # Chung et al. 2014: z takes the new
    assert_close(turned(IDS), module(IDS))


TWINS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "z and 1 - z swapped": ("gate.update", lambda z: 1 - z),
    "no update gate": ("gate.update", torch.zeros_like),
    "no reset gate": ("gate.reset", torch.ones_like),
    "candidate without tanh": ("gate.candidate", torch.atanh),
}


@pytest.mark.parametrize("twin", TWINS)
@torch.no_grad()
def test_a_broken_formula_is_noticed(twin: str) -> None:
    module = ours("gru")
    probe, broken = TWINS[twin]
    with hooked(module.layers[0].get_submodule(probe), lambda _m, _i, x: broken(x)):
        assert (module(IDS) - Theirs("gru", module)(IDS)).abs().max() > 0.05


def test_the_update_bias_is_in_one_of_the_two_and_keeps_h() -> None:
    kept = []
    for said in (0.0, 4.0):
        module = ours("gru", update_bias=said)
        module.initialise(torch.Generator().manual_seed(0))
        layer = module.layers[0]
        r, z, n = layer.bias_ih_l0.chunk(3)
        assert (z == said).all()
        assert not torch.cat([r, n, layer.bias_hh_l0]).any()
        before = torch.ones(1, layer.hidden_size, dtype=layer.bias_ih_l0.dtype)
        x = torch.zeros(1, 1, layer.input_size, dtype=before.dtype)
        kept.append(layer(x, (before,))[0].mean().item())
    assert kept[1] > 0.9 > kept[0]
