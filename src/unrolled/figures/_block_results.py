"""What the figure `block` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float64, Int64

from unrolled.figures._panel import Axes

Strings = Annotated[tuple[str, ...], Axes("token")]


@dataclass(frozen=True, kw_only=True)
class Written:
    """Who wrote what into the residual stream."""

    tokens: Strings
    """The text."""
    token_spans: Int64[np.ndarray, "token 2"]
    """Characters of the text that each token covers, from and up to."""
    count: int
    """Tokens there are."""
    token: int
    """The token looked at, counted from 0."""
    writers: Annotated[tuple[str, ...], Axes("writer")]
    """Who writes, in order: "embedding", "attention 0", "FFN 0" …; "block 0" where its parts are not told apart."""
    additive: bool
    """Whether the stream is the plain sum of what was written, with no norm after it."""
    written: Float64[np.ndarray, "writer token"]
    """Length of what each wrote."""
    stream: Float64[np.ndarray, "writer token"]
    """Length of the stream after it."""
    cosine: Float64[np.ndarray, "writer token"]
    """Cosine of the angle between what it wrote and the stream before it: negative where it takes something back. NaN
    for the embedding."""
    along: Float64[np.ndarray, "writer token"]
    """What it wrote, measured along the last stream; these add up to the last stream's length. NaN, if not additive."""
    arithmetic: Annotated[tuple[str, ...], Axes("writer")]
    """How the stream's length after it comes about, at the token looked at."""
    shared: str
    """The last stream's length there as the sum of what embedding, attention and FFN wrote along it; empty, if not
    additive."""


@dataclass(frozen=True, kw_only=True)
class Activations:
    """What goes on between the two matrices of an FFN."""

    tokens: Strings
    """The text, as its encoder reads it if it is an encoder-decoder."""
    token_spans: Int64[np.ndarray, "token 2"]
    """Characters of the text that each token covers, from and up to."""
    count: int
    """Tokens there are."""
    token: int
    """The token looked at, counted from 0."""
    layers: int
    """FFNs there are."""
    layer: int
    """The one looked at."""
    d_model: int
    """Width of the stream."""
    d_ff: int
    """Hidden units of the FFN."""
    parameters: int
    """Weights and biases of one FFN."""
    kind: str
    """The model's non-linearity: ReLU, GELU or SwiGLU."""
    z: Float64[np.ndarray, "point"]
    """Sums for which the functions are drawn."""
    functions: Annotated[tuple[str, ...], Axes("function")]
    """ReLU, GELU, and SiLU, which is the curve of SwiGLU's gate."""
    curves: Float64[np.ndarray, "function point"]
    """Each function of z."""
    edges: Float64[np.ndarray, "edge"]
    """Edges of the histogram's bins."""
    histogram: Float64[np.ndarray, "bin"]
    """Share of the layer's sums in each bin, over all tokens and units."""
    outside: float
    """Share of them beyond the outermost edges."""
    zero: Float64[np.ndarray, "layer"]
    """Share of activations that are exactly 0."""
    negative: Float64[np.ndarray, "layer"]
    """Share of sums below 0 before the non-linearity."""
    small: Float64[np.ndarray, "layer"]
    """Share of activations of at most `below` times the root mean square of their token's."""
    carriers: Float64[np.ndarray, "layer"]
    """Fewest units, as a share of all, that hold `carry` of the sum of squares; mean over the tokens."""
    units: Int64[np.ndarray, "unit"]
    """Units of the layer that write most at the token looked at, the largest first."""
    sums: Float64[np.ndarray, "unit"]
    """What enters the non-linearity in each."""
    values: Float64[np.ndarray, "unit"]
    """What leaves the unit; with SwiGLU, times its second factor."""
    writes: Float64[np.ndarray, "unit"]
    """Length of what it writes into the stream."""
    arithmetic: Annotated[tuple[str, ...], Axes("unit")]
    """How its value and its length come about."""


@dataclass(frozen=True, kw_only=True)
class Depth:
    """The gradient's way back through fresh stacks of blocks that differ in their norms and residuals."""

    arrangements: Annotated[tuple[str, ...], Axes("arrangement")]
    """post-norm, pre-norm, no norm, no residual (norm before each part)."""
    loss: Float64[np.ndarray, "arrangement"]
    """Each stack's loss, in nats; a guess among all 64 tokens alike would have ln 64 = 4.16."""
    gradient: Float64[np.ndarray, "arrangement point"]
    """Length of dL/dx at the stream: what the first block reads, then what each block leaves."""
    weights: Float64[np.ndarray, "arrangement block"]
    """Length of the gradient by the FFN's second matrix of each block."""
    stream: Float64[np.ndarray, "arrangement point"]
    """Root mean square of the stream's entries."""
    apart: Float64[np.ndarray, "arrangement point"]
    """1 - the mean cosine between the streams of two positions: 0 when nothing tells them apart."""
    parameters: int
    """Weights of one stack."""


@dataclass(frozen=True, kw_only=True)
class Without:
    """What a model says of a text when something in its blocks is switched off."""

    tokens: Strings
    """The text."""
    token_spans: Int64[np.ndarray, "token 2"]
    """Characters of the text that each token covers, from and up to."""
    layers: int
    """Blocks there are."""
    off: Annotated[tuple[str, ...], Axes("switched")]
    """What is switched off, block by block."""
    finite: bool
    """Whether the numbers stayed within what the model's arithmetic can hold; if not, what is said after is NaN."""
    surprisal_before: Float64[np.ndarray, "token"]
    """-log₂ p of each token given those before it, in bits; NaN for the first."""
    surprisal_after: Float64[np.ndarray, "token"]
    """The same with it switched off."""
    loss_before: float
    """Mean of these, in bits a token. NaN of a single token."""
    loss_after: float
    """With it switched off."""
    top_strings: Annotated[tuple[str, ...], Axes("choice")]
    """Tokens that are likeliest to come next, before or after."""
    before: Float64[np.ndarray, "choice"]
    """Their probabilities, over the whole vocabulary."""
    after: Float64[np.ndarray, "choice"]
    """With it switched off."""
    kl_bits: float
    """How far the second distribution is from the first, in bits."""
    stream_before: Float64[np.ndarray, "point"]
    """Length of the stream at the last token: what the first block reads, then what each leaves."""
    stream_after: Float64[np.ndarray, "point"]
    """With it switched off."""


@dataclass(frozen=True, kw_only=True)
class EachLayer:
    """What is lost when something is switched off in one block alone, block by block."""

    tokens: Strings
    """The text."""
    token_spans: Int64[np.ndarray, "token 2"]
    """Characters of the text that each token covers, from and up to."""
    kinds: Annotated[tuple[str, ...], Axes("kind")]
    """What is switched off: what attention writes, what the FFN writes, its residuals, its norms."""
    loss_before: float
    """Mean surprisal with everything on, in bits a token."""
    loss: Float64[np.ndarray, "kind layer"]
    """With that switched off in this block alone; NaN where the numbers left what the model's arithmetic can hold."""
    uniform: float
    """What guessing among the whole vocabulary alike would have, in bits a token."""
