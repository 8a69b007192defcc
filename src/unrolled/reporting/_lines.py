"""A plot of kind `lines`: points with their bands, each series named at its end, marks as dashed lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unrolled.experiments._plot import Plot, Series
from unrolled.reporting._looks import EDGE, RULE, SOFT, Look, looks_of
from unrolled.reporting._scales import extent, places, tick_text, ticks, xs_of
from unrolled.reporting._words import LINE, apart, broken, canvas, measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = 12.0
LEFT, TOP, BOTTOM = 52, 30, 52


@dataclass(frozen=True)
class Label:
    """What stands to the right of the picture, at the height of what it names."""

    words: str
    y: float
    colour: str
    weight: str


def draw_lines(plot: Plot, width: int) -> Figure:
    """The figure."""
    above = broken(plot.y.label, width // 7)
    top = TOP + 15 * above.count("\n")
    looks = looks_of(plot.series)
    labels = _labels(plot, looks, 26 if width > 500 else 14)
    letters = max((len(line) for each in labels for line in each.words.split("\n")), default=0)
    below = broken(plot.x.label, max(12, (width - 18) // 7 - letters))
    bottom = BOTTOM + 15 * below.count("\n")
    height = round(top + bottom + max(278 if width > 500 else 238, sum(map(_height, labels)) - 20))
    figure, renderer = canvas(width, height)
    right = max((measured(renderer, each.words, SIZE, each.weight) for each in labels), default=0) + 18
    box = (LEFT / width, bottom / height, (width - LEFT - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box)
    _axes(axes, plot, narrow=width <= 500)
    for mark in plot.marks:
        axes.axhline(mark.y, color=EDGE, linewidth=1.25, dashes=(4, 3), zorder=1.5)
    for each, look in zip(plot.series, looks, strict=True):
        _series(axes, each, look)
    _write(axes, labels, width - LEFT - right, height - top - bottom)
    axes.text(0, 1, above, transform=_shifted(axes, -LEFT + 2, 10), color=SOFT, fontsize=SIZE, va="bottom")
    under = _shifted(axes, 0, 24 - BOTTOM)
    axes.text(1, 0, below, transform=under, color=SOFT, fontsize=SIZE, va="top", ha="right", linespacing=1.0)
    return figure


def _axes(axes: Any, plot: Plot, *, narrow: bool) -> None:
    points, xs = [point for each in plot.series for point in each.points], xs_of(plot)
    up = extent(points, [mark.y for mark in plot.marks], log=plot.y.log)
    along = _along(plot, xs)
    for axis, log in ((axes.set_xscale, plot.x.log), (axes.set_yscale, plot.y.log)):
        axis("log" if log else "linear")
    axes.set_ylim(up)
    axes.set_xlim(along)
    at = ticks(up, log=plot.y.log)
    axes.set_yticks(at, [tick_text(value, up if plot.y.log else (1, 1)) for value in at], minor=False)
    under = places(plot.x, xs, along, 5 if narrow else 8)
    shown = [broken(words, 9 if narrow else 14) for _, words in under]
    axes.set_xticks([x for x, _ in under], shown, minor=False)
    axes.minorticks_off()
    axes.grid(axis="y", color=RULE, linewidth=1)
    axes.set_axisbelow(True)


def _along(plot: Plot, xs: Sequence[float]) -> tuple[float, float]:
    if plot.x.names:
        return (-0.4, max(len(plot.x.names) - 0.6, 0.4))
    if not xs:
        return (0.1, 1.0) if plot.x.log else (0.0, 1.0)
    low, high = xs[0], xs[-1]
    if low == high:
        return (low / 2, high * 2) if plot.x.log else (low - 1, high + 1)
    if plot.x.log:
        air = (high / low) ** 0.03
        return (low / air, high * air)
    return (low - 0.02 * (high - low), high + 0.02 * (high - low))


def _series(axes: Any, series: Series, look: Look) -> None:
    x, y = [each.x for each in series.points], [each.y for each in series.points]
    means, lows, highs = ([getattr(each, name) for each in y] for name in ("mean", "low", "high"))
    dashes = {"dashes": look.dash} if look.dash else {}
    thick = 1.5 if look.thin else 2.25
    axes.plot(x, means, color=look.colour, linewidth=thick, zorder=3, gid=f"line {series.name}", **dashes)
    if series.role == "theory":
        return
    axes.plot(x, means, color=look.colour, linestyle="none", marker="o", markersize=4 if look.thin else 5.5, zorder=4)
    if any(low != high for low, high in zip(lows, highs, strict=True)):
        axes.fill_between(x, lows, highs, color=look.colour, alpha=0.18, linewidth=0, zorder=2)
        axes.vlines(x, lows, highs, color=look.colour, linewidth=1.25, zorder=2.5)


def _labels(plot: Plot, looks: Sequence[Look], letters: int) -> list[Label]:
    named = [
        Label(broken(each.name, letters), each.points[-1].y.mean, SOFT if look.thin else look.colour, "semibold")
        for each, look in zip(plot.series, looks, strict=True)
        if each.points and (each.name or len(plot.series) > 1)
    ]
    return named + [Label(broken(mark.says, letters), mark.y, SOFT, "normal") for mark in plot.marks]


def _write(axes: Any, labels: Sequence[Label], width: float, height: float) -> None:
    """Labels beside the right end, each at its height or as near as the others let it."""
    low, high = axes.get_ylim()
    ends = [axes.transAxes.inverted().transform(axes.transData.transform((axes.get_xlim()[1], y)))[1] * height
            for y in (min(max(each.y, low), high) for each in labels)]  # fmt: skip
    heights = [_height(each) for each in labels]
    for each, end, middle in zip(labels, ends, apart(ends, heights, -10, height + 10), strict=True):
        at = (1 + 12 / width, middle / height)
        if abs(end - middle) > 4:
            axes.plot(
                [1, 1 + 9 / width],
                [end / height, at[1]],
                transform=axes.transAxes,
                color=EDGE,
                linewidth=0.75,
                clip_on=False,
            )
        axes.text(
            *at,
            each.words,
            transform=axes.transAxes,
            color=each.colour,
            fontsize=SIZE,
            fontweight=each.weight,
            va="center_baseline",
            linespacing=1.0,
        )


def _height(label: Label) -> float:
    return LINE * SIZE * (1 + label.words.count("\n")) + 2


def _shifted(axes: Any, right: float, up: float) -> Any:
    """The axes' own places, moved by px."""
    from matplotlib.transforms import ScaledTranslation

    return axes.transAxes + ScaledTranslation(right / 72, up / 72, axes.figure.dpi_scale_trans)
