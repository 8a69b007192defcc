"""What a training says while it runs. Every event is a line of log.jsonl and of `unrolled train --json`."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Preparing:
    """Before the first step."""

    done: int
    total: int
    note: str


@dataclass(frozen=True, kw_only=True)
class Started:
    """The run is fixed: it begins, or goes on, after `step`."""

    step: int
    steps: int
    family: str
    parameters: int
    """All of them."""
    embedding_parameters: int
    """In tables of tokens and of positions."""
    vocabulary: int
    train_tokens: int
    held_out_tokens: int
    epochs: float
    """How often everything is seen, in the whole run."""
    unigram: float
    """Entropy of the held-out part's tokens, one by one, in nats: what it costs to know how often each occurs and no
    more. Shannon 1951, F_1."""
    notes: tuple[str, ...] = ()
    """What the reader should know, e.g. why a resumed run is not the same to the last bit."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was learnt since the event of this kind before it."""

    step: int
    tokens: int
    """Learnt from since the beginning of the run."""
    loss: float
    """Mean over those tokens in nats, label smoothing and dropout included."""
    learning_rate: float
    gradient_norm: float
    """Of the last step, before clipping."""
    tokens_per_second: float


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The text that is not learnt from; plain cross-entropy, no dropout."""

    step: int
    tokens: int
    """Learnt from since the beginning of the run."""
    loss: float
    """Nats a token."""
    perplexity: float
    bits_per_byte: float | None
    """Where all of it was measured."""
    predicted: int
    """How many tokens this is the mean of."""

    @staticmethod
    def perplexity_of(loss: float) -> float:
        """exp(loss), infinite where that is beyond a float."""
        return math.exp(loss) if loss < 700 else math.inf


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What the model says: `text` continues, or translates, `prompt`."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Saved:
    """All of the run up to `step` is on the disk."""

    step: int
    path: str
    """In the run folder."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The run is finished, or was stopped after a save."""

    step: int
    steps: int
    seconds: float
    """Of all its sittings."""
    finished: bool


Event = Preparing | Started | Measured | HeldOut | Sampled | Saved | Ended


def to_json(event: Event) -> dict[str, Any]:
    """The event with its kind; what is not finite as a string, as everywhere."""
    fields = {name: _plain(value) for name, value in dataclasses.asdict(event).items()}
    return {"event": type(event).__name__.lower(), **fields}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
