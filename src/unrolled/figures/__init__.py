"""The figures, found by import: one file a figure, its panels the functions marked with `@panel`.

Files that begin with an underscore are the shared frame: `_panel` (what a panel is), `_inputs` (what it may be
given), `_knobs` (what a reader may turn). Nothing else has to be told of a new figure.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any

from unrolled.checkpoints import Model
from unrolled.checkpoints.runs import Run
from unrolled.errors import BadInput, UnknownFigure, UnknownPanel
from unrolled.figures._inputs import Pair, checked_models, checked_runs, checked_text
from unrolled.figures._knobs import checked_knobs
from unrolled.figures._panel import Panel
from unrolled.progress import Work
from unrolled.provenance import COMPUTED_BY, Provenance


@dataclass(frozen=True)
class Figure:
    """A figure: its one name, the question it answers, its panels; the first is shown when none is named."""

    name: str
    module: ModuleType
    panels: dict[str, Panel]

    @property
    def question(self) -> str:
        """The docstring's first line."""
        return (self.module.__doc__ or self.name).strip().partition("\n")[0]

    @property
    def doc(self) -> str:
        """The rest of the docstring."""
        return inspect.cleandoc(self.module.__doc__ or "").partition("\n")[2].strip()

    @property
    def start(self) -> dict[str, Any]:
        """Text and models that it opens with where nobody has chosen any, if the usual ones would not do."""
        found: dict[str, Any] = getattr(self.module, "START", {})
        return found

    def panel(self, name: str | None = None) -> Panel:
        """A panel by name; the first one without."""
        if name is None:
            return next(iter(self.panels.values()))
        if name not in self.panels:
            raise UnknownPanel(f"{self.name} has no panel “{name}”; it has {', '.join(self.panels)}.")
        return self.panels[name]

    def takes(self, *kinds: str) -> bool:
        """Whether a panel has an input of one of these kinds."""
        return any(accepted.kind in kinds for panel in self.panels.values() for accepted in panel.inputs.values())

    def why_closed(self, name: str, probes: frozenset[str]) -> str | None:
        """Why a model does not open this figure, or None: when it opens one panel, or no panel takes a model."""
        reasons = [panel.why_closed(name, probes) for panel in self.panels.values() if panel.takes_model]
        return None if not reasons or None in reasons else reasons[0]


@dataclass(frozen=True)
class Answer:
    """One panel's result with all that it takes to get it again."""

    figure: str
    panel: Panel
    knobs: dict[str, Any]
    provenance: tuple[Provenance, ...]
    result: Any


@cache
def catalogue() -> dict[str, Figure]:
    """Every figure by name, in alphabetical order."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    return {name: _figure(name) for name in sorted(names)}


def figure(name: str) -> Figure:
    """One figure by name."""
    figures = catalogue()
    if name not in figures:
        near = difflib.get_close_matches(name, figures, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UnknownFigure(f"There is no figure “{name}”; there are {', '.join(figures)}.{hint}")
    return figures[name]


def opened_by(probes: frozenset[str]) -> list[str]:
    """Figures of which a model with these probes opens a panel that takes one."""
    return [each.name for each in catalogue().values() if any(p.opens_with(probes) for p in each.panels.values())]


def check_knobs(panel: Panel, knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Every knob's value, defaults filled in; BadKnob or UnknownKnob says what is taken."""
    return checked_knobs(panel.title, panel.knobs, dict(knobs))


def answer(
    panel: Panel,
    knobs: Mapping[str, Any],
    *,
    models: Sequence[Model] = (),
    runs: Sequence[Run] = (),
    text: str | None = None,
    target: str | None = None,
) -> Work[Answer]:
    """Runs a panel on checked inputs and knobs. Yields progress, returns the answer.

    Raises:
        BadInput: a missing or unknown input or knob, or one out of bounds; says what is taken.
        ProbeNotFound: a model without what the panel needs.
    """
    values = check_knobs(panel, knobs)
    inputs = _inputs(panel, tuple(models), tuple(runs), text, target)
    outcome = panel.run(*inputs, **values)
    result = (yield from outcome) if inspect.isgenerator(outcome) else outcome
    return Answer(panel.figure, panel, values, _provenance(panel, tuple(models), tuple(runs), values), result)


def _figure(name: str) -> Figure:
    module = importlib.import_module(f"{__name__}.{name}")
    marked = [part.__panel__ for part in vars(module).values() if hasattr(part, "__panel__")]
    return Figure(name, module, {panel.name: panel for panel in marked if panel.figure == name})


def _inputs(
    panel: Panel, models: tuple[Model, ...], runs: tuple[Run, ...], text: str | None, target: str | None
) -> list[Any]:
    """The positional inputs in the panel's order; what it does not take is refused."""
    kinds = {accepted.kind for accepted in panel.inputs.values()}
    if models and not kinds & {"model", "models"}:
        raise BadInput(f"{panel.title} takes no model; leave it out.")
    if runs and not kinds & {"run", "runs"}:
        raise BadInput(f"{panel.title} takes no run; leave it out.")
    if target and not kinds & {"pair", "target"}:
        raise BadInput(f"{panel.title} takes no target; leave it out.")
    if text is not None and not kinds & {"text", "pair"}:
        raise BadInput(f"{panel.title} takes no text; leave it out.")
    made: list[Any] = []
    for accepted in panel.inputs.values():
        if accepted.kind in ("model", "models"):
            checked = checked_models(models, accepted, panel.needs, panel.title, opened_by)
            made.append(checked[0] if accepted.kind == "model" else checked)
        elif accepted.kind in ("run", "runs"):
            taken = checked_runs(runs, accepted, panel.title)
            made.append(taken[0] if accepted.kind == "run" else taken)
        elif accepted.kind == "target":
            made.append(target or "")
        else:
            source = checked_text(text)
            made.append(source if accepted.kind == "text" else Pair(source, checked_text(target)))
    return made


def _provenance(
    panel: Panel, models: tuple[Model, ...], runs: tuple[Run, ...], knobs: dict[str, Any]
) -> tuple[Provenance, ...]:
    """One entry a model or run; without these, the panel's own formula. Whatever is drawn at random shows its seed."""
    seed = knobs.get("seed")
    if panel.sources is not None:
        return panel.sources(models, knobs)
    if models:
        return tuple(replace(model.provenance, seed=seed) for model in models)
    if runs:
        return tuple(run.provenance for run in runs)
    formulas = f"the formulas of {panel.figure}"
    return (Provenance(name=formulas, kind="computed", version=COMPUTED_BY, dtype="float64", seed=seed),)
