"""What the figure `gradient_flow` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Float64, Int64

from unrolled.figures._panel import Axes, Each

Strings = Annotated[tuple[str, ...], Axes("token")]
Places = Annotated[tuple[str, ...], Axes("place")]


@dataclass(frozen=True, kw_only=True)
class Powers:
    """One factor, again and again."""

    steps: Int64[np.ndarray, "step"]
    """k, steps back from the end."""
    share: Float64[np.ndarray, "step"]
    """factor^k: what is left of the error after k steps."""
    vanished_after: float
    """Fewest steps after which at most 0.001 is left; infinite when there are none."""
    exploded_after: float
    """Fewest steps after which at least 1000 has come of it; infinite when there are none."""
    half_life: float
    """Steps in which it halves; infinite unless the factor is below 1."""
    doubling: float
    """Steps in which it doubles; infinite unless the factor is above 1."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """The gradient of each model's loss at the last position, at every step before."""

    tokens: Each[Strings]
    """What the model read."""
    token_spans: Each[Int64[np.ndarray, "token 2"]]
    """Characters of the text that each token covers, from and up to."""
    target: Each[str]
    """The token whose loss it is."""
    probability: Each[float]
    """What the model gave to it."""
    loss: Each[float]
    """-ln of that, in nats."""
    places: Each[Places]
    """Where the gradient is taken: "input" (what the first layer reads); "h 0", "c 0", "h,c 0" (layer 0's state, its
    cell, both as they are carried on); "stream 0" (the residual stream after block 0)."""
    units: Each[Int64[np.ndarray, "place"]]
    """Numbers that the gradient consists of there."""
    norms: Each[Float64[np.ndarray, "place token"]]
    """Length of the gradient there, at each step: the root of the sum of its numbers' squares."""
    relative: Each[Float64[np.ndarray, "place token"]]
    """The same, divided by its value at the last step."""
    factor: Each[Float64[np.ndarray, "place"]]
    """The one factor a step that would lead from the last step to the first: geometric mean. NaN of a single step."""
    parameter_norm: Each[float]
    """Length of the gradient by all weights together. NaN where there are more than 20 million of them."""
    clipped_by: Each[float]
    """What clipping multiplies that gradient by, 1 if it is within the threshold."""
    radius_before: Each[float]
    """Largest spectral radius of its recurrent matrices before they were scaled; NaN where none were."""


@dataclass(frozen=True, kw_only=True)
class StepJacobians:
    """What one step of a layer multiplies the error by, as a matrix, and many together."""

    tokens: Strings
    """The text."""
    token_spans: Int64[np.ndarray, "token 2"]
    """Characters of the text that each token covers, from and up to."""
    layers: int
    """Recurrent layers there are."""
    state: str
    """What is carried from step to step: h, or h and c."""
    position: Int64[np.ndarray, "step"]
    """t of each step; the last is T."""
    radius: Float32[np.ndarray, "step"]
    """Spectral radius of ds_t/ds_{t-1}: the largest magnitude of an eigenvalue."""
    largest: Float32[np.ndarray, "step"]
    """Its largest singular value."""
    singular: Float32[np.ndarray, "rank step"]
    """All its singular values, falling."""
    product: Float32[np.ndarray, "rank step"]
    """Singular values of ds_T/ds_{t-1}, the product from T back to t, falling."""
    bound: Float64[np.ndarray, "step"]
    """Product of the largest singular values from T back to t: the most that the product's could be."""
    by_radius: Float64[np.ndarray, "step"]
    """Product of the spectral radii from T back to t: what one might expect, and no bound at all."""
    factor: Float64[np.ndarray, "step"]
    """Per step: the root of the product's largest singular value."""
    gates: Annotated[tuple[str, ...], Axes("gate")]
    """Blocks of the layer's recurrent weights; "h" in a simple RNN."""
    gate_radius: Float64[np.ndarray, "gate"]
    """Spectral radius of each."""
    gate_singular: Float64[np.ndarray, "gate"]
    """Largest singular value of each."""


@dataclass(frozen=True, kw_only=True)
class TwoUnits:
    """An error on its way back through two units."""

    radius: float
    """Largest magnitude of an eigenvalue of W."""
    singular: float
    """Largest singular value of W."""
    hidden: Float64[np.ndarray, "step unit"]
    """h_{T-k}."""
    slope: Float64[np.ndarray, "step unit"]
    """1, or 1 - h² under a tanh, at h_{T-k}."""
    error: Float64[np.ndarray, "step unit"]
    """The error after k steps back."""
    length: Float64[np.ndarray, "step"]
    """Its length."""
    by_radius: Float64[np.ndarray, "step"]
    """radius^k times its length at the end: the story of one factor."""
    by_singular: Float64[np.ndarray, "step"]
    """Largest singular value to the k, times that length: no error can be longer."""
    peak: int
    """k at which it is longest."""
    arithmetic: Annotated[tuple[str, ...], Axes("step")]
    """How the error after k steps comes from the one before."""
