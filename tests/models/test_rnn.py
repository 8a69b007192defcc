"""What is the Elman network's own: its two squashings, how W_hh starts, and a twin without tanh."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tiny_recurrent import IDS, SIZES, Theirs, gradients, hooked, ours
from unrolled.models.rnn import RNN, RNNConfig


@pytest.mark.parametrize("written_out", [False, True])
def test_with_relu_too(written_out: bool) -> None:
    module = ours("rnn", nonlinearity="relu")
    theirs = Theirs("rnn", module)
    logits, wanted = module(IDS, written_out=written_out), theirs(IDS)
    assert_close(logits, wanted)
    assert_close(gradients(module, logits), gradients(theirs, wanted))
    assert (logits - ours("rnn")(IDS)).abs().max() > 0.5


@torch.no_grad()
def test_one_step_by_hand() -> None:
    module = RNN(RNNConfig(vocabulary=2, context=4, n_layer=1, d_embed=1, d_hidden=1)).double()
    values = {"embed.weight": [[0.0], [1.0]], "layers.0.weight_ih_l0": [[0.5]], "layers.0.weight_hh_l0": [[0.25]]}
    values |= {"layers.0.bias_ih_l0": [0.0], "layers.0.bias_hh_l0": [0.0], "project.weight": [[1.0]]}
    values |= {"project.bias": [0.0]}
    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    first = torch.tensor(0.5, dtype=torch.float64).tanh()
    second = (0.25 * first).tanh()  # the token 0 adds nothing
    assert_close(module(torch.tensor([[1, 0]]))[0, :, 1], torch.stack([first, second]))


@torch.no_grad()
def test_without_tanh_it_is_noticed() -> None:
    module = ours("rnn")
    with hooked(module.layers[0].h, lambda _m, _i, h: h.clamp(-1 + 1e-12, 1 - 1e-12).atanh()):
        assert (module(IDS) - Theirs("rnn", module)(IDS)).abs().max() > 0.1


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("start", ["orthogonal", "scaled"])
def test_the_radius_at_the_start(start: str, radius: float) -> None:
    module = ours("rnn", d_hidden=32, recurrent_start=start, spectral_radius=radius)
    module.initialise(torch.Generator().manual_seed(3))
    for layer in module.layers:
        magnitudes = torch.linalg.eigvals(layer.weight_hh_l0).abs()
        assert_close(magnitudes.max().item(), radius)
        largest = torch.linalg.matrix_norm(layer.weight_hh_l0, 2).item()
        if start == "orthogonal":
            assert_close(magnitudes.min().item(), radius)
            assert_close(largest, radius)
        else:
            assert largest > 1.2 * radius  # not normal: some h grow first, whatever the eigenvalues


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan")])
def test_a_radius_that_cannot_be(radius: float) -> None:
    with pytest.raises(ValueError, match=r"spectral_radius = .* is not possible: above 0"):
        RNNConfig(**SIZES, spectral_radius=radius)
