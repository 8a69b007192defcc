"""Without √d_k the variance of q·k is d_k and softmax gradients vanish; with it, the variance is 1.

Vaswani et al. 2017, §3.2.1 and footnote 4. Measured on random queries and keys, and, for what it is worth, in the heads
of a trained model. The rule below was written before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._plot import Axis, Mark, Plot, Series, over_seeds
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, interval, slope
from unrolled.models.attention import scale
from unrolled.progress import Progress, Work

SIZES = (4, 16, 64, 256, 1024)
SAMPLES = 4_000
KEYS = 16
"""Keys that each query is matched with."""

RULE = Rule(
    required=(
        Bound(
            measure="growth",
            means="slope of log variance of q·k over log d_k, unscaled",
            at_least=0.97,
            at_most=1.03,
        ),
        Bound(measure="scaled", means="variance of q·k/√d_k at d_k = 1,024", at_least=0.95, at_most=1.05),
        Bound(
            measure="gradient unscaled",
            means="size of the softmax's Jacobian at d_k = 1,024 over that at 4, unscaled",
            at_most=0.2,
        ),
        Bound(
            measure="gradient scaled",
            means="the same ratio with √d_k",
            at_least=0.8,
            at_most=1.25,
        ),
    ),
    controls=(
        Bound(measure="divided by d_k", means="variance of q·k/d_k at d_k = 1,024", at_most=0.01),
        Bound(
            measure="keys that follow queries",
            means="variance of q·k/√d_k at 1,024 where half of each key is its query",
            at_least=50,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Every d_k with every seed; the quick plan is the same."""
    return [
        Cell(claim="root_d_k", family="formula", setting={"d_k": d_k}, seed=seed, seconds=0.001 * d_k + 0.05)
        for seed in range(seeds)
        for d_k in SIZES
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Variances of q·k and sizes of softmax Jacobians at one d_k."""
    d_k = cell.setting["d_k"]
    yield Progress(0, 1, f"d_k = {d_k}")
    random = torch.Generator().manual_seed(1_000 * cell.seed + d_k)
    query = torch.randn(SAMPLES, 1, d_k, generator=random)
    key = torch.randn(SAMPLES, KEYS, d_k, generator=random)
    raw = (query @ key.mT)[:, 0]  # (sample, key)
    alike = (query * (query + key) / 2).sum(-1)
    scaled = scale(raw, d_k)
    return {
        "variance": _variance(raw),
        "variance_scaled": _variance(scaled),
        "variance_over_d": _variance(raw / d_k),
        "second_moment_alike": float((scale(alike, d_k) ** 2).mean()),
        "jacobian": jacobian_size(raw),
        "jacobian_scaled": jacobian_size(scaled),
    }


def _variance(products: Tensor) -> float:
    """Around the known mean 0."""
    return float((products.double() ** 2).mean())


def jacobian_size(products: Tensor) -> float:
    """Mean Frobenius norm of diag(p) − p pᵀ, the softmax's Jacobian, over rows: √(Σp² − 2Σp³ + (Σp²)²)."""
    p = products.double().softmax(-1)
    two, three = (p**2).sum(-1), (p**3).sum(-1)
    return float((two - 2 * three + two**2).clamp(min=0).sqrt().mean())


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """One value a seed of each."""
    seeds = sorted({each.cell.seed for each in outcomes})
    by_seed = [{e.cell.setting["d_k"]: e.found for e in outcomes if e.cell.seed == seed} for seed in seeds]
    whole = [found for found in by_seed if set(found) == set(SIZES)]
    if len(whole) < 2:
        return {}
    largest, smallest = SIZES[-1], SIZES[0]

    def growth(found: Mapping[int, Found]) -> float:
        return slope([math.log(d) for d in SIZES], [math.log(found[d]["variance"]) for d in SIZES])

    def ratio(found: Mapping[int, Found], name: str) -> float:
        return float(found[largest][name] / found[smallest][name])

    return {
        "growth": interval([growth(f) for f in whole]),
        "scaled": interval([f[largest]["variance_scaled"] for f in whole]),
        "gradient unscaled": interval([ratio(f, "jacobian") for f in whole]),
        "gradient scaled": interval([ratio(f, "jacobian_scaled") for f in whole]),
        "divided by d_k": interval([f[largest]["variance_over_d"] for f in whole]),
        "keys that follow queries": interval([f[largest]["second_moment_alike"] for f in whole]),
    }


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """Variances, and sizes of the softmax's Jacobian, over d_k."""

    def line(name: str, value: str, control: bool = False) -> Series:
        points = over_seeds((each.cell.setting["d_k"], each.found[value]) for each in outcomes)
        return Series(name=name, points=points, role="control" if control else "measured")

    return (
        Plot(
            title="The variance of a query times a key grows with d_k, and √d_k takes exactly that off",
            x=Axis(label="d_k", log=True),
            y=Axis(label="variance", log=True),
            series=(
                line("q·k", "variance"),
                line("q·k / √d_k", "variance_scaled"),
                line("q·k / d_k", "variance_over_d", control=True),
            ),
            marks=(Mark(y=1.0, says="1"),),
        ),
        Plot(
            title="What a change of the scores changes in the weights",
            x=Axis(label="d_k", log=True),
            y=Axis(label="size of the softmax's Jacobian", log=True),
            series=(line("unscaled", "jacobian"), line("with √d_k", "jacobian_scaled")),
        ),
    )


CLAIM = Claim(
    name="root_d_k",
    number=7,
    says="Without √d_k the variance of q·k is d_k and softmax gradients vanish; with it, the variance is 1.",
    source="Vaswani et al. 2017, §3.2.1",
    question="How do the variance of q·k and the softmax's Jacobian change with d_k, with and without √d_k?",
    method=(
        "Queries and keys with independent entries of mean 0 and variance 1, d_k from 4 to 1,024.",
        f"{SAMPLES:,} queries a size and seed, each with {KEYS} keys.",
        "The variance is the mean square of q·k; the gradient the Frobenius norm of diag(p) − p pᵀ.",
        "Controls: division by d_k, and keys that are half their query, which are not independent of it.",
    ),
    rule=RULE,
    turns="Entries that depend on each other: in a trained model queries and keys are made to match, and variances are "
    "what training leaves them.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
)
