"""One process, or several that share every batch, as `torchrun` starts them (Li et al. 2020, "PyTorch Distributed").

A step is the same whatever the number of processes, up to rounding: gradients are means over all tokens of the batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Processes:
    """Which of how many this is."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """The one that writes files and speaks."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all have got here."""
        if self.world > 1:
            dist.barrier()

    def sums(self, *values: float) -> list[float]:
        """Each value summed over the processes."""
        if self.world == 1:
            return list(values)
        both = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(both)
        return both.tolist()

    def first_says(self, value: float) -> float:
        """The first process's value."""
        return self.sums(value if self.first else 0.0)[0]

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over the processes in `backward`."""
        return DistributedDataParallel(module) if self.world > 1 else module

    def summing_later(self, module: nn.Module, later: bool) -> Any:
        """While gradients of a step still add up, they need not travel."""
        return module.no_sync() if later and isinstance(module, DistributedDataParallel) else nullcontext()


@contextmanager
def processes() -> Iterator[Processes]:
    """Joins the others if torchrun started this process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    dist.init_process_group("gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
