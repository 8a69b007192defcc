"""The lock of a run folder: held while a training is at work in it, let go by the system when that ends, however."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import IO

LOCK = "lock"
_SILENT = 120.0
"""Where there are no such locks: seconds without a line in the log after which a run counts as ended."""


def locked(file: IO[str], *, alone: bool = True) -> bool:
    """Takes the lock, if it is free; Windows has none of this kind. `alone`: else several may hold it at once."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def at_work(folder: Path, log: Path) -> bool:
    """Whether a training holds the folder. Looking takes the lock for a moment, which a training waits for."""
    if sys.platform == "win32":
        return log.is_file() and time.time() - log.stat().st_mtime < _SILENT
    try:
        with (folder / LOCK).open() as file:
            return not locked(file, alone=False)
    except OSError:
        return False
