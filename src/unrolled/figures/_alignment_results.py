"""What the figure `alignment` answers: each panel's result, every field with its shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Float64, Int64

from unrolled.figures._panel import Axes, Each


@dataclass(frozen=True, kw_only=True)
class Alignments:
    """The same sentence through each model, and where each looked back at it."""

    source_tokens: Each[Annotated[tuple[str, ...], Axes("source")]]
    """What the encoder read; words that the model does not know whole come in pieces."""
    target_tokens: Each[Annotated[tuple[str, ...], Axes("target")]]
    """What the decoder wrote, or was made to write: one row of weights each."""
    weights: Each[Float32[np.ndarray, "target source"]]
    """Share of its attention that each source token got before that token was written; rows sum to 1. A model without
    attention has none."""
    translation: Each[str]
    """What the model writes by itself for this source; empty where it cannot be asked to."""
    ended: Each[bool]
    """Whether it came to an end by itself, before the limit of its length."""
    passes: Each[str]
    """What a model without attention hands from encoder to decoder; empty for one that has it."""
    domain: Each[str]
    """What the model learned from, where that is known: of other matters it knows little."""
    given: bool
    """Whether the target was given by the reader."""
    n_layer: int
    """Layers that look back, in the model that has most."""
    n_head: int
    """Heads a layer, in the model that has most."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """How one row of weights comes about."""

    source_tokens: Annotated[tuple[str, ...], Axes("source")]
    """What the encoder read."""
    written: str
    """The token that was written at this step."""
    step: int
    """Which one, counted from 0."""
    source: int
    """The source token whose arithmetic is told, counted from 0."""
    steps: int
    """How many there are."""
    energies: Float64[np.ndarray, "source"]
    """How well the decoder's state fits each source token: what the softmax takes. Empty where the model gives its
    weights only."""
    powers: Float64[np.ndarray, "source"]
    """e to the energy, less the largest one."""
    weights: Float64[np.ndarray, "source"]
    """Each power's share of their sum."""
    energy: str
    """The sum behind the energy of the chosen source token."""
    share: str
    """The softmax for the chosen source token, in figures."""
    total: str
    """That the row sums to 1."""
    n_layer: int
    """Layers that look back."""
    n_head: int
    """Heads a layer."""


NO_STEP = Step(
    source_tokens=(),
    written="",
    step=0,
    source=0,
    steps=0,
    energies=np.zeros(0),
    powers=np.zeros(0),
    weights=np.zeros(0),
    energy="",
    share="",
    total="",
    n_layer=1,
    n_head=1,
)
"""Of a model that cannot look back."""


@dataclass(frozen=True, kw_only=True)
class ByLength:
    """How well each model translates sentences of each length, recorded on the held-out test pairs."""

    shortest: Int64[np.ndarray, "length"]
    """Words of the shortest source sentences of a group."""
    longest: Int64[np.ndarray, "length"]
    """Words of the longest."""
    pairs: Int64[np.ndarray, "length"]
    """Sentence pairs in the group."""
    score: Each[Float64[np.ndarray, "length"]]
    """BLEU or chrF of the group as a whole, 0 to 100; not a number where it was not recorded."""
    low: Each[Float64[np.ndarray, "length"]]
    """Lower end of its 95 % interval, over resampled sentences."""
    high: Each[Float64[np.ndarray, "length"]]
    """Upper end."""
    all: Each[float]
    """The same score of all test pairs together."""
    note: Each[str]
    """What is to be said of a model's scores: that they are of another version of it, or that there are none."""
    about: str
    """On which pairs, how translated, how scored, when."""
