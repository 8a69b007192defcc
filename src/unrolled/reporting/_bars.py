"""A plot of kind `bars`, lying: a row for each series of each place, its interval as a line with two ends, its value.

On a logarithmic axis a bar has no foot to stand on: a dot stands for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unrolled.experiments._plot import Mark, Plot, Point
from unrolled.experiments._statistics import Interval
from unrolled.experiments._told import number
from unrolled.reporting._looks import EDGE, INK, RULE, SOFT, Look, looks_of
from unrolled.reporting._scales import extent, tick_text, ticks, xs_of
from unrolled.reporting._words import LINE, broken, canvas, measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = 12.0
ROW, GAP = 24, 12


@dataclass(frozen=True)
class Row:
    """One bar, or the name of a place above its bars."""

    words: str
    y: float
    """px from the top."""
    height: float
    point: Point | None = None
    look: Look | None = None


def draw_bars(plot: Plot, width: int) -> Figure:
    """The figure."""
    letters = 26 if width > 500 else 15
    rows, deep = _rows(plot, letters)
    figure, renderer = canvas(width, 10)
    names = [each for each in rows if each.point]
    left = max((measured(renderer, each.words, SIZE) for each in names), default=0) + 12
    values = [number(each.point.y.mean, 3) for each in names if each.point]
    right = max((measured(renderer, each, SIZE) for each in values), default=0) + 16
    between = extent([e.point for e in names if e.point], [m.y for m in plot.marks], log=plot.y.log, foot=True)
    floors = _floors(renderer, plot.marks, between, width - left - right, right, log=plot.y.log)
    top = 8 + LINE * SIZE * (1 + max((floor for floor, _ in floors), default=-1))
    below = broken(plot.y.label, width // 7)
    bottom = 44 + 15 * below.count("\n")
    height = round(top + deep + bottom)
    figure.set_size_inches(width / 72, height / 72)
    axes = figure.add_axes((left / width, bottom / height, (width - left - right) / width, deep / height))
    _axes(axes, plot, between, deep, 4 if width <= 500 else 6)
    _marks(axes, plot.marks, floors, deep)
    for each in rows:
        _row(axes, each, between, left, deep, log=plot.y.log)
    axes.text(
        1, -26 / deep, below, transform=axes.transAxes, color=SOFT, fontsize=SIZE, ha="right", va="top", linespacing=1.1
    )
    return figure


def _rows(plot: Plot, letters: int) -> tuple[list[Row], float]:
    """All rows from the top, and how deep they are together."""
    looks, xs, alone = looks_of(plot.series), xs_of(plot), _single(plot)
    found: list[Row] = []
    y = 0.0
    for x in xs:
        name = plot.x.names[int(x)] if int(x) < len(plot.x.names) else f"{x:g}"
        here = [(s, p, look) for s, look in zip(plot.series, looks, strict=True) for p in s.points if p.x == x]
        y += GAP if found and not alone else 0
        if not alone and name:
            words = broken(name, 2 * letters)
            height = ROW + LINE * SIZE * words.count("\n")
            found.append(Row(words, y + height / 2, height))
            y += height
        for series, point, look in here:
            own = name if series.role == "measured" or len(plot.series) == 1 else f"{name}, {series.name}"
            words = broken(own if alone else series.name, letters)
            height = max(ROW, LINE * SIZE * (1 + words.count("\n")) + 8)
            found.append(Row(words, y + height / 2, height, point, look))
            y += height
    return found, max(y, ROW) + 4


def _single(plot: Plot) -> bool:
    """Whether its place says what a bar is: there is one at each, of a series alone or with its controls."""
    own = [each for each in plot.series if each.role == "measured"]
    one_each = len(xs_of(plot)) == sum(len(each.points) for each in plot.series)
    return len(plot.series) == 1 or (len(own) == 1 and one_each)


def _axes(axes: Any, plot: Plot, between: tuple[float, float], deep: float, most: int) -> None:
    axes.set_xscale("log" if plot.y.log else "linear")
    axes.set_xlim(between)
    axes.set_ylim(deep, 0)
    at = ticks(between, log=plot.y.log, most=most)
    axes.set_xticks(at, [tick_text(value, between if plot.y.log else (1, 1)) for value in at])
    axes.set_yticks([])
    axes.minorticks_off()
    axes.grid(axis="x", color=RULE, linewidth=1)
    axes.set_axisbelow(True)


def _row(axes: Any, row: Row, between: tuple[float, float], left: float, deep: float, *, log: bool) -> None:
    width = axes.get_window_extent().width
    said = {"transform": axes.get_yaxis_transform(), "color": INK, "fontsize": SIZE, "va": "center_baseline"}
    weight, spacing = ("normal", 1.0) if row.point else ("semibold", None)
    axes.text(-left / width, row.y, row.words, fontweight=weight, linespacing=spacing, **said)
    if row.point and row.look:
        _bar(axes, row.y, row.point.y, row.look.colour, between, log=log)
        axes.text(1 + 8 / width, row.y, number(row.point.y.mean, 3), **said)


def _bar(axes: Any, at: float, y: Interval, colour: str, between: tuple[float, float], *, log: bool) -> None:
    """The bar or its dot, and the interval; what is beyond the axis ends at its edge."""
    value, low, high = (min(max(each, between[0]), between[1]) for each in (y.mean, y.low, y.high))
    if log:
        axes.plot([between[0], value], [at, at], color=colour, linewidth=1, dashes=(1, 3), zorder=2)
        axes.plot([value], [at], color=colour, marker="o", markersize=8, zorder=3, gid="dot")
    else:
        axes.barh([at], [value], height=13, color=colour, zorder=2)
    if y.low != y.high:
        axes.hlines([at], low, high, color=INK, linewidth=1.5, zorder=4)
        axes.vlines([low, high], at - 4, at + 4, color=INK, linewidth=1.5, zorder=4)


def _floors(
    renderer: Any, marks: Sequence[Mark], between: tuple[float, float], width: float, right: float, *, log: bool
) -> list[tuple[int, str]]:
    """On which line above the picture each mark is named, and to which side of its line the words stand."""
    taken: list[list[tuple[float, float]]] = []
    found = []
    for mark in marks:
        at = _share(mark.y, between, log) * width
        wide = measured(renderer, mark.says, 11) + 10
        side = "left" if at + wide <= width + right else "right"
        span = (at, at + wide) if side == "left" else (at - wide, at)
        floor = next((i for i, spans in enumerate(taken) if _free(span, spans)), len(taken))
        taken += [[]] if floor == len(taken) else []
        taken[floor].append(span)
        for below in taken[:floor]:
            below.append((at - 2, at + 2))  # its line goes through there
        found.append((floor, side))
    return found


def _free(span: tuple[float, float], spans: Sequence[tuple[float, float]]) -> bool:
    return all(span[1] <= low or high <= span[0] for low, high in spans)


def _share(value: float, between: tuple[float, float], log: bool) -> float:
    from math import log as ln

    low, high, value = (ln(each) for each in (*between, value)) if log and value > 0 else (*between, value)
    return (value - low) / (high - low)


def _marks(axes: Any, marks: Sequence[Mark], floors: Sequence[tuple[int, str]], deep: float) -> None:
    from matplotlib.transforms import ScaledTranslation

    for mark, (floor, side) in zip(marks, floors, strict=True):
        top = -(4 + LINE * SIZE * (floor + 0.5))
        axes.plot([mark.y, mark.y], [deep, top], color=EDGE, linewidth=1.25, dashes=(4, 3), zorder=1.5, clip_on=False)
        aside = axes.transData + ScaledTranslation((4 if side == "left" else -4) / 72, 0, axes.figure.dpi_scale_trans)
        axes.text(mark.y, top, mark.says, transform=aside, color=SOFT, fontsize=11, ha=side, va="center_baseline")
