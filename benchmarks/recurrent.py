"""RNN, LSTM and GRU: what stands around the fused kernel against torch.nn bare, and the loop against the kernel.

Two layers of width 256 over 128 tokens, on the CPU: forward at batch 1 and 32, and a training step's forward and
backward at batch 32. Ours and the rival take turns; the fastest of each counts, for both wait for the same machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from run import Row
from torch import Tensor, nn

from unrolled.models.families import FAMILIES

N, D = 128, 256
_BARE: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Bare(nn.Module):
    """The same language model with torch.nn's own layers, nothing of ours around them."""

    def __init__(self, name: str, vocabulary: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, D)
        self.stack = _BARE[name](D, D, num_layers=2, batch_first=True)
        self.project = nn.Linear(D, D)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (batch, n) -> logits (batch, n, vocabulary)."""
        return self.project(self.stack(self.embed(ids))[0]) @ self.embed.weight.T


def rows() -> list[Row]:
    found: list[Row] = []
    for name in _BARE:
        family = FAMILIES[name]
        ours = family.model(family.config(vocabulary=512, context=N, n_layer=2, d_embed=D, d_hidden=D))
        found += _measured(name.upper(), ours, Bare(name, 512))
    return found


def _measured(name: str, ours: nn.Module, bare: nn.Module) -> list[Row]:
    found = []
    for batch in (1, 32):
        ids = torch.randint(0, 512, (batch, N), generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            works = (lambda: ours(ids), lambda: bare(ids), lambda: ours(ids, written_out=True))  # noqa: B023
            fused, theirs, loop = _taking_turns(*works)
        said = f"{name}, 128 tokens, batch {batch}"
        found.append(Row(name=said, ours=fused, unit="ms", rival="torch.nn bare", theirs=theirs, target="0.95 ×"))
        found.append(Row(name=f"{said}, loop", ours=loop, unit="ms", rival="kernel", theirs=fused, target="0.4 ×"))
    step, theirs = _taking_turns(lambda: _step(ours, ids), lambda: _step(bare, ids))
    said = f"{name}, forward and backward, batch 32"
    return [*found, Row(name=said, ours=step, unit="ms", rival="torch.nn bare", theirs=theirs, target="0.95 ×")]


def _step(module: nn.Module, ids: Tensor) -> None:
    nn.functional.cross_entropy(module(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).backward()
    module.zero_grad()


def _taking_turns(*works: Callable[[], object], repeats: int = 5) -> list[float]:
    """Fewest milliseconds of each, after one call that does not count."""
    best = [float("inf")] * len(works)
    for turn in range(repeats + 1):
        for i in (*range(turn % len(works), len(works)), *range(turn % len(works))):
            begun = time.perf_counter()
            works[i]()
            if turn:
                best[i] = min(best[i], 1000 * (time.perf_counter() - begun))
    return best
