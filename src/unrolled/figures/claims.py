"""What is said of these models: does it hold here?

Every claim of this guide that could be put into an experiment was put into one, with a rule for its verdict that was
written before the first run. What came out stands here, results against the claims included. A run of your own, with
unrolled reproduce, takes the place of ours.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import numpy as np

from unrolled.experiments._catalogue import claims as all_claims
from unrolled.experiments._plot import Plot
from unrolled.experiments._rule import judged
from unrolled.experiments._statistics import interval
from unrolled.experiments._told import (
    HEARD,
    KEPT,
    all_told,
    counted,
    in_words,
    interval_told,
    told,
    took,
    warnings,
)
from unrolled.figures._claims_results import OneClaim, Verdicts
from unrolled.figures._knobs import Choice
from unrolled.figures._panel import panel
from unrolled.mathematics import Formula, Symbol
from unrolled.provenance import Provenance

NAMES = tuple(all_claims())
FIRST = "vanishing_gradient"
DIGITS = 6
"""Significant ones of what is drawn: what is printed is rounded once more, from enough."""

_RULE = Formula(
    r"\bar{x} = \frac{1}{n} \sum_{i=1}^{n} x_i \qquad s = \sqrt{\frac{1}{n - 1} \sum_{i=1}^{n} (x_i - \bar{x})^2}"
    "\n"
    r"\ell = \bar{x} - t_{n-1} \frac{s}{\sqrt{n}} \qquad u = \bar{x} + t_{n-1} \frac{s}{\sqrt{n}}"
    "\n"
    r"\text{kept} \quad \iff \quad a \le \ell \; \text{and} \; u \le b",
    (
        Symbol("x_i", "what was measured with seed i", "(n)"),
        Symbol("n", "seeds", "a count"),
        Symbol(r"\bar{x}", "their mean", "as measured"),
        Symbol("s", "their standard deviation", "as measured"),
        Symbol("t_{n-1}", "Student’s t for 95 %, two-sided, n − 1 degrees of freedom: 2.776 for five", "a number"),
        Symbol(r"\ell, u", "where the interval begins and ends", "as measured"),
        Symbol("a, b", "the bound’s least and most, set before the first run", "as measured"),
    ),
)


def _provenance(name: str, digest: str, versions: Iterable[str]) -> Provenance:
    return Provenance(name=name, kind="recorded", hash=digest, version="; ".join(sorted(versions)), dtype="float64")


def _all_sources() -> tuple[Provenance, ...]:
    """One entry for what came along, one for what was run here."""
    found = []
    for own, name in ((False, "results that came with the package"), (True, "results of runs on this machine")):
        mine = [each for each in all_told() if each.result and each.own == own]
        if mine:
            versions = {version for each in mine if each.result for version in each.result.versions}
            digest = hashlib.sha256("".join(each.sha256 for each in mine).encode()).hexdigest()
            found.append(_provenance(f"{len(mine)} {name}", digest, versions))
    return tuple(found)


def _one_source(models: Any, knobs: dict[str, Any]) -> tuple[Provenance, ...]:
    each = told(knobs["claim"])
    result = each.result
    if result is None:
        return ()
    whose = "run on this machine" if each.own else f"run by this project on {'; '.join(result.machines)}"
    return (_provenance(f"{each.claim.name}, {result.scale} plan, {whose}", each.sha256, result.versions),)


@panel(
    formula=_RULE,
    source="Student 1908; the rules stand in the experiments' files",
    shows=(interval, judged),
    sources=lambda models, knobs: _all_sources(),
)
def verdicts() -> Verdicts:
    """Every claim with the verdict that its rule gives, and the number that decided."""
    every = all_told()
    decisive = [each.decisive for each in every]
    results = [each.result for each in every]
    return Verdicts(
        counted=counted(every),
        numbers=np.array([each.claim.number for each in every], dtype=np.int64),
        names=tuple(each.claim.name for each in every),
        says=tuple(each.claim.says for each in every),
        verdicts=tuple(each.verdict for each in every),
        found=tuple(interval_told(bound["found"]) if bound else "" for bound in decisive),
        decided_by=tuple(in_words(bound["bound"]) if bound else "" for bound in decisive),
        seeds=np.array([result.seeds if result else 0 for result in results], dtype=np.int64),
        core_minutes=np.array([result.core_minutes if result else math.nan for result in results]),
        own=np.array([each.own for each in every], dtype=bool),
    )


@panel(
    formula=_RULE,
    source="named with each claim; intervals: Student 1908",
    shows=(interval, judged),
    sources=_one_source,
)
def claim(*, claim: Annotated[str, Choice(*NAMES)] = FIRST) -> OneClaim:
    """One claim: its pictures with their intervals, its bounds, how it was tested, and how to test it again.

    Args:
        claim: which one.
    """
    each = told(claim)
    result = each.result
    tested = result.tested if result else []
    return OneClaim(
        number=each.claim.number,
        name=each.claim.name,
        says=each.claim.says,
        verdict=each.verdict,
        why=in_words(result.why) if result else "There is no result yet; the command below gives one.",
        warnings=tuple(warnings(each)),
        question=each.claim.question,
        method=each.claim.method,
        turns=each.claim.turns,
        source=each.claim.source,
        command=each.command,
        took=took(each),
        own=each.own,
        bound_part=tuple(HEARD[bound["part"]] for bound in tested),
        bound_says=tuple(in_words(bound["bound"]) for bound in tested),
        bound_found=tuple(interval_told(bound["found"]) for bound in tested),
        bound_kept=tuple(KEPT[bound["kept"]] for bound in tested),
        **_drawn(each.plots),
    )


def _drawn(plots: Sequence[Plot]) -> dict[str, Any]:
    """Pictures as columns."""
    places = [(i, name) for i, plot in enumerate(plots) for name in plot.x.names]
    series = [(i, one) for i, plot in enumerate(plots) for one in plot.series]
    points = [(number, point) for number, (_, one) in enumerate(series) for point in one.points]
    marks = [(i, mark) for i, plot in enumerate(plots) for mark in plot.marks]
    return {
        "plot_title": tuple(plot.title for plot in plots),
        "plot_kind": tuple(plot.kind for plot in plots),
        "plot_x": tuple(plot.x.label for plot in plots),
        "plot_y": tuple(plot.y.label for plot in plots),
        "plot_x_log": np.array([plot.x.log for plot in plots], dtype=bool),
        "plot_y_log": np.array([plot.y.log for plot in plots], dtype=bool),
        "place_plot": _whole(i for i, _ in places),
        "place_says": tuple(name for _, name in places),
        "series_plot": _whole(i for i, _ in series),
        "series_name": tuple(one.name for _, one in series),
        "series_role": tuple(one.role for _, one in series),
        "point_series": _whole(number for number, _ in points),
        "point_x": _rounded(point.x for _, point in points),
        "point_mean": _rounded(point.y.mean for _, point in points),
        "point_low": _rounded(point.y.low for _, point in points),
        "point_high": _rounded(point.y.high for _, point in points),
        "point_n": _whole(point.y.n for _, point in points),
        "mark_plot": _whole(i for i, _ in marks),
        "mark_y": _rounded(mark.y for _, mark in marks),
        "mark_says": tuple(mark.says for _, mark in marks),
    }


def _whole(values: Any) -> np.ndarray:
    return np.array(list(values), dtype=np.int64)


def _rounded(values: Any) -> np.ndarray:
    """To the digits that a picture shows."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in values], dtype=np.float64)
