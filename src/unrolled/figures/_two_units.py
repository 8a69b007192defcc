"""Two recurrent units, small enough for a pencil: what an error becomes on its way back through them.

    h_t = W h_{t-1}, or tanh(W h_{t-1})
    e_{t-1} = Wᵀ (s_t ∘ e_t)        s_t the slope: 1, or 1 - h_t² under a tanh

Pascanu et al. 2013, §2.1 and §2.2; Trefethen & Embree 2005, §1 for matrices that are not normal.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from jaxtyping import Float64

from unrolled.figures._arithmetic import number, product_sum

Squash = Literal["none", "tanh"]
_FIGURES = 4  # of what is small


def states(w: np.ndarray, start: float, back: int, squash: Squash) -> Float64[np.ndarray, "step unit"]:
    """h_0 = (start, start) to h_back, forward in time."""
    h = np.full((back + 1, 2), start)
    for t in range(1, back + 1):
        h[t] = w @ h[t - 1]
        if squash == "tanh":
            h[t] = np.tanh(h[t])
    return h


def slopes(h: np.ndarray, squash: Squash) -> Float64[np.ndarray, "step unit"]:
    """s_t of each state."""
    return 1 - h**2 if squash == "tanh" else np.ones_like(h)


def errors(w: np.ndarray, slope: np.ndarray, end: np.ndarray) -> Float64[np.ndarray, "step unit"]:
    """The error at the end, and after going back 1, 2, … steps: row k belongs to h_{T-k}."""
    e = np.empty_like(slope)
    e[0] = end
    for k in range(1, len(slope)):
        e[k] = w.T @ (slope[-k] * e[k - 1])
    return e


def sentence(w: np.ndarray, slope: np.ndarray, e: np.ndarray, k: int) -> str:
    """The arithmetic of step k back, each side true of the printed figures."""
    if k == 0:
        return f"At the end the error is ({number(e[0, 0])}, {number(e[0, 1])}): {length(e[0])}."
    scaled = slope[-k] * e[k - 1]
    sums = [product_sum(w[:, j].tolist(), scaled.tolist(), decimals=decimals_of(e[k, j])) for j in (0, 1)]
    squashed = ""
    if not np.all(slope[-k] == 1):
        parts = [product_sum([slope[-k, j]], [e[k - 1, j]], decimals=decimals_of(scaled[j])) for j in (0, 1)]
        squashed = f"slopes first, {parts[0]} and {parts[1]}; then "
    return f"{k} {'step' if k == 1 else 'steps'} back: {squashed}unit 1 {sums[0]}; unit 2 {sums[1]}; {length(e[k])}."


def length(e: np.ndarray) -> str:
    """`length √(a×a + b×b) = √c = d`, each side true of the printed figures."""
    whole = math.hypot(*e.tolist())
    decimals = decimals_of(whole)
    for under in range(decimals, 2 * decimals + 4):
        squares = product_sum(e.tolist(), e.tolist(), decimals=under)
        printed = float(squares.rpartition(" = ")[2])
        if number(math.sqrt(printed), decimals) == number(whole, decimals):
            break
    return f"length √({squares.partition(' = ')[0]}) = √{squares.rpartition(' = ')[2]} = {number(whole, decimals)}"


def decimals_of(value: float) -> int:
    """Enough decimals for four significant figures of what is small."""
    if value == 0 or abs(value) >= 1:
        return _FIGURES
    return min(12, _FIGURES - 1 - math.floor(math.log10(abs(value))))
