"""A claim of many short cells, for tests that kill what runs them: numbers that nobody guesses, about a tenth of a
second each. UNROLLED_CLAIMS names this folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, interval
from unrolled.progress import Progress, Work

CELLS, PIECES, ROUNDS = 40, 10, 20_000


def plan(scale: Scale, seeds: int) -> list[Cell]:
    return [Cell(claim="short", family="hash", seed=seed, seconds=0.1) for seed in range(CELLS)]


def run(cell: Cell, folder: Path) -> Work[Found]:
    values = []
    for piece in range(PIECES):
        yield Progress(piece, PIECES)
        said = hashlib.pbkdf2_hmac("sha256", b"short", f"{cell.seed} {piece}".encode(), ROUNDS)
        values.append(said[0] / 3)
    return {"values": values, "mean": sum(values) / PIECES}


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    return {"mean": interval([each.found["mean"] for each in outcomes])} if len(outcomes) > 1 else {}


CLAIM = Claim(
    name="short",
    number=98,
    says="Hashes are even.",
    source="here",
    question="Are they?",
    method=("Look.",),
    rule=Rule(required=(Bound(measure="mean", means="the mean", at_least=30, at_most=55),)),
    turns="Other hashes.",
    plan=plan,
    run=run,
    measure=measure,
    memory=0.3,
)
