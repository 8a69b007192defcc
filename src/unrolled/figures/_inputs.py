"""What a panel may be given: the types of its positional inputs, and how a question's words become them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NewType, get_args, get_origin

from unrolled.checkpoints import Model
from unrolled.checkpoints.runs import Run
from unrolled.errors import BadInput, EmptyText, ProbeNotFound, TextTooLong

TEXT_LIMIT = 50_000  # characters; a model's own context is usually reached before

Text = NewType("Text", str)
"""The reader's text, not empty."""

Target = NewType("Target", str)
"""What an encoder-decoder's decoder reads; empty for all other models."""

Models = tuple[Model, ...]
"""One model or several, side by side."""

Runs = tuple[Run, ...]
"""One training run or several, each as it stood when it was read, overlaid."""


@dataclass(frozen=True)
class Pair:
    """A source text and its target."""

    source: str
    target: str


@dataclass(frozen=True)
class UpTo:
    """At most this many models or runs: `Annotated[Models, UpTo(3)]`."""

    most: int


@dataclass(frozen=True)
class Input:
    """One positional input of a panel: its kind, and for models and runs how many at most."""

    kind: str
    most: int = 1


def input_of(annotation: Any) -> Input:
    """The kind of input that a positional parameter's type stands for."""
    most = 4
    if get_origin(annotation) is Annotated:
        annotation, *extras = get_args(annotation)
        most = next((extra.most for extra in extras if isinstance(extra, UpTo)), most)
    kinds: dict[Any, Input] = {
        Model: Input("model"),
        Models: Input("models", most),
        Text: Input("text"),
        Target: Input("target"),
        Pair: Input("pair"),
        Run: Input("run"),
        Runs: Input("runs", most),
    }
    if annotation not in kinds:
        raise TypeError(f"{annotation!r} is not an input; there are Model, Models, Text, Target, Pair, Run and Runs.")
    return kinds[annotation]


def checked_text(text: object) -> Text:
    """The text, or a sentence that says what is wrong with it."""
    if text is not None and not isinstance(text, str):
        raise BadInput(f"The text was of type {type(text).__name__}; it takes words: a string.")
    if not text or not text.strip():
        raise EmptyText("There is no text yet: type a few words, for example “The capital of France is”.")
    if len(text) > TEXT_LIMIT:
        raise TextTooLong(
            f"The text has {len(text):,} characters; at most {TEXT_LIMIT:,} are read. Give a shorter piece of it."
        )
    return Text(text)


def checked_models(
    models: Models, accepts: Input, needs: tuple[str, ...], panel: str, opened_by: Callable[[frozenset[str]], list[str]]
) -> Models:
    """As many models as the panel takes, each with the probes that it needs. `opened_by`: figures that others open."""
    if not models:
        raise BadInput(f"{panel} needs a model: name one, for example smollm2 (`unrolled models list` shows all).")
    if len(models) > accepts.most:
        raise BadInput(f"{panel} takes at most {_count(accepts.most)}; {len(models)} were given.")
    for model in models:
        reason = why_closed(model.name, model.probes, needs)
        if reason:
            others = ", ".join(opened_by(model.probes)) or "none"
            raise ProbeNotFound(f"{panel} cannot be shown: {reason} Figures that it opens: {others}.")
    return models


def checked_runs(runs: Runs, accepts: Input, panel: str) -> Runs:
    """As many runs as the panel takes."""
    if not runs:
        raise BadInput(f"{panel} needs a training run: name one. `unrolled train` begins one, and the guide finds it.")
    if len(runs) > accepts.most:
        raise BadInput(f"{panel} takes at most {_count(accepts.most, 'run')}; {len(runs)} were given.")
    return runs


def why_closed(name: str, probes: frozenset[str], needs: tuple[str, ...]) -> str | None:
    """Why a model does not open a panel, or None when it does."""
    missing = [probe for probe in needs if probe not in probes]
    if not missing:
        return None
    has = ", ".join(sorted(probes)) or "none at all"
    return f"it needs {', '.join(missing)}, and {name} has no such probe (it has {has})."


def _count(most: int, what: str = "model") -> str:
    return f"one {what}" if most == 1 else f"{most} {what}s"
