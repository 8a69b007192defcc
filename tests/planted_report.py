"""Claims for tests of the report: one for each verdict, with a cell that failed, words that are markup, long words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import planted_claim
from unrolled.experiments._claim import Claim, Outcome
from unrolled.experiments._plot import Axis, Mark, Plot, Series, bars, over_seeds
from unrolled.experiments._results import result_of
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval
from unrolled.experiments._told import Told

HOSTILE = "<script>alert('x')</script> & \"|`*$\\frac{a}$"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
RULES = {
    "holds": Rule(required=(Bound(measure="value", means="the value", at_least=0.9, at_most=1.2),)),
    "holds with limits": Rule(
        required=(Bound(measure="value", means="the value", at_least=0.9),),
        limiting=(Bound(measure="value", means=f"the same {HOSTILE} {LONG}", at_least=2e-7, at_most=1.0),),
    ),
    "does not hold here": Rule(required=(Bound(measure="value", means="the value", at_most=0.5),)),
    "not decided": Rule(required=(Bound(measure="never", means="what nobody measured", at_most=0.5),)),
    "not run yet": Rule(required=(Bound(measure="value", means="the value", at_most=0.5),)),
}


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    values = [(float(x), each.found["value"] * x) for each in outcomes for x in (1, 10, 100)]
    lines = Plot(
        title=f"Lines {HOSTILE}",
        x=Axis(label="size", log=True),
        y=Axis(label=f"value {LONG}"),
        series=(
            Series(name="lstm", points=over_seeds(values)),
            Series(name=HOSTILE, points=over_seeds([(x, -y) for x, y in values]), role="control"),
            Series(name="one seed", points=over_seeds(values[:3]), role="theory"),
        ),
        marks=(Mark(y=50, says="chance"),),
    )
    several = Plot(
        title="Bars",
        x=Axis(label="place", names=("here", LONG)),
        y=Axis(label="value"),
        series=tuple(
            Series(name=name, points=tuple(bars([each.found["value"] for each in outcomes], x) for x in (0, 1)))
            for name in ("rnn", "gpt")
        ),
        marks=(Mark(y=0.5, says="a bound"),),
        kind="bars",
    )
    return (lines, several)


def claim(verdict: str, number: int) -> Claim:
    return replace(
        planted_claim.CLAIM, name=f"planted_{number}", number=number, says=f"Planted: {verdict} {HOSTILE}",
        question=f"Is it {number}?", rule=RULES[verdict], measure=measure, plots=plots,
    )  # fmt: skip


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    return planted_claim.measure(outcomes)


def outcomes(number: int, failed: bool) -> list[Outcome]:
    cells = [planted_claim.cell("value", seed) for seed in range(3)]
    found = [
        Outcome(cell=replace(cell, claim=f"planted_{number}"), found={"value": 1.0 + cell.seed / 100}, seconds=61.5,
                machine=f"machine {HOSTILE}", versions="unrolled 0")
        for cell in cells
    ]  # fmt: skip
    return [replace(found[0], found={}, failed=f"RuntimeError: {HOSTILE}"), *found[1:]] if failed else found


def told() -> tuple[Told, ...]:
    """One for each verdict, by number."""
    made = []
    for number, verdict in enumerate(RULES, 1):
        each = claim(verdict, number)
        found = result_of(each, "full", outcomes(number, verdict == "not decided"))
        result = None if verdict == "not run yet" else found
        made.append(Told(claim=each, result=result, own=number == 2))
    return tuple(made)
