"""Reproducing claims: plans, a budget, cells, verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unrolled.errors import BadInput, OverBudget
from unrolled.experiments._catalogue import claim, claims
from unrolled.experiments._claim import Cell, Claim, Scale
from unrolled.experiments._pool import run_cells
from unrolled.experiments._results import Result, keep_result, own_folder, result_of
from unrolled.experiments._store import cells_folder, kept, missing
from unrolled.progress import Progress, Work

FEWEST_SEEDS = 2


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
        raise BadInput(f"{seeds} seed was asked for; an interval needs {FEWEST_SEEDS} at least.")
    return list(each.plan(order.scale, seeds))


def minutes(cells: Iterable[Cell]) -> float:
    """What they take, in core-minutes, about."""
    return sum(cell.seconds for cell in cells) / 60


def reproducing(order: Order) -> Work[list[Result]]:
    """Runs what is missing and judges every claim. OverBudget, UnknownClaim, BadResult, before anything is run."""
    plans = {each.name: cells_of(each, order) for each in chosen(order)}
    cells = [cell for plan in plans.values() for cell in plan]
    left = missing(order.cells, cells)
    if order.budget is not None and (need := minutes(left)) > order.budget:
        raise OverBudget(
            f"{len(left)} cells are missing, which take about {need:.1f} core-minutes; {order.budget:g} were allowed. "
            "Take fewer with --only or --quick, or a larger --budget; what is finished is kept."
        )
    for ran in run_cells(cells, order.cells, order.processes):
        yield Progress(ran.done, ran.total, f"{ran.outcome.cell.title}; {_time(ran.left)} left")
    found = [_judge(each, order, plans[each.name]) for each in chosen(order)]
    for each in found:
        keep_result(each, order.results)
    return found


def _judge(each: Claim, order: Order, plan: Sequence[Cell]) -> Result:
    outcomes = [outcome for cell in plan if (outcome := kept(order.cells, cell)) is not None]
    return result_of(each, order.scale, outcomes)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
