"""The library's door: plain calls that answer with arrays, and the models that they keep open.

answer = unrolled.ask("next_token", models=["smollm2"], text="The capital of France is", temperature=0.7)
answer.result.top_probabilities[0]
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import nn

from unrolled import checkpoints, trace
from unrolled.checkpoints import Model, run_names
from unrolled.checkpoints.runs import Run
from unrolled.desk import Shelf
from unrolled.errors import BadInput
from unrolled.figures import Answer, answer, catalogue, figure
from unrolled.figures._panel import Panel
from unrolled.progress import Progress, Work, finish

ONE_AT_A_TIME = threading.RLock()
"""Held while a model computes: a widget's thread and a notebook's cell share the models, and their caches."""
_shelf = Shelf()


def ask(
    name: str,
    *,
    panel: str | None = None,
    models: Sequence[str | Model] | str | Model = (),
    runs: Sequence[str | Path | Run] | str | Path | Run = (),
    text: str | None = None,
    target: str | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    **knobs: Any,
) -> Answer:
    """One panel's answer; `.result` holds its arrays, `.provenance` where they come from.

    Args:
        name: of the figure.
        panel: which of its panels; the first without.
        models: names, paths, or models that are open already.
        runs: names or folders of training runs, or runs that were read already.
        text: what they read.
        target: the other text, for figures about a pair.
        on_progress: called with how far long work is.
        knobs: as `unrolled figure NAME --help` lists them.

    Raises:
        UnrolledError: one sentence on what was given, what exists and what to do.
    """
    asked = figure(str(name)).panel(panel)
    given, trainings = several(models), several_runs(runs)
    _check("models", given, str | Model, "names, paths and what unrolled.open gives")
    _check("runs", trainings, str | Path | Run, "names, folders and what unrolled.run gives")
    _check("target", [target], str | None, "words: a string")
    allow(each for each in given if isinstance(each, str))
    read = [each if isinstance(each, Run) else run(each) for each in trainings]
    work = _answering(asked, given, read, text, target, knobs)
    with ONE_AT_A_TIME:
        found: Answer = finish(work, on_progress)
    return found


def _check(name: str, given: Sequence[object], takes: Any, said: str) -> None:
    for each in given:
        if not isinstance(each, takes):
            raise BadInput(f"{name} had a value of type {type(each).__name__}; it takes {said}.")


def open(what: str | Path | nn.Module, *, tokenizer: Any = None, device: str = "cpu", dtype: str = "float32") -> Model:  # noqa: A001
    """A model by name or path, or the reader's own module, called with token ids (1, n).

    `tokenizer`: of a module of one's own; from `tokenizers` or transformers. Without, its text is token numbers.
    """
    if isinstance(what, nn.Module):
        return trace.wrap(what, tokenizer=tokenizer)
    return checkpoints.open_model(str(what), device=device, dtype=dtype)


def run(what: str | Path) -> Run:
    """A training run by its name or folder, as it stands now: loss over tokens as arrays, and what it wrote."""
    return run_names.run(str(what))


def record(
    model: Model | str | Path | nn.Module,
    text: str,
    *,
    target: str = "",
    values: Collection[int] = (),
    residual: bool = False,
    logits: bool = False,
) -> trace.Trace:
    """Reads the text once and keeps queries and keys of every layer; weights are worked out when looked at.

    Args:
        model: an open one, or what `open` takes.
        text: what it reads.
        target: what an encoder-decoder's decoder reads.
        values: layers whose values are kept too.
        residual: whether the residual stream is.
        logits: whether what logits are made of is.
    """
    _check("text", [text], str, "words: a string")
    _check("target", [target], str, "words: a string")
    read_by = model if isinstance(model, Model) else open(model)
    read = read_by.encode_target(target) if target else None
    tokens = read_by.encode(text)
    with ONE_AT_A_TIME:
        return finish(trace.record(read_by, tokens, target=read, values=values, residual=residual, logits=logits))


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found in a model, which figures that opens, and why it opens no others. Printed, it is sentences."""

    name: str
    probes: frozenset[str]
    """Named values that figures can ask for."""
    found: tuple[str, ...]
    """A sentence each."""
    missing: Mapping[str, str]
    """Probe -> why it is not there."""
    opens: Mapping[str, tuple[str, ...]]
    """Figure -> those of its panels that take a model, and open with this one."""
    closed: Mapping[str, str]
    """"figure (panel)" -> why this model does not open it."""

    def __str__(self) -> str:
        lines = [f"{self.name} has the probes {', '.join(sorted(self.probes)) or 'none'}.", *self.found]
        lines += [f"No {probe!r}: {why}" for probe, why in self.missing.items()]
        opens = ", ".join(f"{name} ({', '.join(panels)})" for name, panels in self.opens.items())
        lines.append(f"Figures that it opens: {opens or 'none'}.")
        return "\n".join([*lines, *(f"Not {panel}: {why}" for panel, why in self.closed.items())])


def report(module: nn.Module | Model | str | Path) -> Report:
    """Which probes were found in a model or a module of one's own, why the others were not, and what it opens."""
    model = module if isinstance(module, Model) else open(module)
    said = trace.report(model)
    taking = [panel for each in catalogue().values() for panel in each.panels.values() if panel.takes_model]
    why = {panel: panel.why_not(model) for panel in taking}
    opens: dict[str, tuple[str, ...]] = {}
    for panel in (panel for panel in taking if why[panel] is None):
        opens[panel.figure] = (*opens.get(panel.figure, ()), panel.name)
    return Report(
        name=said.name,
        probes=said.probes,
        found=said.found,
        missing=said.missing,
        opens=opens,
        closed={panel.title: reason for panel, reason in why.items() if reason is not None},
    )


def several(models: Sequence[str | Model] | str | Model) -> tuple[str | Model, ...]:
    """One model or several, as a tuple."""
    return tuple(models) if isinstance(models, (list, tuple)) else (cast("str | Model", models),)


def allow_runs(names: Iterable[str]) -> None:
    """Lets these runs be read, folders too; each must be there."""
    for name in names:
        run(name)
        _shelf.runs = tuple(dict.fromkeys((*_shelf.runs, name)))


def reading(name: str) -> Run:
    """A run by name, as it stands now. Folders only after `allow_runs`."""
    return _shelf.run(name)


def several_runs(runs: Sequence[str | Path | Run] | str | Path | Run) -> tuple[str | Path | Run, ...]:
    """One run or several, as a tuple."""
    return tuple(runs) if isinstance(runs, (list, tuple)) else (cast("str | Path | Run", runs),)


def allow(names: Iterable[str]) -> None:
    """Lets these be opened, paths too: they were named in Python, on the reader's own machine."""
    _shelf.specs = tuple(dict.fromkeys((*_shelf.specs, *names)))


def opening(name: str) -> Work[Model]:
    """A model by name; it stays open for the next call. Paths only after `allow`."""
    return (yield from _shelf.opening(name))


def _answering(
    asked: Panel,
    models: Sequence[str | Model],
    runs: Sequence[Run],
    text: str | None,
    target: str | None,
    knobs: dict[str, Any],
) -> Work[Answer]:
    opened: list[Model] = []
    for each in models:
        model = (yield from opening(each)) if isinstance(each, str) else each
        opened.append(model)
    return (yield from answer(asked, knobs, models=opened, runs=runs, text=text, target=target))
