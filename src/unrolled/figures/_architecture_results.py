"""What the figure `architecture` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Int64

from unrolled.figures._panel import Axes

Said = Annotated[tuple[str, ...], Axes("part")]


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A model, part by part, in the order in which the parts run; of blocks that are alike one."""

    model: str
    """Whose parts."""
    read: Annotated[tuple[str, ...], Axes("token")]
    """The first tokens of the text, which flow through; of a published shape none."""
    target_read: Annotated[tuple[str, ...], Axes("target token")]
    """The first tokens that a decoder reads besides its encoder; of other models none."""
    names: Said
    """Parts, as their block calls them."""
    paths: Said
    """Where they stand in the module tree; the whole model is the empty path."""
    kinds: Said
    """What each is: "linear, 576 to 1,536"."""
    roles: Said
    """embedding, position, norm, query, key, value, attention, mlp, recurrent, head or other."""
    stacks: Said
    """The list of blocks that a part is in, where several blocks are alike; empty elsewhere."""
    blocks: Int64[np.ndarray, "part"]
    """Which of these is shown, counted from 0; -1 elsewhere."""
    repeats: Int64[np.ndarray, "part"]
    """How many blocks hold such a part."""
    shapes: Said
    """What it gives, for n tokens of the text and m of a decoder's."""
    parameters: Int64[np.ndarray, "part"]
    """Numbers that one such part holds."""
    parameters_said: Said
    """The same, worked out."""
    operations: Int64[np.ndarray, "part"]
    """Floating-point operations in matrix products that one such part takes for one token."""
    operations_said: Said
    """The same, worked out."""
    grows: Int64[np.ndarray, "part"]
    """1: as many for each token; 2: in proportion to the tokens that are looked at; 0: once a text, and not counted."""
    joins: Int64[np.ndarray, "part"]
    """The part to whose result this one's is added, counted from 0; -1: to none."""
    opens: Said
    """Figures that look into it, as NAME#KEY=VALUE&…, separated by spaces."""
    sizes: Float32[np.ndarray, "part column"]
    """Root mean square of the vector that the part gives for each of the first tokens; NaN where it gives none."""
    n_blocks: int
    """Blocks in the longest stack of blocks that are alike."""
    context: int
    """Tokens in the text for which operations and memory are counted."""
    total_parameters: int
    """Of the whole model."""
    total_parameters_said: str
    """The sum over the parts."""
    total_operations: int
    """Floating-point operations for one token, the whole model's."""
    total_operations_said: str
    """The sum over the parts."""
    attention_operations: int
    """Those of them that grow with the text: queries × keys, weights × values."""
    weights_bytes: int
    """Memory that the weights take."""
    weights_said: str
    """The same, worked out."""
    kept_bytes: int
    """Memory that is kept of a text of `context` tokens so that the next token need not read it again: keys and values,
    or a state."""
    kept_said: str
    """The same, worked out."""
    note: str
    """What is to be known of the numbers."""


Named = Annotated[tuple[str, ...], Axes("model")]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Published shapes and loaded models side by side."""

    names: Named
    """The models."""
    keys: Named
    """What the knob `preset` calls it; empty for a loaded model."""
    years: Int64[np.ndarray, "model"]
    """Of publication; 0 for a loaded model."""
    layers: Int64[np.ndarray, "model"]
    """Blocks, of an encoder-decoder those of one side."""
    widths: Int64[np.ndarray, "model"]
    """Of a token's vector."""
    parameters: Int64[np.ndarray, "model"]
    """Counted on the modules."""
    said: Named
    """Parameters as the source prints them; empty for a loaded model."""
    sources: Named
    """Paper and table."""
    embedding: Int64[np.ndarray, "model"]
    """Parameters in tables and in a head of its own."""
    attention: Int64[np.ndarray, "model"]
    """Parameters in attention."""
    mlp: Int64[np.ndarray, "model"]
    """Parameters in the layers between, or in recurrent ones."""
    rest: Int64[np.ndarray, "model"]
    """Other parameters, norms for the most part."""
    operations: Int64[np.ndarray, "model"]
    """Floating-point operations for one token in a text of `context` tokens."""
    growing: Int64[np.ndarray, "model"]
    """Those of them that grow with the text."""
    kept_bytes: Int64[np.ndarray, "model"]
    """What is kept of such a text, at 2 bytes a number."""
    context: int
    """Tokens in the text."""
