"""A planted claim for `make bench`: one fixed piece of work a cell, about half a second of a core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, exactly
from unrolled.progress import Progress, Work

CELLS, PRODUCTS, SIZE = 16, 24, 1024


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Equal ones."""
    return [Cell(claim="load", family="matmul", seed=seed, seconds=0.5) for seed in range(CELLS)]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Products of a matrix with itself, whose rows add up to 1 before and after."""
    rows = torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(cell.seed))
    square = made = rows / rows.sum(1, keepdim=True)
    for product in range(PRODUCTS):
        made = made @ square
        yield Progress(product, PRODUCTS)
    return {"sum": float(made.sum()) / SIZE}


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """The worst of the sums."""
    return {"sum": exactly(max(abs(each.found["sum"] - 1) for each in outcomes))} if outcomes else {}


CLAIM = Claim(
    name="load",
    number=99,
    says="Rows that add up to 1 still do after products.",
    source="here",
    question="Do they?",
    method=("Add.",),
    rule=Rule(required=(Bound(measure="sum", means="largest error", at_most=1e-3),)),
    turns="Another arithmetic.",
    plan=plan,
    run=run,
    measure=measure,
)
