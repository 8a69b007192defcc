"""What goes through a model in one step, and how much it is off: the same for language models and encoder-decoders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.checkpoints.first import seed_of
from unrolled.training.order import NOT_A_TARGET, Windows

COUNTED = 1 << 20
"""Tokens of a file that are counted at once."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows of ids and what is to be predicted from each."""

    ids: Tensor
    """(batch, n): the text, or what an encoder-decoder has written so far."""
    targets: Tensor
    """(batch, n): the next token, or NOT_A_TARGET."""
    source: Tensor | None = None
    """(batch, m) of an encoder-decoder."""
    source_mask: Tensor | None = None
    """(batch, m): True where a token is real."""

    @property
    def count(self) -> int:
        """Tokens to predict."""
        return int((self.targets != NOT_A_TARGET).sum())

    def logits(self, model: nn.Module) -> Tensor:
        """(batch, n, vocabulary)."""
        if self.source is None:
            return model(self.ids)  # type: ignore[no-any-return]
        return model(self.source, self.ids, source_mask=self.source_mask)  # type: ignore[no-any-return]

    def split(self, rows: int) -> Iterator[Batch]:
        """Parts of at most so many rows; 0: all in one."""
        n = len(self.ids)
        for start in range(0, n, rows or n):
            yield self._apply(slice(start, start + (rows or n)))

    def to(self, device: torch.device) -> Batch:
        """On a device."""
        both = {n: None if t is None else t.to(device, non_blocking=True) for n, t in vars(self).items()}
        return Batch(**both)  # type: ignore[arg-type]

    def _apply(self, rows: slice) -> Batch:
        return Batch(**{n: None if t is None else t[rows] for n, t in vars(self).items()})  # type: ignore[arg-type]


class Batches(Protocol):
    """A material in its order."""

    per_epoch: int
    """Steps an epoch, rounded up."""
    tokens_per_step: float
    """To predict, on average."""

    def train(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """What process `rank` of `world` learns from at step 1, 2, …"""

    def held_out(self, limit: int = 0, rank: int = 0, world: int = 1) -> Iterator[Batch]:
        """The first `limit` tokens that are only measured on (0: all of them), each predicted once."""

    def held_out_counts(self, vocabulary: int) -> np.ndarray:
        """How often each token is to be predicted in all of the held-out part, (vocabulary,)."""


class TextBatches:
    """Windows of a text."""

    def __init__(self, train: np.ndarray, held_out: np.ndarray, context: int, batch: int, seed: int) -> None:
        self.windows = Windows(train, context, batch, seed)
        self._held_out, self.context, self.batch = held_out, context, batch
        self.per_epoch = -(-self.windows.per_epoch // batch)
        self.tokens_per_step = batch * self.windows.targets / self.windows.per_epoch

    def train(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """See `Batches`."""
        ids, targets = self.windows.rows(step, rank, world)
        return Batch(ids=ids, targets=targets)

    def held_out(self, limit: int = 0, rank: int = 0, world: int = 1) -> Iterator[Batch]:
        """Windows one after the other; the last one is filled up, with nothing to predict there."""
        count = min(limit or len(self._held_out), len(self._held_out) - 1)
        starts = range(0, count, self.context)
        for first in range(rank * self.batch, len(starts), world * self.batch):
            cut = [
                self._window(start, min(start + self.context, count)) for start in starts[first : first + self.batch]
            ]
            yield Batch(ids=torch.stack([x for x, _ in cut]), targets=torch.stack([y for _, y in cut]))

    def held_out_counts(self, vocabulary: int) -> np.ndarray:
        """See `Batches`."""
        counts = np.zeros(vocabulary, np.int64)
        for start in range(1, len(self._held_out), COUNTED):
            counts += np.bincount(self._held_out[start : start + COUNTED], minlength=vocabulary)
        return counts

    def _window(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        ids = torch.zeros(self.context, dtype=torch.long)
        targets = torch.full((self.context,), NOT_A_TARGET)
        ids[: end - start] = torch.from_numpy(self._held_out[start:end].astype(np.int64))
        targets[: end - start] = torch.from_numpy(self._held_out[start + 1 : end + 1].astype(np.int64))
        return ids, targets


class PairBatches:
    """Sentence pairs, shuffled every epoch; pairs of about one length share a batch, so that little is filled up."""

    POOL = 64
    """Batches that are sorted by length together."""

    def __init__(self, train: Pairs, held_out: Pairs, special: Special, batch: int, seed: int) -> None:
        self._train, self._held_out, self._special, self.batch, self.seed = train, held_out, special, batch, seed
        self.per_epoch = -(-len(train) // batch)
        self.tokens_per_step = float(train.target_lengths.sum() + len(train)) / self.per_epoch
        self._drawn: tuple[int, list[np.ndarray]] = (-1, [])

    def train(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """See `Batches`."""
        epoch, place = divmod(step - 1, self.per_epoch)
        if self._drawn[0] != epoch:
            self._drawn = (epoch, self._epoch(epoch))
        numbers = self._drawn[1][place]
        return self._batch(self._train, numbers[rank::world] if len(numbers) >= world else numbers)

    def held_out(self, limit: int = 0, rank: int = 0, world: int = 1) -> Iterator[Batch]:
        """See `Batches`."""
        lengths = self._held_out.target_lengths + 1
        count = int(np.searchsorted(lengths.cumsum(), limit)) + 1 if limit else len(lengths)
        numbers = np.arange(min(count, len(lengths)))
        for first in range(rank * self.batch, len(numbers), world * self.batch):
            yield self._batch(self._held_out, numbers[first : first + self.batch])

    def held_out_counts(self, vocabulary: int) -> np.ndarray:
        """See `Batches`."""
        counts = np.zeros(vocabulary, np.int64)
        for number in range(len(self._held_out)):
            np.add.at(counts, [*self._held_out[number][1], self._special.eos], 1)
        return counts

    def _epoch(self, epoch: int) -> list[np.ndarray]:
        random = np.random.Generator(np.random.Philox(seed_of(self.seed, "order", epoch)))
        order = random.permutation(len(self._train))
        lengths = self._train.target_lengths + self._train.source_lengths
        batches: list[np.ndarray] = []
        for start in range(0, len(order), self.POOL * self.batch):
            pool = order[start : start + self.POOL * self.batch]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            batches += np.split(pool, range(self.batch, len(pool), self.batch))
        return [batches[i] for i in random.permutation(len(batches))]

    def _batch(self, pairs: Pairs, numbers: np.ndarray) -> Batch:
        special = self._special
        sources, targets = zip(*(pairs[int(number)] for number in numbers), strict=True)
        source = _filled([[*ids, special.eos] for ids in sources], special.pad)
        return Batch(
            ids=_filled([[special.bos, *ids] for ids in targets], special.pad),
            targets=_filled([[*ids, special.eos] for ids in targets], NOT_A_TARGET),
            source=source,
            source_mask=torch.arange(source.shape[1]) < torch.tensor([[len(ids) + 1] for ids in sources]),
        )


@dataclass(frozen=True)
class Special:
    """Ids of the tokens that frame sentences."""

    pad: int
    bos: int
    eos: int


class Pairs:
    """Sentence pairs as ids."""

    def __init__(self, tokens: np.ndarray, ends: np.ndarray) -> None:
        """tokens: source, target, source, … one after the other; `ends` of each."""
        self._tokens, self._ends = tokens, np.concatenate(([0], ends))
        lengths = np.diff(self._ends)
        self.source_lengths, self.target_lengths = lengths[0::2], lengths[1::2]

    def __len__(self) -> int:
        return len(self.source_lengths)

    def __getitem__(self, number: int) -> tuple[list[int], list[int]]:
        a, b, c = self._ends[2 * number : 2 * number + 3]
        return self._tokens[a:b].tolist(), self._tokens[b:c].tolist()


def _filled(rows: list[list[int]], filling: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [filling] * (longest - len(row)) for row in rows])


def summed_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy in nats, summed over what is to be predicted."""
    return F.cross_entropy(
        logits.flatten(0, 1).float(),
        targets.flatten(),
        ignore_index=NOT_A_TARGET,
        reduction="sum",
        label_smoothing=smoothing,
    )
