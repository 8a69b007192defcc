"""`unrolled reproduce`: runs the experiments behind the guide's claims, and says what their rules make of them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli.bar import errors, finish
from unrolled.cli.options import AsJson

if TYPE_CHECKING:
    from unrolled.experiments._reproduce import Order
    from unrolled.experiments._results import Result


class On(Enum):
    """What runs the cells."""

    POOL = "pool"
    RAY = "ray"


def reproduce(
    only: Annotated[list[str] | None, typer.Option(help="A claim by name or number; may be given again.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller plans: minutes instead of hours.")] = False,
    seeds: Annotated[int | None, typer.Option(help="For every claim; without, as many as each says.")] = None,
    budget: Annotated[float | None, typer.Option(help="Core-minutes that may be spent; more is refused.")] = None,
    part: Annotated[
        bool, typer.Option("--part", help="With --budget: run what it allows, and leave the rest to another sitting.")
    ] = False,
    processes: Annotated[int, typer.Option(min=1, max=256, help="Cells that run at the same time.")] = 1,
    on: Annotated[On, typer.Option(help="What runs them: local processes, or Ray.")] = On.POOL,
    from_: Annotated[
        list[str] | None,
        typer.Option("--from", help="Folder whose results give cells finished elsewhere; “package”: those shipped."),
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder for the results; without, the cache.")] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what there is, what is missing and what it takes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the experiments behind the guide's claims; what is finished is kept, and Ctrl-C loses only what runs."""
    from unrolled.experiments import _reproduce as experiments

    order = experiments.Order(
        only=only or (),
        scale="quick" if quick else "full",
        seeds=seeds,
        budget=budget,
        part=part,
        sources=from_ or (),
        processes=processes,
        on=on.value,
        **({} if to is None else {"results": to}),
    )
    if plan:
        print(_planned([order] if quick else [replace(order, scale="quick"), order]))
        return
    try:
        found = finish(experiments.reproducing(order))
    except KeyboardInterrupt:
        errors.print(f"Stopped. What is finished is kept, and the same command goes on: {order.results}", markup=False)
        raise typer.Exit(130) from None
    if as_json:
        print(json.dumps([asdict(each) for each in found], ensure_ascii=False))
    else:
        print("\n".join(_told(each) for each in found))
    _end(found, order)


def _end(found: list[Result], order: Order) -> None:
    """Where the results are, and what they lack: failed cells are an exit code of 2."""
    from unrolled.experiments._reproduce import is_whole

    errors.print(f"Written: {order.results}", markup=False)
    for each in found:
        if each.missing and is_whole(order.results, each.claim):
            errors.print(f"{each.claim}.json there is of a whole plan, and stays.", markup=False)
    failed = [(each.claim, cell) for each in found for cell in each.cells if "failed" in cell]
    for name, cell in failed:
        errors.print(f"Failed: {name}, {cell['family']}, seed {cell['seed']}: {cell['failed']}", markup=False)
    if failed:
        errors.print("What failed is never counted; the next run tries it again.", markup=False)
        raise typer.Exit(2)


def _planned(orders: list[Order]) -> str:
    """A line for each claim, and for each scale its cells, how many are missing, and the core-minutes these take."""
    from unrolled.experiments import _reproduce as experiments

    head = "".join(f"{each.scale:>12}{'missing':>9}{'minutes':>9}" for each in orders)
    rows, whole = [f"{'claim':<26}{head}"], [0.0 for _ in orders]
    for claim in experiments.chosen(orders[0]):
        row = f"{claim.number:>3} {claim.name:<22}"
        for number, order in enumerate(orders):
            cells = experiments.cells_of(claim, order)
            left = experiments.to_run(cells, order)
            whole[number] += experiments.minutes(left)
            row += f"{len(cells):>6} cells{len(left):>9}{experiments.minutes(left):>9.1f}"
        rows.append(row)
    total = "".join(f"{minutes:>30.1f}" for minutes in whole)
    return "\n".join([*rows, f"{'core-minutes that it takes':<26}{total}"])


_MARKS = {True: "kept", False: "NOT KEPT", None: "no answer"}


def _told(found: Result) -> str:
    """A claim, its verdict and why, and what was measured."""
    lines = [f"{found.number}. {found.says}", f"   {found.verdict.upper()}  {found.why}"]
    lines += [f"   {t['part']:<9} {_MARKS[t['kept']]:<9} {t['bound']}; {_interval(t['found'])}" for t in found.tested]
    return "\n".join([*lines, f"   {found.scale} plan, {found.seeds} seeds, {found.core_minutes:.2f} core-minutes", ""])


def _interval(found: dict[str, float] | None) -> str:
    if found is None:
        return "not measured"
    if found["low"] == found["high"]:
        return f"found {found['mean']:.4g}"
    return f"found {found['mean']:.4g} ({found['low']:.4g} to {found['high']:.4g})"
