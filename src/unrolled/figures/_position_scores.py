"""One query word and one key word at all pairs of places: what becomes of their score under each scheme.

With positions that are added (x + p), the score falls into four parts: word with word, word with place, place with
word, place with place; it depends on both places. Dai et al. 2019, "Transformer-XL", §3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unrolled.figures import _arithmetic
from unrolled.figures._long_sums import long_sum
from unrolled.models.positions import alibi, alibi_slopes, rope_frequencies, rotate, sinusoids

SCHEMES = ("none", "sinusoids", "RoPE", "ALiBi")
LISTED = 8  # pairs of RoPE told one by one


@dataclass(frozen=True, kw_only=True)
class Words:
    """Two words' vectors and what makes queries and keys of them, drawn at random; float64."""

    query_word: Tensor
    """(d,), entries of variance 1."""
    key_word: Tensor
    w_query: Tensor
    """(d, d), entries of variance 1/d, so that queries have variance 1 too."""
    w_key: Tensor

    @property
    def d(self) -> int:
        return len(self.query_word)


def words(d: int, seed: int) -> Words:
    """The same for the same seed and width."""
    random = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, d, generator=random, dtype=torch.float64)
    w, v = torch.randn(2, d, d, generator=random, dtype=torch.float64) / math.sqrt(d)
    return Words(query_word=a, key_word=b, w_query=w, w_key=v)


def scores_by_scheme(told: Words, n: int, slope: float, base: float) -> Tensor:
    """(scheme, query position, key position), before the softmax."""
    parts = added_parts(told, sinusoids(0, n, told.d, base=base))
    word = parts[0].expand(n, n)
    turned = rope_parts(told, n, base).sum(0)
    places = torch.arange(n)
    return torch.stack(
        (word, parts.sum(0), turned, word + alibi(torch.tensor([slope], dtype=word.dtype), places, places)[0])
    )


def added_parts(told: Words, places: Tensor) -> Tensor:
    """q · k / √d of x + p in its four parts: word with word, word with place, place with word, place with place.

    places (n, d) -> (4, n, n), the query's position first.
    """
    n = len(places)
    q, k = told.w_query @ told.query_word, told.w_key @ told.key_word
    p, r = places @ told.w_query.T, places @ told.w_key.T  # (n, d), of the query's place and of the key's
    parts = ((q @ k).expand(n, n), (r @ q)[None].expand(n, n), (p @ k)[:, None].expand(n, n), p @ r.T)
    return torch.stack(parts) / math.sqrt(told.d)


def rope_parts(told: Words, n: int, base: float) -> Tensor:
    """q · k / √d of turned queries and keys, pair by pair. -> (d/2, query position, key position)."""
    q, k = told.w_query @ told.query_word, told.w_key @ told.key_word
    angles = torch.arange(n, dtype=torch.float64)[:, None] * rope_frequencies(told.d, base).double()
    cos, sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)
    turned_q, turned_k = rotate(q.expand(n, -1), cos, sin), rotate(k.expand(n, -1), cos, sin)
    products = turned_q[:, None] * turned_k[None]  # (query position, key position, d)
    first, second = products.chunk(2, dim=-1)
    return (first + second).permute(2, 0, 1) / math.sqrt(told.d)


def spread_of(scores: np.ndarray, distance: np.ndarray) -> float:
    """The largest difference among scores (pair,) of one distance (pair,)."""
    return max(float(np.ptp(scores[distance == each])) for each in np.unique(distance))


def told_sums(told: Words, n: int, slope: float, base: float, query: int, key: int) -> tuple[str, ...]:
    """The arithmetic behind the score of one pair of places, in every scheme."""
    parts = [float(each) for each in added_parts(told, sinusoids(0, n, told.d, base=base))[:, query, key]]
    names = ("word–word", "word–place", "place–word", "place–place")
    pairs = [float(each) for each in rope_parts(told, n, base)[:, query, key]]
    listed = [(f"pair {i + 1}", value) for i, value in enumerate(pairs[:LISTED])]
    rest = [(f"{len(pairs) - LISTED} other pairs", sum(pairs[LISTED:]))] if len(pairs) > LISTED else []
    return (
        _arithmetic.quotient(parts[0] * math.sqrt(told.d), math.sqrt(told.d), f"√{told.d}"),
        long_sum([], [], list(zip(names, parts, strict=True))),
        long_sum([], [], [*listed, *rest]),
        long_sum([-slope], [query - key], [("word–word", parts[0])]),
    )


def slope_sum(head: int, n_head: int) -> str:
    """`2^(−8×3/8) = 2^(−3.00) = 0.125`; beyond the power of two below n_head every other one of twice as many."""
    slope = float(alibi_slopes(n_head)[head - 1])
    power = 2 ** int(math.log2(n_head))
    above, below = (8 * head, power) if head <= power else (8 * (2 * (head - power) - 1), 2 * power)
    exponent = above / below
    return f"2^(−{above}/{below}) = 2^(−{exponent:g}) = {_arithmetic.number(slope, 6)}"
