"""Causal convolution against a loop by hand, and restricted attention against full attention with a band mask."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from unrolled.models.attention import attend
from unrolled.models.convolution import CausalConvolution
from unrolled.models.windowed_attention import WindowedAttention


def drawn(module: torch.nn.Module) -> None:
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.double().parameters():
            parameter.normal_(0.0, 0.5, generator=random)


def text(n: int) -> Tensor:
    return torch.randn(2, n, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def by_hand(layer: CausalConvolution, x: Tensor, dilation: int) -> Tensor:
    """Position t: the kernel's last column for itself, the one before for t - dilation, and so on."""
    weight, bias = layer.mix.weight, layer.mix.bias
    assert bias is not None
    out = bias.expand(x.shape).clone()
    for t in range(x.shape[1]):
        for back in range(weight.shape[2]):
            if t - back * dilation >= 0:
                out[:, t] += x[:, t - back * dilation] @ weight[:, :, -1 - back].T
    return out


@pytest.mark.parametrize(("kernel", "dilation"), [(2, 1), (3, 1), (3, 4), (5, 2)])
def test_convolution_is_the_sum_written_out(kernel: int, dilation: int) -> None:
    layer = CausalConvolution(6, kernel, dilation)
    drawn(layer)
    x = text(9)
    torch.testing.assert_close(layer(x), by_hand(layer, x, dilation))
    with pytest.raises(AssertionError):
        torch.testing.assert_close(layer(x), by_hand(layer, x, dilation + 1))


@torch.no_grad()
def banded(layer: WindowedAttention, x: Tensor, reach: int) -> Tensor:
    """The same from torch's own kernel, with n × n scores and a band of a mask."""
    places = torch.arange(x.shape[1])
    back = places[:, None] - places
    q, k, v = (part(x)[:, None] for part in (layer.query, layer.key, layer.value))
    out: Tensor = layer.output(attend(q, k, v, causal=False, mask=(back >= 0) & (back <= reach))[:, 0])
    return out


@pytest.mark.parametrize("reach", [1, 3, 20])
def test_restricted_attention_is_full_attention_with_a_band(reach: int) -> None:
    layer = WindowedAttention(6, reach)
    drawn(layer)
    x = text(9)
    torch.testing.assert_close(layer(x), banded(layer, x, reach))


def test_one_key_more_is_noticed() -> None:
    layer = WindowedAttention(6, 3)
    drawn(layer)
    x = text(9)
    for wrong in (2, 4):
        with pytest.raises(AssertionError):
            torch.testing.assert_close(layer(x), banded(layer, x, wrong))


def test_even_keys_share_evenly() -> None:
    """Queries of nothing: each position takes the mean of those it may see, itself among them."""
    layer = WindowedAttention(1, 2).double()
    with torch.no_grad():
        layer.query.weight.zero_()
        for part in (layer.value, layer.output):
            part.weight.fill_(1.0)
    x = torch.tensor([[[3.0], [6.0], [12.0], [0.0]]], dtype=torch.float64)
    expected = torch.tensor([3.0, 4.5, 7.0, 6.0], dtype=torch.float64)
    torch.testing.assert_close(layer(x)[0, :, 0], expected)
    assert math.isclose(float(expected[2]), (3 + 6 + 12) / 3)
