"""Running cells: here, in a pool of local processes, or on Ray. What is finished is on disk before anybody is told.

A killed worker takes its cell with it, which is run again; Ctrl-C and SIGKILL lose the running cells and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._pool import in_pool
from unrolled.experiments._ray import on_ray
from unrolled.experiments._store import missing
from unrolled.experiments._work import run_one

Where = Literal["pool", "ray"]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A cell is finished."""

    outcome: Outcome
    done: int
    total: int
    share: float
    """Of the whole work, by what cells were said to take."""
    left: float
    """Seconds until all are, about: by the time that the finished ones took."""


def run_cells(cells: Sequence[Cell], folder: Path, processes: int = 1, on: Where = "pool") -> Iterator[Ran]:
    """Runs what is missing of `cells`, costly ones first, so that the last to finish are short."""
    todo = sorted(missing(folder, cells), key=lambda cell: -cell.seconds)
    whole = sum(cell.seconds for cell in todo)
    begun, done, spent = time.monotonic(), 0, 0.0
    for outcome in _outcomes(todo, folder, min(processes, len(todo)), on):
        done, spent = done + 1, spent + outcome.cell.seconds
        pace = (time.monotonic() - begun) / spent if spent else 0.0
        share = spent / whole if whole else 1.0
        yield Ran(outcome=outcome, done=done, total=len(todo), share=share, left=pace * (whole - spent))


def _outcomes(todo: Sequence[Cell], folder: Path, processes: int, on: Where) -> Iterator[Outcome]:
    if todo and on == "ray":
        yield from on_ray(todo, folder, processes)
    elif processes > 1:
        yield from in_pool(todo, folder, processes)
    else:
        yield from (run_one(cell, folder) for cell in todo)
