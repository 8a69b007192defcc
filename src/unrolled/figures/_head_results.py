"""What the figure `heads` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from unrolled.figures._panel import Axes

Names = Annotated[tuple[tuple[str, ...], ...], Axes("layer", "head")]
Kinds = Annotated[tuple[str, ...], Axes("kind")]


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All heads at once, small, with their scores and names."""

    tokens: Annotated[tuple[str, ...], Axes("token")]
    """Tokens that are looked at: the text's; with self attention of an encoder-decoder, the target's."""
    token_spans: Int64[np.ndarray, "token 2"]
    """Characters of that text that each token covers, from and up to."""
    query_tokens: Annotated[tuple[str, ...], Axes("query_token")]
    """Tokens that look, with cross attention: the target's. Empty where the tokens look at themselves."""
    query_token_spans: Int64[np.ndarray, "query_token 2"]
    """Characters of the target that each of them covers."""
    kinds: Kinds
    """The kinds of attention that this model has."""
    kind: str
    """Which of them is shown."""
    n_layer: Int64[np.ndarray, "kind"]
    """Layers that have attention of each kind."""
    n_head: Int64[np.ndarray, "kind"]
    """Heads a layer, of each kind."""
    thumbnails: UInt8[np.ndarray, "layer head query block"]
    """Weights of evenly spaced queries, the largest of each block of keys; 255 is all of a query's attention."""
    thumbnail_queries: Int64[np.ndarray, "query"]
    """Positions of those queries; their rows are exact."""
    block_size: int
    """Keys a block."""
    score_names: Annotated[tuple[str, ...], Axes("score")]
    """What the heads are scored for, on texts of the figure's own."""
    scores: Float32[np.ndarray, "score layer head"]
    """0 is what an even spread would get, 1 is all of the attention; meaning: a correlation; entropy: 1 is even."""
    scores_low: Float32[np.ndarray, "score layer head"]
    """Lower end of the 95 % interval over the texts, or over the positions in them, if that is wider."""
    scores_high: Float32[np.ndarray, "score layer head"]
    """Upper end."""
    labels: Names
    """A head's name, where a score's interval lies above its threshold; else unclassified."""
    unscored: str
    """What this model's heads could not be scored for, and why; empty where there is nothing to say."""


@dataclass(frozen=True, kw_only=True)
class Map:
    """One head, exactly, over a tile of the text."""

    kinds: Kinds
    """The kinds of attention that this model has."""
    kind: str
    """Which of them is shown."""
    n_layer: Int64[np.ndarray, "kind"]
    """Layers that have attention of each kind: where the knob `layer` ends."""
    n_head: Int64[np.ndarray, "kind"]
    """Heads a layer, of each kind: where the knob `head` ends."""
    query_strings: Annotated[tuple[str, ...], Axes("query")]
    """Tokens that look, of this tile."""
    key_strings: Annotated[tuple[str, ...], Axes("key")]
    """Tokens that are looked at, of this tile."""
    weights: Float32[np.ndarray, "query key"]
    """Attention weights; whole rows sum to 1, of which this is a part when the text is longer than the tile."""
    first_query: int
    """Position of the tile's first query."""
    first_key: int
    """Position of the tile's first key."""
    n_query: int
    """Queries in the whole text."""
    n_key: int
    """Keys in the whole text."""
    navigation: UInt8[np.ndarray, "row block"]
    """The whole map in small: evenly spaced exact rows, the largest of each block of keys; 255 is 1."""
    navigation_queries: Int64[np.ndarray, "row"]
    """Positions of those rows."""
    navigation_block: int
    """Keys a block."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """How much each head looks from one word at another."""

    kinds: Kinds
    """The kinds of attention that this model has."""
    kind: str
    """Which of them is shown."""
    weight: Float32[np.ndarray, "layer head"]
    """Attention from the asking word's tokens to all tokens of the other, mean over the asking ones."""
    even: float
    """What an even spread would give."""
    query_positions: Int64[np.ndarray, "asking"]
    """Tokens that ask."""
    key_positions: Int64[np.ndarray, "asked"]
    """Tokens that are asked."""
    best_layers: Int64[np.ndarray, "place"]
    """The heads with the largest weight: their layers,"""
    best_heads: Int64[np.ndarray, "place"]
    """their numbers,"""
    best_weights: Float32[np.ndarray, "place"]
    """and their weights."""


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What the model loses with some of its heads switched off."""

    off: Annotated[tuple[str, ...], Axes("head")]
    """The heads that are off, as layer.head."""
    tokens: Annotated[tuple[str, ...], Axes("token")]
    """The text's tokens."""
    surprisal_before: Float64[np.ndarray, "token"]
    """−ln p of each token given those before it, all heads on; in nats, and not a number for the first."""
    surprisal_after: Float64[np.ndarray, "token"]
    """The same with the heads off."""
    loss_before: float
    """Their mean, in nats a token."""
    loss_after: float
    """The same with the heads off."""
    top_strings: Annotated[tuple[str, ...], Axes("choice")]
    """The likeliest next tokens, before or after."""
    before: Float64[np.ndarray, "choice"]
    """Their probability with all heads on, over the whole vocabulary."""
    after: Float64[np.ndarray, "choice"]
    """And with the heads off."""
    kl_bits: float
    """Kullback–Leibler divergence of what comes next, from before to after, in bits."""
