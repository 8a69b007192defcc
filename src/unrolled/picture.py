"""Pictures without a browser: a figure's answer -> the SVG file that the page's own button would give, or a PNG.

The scenes of the page are compiled for a bare JavaScript engine (`page/scenes.js`, from web/src/picture.ts), which
`mini-racer` runs; `resvg` draws the PNG in the fonts of `page/fonts/`. Both come with the extra `unrolled[export]`.
"""

from __future__ import annotations

import base64
import importlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal, cast

from unrolled import checkpoints, wire
from unrolled.checkpoints import run_names
from unrolled.errors import BadInput, MissingExtra, UnrolledError
from unrolled.figures import Answer, figure
from unrolled.figures._panel import Panel
from unrolled.lettering import lettered, needs_system_fonts
from unrolled.progress import Work
from unrolled.state import Loaded, State, answered, question

Scheme = Literal["light", "dark"]
WIDTHS = (240, 4000)
"""Fewest and most px that a picture may be wide."""
WIDTH = 860


def check_extra(*, png: bool = False) -> None:
    """Raises MissingExtra; asked before any work is done."""
    for module in ("py_mini_racer", *(["resvg_py"] if png else [])):
        _extra(module)


def check_width(width: int) -> None:
    """Raises BadInput with the widths that there are."""
    low, high = WIDTHS
    if not low <= width <= high:
        raise BadInput(f"A picture {width} px wide cannot be drawn; widths go from {low} to {high}.")


def names() -> list[str]:
    """The figures that have a picture."""
    return sorted(_call("names"))


def questions(name: str, state: State) -> list[tuple[Panel, dict[str, Any]]]:
    """What must be answered before this state can be drawn: panels, each with its question."""
    panels = figure(name).panels
    asked = _call("questions", name, asdict(state))
    return [(panels[each["panel"]], question(panels[each["panel"]], state, each["knobs"])) for each in asked]


def besides(name: str, state: State) -> tuple[list[tuple[Panel, dict[str, Any]]], dict[str, list[str]]]:
    """What the view asks besides; and by panel, the whole numbers that a reader chooses in the picture itself."""
    panels = figure(name).panels
    found = _call("besides", name, asdict(state))
    also = [(panels[each["panel"]], question(panels[each["panel"]], state, each["knobs"])) for each in found["also"]]
    return also, found["picks"]


def svg(name: str, state: State, answers: Sequence[Answer], *, width: int = WIDTH, scheme: Scheme = "light") -> str:
    """The picture as an SVG file.

    Raises:
        MissingExtra: without `unrolled[export]`.
        BadInput: a figure that has no picture, a width out of bounds.
    """
    check_width(width)
    order = {
        "figure": {"name": name, "question": figure(name).question},
        "state": asdict(state),
        "width": width,
        "scheme": scheme,
        "models": looked_at(state.looked_at, state.runs),
        "answers": {each.panel.name: base64.b64encode(wire.encode(each)).decode() for each in answers},
    }
    drawn = _call("draw", order)
    if drawn is None:
        raise BadInput(
            f"{name} has no picture of its panel {state.panel}; write its numbers instead, as .json or .csv."
        )
    return str(drawn)


def png(drawing: str, *, scale: float = 2) -> bytes:
    """An SVG file of ours as pixels, `scale` of them a px, in the page's fonts and, for other scripts, the system's."""
    resvg = _extra("resvg_py")
    fonts = [str(path) for path in built("fonts").iterdir()]
    plain = dict.fromkeys(("sans_serif_family", "font_family"), "Inter")
    families = plain | {"monospace_family": "JetBrains Mono", "serif_family": "Source Serif 4"}
    written = lettered(drawing)
    alone = not needs_system_fonts(written)
    return bytes(
        resvg.svg_to_bytes(svg_string=written, zoom=scale, font_files=fonts, skip_system_fonts=alone, **families)
    )


def drawing(panel: Panel, state: State, loaded: Loaded, *, width: int = WIDTH, scheme: Scheme = "light") -> Work[str]:
    """Asks what the picture needs and draws it, as an SVG file."""
    answers = []
    for each, asked in questions(panel.figure, state):
        found = yield from answered(each, asked, loaded)
        answers.append(found)
    return svg(panel.figure, state, answers, width=width, scheme=scheme)


def looked_at(models: Sequence[str], runs: Sequence[str] = ()) -> list[dict[str, str | bool]]:
    """All models that the page would list, runs too if there are some, so that each gets the colour it has there."""
    known = {entry.name: entry for entry in checkpoints.entries()}  # reading their headers takes a moment: once
    strange = [each for each in models if each not in known]
    entries = [(each, known.get(each) or checkpoints.entry(each)) for each in dict.fromkeys((*strange, *known))]
    looks: list[dict[str, str | bool]] = [
        {"name": each, "architecture": entry.architecture, "takes_target": entry.takes_target}
        for each, entry in entries
    ]
    return looks + (_runs_looked_at(runs) if runs else [])


def _runs_looked_at(runs: Sequence[str]) -> list[dict[str, str | bool]]:
    found = {each.name: each for each in run_names.runs()}
    strange = [run_names.run(each) for each in dict.fromkeys(runs) if each not in found]
    return [
        {"name": each.name, "architecture": each.family, "takes_target": False} for each in (*found.values(), *strange)
    ]


def _call(function: str, *arguments: Any) -> Any:
    engine, failure = _engine()
    try:
        return engine.call(f"pictures.{function}", *arguments)
    except failure as error:
        said = str(error).strip().splitlines()[-1:] or ["no reason given"]
        raise UnrolledError(f"The picture could not be drawn: a mistake inside unrolled ({said[0][:200]}).") from error


@cache
def _engine() -> tuple[Any, type[Exception]]:
    """One JavaScript engine with the scenes in it, and what it raises. Starting it takes a fifth of a second."""
    racer = _extra("py_mini_racer")
    engine = racer.MiniRacer()
    engine.eval(built("scenes.js").read_text("utf-8"))
    return engine, cast("type[Exception]", racer.JSEvalException)


def built(name: str) -> Traversable:
    part = resources.files("unrolled") / "page" / name
    if not (part.is_file() or part.is_dir()):
        raise UnrolledError(
            "The page is not built: `make guide` builds it, and so does `pip install .` in the sources."
        )
    return part


def _extra(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtra("Pictures need two more packages: pip install 'unrolled[export]'.") from None
