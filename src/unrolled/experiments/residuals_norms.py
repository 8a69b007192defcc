"""Residuals and norms: what they do to the gradient at depth, and what a deep stack learns with and without a warm-up.

He et al. 2016 (residuals); Ba et al. 2016 (norms); Xiong et al. 2020, "On Layer Normalization in the Transformer
Architecture" (where the norm stands); Dong et al. 2021 (attention without residuals makes all positions alike). The
stacks are those of the figure `block`. The rule below was written before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._plot import Axis, Mark, Plot, Series, over_seeds, powers
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._stacks import WIDTH, trained, untrained
from unrolled.experiments._statistics import Interval, differences, interval, slope
from unrolled.experiments._told import number
from unrolled.progress import Work
from unrolled.trace.depth import ARRANGEMENTS

DEPTHS: Mapping[Scale, tuple[int, ...]] = {"quick": (2, 6, 12, 24), "full": (2, 6, 12, 24, 48)}
DRAWS: Mapping[Scale, int] = {"quick": 4, "full": 8}
"""Untrained stacks a cell, whose logs are averaged."""
STEPS: Mapping[Scale, int] = {"quick": 100, "full": 180}
RATES: Mapping[Scale, tuple[float, ...]] = {"quick": (3e-3, 1e-2), "full": (3e-3, 1e-2, 3e-2)}
COMMON = 1e-2
WARM_UP = 0.25
"""Share of the steps."""
MARGIN = 0.1
"""Nats below what the characters' frequencies alone give, from which a stack counts as one that trains."""

BEYOND = 1e3
"""A gradient that grew more than so often is written beside the picture: on one axis with it the others lie flat."""

RULE = Rule(
    required=(
        Bound(
            measure="carries",
            means="log10 of the gradient at the first block over that at the end, 24 blocks, pre-norm",
            at_least=-1,
            at_most=1,
        ),
        Bound(measure="explodes", means="the same without norms", at_least=2),
        Bound(
            measure="norms needed",
            means="loss without norms less pre-norm's, 12 blocks, warm-up, each at its best rate, in nats",
            at_least=0.1,
        ),
        Bound(measure="residuals needed", means="the same without residuals", at_least=0.1),
        Bound(
            measure="trains at once",
            means="share of seeds in which pre-norm trains without warm-up, 12 blocks, best rate",
            at_least=0.99,
        ),
        Bound(
            measure="little to gain",
            means="what pre-norm loses without warm-up, 12 blocks, each at its best rate, in nats",
            at_most=0.1,
        ),
    ),
    limiting=(
        Bound(
            measure="last block falls",
            means="slope of log gradient of the last block's FFN weights over log depth, pre-norm",
            at_least=-0.7,
            at_most=-0.3,
        ),
        Bound(measure="last block stays", means="the same in post-norm", at_least=-0.2, at_most=0.2),
        Bound(
            measure="vanishes",
            means="log10 of the gradient at the first block over that at the end, 24 blocks, without residuals",
            at_most=-1,
        ),
        Bound(
            measure="alike",
            means="log10 of how far positions are apart at the end of 24 blocks without residuals",
            at_most=-3,
        ),
        Bound(
            measure="post-norm needs it",
            means="what post-norm loses without warm-up, 6 blocks, each at its best rate, in nats",
            at_least=0.05,
        ),
        Bound(measure="at a common rate", means=f"the same with both at a rate of {COMMON:g}", at_least=0.05),
        Bound(
            measure="warmed up",
            means="share of seeds in which post-norm trains with warm-up, 12 blocks, best rate",
            at_least=0.99,
        ),
    ),
    controls=(
        Bound(measure="rate 0", means="share of seeds in which pre-norm trains at a learning rate of 0", at_most=0.01),
        Bound(measure="shuffled", means="the same where what follows is shuffled over the batch", at_most=0.01),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Gradients of every arrangement and depth, then trainings; quick: fewer rates, steps, depths and stacks."""
    return [cell for seed in range(seeds) for cell in (*_gradients(scale, seed), *_trainings(scale, seed))]


def _gradients(scale: Scale, seed: int) -> list[Cell]:
    draws = DRAWS[scale]
    return [
        Cell(
            claim="residuals_norms",
            family="untrained",
            setting={"arrangement": arrangement, "depth": depth, "draws": draws},
            seed=seed,
            seconds=0.002 * depth * draws,
        )
        for arrangement in ARRANGEMENTS
        for depth in DEPTHS[scale]
    ]


def _trainings(scale: Scale, seed: int) -> list[Cell]:
    """Two depths and two places of the norm, each with every rate; what lacks something at 12 blocks; controls."""
    placed = [("pre-norm", 12), ("post-norm", 12), ("post-norm", 6), *([("pre-norm", 6)] if scale == "full" else [])]
    settings: list[dict[str, Any]] = [
        {"arrangement": arrangement, "depth": depth, "warm_up": warm_up, "rate": rate}
        for arrangement, depth in placed
        for warm_up in (0.0, WARM_UP)
        for rate in RATES[scale]
    ]
    settings += [
        {"arrangement": arrangement, "depth": 12, "warm_up": WARM_UP, "rate": rate}
        for arrangement in ("no residual", "no norm")
        for rate in RATES[scale]
    ]
    pre = {"arrangement": "pre-norm", "depth": 12, "warm_up": WARM_UP}
    settings += [pre | {"rate": 0.0, "control": "rate 0"}, pre | {"rate": COMMON, "control": "shuffled"}]
    steps = STEPS[scale]
    return [
        Cell(
            claim="residuals_norms",
            family="trained",
            setting=setting | {"steps": steps},
            seed=seed,
            seconds=0.0009 * steps * setting["depth"] + 0.1,
        )
        for setting in settings
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Gradients of untrained stacks, or one training."""
    return (yield from (untrained(cell) if cell.family == "untrained" else trained(cell)))


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """One value a seed; what fewer than two seeds have is left out."""

    def learned(arrangement: str, depth: int, warm_up: float, rate: float | None = None) -> dict[int, Found]:
        return _learned(outcomes, arrangement, depth, warm_up, rate)

    def more(one: Mapping[int, Found], other: Mapping[int, Found]) -> list[float]:
        return differences(_loss_by_seed(one), _loss_by_seed(other))

    pre, post = learned("pre-norm", 12, WARM_UP), learned("post-norm", 12, WARM_UP)
    at_once = learned("pre-norm", 12, 0.0)
    values = {
        "carries": [_carried(each) for each in _untrained_at(outcomes, "pre-norm")],
        "explodes": [_carried(each) for each in _untrained_at(outcomes, "no norm")],
        "vanishes": [_carried(each) for each in _untrained_at(outcomes, "no residual")],
        "alike": [each["apart"][-1] for each in _untrained_at(outcomes, "no residual")],
        "last block falls": _last_block(outcomes, "pre-norm"),
        "last block stays": _last_block(outcomes, "post-norm"),
        "norms needed": more(learned("no norm", 12, WARM_UP), pre),
        "residuals needed": more(learned("no residual", 12, WARM_UP), pre),
        "trains at once": [_trains(each) for each in at_once.values()],
        "little to gain": more(at_once, pre),
        "post-norm needs it": more(learned("post-norm", 6, 0.0), learned("post-norm", 6, WARM_UP)),
        "at a common rate": more(
            learned("post-norm", 6, 0.0, rate=COMMON), learned("post-norm", 6, WARM_UP, rate=COMMON)
        ),
        "warmed up": [_trains(each) for each in post.values()],
    }
    for control in ("rate 0", "shuffled"):
        values[control] = [_trains(e.found) for e in outcomes if e.cell.setting.get("control") == control]
    return {name: interval(found) for name, found in values.items() if len(found) > 1}


def _untrained_at(outcomes: Sequence[Outcome], arrangement: str, depth: int = 24) -> list[Found]:
    """One a seed."""
    wanted = {"arrangement": arrangement, "depth": depth}
    return [e.found for e in outcomes if e.cell.family == "untrained" and wanted.items() <= e.cell.setting.items()]


def _carried(found: Found) -> float:
    """log10 of the gradient at the first block over that at the end."""
    return float(found["gradient"][0] - found["gradient"][-1])


def _last_block(outcomes: Sequence[Outcome], arrangement: str, least: int = 6) -> list[float]:
    """A seed's slope of the last block's log gradient over log depth; Xiong et al. 2020, Theorem 1: -1/2 and 0."""
    by_seed: dict[int, dict[int, float]] = {}
    for each in outcomes:
        said = each.cell.setting
        if each.cell.family == "untrained" and said["arrangement"] == arrangement and said["depth"] >= least:
            by_seed.setdefault(each.cell.seed, {})[said["depth"]] = each.found["weights"][-1]
    most = max(map(len, by_seed.values()), default=0)
    whole = [found for found in by_seed.values() if len(found) == most > 1]
    return [slope([math.log10(depth) for depth in found], list(found.values())) for found in whole]


def _learned(
    outcomes: Sequence[Outcome], arrangement: str, depth: int, warm_up: float, rate: float | None = None
) -> dict[int, Found]:
    """What trainings of a kind found, by seed: at one rate, or at that with the lowest mean loss over seeds."""
    wanted = {"arrangement": arrangement, "depth": depth, "warm_up": warm_up}
    by_rate: dict[float, dict[int, Found]] = {}
    for each in outcomes:
        said = each.cell.setting
        if each.cell.family == "trained" and "control" not in said and wanted.items() <= said.items():
            by_rate.setdefault(said["rate"], {})[each.cell.seed] = each.found
    if rate is not None:
        return by_rate.get(rate, {})
    most = max(map(len, by_rate.values()), default=0)
    whole = [found for found in by_rate.values() if len(found) == most]
    return min(whole, key=lambda found: math.fsum(each["loss"] for each in found.values()), default={})


def _loss_by_seed(learned: Mapping[int, Found]) -> dict[int, float]:
    """In nats a character, of each seed."""
    return {seed: found["loss"] for seed, found in learned.items()}


def _trains(found: Found) -> float:
    """1 where the loss is MARGIN below that of the frequencies alone, else 0."""
    return float(found["loss"] <= found["by_frequency"] - MARGIN)


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """What is learned at each rate with and without warm-up; the gradient on its way back."""
    trained = [e for e in outcomes if e.cell.family == "trained" and "control" not in e.cell.setting]
    untrained = [each for each in outcomes if each.cell.family == "untrained"]
    return [*([_losses(trained)] if trained else []), *([_gradient(untrained)] if untrained else [])]


def _losses(trained: Sequence[Outcome]) -> Plot:
    def line(arrangement: str, depth: int, warm_up: float) -> Series:
        wanted = {"arrangement": arrangement, "depth": depth, "warm_up": warm_up}
        found = [each for each in trained if wanted.items() <= each.cell.setting.items()]
        points = over_seeds((each.cell.setting["rate"], each.found["loss"]) for each in found)
        return Series(name=f"{arrangement}, {depth} blocks{', warm-up' if warm_up else ''}", points=points)

    kinds = [("pre-norm", 12, 0.0), ("pre-norm", 12, WARM_UP), ("post-norm", 12, WARM_UP)]
    kinds += [("post-norm", 6, 0.0), ("post-norm", 6, WARM_UP), ("no residual", 12, WARM_UP)]
    lines = [line(*kind) for kind in kinds]
    return Plot(
        title="What a short training reaches at each learning rate, with and without warm-up",
        x=Axis(label="learning rate", log=True),
        y=Axis(label="held-out loss, nats a character"),
        series=tuple(each for each in lines if each.points),
        marks=(Mark(y=trained[0].found["by_frequency"], says="the characters' frequencies alone"),),
    )


def _gradient(untrained: Sequence[Outcome]) -> Plot:
    """The first block's gradient over the last point's, against depth."""
    lines = []
    for arrangement in ARRANGEMENTS:
        found = [each for each in untrained if each.cell.setting["arrangement"] == arrangement]
        values = ((e.cell.setting["depth"], _carried(e.found) * math.log(10)) for e in found)
        points = powers(over_seeds(values))
        drawn = tuple(each for each in points if each.y.mean <= BEYOND)
        more = ", ".join(f"{number(p.y.mean, 2)} at {p.x:g} blocks" for p in points if p not in drawn)
        more = more.replace(" · ", "\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}")
        lines.append(Series(name=f"{arrangement}; not drawn: {more}" if more else arrangement, points=drawn))
    return Plot(
        title="How much of the gradient reaches the first block of a stack that has learned nothing yet",
        x=Axis(label="blocks", log=True),
        y=Axis(label="gradient at the first block / at the end, geometric mean", log=True),
        series=tuple(each for each in lines if each.points),
        marks=(Mark(y=1.0, says="as long as at the end"),),
    )


CLAIM = Claim(
    name="residuals_norms",
    number=11,
    says="Residuals and norms keep a deep stack trainable; pre-norm carries the gradient through it and trains without "
    "warm-up, which post-norm needs.",
    source="Xiong et al. 2020, §3; He et al. 2016",
    question="What reaches the first block of a deep stack, and which stacks learn, with and without a warm-up?",
    method=(
        f"Stacks of the same blocks, width {WIDTH}, Xavier start, that differ in their norms and residuals alone.",
        "Untrained, 2 to 48 blocks: gradient of a cross-entropy by autograd in float64; eight stacks a seed.",
        f"Trained on characters of shipped fiction, {STEPS['full']} steps; warm-up over a quarter of them, or none.",
        "Each kind at the rates 0.003, 0.01 and 0.03; compared at its best one, seed by seed, on books held out.",
        f"It trains if it gets {MARGIN:g} nats below what frequencies give. Controls: a rate of 0, shuffled labels.",
    ),
    rule=RULE,
    turns="Longer trainings and smaller first weights: a post-norm stack that is stuck after these steps may start "
    "later, and stacks begun like GPT-2's do not lose what tells positions apart.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 2, "full": 5},
    decides=("full",),
)
