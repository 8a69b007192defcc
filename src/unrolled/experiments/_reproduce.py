"""Reproducing claims: plans, a budget, cells, verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from pathlib import Path

from unrolled.checkpoints.machine import free_memory
from unrolled.errors import BadInput, BadResult, NoMemory, OverBudget
from unrolled.experiments._catalogue import claim, claims
from unrolled.experiments._claim import Cell, Claim, Scale
from unrolled.experiments._ray import imported_ray
from unrolled.experiments._results import Result, keep_result, own_folder, read_result, result_of
from unrolled.experiments._running import Where, run_cells
from unrolled.experiments._store import cells_folder, keep, kept, missing
from unrolled.experiments._taken import folders_of, taken
from unrolled.progress import Progress, Work

FEWEST_SEEDS = 2

Plans = Mapping[str, Sequence[Cell]]
"""Each claim's cells, by its name."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be reproduced, and how."""

    only: Sequence[str] = ()
    """Names or numbers of claims; none: all."""
    scale: Scale = "full"
    seeds: int | None = None
    """For every claim; None: what each says itself."""
    budget: float | None = None
    """Core-minutes that may be spent."""
    part: bool = False
    """Where the budget is too small: run what it allows instead of refusing."""
    sources: Sequence[str] = ()
    """Folders whose results give cells that were finished elsewhere."""
    on: Where = "pool"
    processes: int = 1
    cells: Path = field(default_factory=cells_folder)
    results: Path = field(default_factory=own_folder)


def chosen(order: Order) -> list[Claim]:
    """The claims, each once, in the order of their numbers."""
    names = {claim(name).name for name in order.only} or set(claims())
    return [each for each in claims().values() if each.name in names]


def cells_of(each: Claim, order: Order) -> list[Cell]:
    """A claim's plan."""
    seeds = each.seeds[order.scale] if order.seeds is None else order.seeds
    if seeds < FEWEST_SEEDS:
        raise BadInput(f"--seeds {seeds} was asked for; an interval needs {FEWEST_SEEDS} at least.")
    return list(each.plan(order.scale, seeds))


def to_run(cells: Sequence[Cell], order: Order) -> list[Cell]:
    """Those that are neither in the cache nor in the folders that the order takes cells from."""
    left = missing(order.cells, cells)
    elsewhere = {each.cell.key for each in taken(left, folders_of(order.sources))}
    return [cell for cell in left if cell.key not in elsewhere]


def minutes(cells: Iterable[Cell]) -> float:
    """What they take, in core-minutes, about."""
    return sum(cell.seconds for cell in cells) / 60


def reproducing(order: Order) -> Work[list[Result]]:
    """Runs what is missing and judges every claim; however it ends, results of what was finished are written.

    BadInput, BadResult, MissingExtra, NoMemory, OverBudget, UnknownClaim, before anything is run; WorkersDied.
    """
    plans = {each.name: cells_of(each, order) for each in chosen(order)}
    if order.on == "ray":
        imported_ray()
    cells = [cell for plan in plans.values() for cell in plan]
    for outcome in taken(missing(order.cells, cells), folders_of(order.sources)):
        keep(order.cells, outcome)
    todo = _allowed(missing(order.cells, cells), order)
    _check_memory(todo, order.processes)
    yield Progress(0, _UNITS, f"{len(todo)} cells, about {minutes(todo):.1f} core-minutes")
    try:
        for ran in run_cells(todo, order.cells, order.processes, order.on):
            note = f"{ran.done}/{ran.total} {ran.outcome.cell.title}; {_time(ran.left)} left"
            yield Progress(round(_UNITS * ran.share), _UNITS, note)
    except BaseException:
        _judged(plans, order)
        raise
    return _judged(plans, order)


_UNITS = 1000
"""Of progress: cells differ too much in what they take to be counted."""


def _allowed(left: Sequence[Cell], order: Order) -> list[Cell]:
    """All, or as many of the first as the budget allows; OverBudget where a part was not asked for."""
    if order.budget is None or (need := minutes(left)) <= order.budget:
        return list(left)
    if not order.part:
        raise OverBudget(
            f"{len(left)} cells are missing, which take about {need:.1f} core-minutes; {order.budget:g} were allowed. "
            "Take fewer with --only or --quick, a larger --budget, or --part to run what it allows; what is finished "
            "is kept."
        )
    some: list[Cell] = []
    for cell in left:
        if minutes([*some, cell]) > order.budget:
            break
        some.append(cell)
    return some


def _check_memory(todo: Sequence[Cell], processes: int) -> None:
    """NoMemory if so many processes of the cells that need most do not fit."""
    need, free = nlargest(processes, (claim(cell.claim).memory for cell in todo)), free_memory() / 1e9
    if sum(need) <= free:
        return
    fit = sum(sum(need[:n]) <= free for n in range(1, len(need) + 1))
    advice = f"take --processes {fit}" if fit else "close other programs"
    who = "One process needs" if len(need) == 1 else f"{len(need)} processes need"
    raise NoMemory(f"{who} about {sum(need):.1f} GB of memory; {free:.1f} GB are free: {advice}.")


def _judged(plans: Plans, order: Order) -> list[Result]:
    """Every claim's result; those of which nothing was run are not written."""
    found = [_judge(each, order, plans[each.name]) for each in chosen(order)]
    for each in found:
        if each.cells and not (each.missing and is_whole(order.results, each.claim)):
            keep_result(each, order.results)
    return found


def _judge(each: Claim, order: Order, plan: Sequence[Cell]) -> Result:
    outcomes = [outcome for cell in plan if (outcome := kept(order.cells, cell)) is not None]
    return result_of(each, order.scale, outcomes, missing=len(plan) - len(outcomes))


def is_whole(folder: Path, name: str) -> bool:
    """Whether a result of a whole plan lies there, which one of a part never replaces."""
    try:
        return not read_result(folder / f"{name}.json").missing
    except BadResult:
        return False


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
