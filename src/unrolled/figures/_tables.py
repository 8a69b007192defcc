"""A result as plain tables, for the terminal, CSV files and readers who prefer rows to pictures.

Fields that share an axis become the columns of one table; a matrix is a table of its own; single values stand
together. Each model has its own tables.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from unrolled.figures import Answer
from unrolled.figures._panel import Field


@dataclass(frozen=True)
class Table:
    """Rows under named columns; `caption` says of what."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    prose: bool = False
    """Sentences rather than figures: shown in files, not in the terminal."""


def tables(answer: Answer) -> list[Table]:
    """Every field of the result in a table, model by model."""
    fields = answer.panel.fields
    found = []
    if any(field.many for field in fields):
        for index, source in enumerate(answer.provenance[: _models(answer, fields)]):
            values = {field.name: getattr(answer.result, field.name)[index] for field in fields if field.many}
            found += _tables([field for field in fields if field.many], values, source.name)
    values = {field.name: getattr(answer.result, field.name) for field in fields if not field.many}
    return found + _tables([field for field in fields if not field.many], values, "")


def _models(answer: Answer, fields: tuple[Field, ...]) -> int:
    """How many models stand side by side: other sources come after theirs."""
    return len(getattr(answer.result, next(field.name for field in fields if field.many)))


def _tables(fields: list[Field], values: dict[str, Any], model: str) -> list[Table]:
    by_axis: dict[str, list[Field]] = defaultdict(list)
    found, single = [], []
    for field in fields:
        if len(field.axes) == 1 or field.axes[1:] == ("2",):  # pairs, such as from and up to, stand in one cell
            by_axis[field.axes[0]].append(field)
        elif field.axes:
            found.append(_matrix(field, values[field.name], model))
        else:
            single.append((field.name, values[field.name]))
    lists = [_columns(axis, group, values, model) for axis, group in by_axis.items()]
    return lists + ([Table(_caption("values", model), ("value", ""), tuple(single))] if single else []) + found


def _columns(axis: str, fields: list[Field], values: dict[str, Any], model: str) -> Table:
    filled = [field for field in fields if len(values[field.name])]
    rows = zip(*(values[field.name] for field in filled), strict=True) if filled else ()
    numbered = tuple((index, *map(_plain, row)) for index, row in enumerate(rows))
    return Table(_caption(f"by {axis}", model), (axis, *(field.name for field in filled)), numbered)


def _matrix(field: Field, value: Any, model: str) -> Table:
    rows = tuple((index, *map(_plain, row)) for index, row in enumerate(value))
    width = len(rows[0]) - 1 if rows else 0
    caption = _caption(f"{field.name} ({' × '.join(field.axes)})", model)
    return Table(caption, (field.axes[0], *map(str, range(width))), rows, prose=field.dtype == "str")


def _caption(what: str, model: str) -> str:
    return f"{model}: {what}" if model else what


def _plain(value: Any) -> Any:
    if getattr(value, "ndim", 0):
        return "–".join(str(part) for part in value.tolist())
    return value.item() if hasattr(value, "item") else value
