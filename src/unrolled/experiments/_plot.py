"""A claim's picture as data: series of points with intervals. Matplotlib draws it for files, a scene on the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from unrolled.experiments._statistics import Interval, exactly, interval


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What one direction means."""

    label: str
    """With its unit."""
    log: bool = False
    names: tuple[str, ...] = ()
    """Of places 0, 1, 2 … where there is no number; on x only."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A place with what was measured there, over seeds."""

    x: float
    y: Interval


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points that belong together."""

    name: str
    """In the legend: rnn, lstm, gru, gpt and attention keep their own hues."""
    points: tuple[Point, ...]
    role: Literal["measured", "control", "theory"] = "measured"
    """A control is drawn in grey, a theory as a thin line without points."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A horizontal line at a value that means something: chance, a bound of the rule, a theory."""

    y: float
    says: str


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One picture. `lines` joins the points of a series; `bars` sets the series of a place side by side."""

    title: str
    """What is seen, in a sentence."""
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    kind: Literal["lines", "bars"] = "lines"


def over_seeds(values: Iterable[tuple[float, float]]) -> tuple[Point, ...]:
    """(x, y) of all seeds -> a point for each x, in order, with its interval; one seed alone has no width."""
    by_x: dict[float, list[float]] = {}
    for x, y in values:
        by_x.setdefault(x, []).append(y)
    return tuple(Point(x=x, y=_of(by_x[x])) for x in sorted(by_x))


def bars(values: Sequence[float], x: float = 0) -> Point:
    """One bar over seeds."""
    return Point(x=x, y=_of(values))


def _of(values: Sequence[float]) -> Interval:
    return interval(values) if len(values) > 1 else exactly(values[0])


def powers(points: Iterable[Point]) -> tuple[Point, ...]:
    """Points whose y are natural logarithms -> the values themselves: a geometric mean with its interval."""

    def raised(y: Interval) -> Interval:
        return Interval(mean=math.exp(y.mean), low=math.exp(y.low), high=math.exp(y.high), n=y.n)

    return tuple(Point(x=each.x, y=raised(each.y)) for each in points)
