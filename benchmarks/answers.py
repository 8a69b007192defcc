"""How soon every panel answers on the text and models that its figure opens with: over all of them, and the slowest.

Models are open, nothing of the text is remembered: each question is about another word at its end.
"""

from __future__ import annotations

from itertools import count
from statistics import median

from run import Row, timed

from unrolled.checkpoints import Model, entries, open_model
from unrolled.figures import answer, catalogue
from unrolled.figures._panel import Panel
from unrolled.progress import finish
from unrolled.shell import DEFAULT_TEXT

REPEATS = 3
SHOWN = 8
"""Slowest panels that get a line of their own."""
WORDS = count(1)
ASKED = {"heads (find)": {"query": "is", "key": "France"}}
"""Knobs of a panel that asks nothing by itself."""


def rows() -> list[Row]:
    open_models: dict[str, Model] = {}
    took = {panel.title: _seconds(panel, open_models) for panel in _panels()}
    slowest = sorted(took, key=took.__getitem__, reverse=True)[:SHOWN]
    middle = Row(
        name=f"median of {len(took)} panels", ours=1000 * median(took.values()), unit="ms", target="under 200 ms"
    )
    return [middle, *(Row(name=name, ours=1000 * took[name], unit="ms", target="under 1 s") for name in slowest)]


def _panels() -> list[Panel]:
    """All but those that read a training run: they are as fast as a file is read."""
    panels = [panel for figure in catalogue().values() for panel in figure.panels.values()]
    return [panel for panel in panels if not {"run", "runs"} & {accepted.kind for accepted in panel.inputs.values()}]


def _seconds(panel: Panel, open_models: dict[str, Model]) -> float:
    start = catalogue()[panel.figure].start
    takes = {accepted.kind: accepted.most for accepted in panel.inputs.values()}
    names = start.get("models") or ([_usual(panel, open_models)] if panel.takes_model else [])
    models = [_opened(name, open_models) for name in names[: takes.get("models", takes.get("model", 0))]]

    def ask() -> None:
        text = f"{start.get('text', DEFAULT_TEXT)} {next(WORDS)}" if "text" in takes else None
        finish(answer(panel, ASKED.get(panel.title, {}), models=models, text=text))

    return timed(ask, REPEATS)


def _usual(panel: Panel, open_models: dict[str, Model]) -> str:
    """SmolLM2 where it opens the panel, else the first model that comes along and does."""
    names = ["smollm2", *(entry.name for entry in entries() if entry.here)]
    return next(name for name in names if panel.opens_with(_opened(name, open_models).probes))


def _opened(name: str, open_models: dict[str, Model]) -> Model:
    if name not in open_models:
        open_models[name] = open_model(name)
    return open_models[name]
