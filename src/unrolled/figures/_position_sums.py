"""The arithmetic behind sinusoids, in words that add up as printed."""

from __future__ import annotations

import math

import numpy as np
import torch

from unrolled.figures import _arithmetic
from unrolled.figures._long_sums import long_sum

TOLD = 4  # cosines of a sum that are told one by one


def divisors(d_model: int, base: int) -> np.ndarray:
    """base^(2i/d) of each pair."""
    found: np.ndarray = base ** (np.arange(0, d_model, 2) / d_model)
    return found


def _power(pair: int, d_model: int, base: int) -> str:
    return f"{base}^({2 * pair}/{d_model})"


def rule(dimension: int, d_model: int, base: int, n: int) -> str:
    """`sin(pos ÷ 10000^(2/64)) = sin(pos ÷ 1.3335)`, with so many digits that all n values follow to four decimals."""
    pair, name = dimension // 2, ("sin", "cos")[dimension % 2]
    if pair == 0:
        return f"{name}(pos)"
    divisor, function = base ** (2 * pair / d_model), (np.sin, np.cos)[dimension % 2]
    positions = np.arange(n)
    wanted = np.round(function(positions / divisor), _arithmetic.DECIMALS)
    for decimals in range(_arithmetic.DECIMALS, 16):
        printed = _arithmetic.number(divisor, decimals)
        if np.array_equal(np.round(function(positions / float(printed)), _arithmetic.DECIMALS), wanted):
            break
    return f"{name}(pos ÷ {_power(pair, d_model, base)}) = {name}(pos ÷ {printed})"


def cosines(k: int, d_model: int, base: int) -> str:
    """`[cos(5)] + [cos(5 ÷ 10000^(2/64))] + … = 0.2837 + (−0.82) + … = 19.32`."""
    values = np.cos(k / divisors(d_model, base))
    names = [f"cos({k})", *(f"cos({k} ÷ {_power(pair, d_model, base)})" for pair in range(1, len(values)))]
    told = [(name, float(value)) for name, value in zip(names[:TOLD], values, strict=False)]
    rest = [(f"{len(values) - TOLD} more cosines", float(values[TOLD:].sum()))] if len(values) > TOLD else []
    return long_sum([], [], [*told, *rest])


def gap_sum(d_model: int, nearest: float) -> str:
    """`√(64 − 2 × 31.1) = √1.8 = 1.3416`, the printed root being that of the printed difference."""
    gap = math.sqrt(d_model - 2 * nearest)
    for decimals in range(_arithmetic.DECIMALS, 16):
        printed = round(nearest, decimals)
        if round(math.sqrt(max(0.0, d_model - 2 * printed)), 4) == round(gap, 4):
            break
    left = _arithmetic.number(d_model - 2 * printed, decimals)
    return f"√({d_model} − 2 × {_arithmetic.number(printed, decimals)}) = √{left} = {_arithmetic.number(gap)}"


def row_times_column(matrix: torch.Tensor, row: torch.Tensor, dimension: int) -> str:
    """The two entries of M_k's row that are not 0, times theirs of PE(pos)."""
    pair = slice(dimension // 2 * 2, dimension // 2 * 2 + 2)
    return _arithmetic.product_sum(matrix[dimension, pair].tolist(), row[pair].tolist())
