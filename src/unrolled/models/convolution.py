"""Causal convolution over a sequence: each position mixes itself and a few before it, all positions at once.

Contiguous: the k positions that end here (Waibel et al. 1989; with gates, Gehring et al. 2017, §3.1). Dilated: every
m-th of them, so that a stack whose m grows as 1, k, k² … reaches back exponentially far (van den Oord et al. 2016,
"WaveNet", §2.1; Kalchbrenner et al. 2017, "Neural machine translation in linear time", §3.4).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class CausalConvolution(nn.Module):
    """One layer; output t is made of the inputs t, t - m, … t - (kernel - 1) m, with m the dilation."""

    def __init__(self, d_model: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.mix = nn.Conv1d(d_model, d_model, kernel, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, n, d_model) -> the same shape."""
        padded = F.pad(x.transpose(1, 2), (self.reach, 0))  # (batch, d_model, reach + n): zeros before the first
        return self.mix(padded).transpose(1, 2)  # type: ignore[no-any-return]
