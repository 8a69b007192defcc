"""The arithmetic behind a number, in words that add up as printed.

Decimals are chosen so that the printed products follow from the printed factors, and the printed sum from the
printed terms: a reader who checks with pencil and paper gets what stands there. Where few digits do not do, more are
printed. Figures are held as whole units of their last decimal, so nothing is lost on the way to the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

DECIMALS = 4  # of a shown result
MOST_DECIMALS = 15  # decimals at which a float64 of ordinary size is printed whole
_PLAIN_POWERS = 12  # e to more than this is no number for a pencil: the largest score is taken off first


def number(value: float, decimals: int = DECIMALS) -> str:
    """A value rounded to so many decimals, needless zeros dropped down to two, with a true minus sign."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return as_printed(in_units(value, decimals), decimals)


def product_sum(left: Sequence[float], right: Sequence[float], *, decimals: int = DECIMALS) -> str:
    """`a×b + c×d = p + q = sum`, row times column, each side true of the printed figures; the sum with `decimals`."""
    total = in_units(math.fsum(a * b for a, b in zip(left, right, strict=True)), decimals)
    for places in range(2, max(MOST_DECIMALS, decimals) + 1):
        factors = [(in_units(a, places), in_units(b, places)) for a, b in zip(left, right, strict=True)]
        terms = [rounded_units(a * b, 2 * places, places + 2) for a, b in factors]
        exact = sum(a * b for a, b in factors)
        if rounded_units(sum(terms), places + 2, decimals) == total == rounded_units(exact, 2 * places, decimals):
            break
    products = " + ".join(f"{as_term(a, places)}×{as_term(b, places)}" for a, b in factors)
    sums = " + ".join(as_term(term, places + 2) for term in terms)
    result = as_printed(total, decimals)
    return f"{products} = {sums} = {result}" if len(terms) > 1 else f"{products} = {result}"


def quotient(value: float, divisor: float, name: str) -> str:
    """`a ÷ √4 = a ÷ 2.00 = result`."""
    total = in_units(value / divisor, DECIMALS)
    for decimals in range(DECIMALS, MOST_DECIMALS + 1):
        above, below = in_units(value, decimals), in_units(divisor, decimals)
        if in_units(above / below, DECIMALS) == total == in_units(above / 10**decimals / divisor, DECIMALS):
            break
    top = as_printed(above, decimals)
    return f"{top} ÷ {name} = {top} ÷ {as_printed(below, decimals)} = {as_printed(total, DECIMALS)}"


def share(values: Sequence[float], chosen: int) -> str:
    """Softmax in figures: `e^a ÷ (e^a + e^b) = p ÷ (p + q) = share`. What is masked adds e^(−∞) = 0."""
    largest = max(values)
    shift = largest if abs(largest) > _PLAIN_POWERS else 0.0
    result = math.exp(values[chosen] - shift) / math.fsum(math.exp(value - shift) for value in values)
    for decimals in range(DECIMALS, MOST_DECIMALS + 1):
        terms = [in_units(math.exp(value - shift), decimals) for value in values]
        if not any(terms):
            continue  # all powers round to 0: more decimals
        exponents = [_exponent(value - shift, decimals) for value in values]
        powers = [math.exp(_read(exponent)) for exponent in exponents]
        shares = (terms[chosen] / sum(terms), powers[chosen] / math.fsum(powers), result)
        if len({in_units(each, DECIMALS) for each in shares}) == 1:
            break
    exponents = [f"e^{_bracketed(exponent)}" for exponent in exponents]
    aside = f" (each score less the largest, {number(largest)})" if shift else ""
    shown = " + ".join(as_printed(term, decimals) for term in terms)
    return (
        f"{exponents[chosen]} ÷ ({' + '.join(exponents)}){aside}"
        f" = {as_printed(terms[chosen], decimals)} ÷ ({shown}) = {number(result)}"
    )


def _exponent(value: float, decimals: int) -> str:
    """As many digits as it takes for e to the printed exponent to be the printed power."""
    if math.isinf(value):
        return number(value)
    for digits in range(decimals, MOST_DECIMALS + 1):
        shown = in_units(value, digits)
        if in_units(math.exp(shown / 10**digits), decimals) == in_units(math.exp(value), decimals):
            break
    return as_printed(shown, digits)


def in_units(value: float, decimals: int) -> int:
    """The value in whole units of its last decimal."""
    return round(value * _ten(decimals))


def rounded_units(units: int, have: int, want: int) -> int:
    """Units of one decimal place in units of another, halves away from zero."""
    if want >= have:
        return units * _ten(want - have)
    one = _ten(have - want)
    whole = (2 * abs(units) + one) // (2 * one)
    return whole if units >= 0 else -whole


def _ten(power: int) -> int:
    return int(10**power)


def as_printed(units: int, decimals: int) -> str:
    digits = str(abs(units)).rjust(decimals + 1, "0")
    fraction = digits[-decimals:].rstrip("0").ljust(2, "0")
    return f"{'−' if units < 0 else ''}{digits[:-decimals]}.{fraction}"


def _read(text: str) -> float:
    return float(text.replace("−", "-").replace("∞", "inf"))


def as_term(units: int, decimals: int) -> str:
    return _bracketed(as_printed(units, decimals))


def _bracketed(text: str) -> str:
    return f"({text})" if text.startswith("−") else text
