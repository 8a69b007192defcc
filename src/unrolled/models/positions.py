"""How a model knows where a token stands.

Sinusoids: Vaswani et al. 2017, §3.5. Rotary position embedding (RoPE): Su et al. 2021, "RoFormer", §3.2.2. ALiBi: Press
et al. 2022, "Train Short, Test Long", §3.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sinusoids(start: int, n: int, d_model: int, *, base: float = 10_000.0) -> Tensor:
    """PE(pos, 2i) = sin(pos / base^(2i/d_model)), PE(pos, 2i+1) = cos(the same), for pos = start … start+n-1.

    -> (n, d_model), float64: positions in the thousands times a frequency need more digits than float32 has.
    """
    frequencies = base ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angles = torch.arange(start, start + n, dtype=torch.float64)[:, None] * frequencies  # (n, d_model / 2)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)[:, :d_model]


def shift_matrix(k: int, d_model: int, *, base: float = 10_000.0) -> Tensor:
    """M_k with PE(pos + k) = M_k PE(pos) for every pos: each pair (sin, cos) is turned by k times its frequency.

    Vaswani et al. 2017, §3.5, by the sine and cosine of a sum. -> (d_model, d_model), float64; d_model even.
    """
    angles = k * base ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    sines, cosines = torch.arange(0, d_model, 2), torch.arange(1, d_model, 2)
    matrix = torch.zeros(d_model, d_model, dtype=torch.float64)
    matrix[sines, sines] = matrix[cosines, cosines] = angles.cos()
    matrix[sines, cosines], matrix[cosines, sines] = angles.sin(), -angles.sin()
    return matrix


def alibi_slopes(n_head: int) -> Tensor:
    """What each head takes off a score for each step of distance: 2^(-8/n), 2^(-16/n) … for n heads, a power of two.

    For other numbers, as in the authors' code: those of the power of two below, then every other one of twice as many.
    -> (n_head,), float64.
    """
    power = 2 ** int(math.log2(n_head))
    slopes = [2 ** (-8 * i / power) for i in range(1, power + 1)]
    between = [2 ** (-8 * i / (2 * power)) for i in range(1, 2 * power + 1, 2)]
    return torch.tensor((slopes + between)[:n_head], dtype=torch.float64)


def alibi(slopes: Tensor, rows: Tensor, keys: Tensor) -> Tensor:
    """-slope × (row - key), which is added to the scores. slopes (head,) -> (head, rows, keys)."""
    return -slopes[:, None, None] * (rows[:, None] - keys).to(slopes)


def rope_frequencies(d_head: int, base: float, factors: tuple[float, ...] | None = None) -> Tensor:
    """RoPE turns pairs of a query's and key's entries by position × frequency, so that their dot product depends on the
    distance alone. Entry i is paired with entry i + d/2 ("half rotation", as in GPT-NeoX and Llama's Hugging Face port;
    the paper and llama.cpp pair neighbours, which is the same up to the order of rows in the weights).

    Radians per position of each pair: base^(-2i/d), divided by `factors` where long contexts need slower turns.

    -> (d_head/2,), float32 as in every implementation it must agree with.
    """
    frequencies = 1.0 / base ** (torch.arange(0, d_head, 2, dtype=torch.float32) / d_head)
    return frequencies if factors is None else frequencies / torch.tensor(factors, dtype=torch.float32)


def rope_angles(frequencies: Tensor, start: int, n: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """cos and sin for positions start … start+n-1, each (n, d_head)."""
    positions = torch.arange(start, start + n, dtype=torch.float32, device=frequencies.device)
    angles = (positions[:, None] * frequencies).repeat(1, 2)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (…, n, d_head), each pair (x_i, x_{i+d/2}) turned by its angle."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
