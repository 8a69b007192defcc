"""The averages of a text's surprisal in words, each line true of the printed figures."""

from __future__ import annotations

import math
from collections.abc import Callable

from unrolled.figures._arithmetic import MOST_DECIMALS, as_printed, in_units
from unrolled.scoring import Score

LN_2 = 0.6931


def loss(score: Score) -> str:
    """`64.09 nats ÷ 20 tokens = 3.2045 nats a token`."""
    total, count = float(score.surprisals.sum()), score.tokens
    top, mean = _enough(total, 2, lambda shown: shown / count, total / count)
    return f"mean loss {top} nats ÷ {_tokens(count)} = {mean} nats a token"


def perplexity(score: Score) -> str:
    """`e^3.2045 = 24.64`."""
    value = score.perplexity
    if not math.isfinite(value) or value >= 1e9:
        return f"perplexity e^{as_printed(in_units(score.nats_per_token, 4), 4)}, too large to write out"
    decimals = 2 if value < 1e4 else 0
    top, shown = _enough(score.nats_per_token, 4, math.exp, value, decimals)
    return f"perplexity e^{top} = {shown}"


def per_byte(score: Score) -> str:
    """`92.46 bits ÷ 90 bytes = 1.0273 bits a byte`."""
    total = float(score.surprisals.sum()) / math.log(2)
    if not score.bytes:
        return "no bytes were scored"
    top, shown = _enough(total, 2, lambda given: given / score.bytes, total / score.bytes)
    return f"{top} bits (nats ÷ ln 2) ÷ {score.bytes:,} bytes = {shown} bits a byte"


def preference(right: float, wrong: float) -> str:
    """`45.31 − 38.10 = 7.21 bits: the right one is 2^7.21 = 148 times as likely`."""
    shown = [in_units(value, 2) for value in (wrong, right)]
    difference = shown[0] - shown[1]
    sign = "right" if difference > 0 else "wrong"
    said = f"{as_printed(shown[0], 2)} − {as_printed(shown[1], 2)} = {as_printed(difference, 2)} bits"
    if difference == 0:
        return f"{said}: both are equally likely"
    size = as_printed(abs(difference), 2)
    return f"{said}: the {sign} one is 2^{size} = {_times(2 ** (abs(difference) / 100))} times as likely"


def _times(value: float) -> str:
    """Three figures, or all of a large number's."""
    if value < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}" if value < 1e7 else f"{value:.3g}".replace("e+0", "·10^").replace("e+", "·10^")


def _enough(
    value: float, least: int, function: Callable[[float], float], result: float, decimals: int = 4
) -> tuple[str, str]:
    """A value in as few decimals as it takes for the printed result to follow from it, and that result."""
    wanted = round(result * 10**decimals)
    for places in range(least, MOST_DECIMALS + 1):
        if round(function(in_units(value, places) / 10**places) * 10**decimals) == wanted:
            break
    shown = f"{wanted / 10**decimals:,.{decimals}f}"
    return as_printed(in_units(value, places), places), shown


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count:,} tokens"
