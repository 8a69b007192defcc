"""Published models and numbers: the rows of the TOML files of the figure `emergence`, each with its source.

A row that names no known source is an error in the file and raises at once; tests read every row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unrolled.figures._recorded import recorded
from unrolled.provenance import Provenance

MODELS, CURVES, SOURCES = "_emergence_models.toml", "_emergence_curves.toml", "_emergence_sources.toml"
LOOKED_UP = "looked up on 2026-11-24 and once more on 2026-11-30"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A document, and what was read of it."""

    key: str
    cite: str
    title: str
    link: str
    seen: str

    @property
    def paper(self) -> str:
        """Authors, year and title."""
        return f"{self.cite}, {self.title}"


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of one model. `value` is None where the publisher says that it does not say."""

    what: str
    value: float | None
    text: str
    about: str
    source: Source
    where: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model."""

    name: str
    family: str
    maker: str
    date: str
    new: str
    new_source: Source | None
    new_where: str
    numbers: tuple[Number, ...]

    @property
    def year(self) -> float:
        """Its month as a part of the year: the middle of 2020-05 is 2020.375."""
        year, month = self.date.split("-")
        return int(year) + (int(month) - 0.5) / 12

    def number(self, what: str) -> Number | None:
        """The number of this kind, if there is one."""
        return next((each for each in self.numbers if each.what == what), None)


def sources_of() -> dict[str, Source]:
    """Every document by its key."""
    return {key: Source(key=key, **row) for key, row in recorded(SOURCES)[0].items()}


def entries() -> tuple[Entry, ...]:
    """Every model, oldest first, small before large."""
    said, known = recorded(MODELS)[0], sources_of()
    made = [_entry(row, said["measure"], known) for row in said["model"]]
    return tuple(sorted(made, key=lambda each: (each.date, each.family, _size(each))))


def tasks() -> dict[str, Mapping[str, Any]]:
    """Every task with its lines, by name."""
    return {row["name"]: row for row in recorded(CURVES)[0]["task"]}


def firsts() -> list[Mapping[str, Any]]:
    """Rows of Wei et al. 2022, Table 1."""
    rows: list[Mapping[str, Any]] = recorded(CURVES)[0]["first"]
    return rows


def unit_of(what: str) -> str:
    """The unit in which a kind of number is printed."""
    unit: str = recorded(MODELS)[0]["measure"][what]["unit"]
    return unit


def provenance_of(name: str, file: str) -> Provenance:
    """A provenance for what others have measured. No model ran here, so there is neither device nor dtype."""
    return Provenance(name=name, kind="published", hash=recorded(file)[1], version=LOOKED_UP, device="", dtype="")


def words(value: float, unit: str) -> str:
    """175000000000 -> "175 billion"; 12288 -> "12,288"; 43.9 with " %" -> "43.9 %"."""
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= size:
            return f"{value / size:.5g} {name}{unit}"
    return f"{value:,}{unit}"


def _entry(row: Mapping[str, Any], measures: Mapping[str, Any], known: Mapping[str, Source]) -> Entry:
    numbers = [_number(each, measures[each["what"]], known) for each in row["numbers"]]
    numbers += [_words(each, known) for each in row.get("words", ())]
    return Entry(
        **{name: row[name] for name in ("name", "family", "maker", "date")},
        new=_joined(row.get("new", "")),
        new_source=known[row["new_source"]] if "new" in row else None,
        new_where=row.get("new_where", ""),
        numbers=tuple(numbers),
    )


def _number(row: Mapping[str, Any], measure: Mapping[str, Any], known: Mapping[str, Source]) -> Number:
    value = None if row.get("withheld") else row["value"]
    text = "not disclosed" if value is None else row.get("text") or words(value, measure["unit"])
    about = "; ".join(part for part in (measure["about"], row.get("how"), row.get("note")) if part)
    source, where = known[row["source"]], row["where"]
    return Number(what=row["what"], value=value, text=_joined(text), about=_joined(about), source=source, where=where)


def _words(row: Mapping[str, Any], known: Mapping[str, Source]) -> Number:
    """A row like the others whose text is a sentence and whose value is not a number."""
    source, text = known[row["source"]], _joined(row["text"])
    return Number(what=row["what"], value=math.nan, text=text, about="", source=source, where=row["where"])


def _joined(text: str) -> str:
    """A number and its per cent are not torn apart at the end of a line."""
    return text.replace(" %", "\u00a0%")


def _size(entry: Entry) -> float:
    found = entry.number("parameters")
    return found.value if found and found.value else math.inf
