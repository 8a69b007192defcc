"""What the figure `attention_calculator` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Float64, Int64

from unrolled.figures._panel import Axes

Sentences = Annotated[tuple[tuple[str, ...], ...], Axes("token", "column")]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Every matrix on the way from X to the output, and the arithmetic behind each number. Unitless."""

    x: Float64[np.ndarray, "token d_model"]
    """One row a token: what enters the head."""
    w_query: Float64[np.ndarray, "d_model d_k"]
    """Turns a token into its query: what it asks for."""
    w_key: Float64[np.ndarray, "d_model d_k"]
    """Turns a token into its key: what it can be found by."""
    w_value: Float64[np.ndarray, "d_model d_k"]
    """Turns a token into its value: what it hands on."""
    query: Float64[np.ndarray, "token d_k"]
    """X times W_Q."""
    key: Float64[np.ndarray, "token d_k"]
    """X times W_K."""
    value: Float64[np.ndarray, "token d_k"]
    """X times W_V."""
    scores: Float64[np.ndarray, "token token"]
    """Each query (row) times each key (column)."""
    scaled: Float64[np.ndarray, "token token"]
    """Scores over √d_k; the scores themselves with scaling off."""
    masked: Float64[np.ndarray, "token token"]
    """−∞ where a key is later than the query, with the causal mask on."""
    weights: Float64[np.ndarray, "token token"]
    """Softmax of each row: how much of each value; rows sum to 1."""
    output: Float64[np.ndarray, "token d_k"]
    """Weights times values: what leaves the head."""
    query_arithmetic: Sentences
    """How each number of the queries came about."""
    key_arithmetic: Sentences
    """How each number of the keys came about."""
    value_arithmetic: Sentences
    """How each number of the values came about."""
    scores_arithmetic: Sentences
    """How each score came about."""
    scaled_arithmetic: Sentences
    """How each scaled score came about."""
    masked_arithmetic: Sentences
    """Why each score is kept or masked."""
    weights_arithmetic: Sentences
    """How each weight came about."""
    output_arithmetic: Sentences
    """How each number of the output came about."""


@dataclass(frozen=True, kw_only=True)
class Variance:
    """What happens to q·k and to the softmax as d_k grows, measured on standard normal q and k."""

    d_k: Int64[np.ndarray, "size"]
    """Length of queries and keys."""
    variance: Float64[np.ndarray, "size"]
    """Of q·k. In theory d_k."""
    variance_error: Float64[np.ndarray, "size"]
    """Standard error of that mean."""
    scaled_variance: Float64[np.ndarray, "size"]
    """Of q·k/√d_k. In theory 1."""
    scaled_variance_error: Float64[np.ndarray, "size"]
    """Standard error of that mean."""
    largest_weight: Float64[np.ndarray, "size"]
    """Mean largest softmax weight among the keys, without scaling."""
    scaled_largest_weight: Float64[np.ndarray, "size"]
    """The same with scaling."""
    gradient: Float64[np.ndarray, "size"]
    """Mean Frobenius norm of the softmax's Jacobian, ∂weights/∂scores, without scaling."""
    scaled_gradient: Float64[np.ndarray, "size"]
    """The same with scaling."""


@dataclass(frozen=True, kw_only=True)
class HeadSteps:
    """The same steps with the numbers of a real head, for the last tokens of a text."""

    tokens: Annotated[tuple[str, ...], Axes("token")]
    """The last tokens of the text, as many as are shown."""
    first: int
    """Position in the text of the first of them."""
    n_layer: int
    """Layers that there are: where the knob `layer` ends."""
    n_head: int
    """Heads a layer: where the knob `head` ends."""
    query: Float32[np.ndarray, "token d_head"]
    """Queries, positions applied."""
    key: Float32[np.ndarray, "token d_head"]
    """Keys, positions applied."""
    value: Float32[np.ndarray, "token d_head"]
    """Values."""
    scores: Float32[np.ndarray, "token token"]
    """Each query (row) times each key (column)."""
    scaled: Float32[np.ndarray, "token token"]
    """Scores times the model's own scaling."""
    masked: Float32[np.ndarray, "token token"]
    """−∞ where a query may not look."""
    weights: Float32[np.ndarray, "token token"]
    """The softmax over all keys of the text, of which these columns."""
    elsewhere: Float32[np.ndarray, "token"]
    """Each row's weight on keys before the first shown."""
    scaling: float
    """What scores are multiplied with: 1/√d_head as a rule."""
    sentence: str
    """The arithmetic of the score that was asked for with row and column."""
