"""The arithmetic behind a number, in words that add up as printed.

Decimals are chosen so that the printed products follow from the printed factors, and the printed sum from the
printed terms: a reader who checks with pencil and paper gets what stands there. Where few digits do not do, more are
printed. Figures are held as whole units of their last decimal, so nothing is lost on the way to the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

DECIMALS = 4  # of a shown result
_MOST = 15  # decimals at which a float64 of ordinary size is printed whole
_PLAIN_POWERS = 12  # e to more than this is no number for a pencil: the largest score is taken off first


def number(value: float, decimals: int = DECIMALS) -> str:
    """A value rounded to so many decimals, needless zeros dropped down to two, with a true minus sign."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return _printed(_units(value, decimals), decimals)


def product_sum(left: Sequence[float], right: Sequence[float], *, decimals: int = DECIMALS) -> str:
    """`a×b + c×d = p + q = sum`, row times column, each side true of the printed figures; the sum with `decimals`."""
    total = _units(math.fsum(a * b for a, b in zip(left, right, strict=True)), decimals)
    for places in range(2, max(_MOST, decimals) + 1):
        factors = [(_units(a, places), _units(b, places)) for a, b in zip(left, right, strict=True)]
        terms = [_rounded(a * b, 2 * places, places + 2) for a, b in factors]
        exact = sum(a * b for a, b in factors)
        if _rounded(sum(terms), places + 2, decimals) == total == _rounded(exact, 2 * places, decimals):
            break
    products = " + ".join(f"{_term(a, places)}×{_term(b, places)}" for a, b in factors)
    sums = " + ".join(_term(term, places + 2) for term in terms)
    result = _printed(total, decimals)
    return f"{products} = {sums} = {result}" if len(terms) > 1 else f"{products} = {result}"


def quotient(value: float, divisor: float, name: str) -> str:
    """`a ÷ √4 = a ÷ 2.00 = result`."""
    total = _units(value / divisor, DECIMALS)
    for decimals in range(DECIMALS, _MOST + 1):
        above, below = _units(value, decimals), _units(divisor, decimals)
        if _units(above / below, DECIMALS) == total == _units(above / 10**decimals / divisor, DECIMALS):
            break
    top = _printed(above, decimals)
    return f"{top} ÷ {name} = {top} ÷ {_printed(below, decimals)} = {_printed(total, DECIMALS)}"


def share(values: Sequence[float], chosen: int) -> str:
    """Softmax in figures: `e^a ÷ (e^a + e^b) = p ÷ (p + q) = share`. What is masked adds e^(−∞) = 0."""
    largest = max(values)
    shift = largest if abs(largest) > _PLAIN_POWERS else 0.0
    result = math.exp(values[chosen] - shift) / math.fsum(math.exp(value - shift) for value in values)
    for decimals in range(DECIMALS, _MOST + 1):
        terms = [_units(math.exp(value - shift), decimals) for value in values]
        if not any(terms):
            continue  # all powers round to 0: more decimals
        exponents = [_exponent(value - shift, decimals) for value in values]
        powers = [math.exp(_read(exponent)) for exponent in exponents]
        shares = (terms[chosen] / sum(terms), powers[chosen] / math.fsum(powers), result)
        if len({_units(each, DECIMALS) for each in shares}) == 1:
            break
    exponents = [f"e^{_bracketed(exponent)}" for exponent in exponents]
    aside = f" (each score less the largest, {number(largest)})" if shift else ""
    shown = " + ".join(_printed(term, decimals) for term in terms)
    return (
        f"{exponents[chosen]} ÷ ({' + '.join(exponents)}){aside}"
        f" = {_printed(terms[chosen], decimals)} ÷ ({shown}) = {number(result)}"
    )


def _exponent(value: float, decimals: int) -> str:
    """As many digits as it takes for e to the printed exponent to be the printed power."""
    if math.isinf(value):
        return number(value)
    for digits in range(decimals, _MOST + 1):
        shown = _units(value, digits)
        if _units(math.exp(shown / 10**digits), decimals) == _units(math.exp(value), decimals):
            break
    return _printed(shown, digits)


def _units(value: float, decimals: int) -> int:
    """The value in whole units of its last decimal."""
    return round(value * _ten(decimals))


def _rounded(units: int, have: int, want: int) -> int:
    """Units of one decimal place in units of another, halves away from zero."""
    if want >= have:
        return units * _ten(want - have)
    one = _ten(have - want)
    whole = (2 * abs(units) + one) // (2 * one)
    return whole if units >= 0 else -whole


def _ten(power: int) -> int:
    return int(10**power)


def _printed(units: int, decimals: int) -> str:
    digits = str(abs(units)).rjust(decimals + 1, "0")
    fraction = digits[-decimals:].rstrip("0").ljust(2, "0")
    return f"{'−' if units < 0 else ''}{digits[:-decimals]}.{fraction}"


def _read(text: str) -> float:
    return float(text.replace("−", "-").replace("∞", "inf"))


def _term(units: int, decimals: int) -> str:
    return _bracketed(_printed(units, decimals))


def _bracketed(text: str) -> str:
    return f"({text})" if text.startswith("−") else text
