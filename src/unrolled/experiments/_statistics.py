"""Intervals over seeds. Student 1908, "The Probable Error of a Mean"; 95 %, two-sided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Student's t at 97.5 % for 1, 2, … degrees of freedom."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean and where the true one lies, with 95 % confidence over `n` seeds; one value alone has no width."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.mean:.4g}"
        return f"{self.mean:.4g} ({self.low:.4g} to {self.high:.4g}, n = {self.n})"


def interval(values: Sequence[float]) -> Interval:
    """Of the mean of independent values; two at least."""
    n = len(values)
    if n < 2:
        raise ValueError(f"An interval needs two values or more; {n} were given.")
    mean = math.fsum(values) / n
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = (_T[n - 2] if n - 2 < len(_T) else 1.96) * deviation / math.sqrt(n)
    return Interval(mean=mean, low=mean - half, high=mean + half, n=n)


def exactly(value: float) -> Interval:
    """What does not depend on a seed."""
    return Interval(mean=value, low=value, high=value, n=1)


def differences(one: Mapping[int, float], other: Mapping[int, float]) -> list[float]:
    """The first less the second, of each seed that both have."""
    return [one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())]


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of the least-squares line of y over x."""
    middle = (math.fsum(x) / len(x), math.fsum(y) / len(y))
    above = math.fsum((a - middle[0]) * (b - middle[1]) for a, b in zip(x, y, strict=True))
    return above / math.fsum((a - middle[0]) ** 2 for a in x)


def explained(x: Sequence[float], y: Sequence[float]) -> float:
    """Share of y's variance that lies on that line (R²)."""
    rise, mean_x, mean_y = slope(x, y), math.fsum(x) / len(x), math.fsum(y) / len(y)
    left = math.fsum((b - mean_y - rise * (a - mean_x)) ** 2 for a, b in zip(x, y, strict=True))
    whole = math.fsum((b - mean_y) ** 2 for b in y)
    return 1 - left / whole if whole else 1.0
