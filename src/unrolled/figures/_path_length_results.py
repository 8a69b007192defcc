"""What the figure `path_length` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float64, Int64

from unrolled.figures._panel import Axes

Named = Annotated[tuple[str, ...], Axes("network")]


@dataclass(frozen=True, kw_only=True)
class Paths:
    """A shortest path between two tokens in each of five networks."""

    n: int
    """Tokens in the text."""
    first: int
    """The earlier of the two tokens, counted from 1."""
    last: int
    """The later one: all five networks read from left to right, so that is where the path leads."""
    names: Named
    """The networks."""
    lengths: Int64[np.ndarray, "network"]
    """Steps of a shortest path."""
    by_formula: Int64[np.ndarray, "network"]
    """The same, as the formula says it."""
    searched: bool
    """Whether the lengths were found by nudging and search in the networks; beyond 64 tokens the formula gives them."""
    arithmetic: Named
    """The formula with its numbers."""
    node_network: Int64[np.ndarray, "node"]
    """Which network a node of a path belongs to, counted from 0."""
    node_step: Int64[np.ndarray, "node"]
    """Steps up to there."""
    node_token: Int64[np.ndarray, "node"]
    """The token it stands at, counted from 1."""
    edge_network: Int64[np.ndarray, "edge"]
    """The wiring found by nudging, where the text has at most 32 tokens: which network an edge belongs to."""
    edge_step: Int64[np.ndarray, "edge"]
    """Which of its steps, counted from 0; all steps of a network are wired like step 0, but for dilated convolution."""
    edge_from: Int64[np.ndarray, "edge"]
    """The token whose input was nudged, counted from 1."""
    edge_to: Int64[np.ndarray, "edge"]
    """The token whose output changed, counted from 1."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What the short paths cost: Table 1 of the paper, with its symbols and with the reader's numbers."""

    names: Named
    """The networks."""
    complexity: Named
    """Operations a layer, as the paper writes them: all but a constant factor."""
    sequential: Named
    """Operations that have to wait for one another."""
    path: Named
    """Longest of the shortest paths between any two tokens."""
    operations: Int64[np.ndarray, "network"]
    """What stands in the brackets of the first, for the reader's numbers."""
    arithmetic: Named
    """The same, written out."""
    waits: Int64[np.ndarray, "network"]
    """Steps one after the other that a layer takes."""
    longest: Int64[np.ndarray, "network"]
    """Steps from the first token to the last in our networks, exactly."""
    layers: Int64[np.ndarray, "network"]
    """Layers it takes until the last token can feel the first."""
    stack: Int64[np.ndarray, "network"]
    """Operations of as many layers."""
    pairs: int
    """Pairs of tokens that one layer of attention compares, each with itself and with those before it."""
    comparison: str
    """Whether a layer of attention or a recurrent one takes fewer operations, in words."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """How long one layer of each took, recorded earlier on one machine."""

    names: Named
    """The networks."""
    n: Int64[np.ndarray, "length"]
    """Tokens of the text."""
    milliseconds: Float64[np.ndarray, "network length"]
    """Median time of one forward pass through one layer, in ms."""
    low: Float64[np.ndarray, "network length"]
    """A quarter of the passes were faster, in ms."""
    high: Float64[np.ndarray, "network length"]
    """A quarter were slower, in ms."""
    d: int
    """Width of the layers."""
    kernel: int
    """Tokens that the convolutions' kernels cover."""
    window: int
    """Tokens that restricted attention looks back."""
    about: str
    """Machine, threads, versions and day."""
