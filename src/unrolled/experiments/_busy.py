"""How busy a model's layers keep one core, one text at a time, many side by side, and without waiting.

All of it in seconds of the thread that computes, which other programs take no part of, and as ratios within a round.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.experiments._claim import Found
from unrolled.models.gpt import Attention

TIMED = (32, 64, 128, 256)
"""Tokens of one text that is timed; the last is that of all other measurements."""
N, MANY = TIMED[-1], 32


def busy(module: Any, x: Tensor, rounds: int) -> Found:
    """Medians over rounds of shares and ratios within a round, layers alone: embedding and head are alike in all.

    x (1, N, width): an embedded text. A share is of the rate of one product of two 1,024 × 1,024 matrices.
    """
    square = torch.randn(1024, 1024, generator=torch.Generator().manual_seed(0))
    works: dict[str, Callable[[], object]] = {
        "matmul": lambda: square @ square,
        "many": lambda: through(module, many),
        **{str(n): lambda n=n: through(module, x[:, :n]) for n in TIMED},  # type: ignore[misc]
        "at once": at_once(module, x),
    }
    many = x.expand(MANY, -1, -1).contiguous()
    seconds = interleaved(works, rounds)
    rate = 2 * 1024**3 / seconds["matmul"]
    one, all_ = operations(module) / seconds[str(N)] / rate, MANY * operations(module) / seconds["many"] / rate
    return {
        "matmul_gflops": statistics.median(rate) / 1e9,
        "share_one": statistics.median(one),
        "share_many": statistics.median(all_),
        "share_at_once": statistics.median(operations(module) / seconds["at once"] / rate),
        "side_by_side": statistics.median(all_ / one),
        "waiting": statistics.median(seconds[str(N)] / seconds["at once"]),
        "microseconds": [float(np.median(seconds[str(n)])) / n * 1e6 for n in TIMED],
    }


def interleaved(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of this thread in each round of each work, which other programs take no part of, after a round that does
    not count."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            begun = time.thread_time()
            work()
            if number:
                found[name].append(time.thread_time() - begun)
    return {name: np.array(values) for name, values in found.items()}


def through(module: Any, x: Tensor) -> Tensor:
    """x (batch, n, width) through all layers, by the kernels that reading uses."""
    if hasattr(module, "blocks"):
        place = module.told(0, x.shape[1], x)
        for number, block in enumerate(module.blocks):
            x = block(x, place, None, number)
        return x
    for layer in module.layers:
        x, _ = layer(x)
    return x


def at_once(module: Any, x: Tensor) -> Callable[[], object]:
    """The matrix products of reading x without waiting: each layer is given its states beforehand. Of gpt, which does
    not wait, the reading itself."""
    if hasattr(module, "blocks"):
        return lambda: through(module, x)
    given = []
    for layer in module.layers:
        after, _ = layer(x)
        given.append(both_sides(layer, x, after))
        x = after
    return lambda: [F.linear(*each) for each in given]


def both_sides(layer: nn.RNNBase, x: Tensor, after: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x and the state before each token side by side (batch, n, …), their matrices likewise, both biases: one product
    gives what all units take in at all tokens. (A GRU keeps the candidate's two sums apart: as many products.)"""
    w_ih, w_hh, b_ih, b_hh = layer.parameters()
    before = F.pad(after, (0, 0, 1, 0))[:, :-1]
    return torch.cat([x, before], dim=-1), torch.cat([w_ih, w_hh], dim=1), b_ih + b_hh


def operations(module: Any) -> float:
    """Multiplications and additions of the layers' products on one text of N tokens."""
    layers = module.blocks if hasattr(module, "blocks") else module.layers
    weights = sum(parameter.numel() for parameter in layers.parameters() if parameter.ndim == 2)
    width = sum(part.n_head * part.d_head for part in layers.modules() if isinstance(part, Attention))
    return 2.0 * float(weights) * N + 4 * width * N * (N + 1) / 2  # a query and the keys that it sees
