"""What the panels of `positions` give: every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Float64, Int64

from unrolled.figures._panel import Axes, Each

Tokens = Annotated[tuple[str, ...], Axes("token")]
Ways = Annotated[tuple[str, ...], Axes("way")]
Schemes = Annotated[tuple[str, ...], Axes("scheme")]


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """The same words in another order, through the same model: does each word still get the same vector?"""

    words: Annotated[tuple[str, ...], Axes("word")]
    """The text's words."""
    n_words: int
    """How many: where the knobs `first` and `second` end."""
    ways: Ways
    """Four ways to run each model: told positions or not, all tokens seen or only earlier ones."""
    tokens: Each[Tokens]
    """The text as the model reads it."""
    token_spans: Each[Int64[np.ndarray, "token 2"]]
    """Characters of the text that each token covers, from and up to."""
    shuffled: Each[Tokens]
    """The same tokens in the new order."""
    came_from: Each[Int64[np.ndarray, "token"]]
    """Place in the text, counted from 0, of the token that now stands here."""
    difference: Each[Float64[np.ndarray, "way token"]]
    """By place in the text: length of the change of the token's output, as a share of the output's length."""
    largest: Each[Float64[np.ndarray, "way"]]
    """The largest of them."""
    cosine: Each[Float64[np.ndarray, "way"]]
    """Of the two texts' vectors, each the mean of its words' outputs."""
    rounding: float
    """Differences up to here are float32 rounding: sums were added in another order."""
    trained: Each[int]
    """Which of the ways is the model's own."""
    scheme: Each[str]
    """How it is told positions: learned, sinusoidal, rope, alibi or none."""
    arithmetic: Each[Ways]
    """How the largest difference of each way came about."""


@dataclass(frozen=True, kw_only=True)
class Sinusoids:
    """A position as a row of sines and cosines."""

    encoding: Float64[np.ndarray, "position dimension"]
    """PE(pos, dimension), from −1 to 1."""
    divisor: Float64[np.ndarray, "pair"]
    """base^(2i/d): a position is divided by it, then comes the sine and the cosine."""
    wavelength: Float64[np.ndarray, "pair"]
    """2π times that: positions until the pair comes round."""
    turns: Float64[np.ndarray, "pair"]
    """Turns that the pair makes from the first position shown to the last."""
    rule: Annotated[tuple[str, ...], Axes("dimension")]
    """The dimension's formula with its numbers; pos stands for the position."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """How alike the rows of any two positions are."""

    dots: Float64[np.ndarray, "position position"]
    """Dot product of the rows of two positions."""
    by_distance: Float64[np.ndarray, "distance"]
    """Σ cos(distance / divisor) over the pairs: the same, from the distance alone."""
    residual: float
    """Largest difference between the two, over all pairs of positions."""
    own: float
    """A row's dot product with itself, d/2."""
    nearest: float
    """The largest dot product of two different positions."""
    nearest_apart: int
    """How far apart those two are."""
    nearest_gap: float
    """Distance of their rows, √(d − 2 × dot product): above 0, so no two rows are the same."""
    unique: str
    """The same in figures."""
    arithmetic: Annotated[tuple[str, ...], Axes("distance")]
    """The sum behind each distance."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """The linear map that moves a position on."""

    matrix: Float64[np.ndarray, "dimension dimension"]
    """M_k, one 2 × 2 rotation for each pair on its diagonal."""
    angle: Float64[np.ndarray, "pair"]
    """k / divisor, by which each pair turns, in radians."""
    residual: float
    """Largest absolute difference between M_k PE(pos) and PE(pos + k), over positions 0 to 511."""
    before: Float64[np.ndarray, "dimension"]
    """PE(pos)."""
    moved: Float64[np.ndarray, "dimension"]
    """M_k PE(pos)."""
    direct: Float64[np.ndarray, "dimension"]
    """PE(pos + k), from the formula."""
    arithmetic: Annotated[tuple[str, ...], Axes("dimension")]
    """Row times column behind each entry of M_k PE(pos)."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One query word and one key word, at all pairs of places, told their places in four ways."""

    schemes: Schemes
    """none, sinusoids, RoPE, ALiBi."""
    query: Int64[np.ndarray, "pair"]
    """Position of the query."""
    key: Int64[np.ndarray, "pair"]
    """Position of the key, at the query or before it."""
    scores: Float64[np.ndarray, "scheme pair"]
    """What goes into the softmax: q · k / √d with what the scheme makes of it."""
    spread: Float64[np.ndarray, "scheme"]
    """Largest difference between the scores of two pairs that are equally far apart."""
    range: Float64[np.ndarray, "scheme"]
    """Largest difference between any two scores."""
    n_place: int
    """Positions: where the knobs `query` and `key` end."""
    chosen_query: int
    """The knob `query`, inside of the positions shown."""
    chosen_key: int
    """The knob `key`, at the query or before it."""
    arithmetic: Schemes
    """The sum behind the chosen pair's score."""
    slopes: Float64[np.ndarray, "head"]
    """What each head of ALiBi takes off a score for each position of distance."""
    slope_arithmetic: Annotated[tuple[str, ...], Axes("head")]
    """How they come about."""
    head: int
    """Whose slope the picture has, counted from 1."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """How a trained model is told positions, and what it costs it to be told others."""

    tokens: Each[Tokens]
    """The text as the model reads it."""
    scheme: Each[str]
    """learned, sinusoidal, rope, alibi or none."""
    context: Each[int]
    """Tokens that it reads at most."""
    similarity: Each[Float32[np.ndarray, "position position"]]
    """Of a table: cosine of the rows of two positions. Of RoPE: mean over its pairs of cos(angle between the two
    positions), which is what turning alone does to a vector's dot product with itself, if all pairs are equally long.
    Empty for ALiBi and none."""
    mean: Each[Float64[np.ndarray, "distance"]]
    """Mean similarity at each distance. Unitless."""
    low: Each[Float64[np.ndarray, "distance"]]
    """The smallest at that distance."""
    high: Each[Float64[np.ndarray, "distance"]]
    """The largest: where it is the smallest, the distance alone decides."""
    closest: Each[float]
    """The largest similarity of two different positions; NaN where there is none."""
    wavelength: Each[Float64[np.ndarray, "pair"]]
    """Positions until a pair of RoPE or of sinusoids comes round; empty for the others."""
    slow: Each[int]
    """Pairs that do not come round within the model's context."""
    slopes: Each[Float64[np.ndarray, "head"]]
    """ALiBi's; empty for the others."""
    moved_by: Each[int]
    """Positions by which the whole text was moved: the knob, or as far as the model reads."""
    moved: Each[Float64[np.ndarray, "token"]]
    """Length of the change of each token's output then, as a share of the output's length."""
    rounding: float
    """Changes up to here are float32 rounding."""
