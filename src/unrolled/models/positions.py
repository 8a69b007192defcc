"""How a model knows where a token stands: rotary position embedding (RoPE). Su et al. 2021, "RoFormer", §3.2.2.

Pairs of a query's and key's entries are turned by position × frequency, so that their dot product depends on the
distance alone. Entry i is paired with entry i + d/2 ("half rotation", as in GPT-NeoX and Llama's Hugging Face port; the
paper and llama.cpp pair neighbours, which is the same up to the order of rows in the weights).
"""

from __future__ import annotations

import torch
from torch import Tensor


def rope_frequencies(d_head: int, base: float, factors: tuple[float, ...] | None = None) -> Tensor:
    """Radians per position of each pair: base^(-2i/d), divided by `factors` where long contexts need slower turns.

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
