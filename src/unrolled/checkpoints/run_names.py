"""Which runs there are, by name: those of shipped models that come with their log, and those begun on this machine.

    CACHE/runs/PARENT--NAME.json      where a run begun by `unrolled train` lies; gone folders drop out of the list

UNROLLED_RUNS puts that list elsewhere than into the cache.
Its name is the end of its folder's path, as runs/lstm; a second one that would be called the same is runs/lstm.2.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from unrolled.checkpoints import catalogue
from unrolled.checkpoints.cache import cache_folder, write_whole
from unrolled.checkpoints.run_folder import CONFIG
from unrolled.checkpoints.run_log import LOG
from unrolled.checkpoints.runs import Run, read_run
from unrolled.errors import UnknownRun, UnrolledError

_ALIKE = 100
"""Runs whose folders end alike, at most."""
_SAID = 12
"""Names that a sentence lists."""


def note_run(folder: Path) -> str | None:
    """Remembers where a run lies, so that it is found by name; gives the name, or None if that cannot be written."""
    path = folder.resolve()
    for name in _candidates(path):
        file = _noted(name)
        if _here(file) in (None, path):
            try:
                write_whole(file, json.dumps({"folder": str(path)}).encode())
            except OSError:  # a full disk, a read-only home: the run can be named by its folder
                return None
            if _here(file) == path:  # else another one was quicker
                return name
    return None


def run_folders() -> dict[str, Path]:
    """Every run's folder by its name: shipped ones first, then those begun here whose folder is there."""
    shipped = catalogue.SHIPPED
    found = {path.parent.name: path.parent for path in sorted(shipped.glob(f"[!._]*/{LOG}"))}
    for file in sorted(_list().glob("[!.]*.json")):
        folder = _here(file)
        if folder is not None:
            found.setdefault(file.stem.replace("--", "/"), folder)
    return found


def runs() -> tuple[Run, ...]:
    """Each as it stands. One that cannot be read is left out; asking for it says why."""
    found = []
    for name in run_folders():
        try:
            found.append(run(name, paths=False))
        except (UnrolledError, OSError):
            continue
    return tuple(found)


def run(name: str, *, paths: bool = True) -> Run:
    """The run of that name or, with `paths`, in that folder, as it stands. UnknownRun says which names exist.

    Names of runs begun here look like paths: a folder that lies there, seen from where one is, comes before them.
    """
    known = run_folders()
    own = Path(name).expanduser() if paths and name and "\0" not in name else None
    if own is None or not _is_folder(own) or name in _shipped():
        own = None
    folder = own or known.get(name)
    if folder is None:
        raise unknown(name, known, "; the folder of a run opens too" if paths else "")
    shipped = catalogue.entry(name).source if folder.parent == catalogue.SHIPPED else ""
    return read_run(folder, name, shipped=shipped)


def unknown(name: str, known: Iterable[str], end: str = "") -> UnknownRun:
    """That there is none of that name, and which there are."""
    names = list(known)
    there = ", ".join(names[:_SAID]) + (f" and {len(names) - _SAID} more" if len(names) > _SAID else "")
    begin = "none yet: `unrolled train` begins one"
    return UnknownRun(f"There is no run “{name[:200]}” here; there are {there or begin}{end}.")


def usual_runs(found: tuple[Run, ...], most: int = 4) -> tuple[str, ...]:
    """What is shown when nobody said what: the runs that go on now, or else the most shipped ones that compare."""
    live = [each.name for each in found if each.stage in ("preparing", "running")]
    shipped = [each for each in found if not each.folder]
    groups = [[each.name for each in shipped if each.measured_on == one.measured_on] for one in shipped]
    return tuple((live or max(groups, key=len, default=[]) or [each.name for each in found])[:most])


def _candidates(path: Path) -> Iterator[str]:
    """Names for a folder, the plainest first."""
    parts = [re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip(".-_")[:48] or "run" for part in path.parts[1:][-2:]]
    plain = re.sub("-{2,}", "-", "/".join(parts or ["run"]))
    yield from (name for name in (plain, *(f"{plain}.{n}" for n in range(2, _ALIKE))) if name not in _shipped())


def _shipped() -> set[str]:
    return {path.parent.name for path in catalogue.SHIPPED.glob(f"[!._]*/{LOG}")}


def _noted(name: str) -> Path:
    return _list() / f"{name.replace('/', '--')}.json"


def _list() -> Path:
    named = os.environ.get("UNROLLED_RUNS")
    return Path(named).expanduser() if named else cache_folder() / "runs"


def _here(file: Path) -> Path | None:
    """The folder that is noted, if a run is in it."""
    try:
        folder = json.loads(file.read_bytes())["folder"]
        return Path(folder) if (Path(folder) / CONFIG).is_file() else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name longer than any path may be
        return False
