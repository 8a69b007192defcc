"""How the command line shows things to a person: figures as tables, models as lists, knobs as a menu."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from unrolled.figures import Answer, Figure, catalogue
from unrolled.figures._knobs import describe as describe_knob
from unrolled.figures._tables import Table, tables
from unrolled.schema import knobs_schema

BAR = 24  # characters of a whole bar
console = Console(highlight=False)


def show(answer: Answer) -> None:
    """An answer's tables, and under them where the numbers come from."""
    for table in tables(answer):
        if table.rows and not table.prose:
            console.print(_rich(table))
    for source in answer.provenance:
        seed = f", seed {source.seed}" if source.seed is not None else ""
        console.print(f"{source.kind} now by {source.name}, {source.dtype} on {source.device}{seed}; {source.version}", style="dim")


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
        table = RichTable(box=None, show_header=False, pad_edge=False, padding=(0, 2))
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
    """All that is known of one model."""
    table = RichTable(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    for name, value in model.items():
        if name not in ("opens", "closed", "shape"):
            table.add_row(name, f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))
    for name, value in model["shape"].items():
        table.add_row(str(name), str(value))
    table.add_row("opens", ", ".join(model["opens"]) or "no figure yet")
    for name, reason in model["closed"].items():
        table.add_row(f"not {name}", reason)
    console.print(table)


_INPUTS = {"model": "--model M", "models": "--model M …", "text": "--text T", "pair": "--text T --target T"}


def _rich(table: Table) -> RichTable:
    shown = _grid(*table.columns)
    shown.title, shown.title_justify, shown.title_style = table.caption, "left", "bold"
    shares = [index for index, name in enumerate(table.columns) if name.endswith("probabilities")]
    if shares:
        shown.add_column("")
    for row in table.rows:
        bar = [_bar(row[shares[0]])] if shares else []
        shown.add_row(*(_cell(value) for value in row), *bar)
    return shown


def _grid(*columns: str) -> RichTable:
    table = RichTable(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column)
    return table


def _cell(value: Any) -> Text:
    if isinstance(value, float):
        text = f"{value:.4f}" if math.isfinite(value) else str(value).replace("inf", "∞").replace("-", "−")
        return Text(text, justify="right")
    return Text(repr(value)[1:-1] if isinstance(value, str) else str(value), justify="left" if isinstance(value, str) else "right")


def _bar(share: float) -> Text:
    eighths = round(share * BAR * 8)
    return Text("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip(), style="blue")


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"a built-in {_shape(value)} matrix" if isinstance(value, list | tuple) else text[:23] + "…"


def _shape(value: Iterable[Any]) -> str:
    rows = list(value)
    return f"{len(rows)} × {len(rows[0])}"
