"""Which part of the text each step learns from: a function of (seed, step) alone, the same for every family.

A text is cut into windows as long as the model's context, from a new place in every epoch, and the windows are
shuffled. Every token is predicted exactly once an epoch. Random numbers are named by what they are for and when, so a
run that goes on needs none of their state.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from unrolled.checkpoints.first import seed_of

NOT_A_TARGET = -100
"""In place of a token that is not to be predicted here; `F.cross_entropy` leaves it out."""


class Windows:
    """A text as shuffled windows."""

    def __init__(self, tokens: np.ndarray, context: int, batch: int, seed: int) -> None:
        """tokens: any integers, memory-mapped or not; more than `context` of them."""
        self.tokens, self.context, self.batch, self.seed = tokens, context, batch, seed
        self.targets = len(tokens) - 1
        """Tokens that can be predicted: all but the first."""
        self.per_epoch = -(-self.targets // context)

    def numbers(self, step: int) -> list[tuple[int, int]]:
        """(epoch, window) of each row of the batch of step 1, 2, …"""
        first = (step - 1) * self.batch
        places = (divmod(i, self.per_epoch) for i in range(first, first + self.batch))
        return [(epoch, int(self._epoch(epoch)[1][place])) for epoch, place in places]

    def rows(self, step: int, rank: int = 0, world: int = 1) -> tuple[Tensor, Tensor]:
        """What process `rank` of `world` reads at a step, and the token that follows each; (batch / world, context)."""
        cut = [self.window(epoch, number) for epoch, number in self.numbers(step)[rank::world]]
        return torch.from_numpy(np.stack([x for x, _ in cut])), torch.from_numpy(np.stack([y for _, y in cut]))

    def window(self, epoch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Window `number` of an epoch, which starts somewhere and ends where it started: ids read, ids to predict.

        The last one reaches into the first again, where nothing is to be predicted a second time.
        """
        begin = number * self.context
        places = (self._epoch(epoch)[0] + begin + np.arange(self.context)) % self.targets
        predicted = self.tokens[places + 1].astype(np.int64)
        predicted[self.targets - begin :] = NOT_A_TARGET
        return self.tokens[places].astype(np.int64), predicted

    def _epoch(self, epoch: int) -> tuple[int, np.ndarray]:
        return _shuffled(self.seed, epoch, self.targets, self.per_epoch)


@lru_cache(maxsize=4)
def _shuffled(seed: int, epoch: int, targets: int, count: int) -> tuple[int, np.ndarray]:
    """Where an epoch starts in the text, and the order of its windows."""
    random = np.random.Generator(np.random.Philox(seed_of(seed, "order", epoch)))
    return int(random.integers(targets)), random.permutation(count)
