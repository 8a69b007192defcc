"""A pool of local processes. A killed worker breaks its pool, and what was not finished is run by a new one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path

from unrolled.errors import WorkersDied
from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._work import run_one

TRIES = 3
"""Pools in a row that may break before anything is finished."""


def in_pool(todo: Sequence[Cell], folder: Path, processes: int) -> Iterator[Outcome]:
    """Outcomes as they come."""
    waiting, broken = list(todo), 0
    while waiting:
        try:
            for outcome in _pool(waiting, folder, processes):
                waiting.remove(outcome.cell)
                broken = 0
                yield outcome
        except BrokenProcessPool:
            broken += 1
            if broken == TRIES:
                raise WorkersDied(
                    f"Worker processes were killed {TRIES} times in a row before a cell was finished; that is mostly "
                    "too little memory. What is finished is kept: go on with fewer --processes."
                ) from None


def _pool(cells: Sequence[Cell], folder: Path, processes: int) -> Iterator[Outcome]:
    """One pool. However it ends, no worker is left behind."""
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_begin)
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


def _begin() -> None:
    """Ctrl-C reaches the whole group of processes, and the first one tells the others; if it is killed, they end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)
