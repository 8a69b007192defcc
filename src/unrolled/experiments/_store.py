"""Cells that have been run, on disk: one JSON file each, named by the hash of what defines it, written whole or not.

CELLS/KEY.json      the outcome
CELLS/KEY.*         what else the cell left, e.g. weights
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from unrolled.checkpoints.cache import cache_folder, write_whole
from unrolled.errors import BadResult
from unrolled.experiments._claim import Cell, Outcome


def cells_folder() -> Path:
    """Where cells lie when nobody says otherwise."""
    return cache_folder() / "experiments" / "cells"


def keep(folder: Path, outcome: Outcome) -> None:
    """Writes an outcome."""
    said = json.dumps(asdict(outcome), ensure_ascii=False, allow_nan=False, indent=1)
    write_whole(folder / f"{outcome.cell.key}.json", said.encode())


def kept(folder: Path, cell: Cell) -> Outcome | None:
    """The outcome of a cell that has been run here; BadResult names a file that is none, or another cell's."""
    path = folder / f"{cell.key}.json"
    try:
        said = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadResult(f"{path} is damaged ({error}): delete it, and the cell is run again.") from None
    found = outcome_from(said)
    if found is None or found.cell.key != cell.key:
        raise BadResult(f"{path} is no result of “{cell.title}”: delete it, and the cell is run again.")
    return found


def outcome_from(said: object) -> Outcome | None:
    """An outcome from JSON, or None."""
    if not (isinstance(said, dict) and said.keys() == {each.name for each in fields(Outcome)}):
        return None
    cell = said["cell"]
    if not (isinstance(cell, dict) and cell.keys() == {each.name for each in fields(Cell)}):
        return None
    return Outcome(**{**said, "cell": Cell(**cell)})


def missing(folder: Path, cells: Iterable[Cell]) -> list[Cell]:
    """Those that have not been run here, or failed; each once."""
    each = {cell.key: cell for cell in cells}
    return [cell for cell in each.values() if (found := kept(folder, cell)) is None or found.failed]
