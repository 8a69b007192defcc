"""Minimal pairs that the frequency of words cannot answer: every right word is the wrong one of another pair.

Warstadt et al. 2020, "BLiMP": whoever has learned a rule finds the sentence that keeps it likelier than the one that
breaks it. `_pairs.toml` holds the sentences and says how they are written.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import torch
import torch.nn.functional as F
from torch import Tensor

GRAMMAR = ("agreement", "determiner", "reflexive", "verb", "order")
KINDS = (*GRAMMAR, "across", "names", "world")
_SLOT = re.compile(r"\{([^|{}]+)\|([^|{}]+)\}")
_ORDER = re.compile(r"\[([^|\[\]]+)\|([^|\[\]]+)\]")
_TOGETHER = 32  # texts read in one pass

Read = Callable[[Tensor], Tensor]
"""ids (row, position) -> logits (row, position, vocabulary)."""
Encode = Callable[[str], Sequence[int]]
Nats = Callable[[Sequence[Sequence[int]]], Sequence[float]]
"""ids of texts -> what each costs, in nats."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two texts; the first keeps the rule, or the fact."""

    right: str
    wrong: str


def pairs_in(frame: str) -> tuple[Pair, Pair]:
    """The two pairs of a frame, each with what is right in the other as its wrong end."""
    *_, last = _SLOT.finditer(frame)

    def filled(side: int, end: int) -> str:
        return _SLOT.sub(lambda slot: slot[1 + (end if slot.start() == last.start() else side)], frame)

    return (
        Pair(right=filled(0, 0), wrong=filled(0, 1)),
        Pair(right=filled(1, 1), wrong=filled(1, 0)),
    )


@cache
def items(kind: str) -> tuple[tuple[Pair, ...], ...]:
    """A kind's items: the two pairs of a frame, or a single pair of words in two orders."""
    written = tomllib.loads((resources.files("unrolled.experiments") / "_pairs.toml").read_text("utf-8"))[kind]
    frames = [pairs_in(frame) for frame in written.get("frames", ())]
    orders = [(_in_order(pair),) for pair in written.get("pairs", ())]
    return (*frames, *orders)


def _in_order(written: str) -> Pair:
    return Pair(right=_ORDER.sub(r"\1", written), wrong=_ORDER.sub(r"\2", written))


def shares(nats: Nats, encode: Encode, kinds: Sequence[str] = KINDS) -> Mapping[str, list[float]]:
    """Of each kind, each item's share of pairs whose right text costs less; a tie counts half."""
    return {kind: _shares(nats, encode, items(kind)) for kind in kinds}


def _shares(nats: Nats, encode: Encode, of: Sequence[Sequence[Pair]]) -> list[float]:
    texts = [text for item in of for pair in item for text in (pair.right, pair.wrong)]
    cost = iter(nats([encode(text) for text in texts]))
    return [sum(_better(next(cost), next(cost)) for _ in item) / len(item) for item in of]


def _better(right: float, wrong: float) -> float:
    """1 where the right one costs less, 0 where more, ½ where they cost the same up to rounding."""
    return 0.5 if abs(right - wrong) < 1e-5 else float(right < wrong)


def nats_of(read: Read) -> Nats:
    """What a model makes of texts: their tokens but the first, added up."""

    def nats(texts: Sequence[Sequence[int]]) -> list[float]:
        parts = [texts[at : at + _TOGETHER] for at in range(0, len(texts), _TOGETHER)]
        return [each for part in parts for each in _read(read, part)]

    return nats


@torch.no_grad()
def _read(read: Read, texts: Sequence[Sequence[int]]) -> list[float]:
    """Side by side; what stands behind a shorter one's end is not seen by it."""
    longest = max(map(len, texts))
    rows = torch.tensor([[*ids, *[ids[-1]] * (longest - len(ids))] for ids in texts])
    logits = read(rows[:, :-1]).flatten(0, 1)
    each = F.cross_entropy(logits, rows[:, 1:].flatten(), reduction="none").view(len(rows), -1)
    return [float(row[: len(ids) - 1].double().sum()) for row, ids in zip(each, texts, strict=True)]


def nats_of_counts(counts: Tensor) -> Nats:
    """counts (vocabulary,) -> the same of a model that only counts tokens (one more than there are)."""
    cost = -((counts.double() + 1) / (counts.double() + 1).sum()).log()
    return lambda texts: [float(cost[list(ids[1:])].sum()) for ids in texts]
