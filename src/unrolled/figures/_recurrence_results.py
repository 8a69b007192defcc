"""What the figure `recurrence` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Float64, Int64

from unrolled.figures._panel import Axes, Each

Strings = Annotated[tuple[str, ...], Axes("token")]
Words = Annotated[tuple[str, ...], Axes("word")]
Choices = Annotated[tuple[str, ...], Axes("choice")]
Back = Annotated[tuple[str, ...], Axes("back")]


@dataclass(frozen=True, kw_only=True)
class StateMap:
    """h of one layer, unit by unit, after each token."""

    tokens: Each[Annotated[tuple[str, ...], Axes("text_token")]]
    """The text as each model reads it."""
    columns: Each[Annotated[tuple[str, ...], Axes("column")]]
    """Its last tokens, which are shown."""
    first: Each[int]
    """Position in the text of the first of these, from 0."""
    h: Each[Float32[np.ndarray, "unit column"]]
    """The layer's h after each of these tokens; between −1 and 1 where a tanh stands around it. Unitless."""
    units: Each[Int64[np.ndarray, "unit"]]
    """Number of each unit shown, from 0: those that vary most over these tokens, the most varying first."""
    spread: Each[Float64[np.ndarray, "unit"]]
    """Standard deviation of each over these tokens."""
    n_unit: Each[int]
    """Units that the layer has."""
    n_layer: int
    """Layers that all of the models have: where the knob `layer` ends."""


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """A text and the same text with two words exchanged: what the state and the next token make of it."""

    words: Words
    """The text's words, as it stands."""
    n_words: int
    """How many there are: where the knobs `first` and `second` end."""
    swapped_text: str
    """The text with the two exchanged."""
    tokens: Each[Strings]
    """The text as each model reads it."""
    swapped_tokens: Each[Annotated[tuple[str, ...], Axes("swapped_token")]]
    """And the other one."""
    same_bag: Each[bool]
    """Whether both are made of the same tokens, each as often; a capital letter or a missing space makes another."""
    h: Each[Float32[np.ndarray, "unit"]]
    """The layer's state at the end of the text."""
    h_swapped: Each[Float32[np.ndarray, "unit"]]
    """And at the end of the other."""
    difference: Each[Float64[np.ndarray, "unit"]]
    """The second less the first."""
    distance: Each[float]
    """Length of that difference."""
    relative: Each[float]
    """The same as a share of the first state's length."""
    cosine: Each[float]
    """Cosine of the angle between both; 1 is the same direction."""
    bag_distance: Each[float]
    """The control: distance between the means of both texts' embeddings, in which order cannot show."""
    bag_relative: Each[float]
    """The same as a share of the first mean's length."""
    bag_cosine: Each[float]
    """Their cosine."""
    top_strings: Each[Choices]
    """The likeliest next tokens after either text."""
    before: Each[Float64[np.ndarray, "choice"]]
    """Their probability after the text, over the whole vocabulary."""
    after: Each[Float64[np.ndarray, "choice"]]
    """And after the other."""
    kl_bits: Each[float]
    """Kullback–Leibler divergence of what comes next, from the text to the other, in bits."""


@dataclass(frozen=True, kw_only=True)
class ReadBack:
    """What a linear probe reads out of the state of the tokens before."""

    distances: Int64[np.ndarray, "distance"]
    """Steps back: 0 is the token that was read last."""
    accuracy: Each[Float64[np.ndarray, "distance"]]
    """Share of held-out positions at which the true token comes first."""
    low: Each[Float64[np.ndarray, "distance"]]
    """Lower end of the 95 % interval, over held-out pieces of text."""
    high: Each[Float64[np.ndarray, "distance"]]
    """Upper end."""
    control: Each[Float64[np.ndarray, "distance"]]
    """The same for a probe fitted to shuffled tokens: what frequency alone gives."""
    median_rank: Each[Float64[np.ndarray, "distance"]]
    """Median rank of the true token among those that the probe can name; 1 is first."""
    n_named: Each[int]
    """Tokens that the probe can name: those that occurred where it was fitted."""
    n_training: Each[int]
    """Positions that it was fitted on."""
    n_test: Each[int]
    """Held-out positions that it was tested on."""
    n_unit: Each[int]
    """Numbers in the state that it reads."""
    own_tokens: Each[Back]
    """The text from its last token backwards, as far as the probe reaches."""
    own_found: Each[Back]
    """What the probe reads out for each of them at the end of the text."""
    own_rank: Each[Int64[np.ndarray, "back"]]
    """Rank of the true token there; 1 is first, one more than there are if the probe has no name for it."""


@dataclass(frozen=True, kw_only=True)
class Wavefront:
    """In which parallel step each layer's cell at each token can be computed."""

    tokens: Each[Strings]
    """The first tokens of the text."""
    steps: Each[Int64[np.ndarray, "layer token"]]
    """The first step, from 1, in which the cell can be there: one later than the last cell that it waits for."""
    n_steps: Each[int]
    """Steps in a row that the text takes, with as many processors as one likes."""
    last_step: int
    """The longest of these, and one more: where the knob `step` ends."""
    cells: Each[int]
    """Cells in all: layers times tokens."""
    ready: Each[int]
    """Cells that are there after the step that the knob says."""
    by_length: Each[Int64[np.ndarray, "length"]]
    """Steps that the first token takes, the first two, the first three …"""
    recorded: Annotated[tuple[str, ...], Axes("recording")]
    """Families whose speed was recorded on one machine."""
    recorded_work: Annotated[tuple[str, ...], Axes("recording")]
    """What each was doing."""
    recorded_rate: Float64[np.ndarray, "recording"]
    """Matrix products that it carried out, in 10⁹ multiplications and additions a second."""
    recorded_share: Float64[np.ndarray, "recording"]
    """The same as a share of what that machine reaches on one large product."""
    recorded_where: str
    """The machine, and when."""
