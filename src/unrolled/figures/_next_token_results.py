"""What the figure `next_token` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Float64, Int64

from unrolled.figures._panel import Axes, Each

Strings = Annotated[tuple[str, ...], Axes("token")]
Choices = Annotated[tuple[str, ...], Axes("choice")]
Nodes = Annotated[tuple[str, ...], Axes("node")]


@dataclass(frozen=True, kw_only=True)
class NextToken:
    """The next-token distribution of each model."""

    tokens: Each[Strings]
    """What the model reads: the text cut into its tokens."""
    token_spans: Each[Int64[np.ndarray, "token 2"]]
    """Characters of the text that each token covers, from and up to."""
    top_strings: Each[Choices]
    """The likeliest next tokens, from the likeliest on. ‹…› holds the bytes of a piece of a character."""
    top_text: Each[Choices]
    """What choosing the token appends to the text; empty where the token is not whole characters."""
    top_ids: Each[Int64[np.ndarray, "choice"]]
    """Their numbers in the model's vocabulary."""
    top_logits: Each[Float32[np.ndarray, "choice"]]
    """The model's raw scores for them, in nats up to a constant."""
    top_probabilities: Each[Float64[np.ndarray, "choice"]]
    """Their probabilities after the knobs, over the whole vocabulary, falling."""
    rest_probability: Each[float]
    """Probability of all other tokens together."""
    entropy_bits: Each[float]
    """Entropy H of the distribution after the knobs, in bits."""
    effective_choices: Each[float]
    """2^H: as unsure as among that many equally likely tokens."""
    kept: Each[int]
    """How many tokens the knobs leave with a probability above 0."""
    vocabulary_size: Each[int]
    """How many tokens there are to choose from."""
    sorted_logits: Each[Float32[np.ndarray, "rank"]]
    """Every logit of the vocabulary, falling; empty unless asked for."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A continuation drawn token by token."""

    strings: Each[Strings]
    """The drawn tokens."""
    ids: Each[Int64[np.ndarray, "token"]]
    """Their numbers in the vocabulary."""
    text: Each[str]
    """The continuation as text."""
    probabilities: Each[Float64[np.ndarray, "token"]]
    """Probability with which each was drawn, after the knobs."""
    model_probabilities: Each[Float64[np.ndarray, "token"]]
    """Probability that the model itself gave it: temperature 1, nothing removed."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The likeliest continuations as a tree, depth first; node 0 hangs from the text itself (parent -1)."""

    strings: Each[Nodes]
    """The token of each node."""
    text: Each[Nodes]
    """The text from the reader's last character up to and with this node."""
    parent: Each[Int64[np.ndarray, "node"]]
    """Index of the node before it; -1 for the text itself."""
    depth: Each[Int64[np.ndarray, "node"]]
    """Tokens after the text, from 1."""
    probability: Each[Float64[np.ndarray, "node"]]
    """Given the text and all nodes before it on its path. Temperature 1."""
    joint: Each[Float64[np.ndarray, "node"]]
    """Product of the probabilities along its path."""
