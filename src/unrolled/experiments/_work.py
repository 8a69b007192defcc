"""Doing one cell: its claim's `run`, timed, and kept on disk by whoever did it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch

from unrolled.errors import UnrolledError
from unrolled.experiments._catalogue import claim
from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._machine import machine
from unrolled.experiments._store import keep
from unrolled.progress import Work, finish
from unrolled.provenance import COMPUTED_BY


def doing(cell: Cell, folder: Path) -> Work[Outcome]:
    """Runs a cell on one thread and keeps its outcome. A cell that raises is an outcome too: it failed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    begun = time.process_time()
    found, failed = {}, ""
    try:
        said = dict((yield from claim(cell.claim).run(cell, folder)))
        json.dumps(said, allow_nan=False)
        found = said
    except UnrolledError as error:
        failed = f"{error}"
    except Exception as error:  # noqa: BLE001  (whatever goes wrong in one cell, the others go on)
        failed = f"{type(error).__name__}: {error}".replace("\n", " ")
    finally:
        torch.set_num_threads(threads)
    seconds = round(time.process_time() - begun, 3)
    outcome = Outcome(cell=cell, found=found, seconds=seconds, machine=machine(), versions=COMPUTED_BY, failed=failed)
    keep(folder, outcome)
    return outcome


def run_one(cell: Cell, folder: Path) -> Outcome:
    """One cell, in whatever process this is."""
    return finish(doing(cell, folder))
