"""How a figure stands: what the page keeps in its address, a notebook in its widget, a picture in what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unrolled.checkpoints import Model
from unrolled.checkpoints.runs import Run
from unrolled.figures import Answer, answer, check_knobs, figure
from unrolled.figures._panel import Panel
from unrolled.progress import Work


@dataclass(frozen=True, kw_only=True)
class State:
    """A figure's state. `view`: what is picture only, such as the stage that is looked at."""

    panel: str
    text: str = ""
    target: str = ""
    models: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    knobs: dict[str, Any] = field(default_factory=dict)
    view: dict[str, Any] = field(default_factory=dict)

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The models in the picture: the reader's, unless a chapter compares others in this one figure."""
        own = self.view.get("models")
        return tuple(map(str, own)) if isinstance(own, list | tuple) and own else self.models


def starts(name: str) -> dict[str, Any]:
    """Every knob of a figure's panels at its start; same-named knobs share one value."""
    knobs: dict[str, Any] = {}
    for panel in figure(name).panels.values():
        knobs |= {knob: value for knob, value in check_knobs(panel, {}).items() if knob not in knobs}
    return knobs


def state_of(panel: Panel, knobs: Mapping[str, Any], **rest: Any) -> State:
    """A figure's state at a panel: the knobs given, every other one at its start."""
    return State(panel=panel.name, knobs=starts(panel.figure) | check_knobs(panel, knobs), **rest)


def question(panel: Panel, state: State, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is asked of a panel at a state, as the page asks it: only what the panel takes. `own` overrules knobs."""
    knobs = state.knobs | dict(own or {})
    asked: dict[str, Any] = {"knobs": {name: knobs[name] for name in panel.knobs.model_fields if name in knobs}}
    for accepted in panel.inputs.values():
        if accepted.kind in ("model", "models"):
            asked["models"] = list(state.looked_at[: accepted.most])
        elif accepted.kind in ("run", "runs"):
            asked["runs"] = list(state.runs[: accepted.most])
        else:
            asked |= {name: getattr(state, name) for name in _TEXTS[accepted.kind]}
    if not asked.get("target") and not any(accepted.kind == "pair" for accepted in panel.inputs.values()):
        asked.pop("target", None)
    return asked


@dataclass(frozen=True)
class Loaded:
    """What questions are about, by the names that they use: open models, and runs as they stood when they were read."""

    models: Mapping[str, Model] = field(default_factory=dict)
    runs: Mapping[str, Run] = field(default_factory=dict)


def answered(panel: Panel, asked: Mapping[str, Any], loaded: Loaded) -> Work[Answer]:
    """The answer to such a question."""
    models = [loaded.models[name] for name in asked.get("models", [])]
    runs = [loaded.runs[name] for name in asked.get("runs", [])]
    texts = {name: asked.get(name) for name in ("text", "target")}
    return (yield from answer(panel, asked["knobs"], models=models, runs=runs, **texts))


_TEXTS = {"text": ("text",), "pair": ("text", "target"), "target": ("target",)}
