"""Sums of hundreds of products, told so that they add up: the largest one by one, the others together.

Beside `_arithmetic`, by the same rule: as many decimals as it takes for the printed sum to follow from the printed
terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from unrolled.figures._arithmetic import DECIMALS, MOST_DECIMALS, as_printed, as_term, in_units, rounded_units


def long_sum(
    left: Sequence[float], right: Sequence[float], others: Sequence[tuple[str, float]], decimals: int = DECIMALS
) -> str:
    """`a×b + c×d + [name] = p + q + r = sum`: products, and further terms that are told by name only."""
    exact = [a * b for a, b in zip(left, right, strict=True)]
    total = in_units(math.fsum([*exact, *(value for _, value in others)]), decimals)
    for digits in range(max(2, decimals - 2), MOST_DECIMALS + 1):
        factors = [(in_units(a, digits), in_units(b, digits)) for a, b in zip(left, right, strict=True)]
        rest = [in_units(value, digits + 2) for _, value in others]
        terms = [*(rounded_units(a * b, 2 * digits, digits + 2) for a, b in factors), *rest]
        if rounded_units(sum(terms), digits + 2, decimals) == total:
            break
    products = [f"{as_term(a, digits)}×{as_term(b, digits)}" for a, b in factors]
    sums = " + ".join(as_term(term, digits + 2) for term in terms)
    named = [f"[{name}]" for name, _ in others]
    return f"{' + '.join([*products, *named])} = {sums} = {as_printed(total, decimals)}"


def squashed(value: float, name: str, function: Callable[[float], float]) -> tuple[str, int]:
    """`tanh(0.5310) = 0.4863`, and how many decimals of the value it takes for the printed result to follow from it."""
    wanted = in_units(function(value), DECIMALS)
    for decimals in range(DECIMALS, MOST_DECIMALS + 1):
        if in_units(function(in_units(value, decimals) / 10**decimals), DECIMALS) == wanted:
            break
    return f"{name}({as_printed(in_units(value, decimals), decimals)}) = {as_printed(wanted, DECIMALS)}", decimals
