"""`unrolled reproduce`: runs the experiments behind the guide's claims, and says what their rules make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli.bar import errors, finish
from unrolled.cli.options import AsJson

if TYPE_CHECKING:
    from unrolled.experiments._reproduce import Order
    from unrolled.experiments._results import Result


def reproduce(
    only: Annotated[list[str] | None, typer.Option(help="A claim by name or number; may be given again.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller plans: minutes instead of an hour.")] = False,
    seeds: Annotated[int | None, typer.Option(help="For every claim; without, as many as each says.")] = None,
    budget: Annotated[float | None, typer.Option(help="Core-minutes that may be spent.")] = None,
    processes: Annotated[int, typer.Option(min=1, max=256, help="Cells that run at the same time.")] = 1,
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
        processes=processes,
        **({} if to is None else {"results": to}),
    )
    if plan:
        print(_planned(order))
        return
    found = finish(experiments.reproducing(order))
    if as_json:
        from dataclasses import asdict

        print(json.dumps([asdict(each) for each in found], ensure_ascii=False))
        return
    print("\n".join(_told(each) for each in found))
    errors.print(f"Written: {order.results}", markup=False)


def _planned(order: Order) -> str:
    """A line for each claim: cells, how many are missing, core-minutes."""
    from unrolled.experiments import _reproduce as experiments
    from unrolled.experiments._store import missing

    rows = [f"{'claim':<26}{'cells':>7}{'missing':>9}{'core-minutes':>14}"]
    whole = 0.0
    for each in experiments.chosen(order):
        cells = experiments.cells_of(each, order)
        left = missing(order.cells, cells)
        whole += experiments.minutes(left)
        rows.append(f"{each.number:>3} {each.name:<22}{len(cells):>7}{len(left):>9}{experiments.minutes(left):>14.1f}")
    return "\n".join([*rows, f"{'what is missing takes':<42}{whole:>14.1f}"])


def _told(found: Result) -> str:
    """A claim, its verdict and why, and what was measured."""
    marks = {True: "kept", False: "NOT KEPT"}
    lines = [f"{found.number}. {found.says}", f"   {found.verdict.upper()}  {found.why}"]
    lines += [f"   {t['part']:<9} {marks[t['kept']]:<9} {t['bound']}; {_interval(t['found'])}" for t in found.tested]
    return "\n".join([*lines, f"   {found.scale} plan, {found.seeds} seeds, {found.core_minutes:.2f} core-minutes", ""])


def _interval(found: dict[str, float] | None) -> str:
    if found is None:
        return "not measured"
    if found["low"] == found["high"]:
        return f"found {found['mean']:.4g}"
    return f"found {found['mean']:.4g} ({found['low']:.4g} to {found['high']:.4g})"
