"""Where axes begin and end, and what stands at them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from unrolled.experiments._plot import Axis, Plot, Point
from unrolled.experiments._told import number, superscript

Extent = tuple[float, float]


def extent(points: Iterable[Point], marks: Iterable[float], *, log: bool, foot: bool = False) -> Extent:
    """Holds all means and marks, and of intervals as much as doubles that: a very wide one runs off, and is seen to.

    `foot`: bars stand on 0.
    """
    kept = [each.y for each in points if not log or each.y.mean > 0]
    middle = [_place(value, log) for value in (*(y.mean for y in kept), *marks) if not log or value > 0]
    if foot and not log:
        middle.append(0.0)
    if not middle:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(middle), max(middle)
    room = (high - low) or max(abs(high), 1.0) * 0.5
    lows = [_place(y.low, log) for y in kept if not log or y.low > 0]
    highs = [_place(y.high, log) for y in kept]
    begin, end = max(min([low, *lows]), low - room), min(max([high, *highs]), high + room)
    air = 0.06 * ((end - begin) or room)
    begin, end = (begin if foot and not log and begin == 0 else begin - air), end + air
    return (math.exp(begin), math.exp(end)) if log else (begin, end)


def _place(value: float, log: bool) -> float:
    return math.log(value) if log else value


def ticks(between: Extent, *, log: bool, most: int = 6) -> list[float]:
    """Round values inside, few enough to be read."""
    low, high = between
    if log:
        return _powers(low, high, most)
    step = _round_step((high - low) / max(1, most - 1))
    return [round(i * step, 12) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _round_step(rough: float) -> float:
    power = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)


def _powers(low: float, high: float, most: int) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 2:
        finer = [f * 10.0**p for p in range(first - 1, last + 1) for f in (1, 2, 5)]
        found = [value for value in finer if low <= value <= high]
        return found if len(found) > 1 else ticks((low, high), log=False, most=most)
    every = math.ceil((last - first + 1) / most)
    return [10.0**p for p in range(first, last + 1) if p % every == 0]


def places(axis: Axis, xs: Sequence[float], between: Extent, most: int) -> list[tuple[float, str]]:
    """Ticks along x: the names, the values themselves where they are few, otherwise round ones."""
    if axis.names:
        return [(x, axis.names[int(x)]) for x in xs if 0 <= int(x) < len(axis.names) and x == int(x)]
    if len(xs) <= most:
        return [(x, tick_text(x)) for x in xs]
    return [(x, tick_text(x)) for x in ticks(between, log=axis.log, most=most)]


def tick_text(value: float, between: Extent = (1, 1)) -> str:
    """Short: 0.1, 1,024, 3.2M, 10⁻¹²; powers of ten alone where the axis goes over many of them."""
    size = abs(value)
    many = between[0] > 0 and between[1] / between[0] > 1e8
    if size and size != 1 and (many or size < 1e-4 or size >= 1e9):
        return number(value, 3) if size < 1e-4 or size >= 1e9 else _power(value)
    if size >= 1e5:
        return number(value / 1e6, 3) + "M" if size >= 1e6 else number(value / 1e3, 3) + "k"
    return number(value, 3 if size >= 1000 else 5)


def _power(value: float) -> str:
    return f"10{superscript(round(math.log10(value)))}" if value > 0 else number(value)


def xs_of(plot: Plot) -> list[float]:
    """All places along x, in order."""
    return sorted({point.x for each in plot.series for point in each.points})
