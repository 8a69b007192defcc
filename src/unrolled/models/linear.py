"""A linear map that is quick for a few positions, which is what typing one more word asks for.

x Wᵀ with one to eight rows of x reads every weight once and is as fast as memory allows, but the usual kernels are made
for many rows: measured on two cores with 135 M float32 weights, one row 49 ms, two rows 92 ms; as W xᵀ, with the rows
filled up to a power of two of at least two, 19 ms.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW = 8
"""Rows up to which W xᵀ is taken."""


class Linear(nn.Linear):
    """torch.nn.Linear, and the same numbers up to rounding."""

    def forward(self, x: Tensor) -> Tensor:
        """x (…, in) -> (…, out)."""
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (…, in), weight (out, in) -> (…, out)."""
    rows = x.numel() // x.shape[-1]
    if rows > FEW or x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_grad_enabled():
        return F.linear(x, weight, bias)
    few = x.reshape(rows, -1)
    filled = F.pad(few, (0, 0, 0, max(2, 1 << (rows - 1).bit_length()) - rows))
    out = (weight @ filled.T).T[:rows]
    return (out if bias is None else out + bias).reshape(*x.shape[:-1], -1)
