"""How the command line shows things to a person: figures as tables, models as lists, knobs as a menu."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from unrolled.figures import Answer, Figure, catalogue
from unrolled.figures._knobs import describe as describe_knob
from unrolled.figures._tables import Table, tables
from unrolled.schema import knobs_schema

BAR = 16  # characters of a whole bar
WIDE = 9  # columns that have room for four digits
LONG = 60  # rows of a table that is shown whole
console = Console(highlight=False)


def show(answer: Answer) -> None:
    """An answer's tables, and under them where the numbers come from."""
    for table in map(_thinned, tables(answer)):
        if table.rows and not table.prose:
            console.print(f"\n{table.caption}", style="bold", markup=False)
            console.print(_rich(table))
    console.print()
    for source in answer.provenance:
        seed = f", seed {source.seed}" if source.seed is not None else ""
        sha256 = f", sha256 {source.hash[:8]}…" if source.hash else ""
        trained = f" ({source.training}{sha256})" if source.training else ""
        kind = _KINDS[source.kind]
        ran = f", {source.dtype} on {source.device}" if source.device else ""  # what others published ran elsewhere
        console.print(f"{kind} by {source.name}{trained}{ran}{seed}; {source.version}", style="dim")


def list_figures() -> None:
    """Every figure with its question."""
    table = _grid("figure", "question", "panels")
    for name, figure in catalogue().items():
        table.add_row(name, figure.question, ", ".join(figure.panels))
    console.print(table)
    console.print("unrolled figure NAME --help lists a figure's knobs.")


def describe(figure: Figure) -> None:
    """A figure's panels, what each takes, and its knobs with their bounds."""
    console.print(f"{figure.name}: {figure.question}\n", style="bold")
    for panel in figure.panels.values():
        kinds = [_INPUTS[accepted.kind] for accepted in panel.inputs.values()]
        console.print(Text(f"--panel {panel.name}   " + "  ".join(kinds)))
        console.print(Text("  " + panel.doc.partition("\n")[0]))
        table = _pairs()
        for name, knob in knobs_schema(panel)["properties"].items():
            start = "" if knob.get("default") is None else f"starts at {_brief(knob['default'])}"
            table.add_row(f"    --{name.replace('_', '-')}", describe_knob(knob), start, knob["description"])
        console.print(table)


def list_models(models: list[dict[str, Any]]) -> None:
    """Short names, whether they are here, and what they open."""
    table = _grid("name", "model", "here", "size", "licence", "opens")
    for model in models:
        size = f"{model['size_bytes'] / 1e6:,.0f} MB"
        here = "yes" if model["here"] else f"no: unrolled models get {model['name']}"
        table.add_row(model["name"], model["title"], here, size, model["licence"], ", ".join(model["opens"]) or "–")
    console.print(table)


def model_info(model: dict[str, Any]) -> None:
    """All that is known of one model; tensors that differ only in their layer's number share a line."""
    table = _pairs()
    for name, value in model.items():
        if name not in ("opens", "closed", "tensors"):
            table.add_row(name, f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))
    table.add_row("opens", ", ".join(model["opens"]) or "no figure yet")
    for name, reason in model["closed"].items():
        table.add_row(f"not {name}", reason)
    console.print(table)
    kinds = Counter(
        (re.sub(r"\d+", "*", name), " × ".join(map(str, tensor["shape"])), tensor["dtype"])
        for name, tensor in model["tensors"].items()
    )
    shapes = _grid("tensor", "shape", "stored as", "how many")
    for (name, shape, dtype), count in kinds.items():
        shapes.add_row(name, shape, dtype, str(count))
    console.print(shapes)


_KINDS = {
    "computed": "computed now",
    "trained": "computed now",
    "published": "published",
    "recorded": "recorded earlier",
}
_INPUTS = {
    "model": "--model M",
    "models": "--model M …",
    "text": "--text T",
    "target": "--target T",
    "pair": "--text T --target T",
    "run": "--run R",
    "runs": "--run R …",
}


def _thinned(table: Table) -> Table:
    """A table that a person can read: of a long one every so-manieth row, and the last."""
    every = -(-len(table.rows) // LONG)
    if every <= 1:
        return table
    rows = tuple(row for index, row in enumerate(table.rows) if index % every == 0 or index == len(table.rows) - 1)
    return replace(table, rows=rows, caption=f"{table.caption}, every {every}th row (--out FILE.csv holds all)")


def _rich(table: Table) -> RichTable:
    """A column that says the same as the one before it is left out; probabilities get a bar."""
    columns = list(zip(table.columns, zip(*table.rows, strict=True), strict=True))
    kept = [columns[0]] + [now for before, now in pairwise(columns) if now[1] != before[1]]
    names, values = zip(*kept, strict=True)
    shown = _grid(*names)
    shares = next((column for name, column in kept if name.endswith("probabilities")), None)
    if shares:
        shown.add_column("")
    for index, row in enumerate(zip(*values, strict=True)):
        shown.add_row(
            *(_cell(value, 4 if len(row) <= WIDE else 2) for value in row), *([_bar(shares[index])] if shares else [])
        )
    return shown


def _pairs() -> RichTable:
    return RichTable(box=None, show_header=False, pad_edge=False, padding=(0, 2))


def _grid(*columns: str) -> RichTable:
    table = RichTable(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _cell(value: Any, digits: int = 4) -> Text:
    if isinstance(value, float):
        places = ".1e" if 0 < abs(value) < 10**-digits else f".{digits}f"
        text = f"{value:{places}}" if math.isfinite(value) else str(value).replace("inf", "∞").replace("-", "−")
        return Text(text, justify="right")
    if isinstance(value, str):
        seen = value.replace("\n", "⏎").replace("\t", "⇥")
        return Text(seen if seen and seen == seen.strip() else f"“{seen}”")
    return Text(str(value), justify="right")


def _bar(share: float) -> Text:
    eighths = round(share * BAR * 8)
    return Text("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip(), style="blue")


def _brief(value: Any) -> str:
    text = str(value)
    return (
        text
        if len(text) <= 24
        else f"a built-in {_shape(value)} matrix"
        if isinstance(value, list | tuple)
        else text[:23] + "…"
    )


def _shape(value: Iterable[Any]) -> str:
    rows = list(value)
    return f"{len(rows)} × {len(rows[0])}"
