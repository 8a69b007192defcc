"""Restricted self-attention: each position looks at itself and at the few before it, and at nothing else.

Named as a way out for very long texts in Vaswani et al. 2017, §4, where the neighbourhood is centred; here it ends at
the position itself, as in a language model (Beltagy et al. 2020, "Longformer", §3.1). Windows of the keys are views, so
that the cost grows with n × window and not with n².
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.models.attention import masked
from unrolled.models.linear import Linear


class WindowedAttention(nn.Module):
    """One head. softmax(q · k / √d_model) over the keys t - reach … t."""

    def __init__(self, d_model: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.query, self.key, self.value, self.output = (Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, n, d_model) -> the same shape."""
        keys, values = self.windows(self.key(x)), self.windows(self.value(x))
        scores = (self.query(x).unsqueeze(-2) @ keys).squeeze(-2) / math.sqrt(x.shape[-1])  # (batch, n, reach + 1)
        weights = masked(scores, self.exists(x.shape[1], x.device)).softmax(dim=-1)
        return self.output((values @ weights.unsqueeze(-1)).squeeze(-1))  # type: ignore[no-any-return]

    def windows(self, x: Tensor) -> Tensor:
        """x (batch, n, d) -> (batch, n, d, reach + 1): of each position, those that it may see, itself last."""
        return F.pad(x, (0, 0, self.reach, 0)).unfold(1, self.reach + 1, 1)

    def exists(self, n: int, device: torch.device) -> Tensor:
        """(n, reach + 1): False where a window stands before the text's first position."""
        back = torch.arange(self.reach, -1, -1, device=device)
        return torch.arange(n, device=device)[:, None] >= back
