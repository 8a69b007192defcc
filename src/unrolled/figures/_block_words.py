"""The arithmetic of the figure `block` in words: lengths of sums, shares of a length, what leaves a unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from unrolled.figures._arithmetic import (
    DECIMALS,
    MOST_DECIMALS,
    as_printed,
    as_term,
    in_units,
    number,
    product_sum,
    rounded_units,
)
from unrolled.figures._long_sums import long_sum, squashed


def length_of_sum(before: float, meets: float, written: float) -> str:
    """|x + w|² = |x|² + 2 x·w + |w|², and its root: `a×a + 2×b + c×c = p + q + r = sum; √sum = length`.

    With as few decimals as it takes for each side to follow from the printed figures of the one before.
    """
    after = math.sqrt(max(before * before + 2 * meets + written * written, 0.0))
    shown = 2 if after >= 10 else DECIMALS
    for places in range(shown, MOST_DECIMALS + 1):
        a, b, c = (in_units(value, places) for value in (before, meets, written))
        terms = [rounded_units(a * a, 2 * places, places), 2 * b, rounded_units(c * c, 2 * places, places)]
        total = max(sum(terms), 0)
        if in_units(math.sqrt(total / 10**places), shown) == in_units(after, shown):
            break
    x, dot, w = (as_term(each, places) for each in (a, b, c))
    squares = " + ".join(as_term(term, places) for term in terms)
    root = as_printed(total, places)
    return f"{x}×{x} + 2×{dot} + {w}×{w} = {squares} = {root}; √{root} = {number(after, shown)}"


def shared_out(writers: Sequence[str], along: np.ndarray) -> str:
    """What the embedding, all attentions and all FFNs wrote along the last stream, and the sum."""
    names = list(dict.fromkeys(writer.partition(" ")[0] for writer in writers))
    parts = [(name, math.fsum(along[[w.partition(" ")[0] == name for w in writers]])) for name in names]
    return long_sum((), (), parts)


def silu(z: float) -> float:
    """z ÷ (1 + e^(-z))."""
    return z / (1 + math.exp(-z)) if z > -700 else 0.0


def gelu(z: float) -> float:
    """z times the normal distribution's share below z."""
    return 0.5 * z * (1 + math.erf(z / math.sqrt(2)))


def gelu_tanh(z: float) -> float:
    """GPT-2's approximation."""
    return 0.5 * z * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


def relu(z: float) -> float:
    """What is above 0."""
    return max(0.0, z)


IN_WORDS: dict[str, tuple[str, str, Callable[[float], float]]] = {
    "relu": ("ReLU", "ReLU", relu),
    "gelu": ("GELU", "GELU", gelu),
    "gelu_tanh": ("GELU", "GELU", gelu_tanh),
    "swiglu": ("SwiGLU", "SiLU", silu),
}
"""Of each kind: its name, the name of the curve, the curve."""


def unit_in_words(kind: str, z: float, factor: float, value: float, length: float) -> str:
    """From the sum to the value, and from the value to the length of what is written."""
    _, name, function = IN_WORDS[kind]
    said = [squashed(z, name, function)[0]]
    if kind == "swiglu":
        said.append(f"times the second factor: {product_sum((function(z),), (factor,))}")
    said.append(f"it writes {product_sum((abs(value),), (length,))}")
    return "; ".join(said)
