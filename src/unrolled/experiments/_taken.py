"""Cells that were finished elsewhere: in another sitting whose cache is gone, or on another machine.

A result file holds its cells whole, so any folder of results can give them back. Each keeps its own machine and
versions; failed ones, and those of another version or setting, are not taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from unrolled.errors import BadInput
from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._results import outcomes_of, read_result, recorded_folder

PACKAGE = "package"
"""Stands for the results that come along."""


def folders_of(named: Sequence[str]) -> list[Path]:
    """Folders of results by path, or by the word for the package's own."""
    found = [recorded_folder() if each == PACKAGE else Path(each).expanduser() for each in named]
    for folder in found:
        if not folder.is_dir():
            raise BadInput(f"{folder} is no folder of results; give one, or “{PACKAGE}” for those that come along.")
    return found


def taken(cells: Iterable[Cell], folders: Sequence[Path]) -> list[Outcome]:
    """Outcomes of those of `cells` that a result in one of the folders holds; the first folder that has it counts."""
    wanted = {cell.key: cell for cell in cells}
    held = _held(sorted({cell.claim for cell in wanted.values()}), folders)
    return [
        dataclasses.replace(outcome, cell=cell)
        for outcome in held
        if not outcome.failed and (cell := wanted.pop(outcome.cell.key, None))
    ]


def _held(claims: Iterable[str], folders: Sequence[Path]) -> Iterator[Outcome]:
    for folder in folders:
        for name in claims:
            path = folder / f"{name}.json"
            if path.is_file():
                yield from outcomes_of(read_result(path))
