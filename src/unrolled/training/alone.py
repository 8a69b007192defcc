"""Two trainings never write into one run folder: the first holds a lock, which the system lets go when it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from unrolled.errors import BadInput
from unrolled.training.processes import Processes


@contextmanager
def alone(folder: Path, group: Processes) -> Iterator[None]:
    """BadInput if another training is at work in the folder."""
    if not group.first:
        yield
        return
    with (folder / "lock").open("w") as file:
        if not _locked(file):
            raise BadInput(f"Another training is at work in {folder}: wait for its end, or stop it first.")
        yield


def _locked(file: IO[str]) -> bool:
    """Whether the lock was free; Windows has none of this kind."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
