"""What the panels of `surprise` give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float64, Int64

from unrolled.figures._panel import Axes, Each

Strings = Annotated[tuple[str, ...], Axes("token")]
Words = Annotated[tuple[str, ...], Axes("word")]
Branches = Annotated[tuple[str, ...], Axes("branch")]
Pairs = Annotated[tuple[str, ...], Axes("pair")]


@dataclass(frozen=True, kw_only=True)
class Surprisal:
    """How surprising each token of a text was to each model, and the three averages."""

    strings: Each[Strings]
    """The scored tokens: all but a first one that has nothing before it."""
    unscored: Each[str]
    """That first one; empty where a beginning-of-text token stood before it."""
    spans: Each[Int64[np.ndarray, "token 2"]]
    """Characters of the text that each scored token covers, from and up to."""
    bits: Each[Float64[np.ndarray, "token"]]
    """Surprisal −log₂ p of each token, in bits."""
    probabilities: Each[Float64[np.ndarray, "token"]]
    """What the model gave the token before it read it, over the whole vocabulary."""
    ranks: Each[Int64[np.ndarray, "token"]]
    """Its place among all tokens of the vocabulary; 1 is the likeliest."""
    expected: Each[Strings]
    """The token that the model found likeliest there."""
    expected_probabilities: Each[Float64[np.ndarray, "token"]]
    """Its probability."""
    entropy_bits: Each[Float64[np.ndarray, "token"]]
    """How unsure the model was there: the surprisal that it expected, in bits."""
    before: Each[Int64[np.ndarray, "token"]]
    """How many tokens stood before it in its window."""
    total_bits: Each[float]
    """Surprisal of all scored tokens together, in bits: of the text."""
    nats_per_token: Each[float]
    """Mean loss: their mean surprisal in nats, which is what training makes small."""
    bits_per_token: Each[float]
    """The same in bits."""
    perplexity: Each[float]
    """exp(mean loss): as unsure as among so many equally likely tokens."""
    bits_per_byte: Each[float]
    """Surprisal of the text over the bytes that it was scored on: comparable across vocabularies."""
    n_token: Each[int]
    """Tokens that were scored."""
    n_byte: Each[int]
    """UTF-8 bytes that they stand for."""
    vocabulary_size: Each[int]
    """Tokens that there are to choose from."""
    uniform_bits: Each[float]
    """log₂ of that: surprisal of every token to a model that knows nothing, in bits."""
    window: Each[int]
    """Tokens read at once; 0 where a state was carried through the whole text."""
    stride: Each[int]
    """Tokens from one window's start to the next one's; 0 where a state was carried."""
    reading: Each[str]
    """How the model read the text, in words."""
    loss_arithmetic: Each[str]
    """The mean loss, worked out."""
    perplexity_arithmetic: Each[str]
    """The perplexity, worked out."""
    byte_arithmetic: Each[str]
    """Bits per byte, worked out."""
    window_below: int
    """Windows of all these models are smaller than this."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Every text that a few words make after the reader's, with its probability: depth first."""

    words: Words
    """The words, as the model's tokens."""
    strings: Branches
    """The token of each branch; “anything else” stands for all others of the vocabulary together."""
    texts: Branches
    """What its whole path adds to the reader's text."""
    parent: Int64[np.ndarray, "branch"]
    """Index of the branch before it; −1 for the text itself."""
    depth: Int64[np.ndarray, "branch"]
    """Tokens after the text, from 1."""
    conditional: Float64[np.ndarray, "branch"]
    """Probability given the text and all branches before it."""
    joint: Float64[np.ndarray, "branch"]
    """Product of the conditionals along its path."""
    is_text: Int64[np.ndarray, "branch"]
    """1 where nothing grows from it: these are the texts whose probabilities are added."""
    n_text: int
    """How many these are."""
    total: float
    """Their probabilities together: 1, up to rounding."""
    is_restricted: bool
    """Whether nothing but the words may follow, so that their shares are scaled up to 1."""


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """Minimal pairs: how much likelier each model finds the right text than the wrong one."""

    before: Pairs
    """What both texts begin with."""
    right: Pairs
    """How the right one goes on."""
    wrong: Pairs
    """How the wrong one goes on."""
    after: Pairs
    """How both end."""
    bits_right: Each[Float64[np.ndarray, "pair"]]
    """Surprisal of the right text, without its first token, in bits."""
    bits_wrong: Each[Float64[np.ndarray, "pair"]]
    """Surprisal of the wrong text, in bits."""
    preference: Each[Float64[np.ndarray, "pair"]]
    """The wrong text's less the right one's, in bits; above 0 the right one is likelier."""
    arithmetic: Each[Pairs]
    """The difference, worked out."""
    n_right: Each[int]
    """Pairs of the kind in which the right text is likelier; a pair of the reader's own is not counted."""
    share: Each[float]
    """Their share; guessing gives 0.5."""
    low: Each[float]
    """Lower end of its 95 % interval."""
    high: Each[float]
    """Upper end."""
    n_pair: int
    """Pairs of the kind."""
    n_own: int
    """Pairs of the reader's own before them: 0 or 1."""
    about: str
    """What is right about the right ones."""
