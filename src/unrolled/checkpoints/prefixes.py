"""Caches of the texts that were read last, so that a longer text costs only what is new in it: keys and values, or the
state that a recurrent model carries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from unrolled.models.recurrent import EVERY, RecurrentState


class Cache(Protocol):
    """What a model keeps of the positions it has read."""

    @property
    def length(self) -> int:
        """Positions held."""

    @property
    def n_bytes(self) -> int:
        """Memory taken."""

    def crop(self, length: int) -> None:
        """Forgets the positions from `length` on, and what a stopped pass has left half done. May forget more than was
        asked for: `length` says what is left."""


class Reader(Protocol):
    """A causal model that can be read onwards from a cache."""

    chunked: bool
    """Whether a text may be read in parts and its cache cropped; if not, it is read in one go, cold."""

    def new_cache(self) -> Cache: ...

    def read(self, ids: Tensor, cache: Cache) -> Tensor:
        """ids (1, n) after what `cache` holds -> logits of the last position (vocabulary,)."""


class CachedReader:
    """A module of ours that is called with token ids and a cache, which every pass carries on."""

    chunked = True

    def __init__(self, module: nn.Module, new_cache: Callable[[], Cache]) -> None:
        self._module, self.new_cache = module, new_cache

    def read(self, ids: Tensor, cache: Cache) -> Tensor:
        logits: Tensor = self._module(ids, cache=cache, last_only=True)
        return logits[0, -1]


@dataclass
class Prefix:
    """Tokens read, and the cache after them."""

    cache: Cache
    ids: list[int] = field(default_factory=list)

    def crop(self, length: int) -> None:
        """Forgets the tokens from `length` on, and those whose cache goes with them."""
        self.cache.crop(length)
        del self.ids[self.cache.length :]


class Prefixes:
    """At most `most` prefixes and `most_bytes` of caches. One is taken out while it is used, so none is used twice."""

    def __init__(self, reader: Reader, *, most: int = 3, most_bytes: int = 1 << 29) -> None:
        self._reader, self._most, self._most_bytes = reader, most, most_bytes
        self._kept: list[Prefix] = []  # used last stands last
        self._lock = threading.Lock()
        self._forgotten = 0

    def take(self, ids: Sequence[int]) -> tuple[Prefix, int]:
        """The prefix that shares most with `ids`, cropped to what is shared, or a new one; and a receipt for `put`.

        One that would lose more than half of itself is left for the text that it belongs to. The last token is never
        reused: its logits are what is asked for.
        """
        with self._lock:
            receipt = self._forgotten
            shared = [_shared(prefix.ids, ids[:-1]) for prefix in self._kept]
            best = max(range(len(shared)), key=shared.__getitem__, default=None)
            if not self._reader.chunked or best is None or 2 * shared[best] < len(self._kept[best].ids):
                return Prefix(self._reader.new_cache()), receipt
            prefix = self._kept.pop(best)
        prefix.crop(shared[best])
        return prefix, receipt

    def put(self, prefix: Prefix, receipt: int) -> None:
        """Keeps a prefix for the next text; the oldest go when there are too many."""
        if not self._reader.chunked or not prefix.ids:
            return
        prefix.crop(len(prefix.ids))
        with self._lock:
            if receipt != self._forgotten:
                return
            self._kept.append(prefix)
            while len(self._kept) > self._most or sum(p.cache.n_bytes for p in self._kept) > self._most_bytes:
                self._kept.pop(0)

    def forget(self) -> None:
        """Drops all; what is in use now will not be kept either."""
        with self._lock:
            self._kept.clear()
            self._forgotten += 1

    def lengths(self) -> list[int]:
        """Tokens of each kept prefix, the one used last standing last."""
        with self._lock:
            return [len(prefix.ids) for prefix in self._kept]


def next_stop(cache: Cache, done: int, n: int) -> int:
    """How many of n tokens to have read after the next pass, `done` being read. A recurrent model's state is cropped to
    snapshots only, one after each pass: so passes end here and there, and close to the end, which changes most."""
    if not isinstance(cache, RecurrentState):
        return n
    ends = {n - back for back in (1, 2, 4, 8)} | {(done // EVERY + 1) * EVERY}
    return min((end for end in ends if end > done), default=n)


def _shared(a: Sequence[int], b: Sequence[int]) -> int:
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return i
    return min(len(a), len(b))


def as_row(ids: Sequence[int], device: torch.device) -> Tensor:
    """(1, n) of token ids."""
    return torch.tensor([list(ids)], dtype=torch.long, device=device)
