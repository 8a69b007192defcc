"""Running cells: in this process, or in a pool of local ones. What is finished is on disk before anybody is told.

A killed worker takes its cell with it, which is run again by a new pool; Ctrl-C and SIGKILL lose the running cells and
nothing else.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._store import missing
from unrolled.experiments._work import doing
from unrolled.progress import finish

_TRIES = 3
"""Pools in a row that may break before anything is finished."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A cell is finished."""

    outcome: Outcome
    done: int
    total: int
    left: float
    """Seconds until all are, about: by the time that the finished ones took."""


def run_cells(cells: Sequence[Cell], folder: Path, processes: int = 1) -> Iterator[Ran]:
    """Runs what is missing of `cells`, costly ones first, so that the last to finish are short."""
    todo = sorted(missing(folder, cells), key=lambda cell: -cell.seconds)
    begun, done, spent = time.monotonic(), 0, 0.0
    for outcome in _outcomes(todo, folder, min(processes, len(todo))):
        done, spent = done + 1, spent + outcome.cell.seconds
        pace = (time.monotonic() - begun) / spent if spent else 0.0
        left = pace * (sum(cell.seconds for cell in todo) - spent)
        yield Ran(outcome=outcome, done=done, total=len(todo), left=left)


def _outcomes(todo: Sequence[Cell], folder: Path, processes: int) -> Iterator[Outcome]:
    if processes <= 1:
        for cell in todo:
            yield run_one(cell, folder)
        return
    waiting, broken = list(todo), 0
    while waiting:
        try:
            for outcome in _pool(waiting, folder, processes):
                waiting.remove(outcome.cell)
                broken = 0
                yield outcome
        except BrokenProcessPool:
            broken += 1
            if broken == _TRIES:
                raise


def _pool(cells: Sequence[Cell], folder: Path, processes: int) -> Iterator[Outcome]:
    """Outcomes as they come. However it ends, no worker is left behind."""
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_not_interrupted)
    left: set[Future[Outcome]] = {pool.submit(run_one, cell, folder) for cell in cells}
    try:
        while left:
            done, left = wait(left, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BaseException:
        for worker in list((pool._processes or {}).values()):
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def run_one(cell: Cell, folder: Path) -> Outcome:
    """One cell, in whatever process this is."""
    return finish(doing(cell, folder))


def _not_interrupted() -> None:
    """Ctrl-C reaches the whole group of processes; the first one tells the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
