"""Two trainings never write into one run folder: the first holds a lock, which the system lets go when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from unrolled.checkpoints.run_lock import LOCK, locked
from unrolled.errors import BadInput
from unrolled.training.processes import Processes

_TRIES, _PAUSE = 10, 0.02
"""Who only looks whether a training is at work holds the lock for less than a pause."""


@contextmanager
def alone(folder: Path, group: Processes) -> Iterator[None]:
    """BadInput if another training is at work in the folder."""
    if not group.first:
        yield
        return
    with (folder / LOCK).open("w") as file:
        if not _soon_locked(file):
            raise BadInput(f"Another training is at work in {folder}: wait for its end, or stop it first.")
        yield


def _soon_locked(file: IO[str]) -> bool:
    for _ in range(_TRIES):
        if locked(file):
            return True
        time.sleep(_PAUSE)
    return False
