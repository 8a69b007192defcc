"""Sums of hundreds of products, told so that they add up: the largest one by one, the others together.

Beside `_arithmetic`, by the same rule: as many decimals as it takes for the printed sum to follow from the printed
terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from unrolled.figures._arithmetic import _MOST, DECIMALS, _printed, _rounded, _term, _units


def long_sum(
    left: Sequence[float], right: Sequence[float], others: Sequence[tuple[str, float]], decimals: int = DECIMALS
) -> str:
    """`a×b + c×d + [name] = p + q + r = sum`: products, and further terms that are told by name only."""
    exact = [a * b for a, b in zip(left, right, strict=True)]
    total = _units(math.fsum([*exact, *(value for _, value in others)]), decimals)
    for digits in range(max(2, decimals - 2), _MOST + 1):
        factors = [(_units(a, digits), _units(b, digits)) for a, b in zip(left, right, strict=True)]
        rest = [_units(value, digits + 2) for _, value in others]
        terms = [*(_rounded(a * b, 2 * digits, digits + 2) for a, b in factors), *rest]
        if _rounded(sum(terms), digits + 2, decimals) == total:
            break
    products = [f"{_term(a, digits)}×{_term(b, digits)}" for a, b in factors]
    sums = " + ".join(_term(term, digits + 2) for term in terms)
    named = [f"[{name}]" for name, _ in others]
    return f"{' + '.join([*products, *named])} = {sums} = {_printed(total, decimals)}"


def squashed(value: float, name: str, function: Callable[[float], float]) -> tuple[str, int]:
    """`tanh(0.5310) = 0.4863`, and how many decimals of the value it takes for the printed result to follow from it."""
    wanted = _units(function(value), DECIMALS)
    for decimals in range(DECIMALS, _MOST + 1):
        if _units(function(_units(value, decimals) / 10**decimals), DECIMALS) == wanted:
            break
    return f"{name}({_printed(_units(value, decimals), decimals)}) = {_printed(wanted, DECIMALS)}", decimals
