"""What the figure `gates` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Float64, Int64

from unrolled.figures._panel import Axes, Each

Columns = Annotated[tuple[str, ...], Axes("column")]


@dataclass(frozen=True, kw_only=True)
class GateMap:
    """One gate, or what the gates work on, unit by unit after each token."""

    tokens: Each[Annotated[tuple[str, ...], Axes("text_token")]]
    """The text as each model reads it."""
    columns: Each[Columns]
    """Its last tokens, which are shown."""
    first: Each[int]
    """Position in the text of the first of these, from 0."""
    gates: Annotated[tuple[str, ...], Axes("gate")]
    """What there is to be seen in at least one of the models."""
    shows: Each[str]
    """What is shown of this model: the gate asked for; empty where it has none of that name."""
    why: Each[str]
    """Where it has none: what it has instead."""
    signed: Each[bool]
    """Whether the values may be below 0: candidate, cell and h; a gate's lie between 0 and 1."""
    values: Each[Float32[np.ndarray, "unit column"]]
    """The gate after its sigmoid, the candidate after its tanh, c or h; unitless."""
    units: Each[Int64[np.ndarray, "unit"]]
    """Number of each unit shown, from 0: evenly through all of them, from the largest mean size to the smallest."""
    mean: Each[float]
    """Mean over all units of the layer and all of these tokens."""
    open_share: Each[float]
    """Share of them above 0.9."""
    closed_share: Each[float]
    """Share of them below 0.1; not a number for what is signed."""
    n_unit: Each[int]
    """Units that the layer has."""
    n_layer: int
    """Layers that all of the models have: where the knob `layer` ends."""


@dataclass(frozen=True, kw_only=True)
class Survival:
    """What is left, at the end of the text, of what each unit held after each token: along the direct path alone."""

    tokens: Each[Annotated[tuple[str, ...], Axes("text_token")]]
    """The text as each model reads it."""
    columns: Each[Columns]
    """Its last tokens, which are shown."""
    first: Each[int]
    """Position in the text of the first of these, from 0."""
    gate: Each[str]
    """The gate whose product is taken: forget, or a GRU's update."""
    quantiles: Float64[np.ndarray, "quantile"]
    """Shares of the units for which the lines stand."""
    left: Each[Float64[np.ndarray, "quantile column"]]
    """So much is left at most in that share of the layer's units; 1 at the last token. A share from 0 to 1."""
    units: Each[Int64[np.ndarray, "unit"]]
    """Units drawn one by one, from 0: those that keep most of the first token shown, and the one asked for."""
    left_of_unit: Each[Float64[np.ndarray, "unit column"]]
    """The same for each of them."""
    half_life: Each[Float64[np.ndarray, "unit"]]
    """Tokens until half is left of them, at the unit's mean pace; infinite where nothing is lost."""
    median_half_life: Each[float]
    """Of all units of the layer, in tokens."""
    longest_half_life: Each[float]
    """The longest of any unit of the layer, in tokens."""
    n_unit: int
    """Units that the layer has in all of the models: where the knob `unit` ends."""
    n_layer: int
    """Layers that all of the models have: where the knob `layer` ends."""
