"""A claim with known numbers, for tests of the engine: cells that give their seed, one that raises, one that kills."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, interval
from unrolled.progress import Progress, Work


def cell(family: str, seed: int) -> Cell:
    return Cell(claim="planted", family=family, setting={"size": 1}, seed=seed, seconds=60.0)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    return [cell("value", seed) for seed in range(seeds)]


def run(cell: Cell, folder: Path) -> Work[Found]:
    yield Progress(0, 1)
    if cell.family == "raises":
        raise RuntimeError("planted")
    if cell.family == "dies once" and not (mark := folder / "died").exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": 1.0 + cell.seed / 100}


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    return {"value": interval([each.found["value"] for each in outcomes])} if len(outcomes) > 1 else {}


CLAIM = Claim(
    name="planted",
    number=99,
    says="Planted numbers are found.",
    source="here",
    question="Are they?",
    method=("Look.",),
    rule=Rule(required=(Bound(measure="value", means="the value", at_least=0.9, at_most=1.2),)),
    turns="Other numbers.",
    plan=plan,
    run=run,
    measure=measure,
    seeds={"quick": 2, "full": 3},
)
