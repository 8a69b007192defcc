"""The training loop: a generator of events, whose value is the run folder.

Read from `training` downwards. A step is a function of the weights, AdamW's two means, the recipe and the number of the
step: what a run that goes on finds in the last save, so that it cannot be told from one that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from unrolled.checkpoints.runs import kept_steps
from unrolled.errors import BadInput
from unrolled.training import log, saves
from unrolled.training.alone import alone
from unrolled.training.events import Ended, Event, Preparing, Saved
from unrolled.training.folder import RunFolder, create, fix_steps, read_run
from unrolled.training.processes import Processes, processes
from unrolled.training.recipe import Recipe, difference
from unrolled.training.reporting import Since, measure_every, report, report_every, started
from unrolled.training.run import Run, make_batches, open_run
from unrolled.training.speed import steps_for

Stop = Callable[[], bool]


def training(
    recipe: Recipe | None,
    out: Path,
    *,
    resume: bool = False,
    device: str = "cpu",
    stop: Stop = lambda: False,
) -> Generator[Event, None, Path]:
    """Trains in the folder `out`, or goes on there; when `stop()` is true it saves after the step and ends.

    With `resume` the recipe is the folder's; one that is given must be the same. Of several processes only the first
    one yields events.

    Raises:
        BadInput, NotFound: recipe, text or folder do not go; nothing was written.
        Diverged, SaveFailed: the run cannot go on; its last save is whole.
    """
    began = time.monotonic()
    with processes() as group:
        if not resume:
            assert recipe is not None, "a new run needs a recipe"
            yield from _begin(recipe, out, group, device)
        folder = read_run(out)
        if recipe is not None and (changed := difference(folder.recipe, recipe)):
            raise BadInput(f"{out} was begun with another recipe: {changed}. Leave that off, or start anew with --out.")
        with alone(out, group):
            for event in _running(folder, group, device, stop, began):
                if group.first:
                    log.write(out, event)
                    yield event
    return out


def _begin(recipe: Recipe, out: Path, group: Processes, device: str) -> Iterator[Event]:
    """The first process makes the run folder, the others wait."""
    if recipe.batch % group.world:
        raise BadInput(f"A batch of {recipe.batch} does not divide among {group.world} processes: give another batch.")
    if group.first:
        for at in create(recipe, out, device):
            yield Preparing(done=at.done, total=at.total, note=at.note)
    group.wait()


def _running(folder: RunFolder, group: Processes, device: str, stop: Stop, began: float) -> Iterator[Event]:
    if not folder.fixed.steps:
        yield Preparing(done=0, total=1, note="measuring the speed")
        folder = _with_steps(folder, group, device, began)
    run = open_run(folder, group, device)
    yield started(run)
    if run.step == 0:
        _keep(run)
    if run.step < run.steps:
        yield from _steps(run, stop)
    yield Ended(step=run.step, steps=run.steps, seconds=run.seconds, finished=run.step == run.steps)


def _with_steps(folder: RunFolder, group: Processes, device: str, began: float) -> RunFolder:
    """The folder with the number of steps that tokens or minutes come to."""
    bound = folder.recipe.bound
    if bound.minutes is not None:
        steps = steps_for(open_run(folder, group, device), bound.minutes, began)
    else:
        assert bound.tokens is not None
        steps = max(1, round(bound.tokens / make_batches(folder).tokens_per_step))
    return fix_steps(folder, int(group.first_says(steps)), write=group.first)


def _steps(run: Run, stop: Stop) -> Iterator[Event]:
    since, saved = Since(), time.monotonic()
    ended = False
    while not ended:
        learnt = run.learn(stop())
        since.add(learnt)
        done = run.step == run.steps
        ended = done or learnt.stop
        if ended or run.step % measure_every(run) == 0:
            yield since.measured(run, learnt)
            since = Since()
        if done or run.step % report_every(run) == 0:
            yield from report(run, whole=done)
            since = Since()
        _keep(run)
        if run.group.first and (ended or time.monotonic() - saved >= run.folder.recipe.save_seconds):
            yield Saved(step=run.step, path=run.save())
            saved = time.monotonic()


def _keep(run: Run) -> None:
    """Weights that the recipe wants to remember, in float16."""
    if run.group.first and run.step in kept_steps(run.folder.recipe.keep, run.steps):
        saves.keep(run.folder.path, run.step, run.module.state_dict())
