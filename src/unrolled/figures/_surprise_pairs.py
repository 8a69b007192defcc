"""Minimal pairs: two texts that differ in one place, and which of the two a model finds likelier.

Warstadt et al. 2020, "BLiMP": whoever has learned a rule gives the sentence that keeps it more probability than the one
that breaks it. Nothing is asked; both sentences are read, and their surprisals added up.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from jaxtyping import Float64

from unrolled.checkpoints import Model
from unrolled.errors import BadKnob
from unrolled.progress import Progress, Work
from unrolled.scoring import surprisals_side_by_side

KINDS = ("agreement", "grammar", "meaning", "facts", "reasoning")
_PAIR = re.compile(r"([^\[\]|]*\S[^\[\]|]*)\[([^\[\]|]+)\|([^\[\]|]+)\]([^\[\]|]*)")
_Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class MinimalPair:
    """What both texts begin with, the two ways on, and how both end."""

    before: str
    right: str
    wrong: str
    after: str

    @property
    def texts(self) -> tuple[str, str]:
        """The right one, the wrong one."""
        return self.before + self.right + self.after, self.before + self.wrong + self.after


def parsed(written: str) -> MinimalPair:
    """`The keys to the cabinet [are|is] on the table.` as a pair. BadKnob says how one is written."""
    found = _PAIR.fullmatch(written.strip())
    if found is None or found[2] == found[3]:
        raise BadKnob(
            f"A pair was “{written[:60]}”; it is written with both ways in one pair of brackets and something before"
            " them, the right one first: The keys to the cabinet [are|is] on the table."
        )
    return MinimalPair(*found.groups())


@cache
def pairs_of(kind: str) -> tuple[str, tuple[MinimalPair, ...]]:
    """What a kind is about, and its pairs."""
    path = resources.files("unrolled.figures") / "_surprise_pairs.toml"
    found = tomllib.loads(path.read_text("utf-8"))[kind]
    return found["about"], tuple(parsed(each) for each in found["pairs"])


def bits_of(model: Model, pairs: Sequence[MinimalPair]) -> Work[Float64[np.ndarray, "pair 2"]]:
    """Surprisal of the right and of the wrong text of each pair in bits, without their first token."""
    yield Progress(0, 2 * len(pairs), f"texts read by {model.name}")
    ids = [model.encode(text).ids for pair in pairs for text in pair.texts]
    nats = surprisals_side_by_side(model, ids)
    return np.array([each.sum() for each in nats]).reshape(-1, 2) / math.log(2)


def likely_share(right: int, of: int) -> tuple[float, float, float]:
    """Share, and its 95 % interval (Wilson 1927), which stays within 0 and 1."""
    share = right / of
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return share, max(0.0, middle - half), min(1.0, middle + half)
