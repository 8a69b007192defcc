"""Gradients through a recurrent net shrink or grow exponentially with the Jacobian's size.

Bengio et al. 1994; Pascanu et al. 2013, §2.1. The size that says how fast is the root mean square of a step's singular
values: the product's norm goes like its power where the directions are well mixed (Poole et al. 2016; Schoenholz et al.
2017). The rule below was written before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._plot import Axis, Mark, Plot, Point, Series, over_seeds, powers
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, explained, interval, slope
from unrolled.models.rnn import RNNLayer
from unrolled.progress import Progress, Work
from unrolled.trace.jacobians import step_jacobian

WIDTH, STEPS, SETTLE = 128, 60, 20
"""Units; steps back; steps before them, in which the state forgets that it began at 0."""
SHRINKING, GROWING = (0.5, 0.8), (2.0, 4.0)
"""Spectral radius of the recurrent matrix, about: entries N(0, radius² / width)."""

RULE = Rule(
    required=(
        Bound(
            measure="straight",
            means="R² of a line through log ‖ds_T/ds_t‖ over T − t, worst radius",
            at_least=0.95,
        ),
        Bound(measure="shrinks", means="its slope at radius 0.8, a step", at_most=-0.1),
        Bound(measure="grows", means="its slope at radius 2, a step", at_least=0.1),
        Bound(
            measure="size",
            means="largest difference between its slope and the log of the Jacobian's root mean square singular value",
            at_most=0.1,
        ),
    ),
    limiting=(
        Bound(
            measure="radius alone",
            means="largest difference between its slope and the log of the spectral radius; "
            "above, the radius alone does not say it, since tanh' < 1",
            at_most=0.1,
        ),
    ),
    controls=(
        Bound(
            measure="sum",
            means="largest absolute slope where the state is a sum, c ← c + tanh(W x)",
            at_most=1e-6,
        ),
        Bound(
            measure="linear",
            means="largest error of the slope of h ← a Q h, Q orthogonal, against log a",
            at_most=1e-6,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Every radius and both controls with every seed; the quick plan is the same."""
    tanh = [("tanh", radius, 0.1) for radius in (*SHRINKING, *GROWING)]
    known = [("linear", 0.9, 0.02), ("linear", 1.1, 0.02), ("sum", 1.0, 0.05)]
    return [
        Cell(claim="vanishing_gradient", family=family, setting={"radius": radius}, seed=seed, seconds=seconds)
        for seed in range(seeds)
        for family, radius, seconds in (*tanh, *known)
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Norms of ds_T/ds_t for T − t = 1 … STEPS, and the sizes of the single steps' Jacobians."""
    makers = {"tanh": _tanh, "linear": _linear, "sum": _sum}
    random = torch.Generator().manual_seed(cell.seed)
    yield Progress(0, 1, cell.title)
    return grown(makers[cell.family](cell.setting["radius"], random))


def grown(steps: Sequence[Tensor]) -> Found:
    """Jacobians of single steps, first to last -> log Frobenius norm / √width of the product back over 1, 2 … steps."""
    width = len(steps[0])
    product, logs = torch.eye(width, dtype=torch.float64), []
    for matrix in reversed(steps):
        product = product @ matrix
        logs.append(float(product.norm().log()) - math.log(width) / 2)
    sizes = [float(matrix.norm()) / math.sqrt(width) for matrix in steps]
    distance = [float(k) for k in range(1, len(logs) + 1)]
    return {
        "log_norms": logs,
        "slope": slope(distance, logs),
        "explained": explained(distance, logs),
        "log_size": math.fsum(map(math.log, sizes)) / len(sizes),
    }


def _tanh(radius: float, random: torch.Generator) -> list[Tensor]:
    """An Elman network that reads noise, its Jacobians by autograd."""
    layer = RNNLayer(WIDTH, WIDTH, "tanh").double()
    deviation = {"weight_hh_l0": radius, "weight_ih_l0": 0.1}
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.normal_(0.0, deviation.get(name, 0.0) / math.sqrt(WIDTH), generator=random)
    x = torch.randn(1, SETTLE + STEPS, WIDTH, dtype=torch.float64, generator=random)
    state = (torch.randn(1, WIDTH, dtype=torch.float64, generator=random),)
    found = []
    for t in range(SETTLE + STEPS):
        if t >= SETTLE:
            found.append(step_jacobian(layer, x[:, t], state))
        with torch.no_grad():
            _, state = layer(x[:, t : t + 1], state, True)
    return found


def _linear(factor: float, random: torch.Generator) -> list[Tensor]:
    q, _ = torch.linalg.qr(torch.randn(WIDTH, WIDTH, dtype=torch.float64, generator=random))
    return [factor * q] * STEPS


def _sum(factor: float, random: torch.Generator) -> list[Tensor]:
    """c ← c + tanh(W x): what is read is added, and the step's Jacobian is the identity, by autograd."""
    w = torch.randn(WIDTH, WIDTH, dtype=torch.float64, generator=random) / math.sqrt(WIDTH)
    state, found = torch.zeros(WIDTH, dtype=torch.float64), []
    for _ in range(STEPS):
        x = torch.randn(WIDTH, dtype=torch.float64, generator=random)
        before = state.expand(WIDTH, -1).clone().requires_grad_()  # a copy for each row of the Jacobian
        after = factor * before + torch.tanh(w @ x)
        found.append(torch.autograd.grad(after.diagonal().sum(), before)[0])
        state = after[0].detach()
    return found


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """One value a seed: of the worst radius, or of one radius."""
    seeds = sorted({each.cell.seed for each in outcomes})
    if len(seeds) < 2:
        return {}
    of = {seed: [each for each in outcomes if each.cell.seed == seed] for seed in seeds}

    def over(family: str, value: str, radius: float | None = None) -> list[list[float]]:
        """Values of one family, a list a seed that has any."""
        lists = [
            [
                _value(each, value)
                for each in of[seed]
                if each.cell.family == family and radius in (None, each.cell.setting["radius"])
            ]
            for seed in seeds
        ]
        return [values for values in lists if values]

    worst = {
        "straight": [min(values) for values in over("tanh", "explained")],
        "shrinks": [max(values) for values in over("tanh", "slope", 0.8)],
        "grows": [min(values) for values in over("tanh", "slope", 2.0)],
        "size": [max(values) for values in over("tanh", "off_size")],
        "radius alone": [max(values) for values in over("tanh", "off_radius")],
        "sum": [max(values) for values in over("sum", "off_radius")],
        "linear": [max(values) for values in over("linear", "off_radius")],
    }
    return {name: interval(values) for name, values in worst.items() if len(values) > 1}


def _value(outcome: Outcome, name: str) -> float:
    found = outcome.found
    if name == "off_size":
        return float(abs(found["slope"] - found["log_size"]))
    if name == "off_radius":
        return float(abs(found["slope"] - math.log(outcome.cell.setting["radius"])))
    return float(found[name])


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """The product's size over steps back; and its slope beside what may foretell it."""
    tanh = [each for each in outcomes if each.cell.family == "tanh"]
    if not tanh:
        return ()
    return (_sizes_over_steps(outcomes), _slopes(tanh))


def _sizes_over_steps(outcomes: Sequence[Outcome]) -> Plot:
    shown = (1, *range(5, STEPS + 1, 5))
    kinds = sorted(
        {(each.cell.family, each.cell.setting["radius"]) for each in outcomes if each.cell.family != "linear"}
    )

    def line(family: str, radius: float) -> Series:
        found = [e.found for e in outcomes if e.cell.family == family and e.cell.setting["radius"] == radius]
        values = ((k, each["log_norms"][k - 1]) for each in found for k in shown)
        name = f"radius {radius:g}" if family == "tanh" else "a state that is a sum"
        return Series(name=name, points=powers(over_seeds(values)), role="measured" if family == "tanh" else "control")

    return Plot(
        title="What is left of a gradient after k steps back, by the radius of the recurrent matrix",
        x=Axis(label="steps back, k"),
        y=Axis(label="‖ds_T/ds_t‖ / √width, geometric mean", log=True),
        series=tuple(line(*kind) for kind in kinds),
    )


def _slopes(tanh: Sequence[Outcome]) -> Plot:
    def line(value: Callable[[Outcome], float]) -> tuple[Point, ...]:
        return over_seeds((each.cell.setting["radius"], value(each)) for each in tanh)

    return Plot(
        title="How steep it is, beside what two sizes foretell",
        x=Axis(label="spectral radius", log=True),
        y=Axis(label="slope of the log, a step"),
        series=(
            Series(name="measured slope", points=line(lambda each: float(each.found["slope"]))),
            Series(name="log of the Jacobian's size", points=line(lambda each: float(each.found["log_size"]))),
            Series(
                name="log of the radius", points=line(lambda each: math.log(each.cell.setting["radius"])), role="theory"
            ),
        ),
        marks=(Mark(y=0.0, says="neither shrinks nor grows"),),
    )


CLAIM = Claim(
    name="vanishing_gradient",
    number=1,
    says="Gradients through a recurrent net shrink or grow exponentially with the Jacobian's size.",
    source="Bengio et al. 1994; Pascanu et al. 2013, §2.1",
    question="Is the gradient over k steps an exponential of k, and does the size of one step's Jacobian say which?",
    method=(
        f"An Elman network of {WIDTH} tanh units with random weights reads noise; radius 0.5, 0.8, 2 and 4.",
        f"The Jacobian of each step by autograd in float64, and of their products back over 1 to {STEPS} steps.",
        "A line through the log of the product's norm over the number of steps: how straight, how steep.",
        "Its slope beside the log of one Jacobian's root mean square singular value, and beside that of the radius.",
        "Controls with known answers: h ← a Q h with Q orthogonal, and a state that is a sum.",
    ),
    rule=RULE,
    turns="A network whose steps do not mix directions: a few of them may fade while others last, and the norm of the "
    "product is no straight line.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 5, "full": 5},  # three leave an interval too wide for what five decide
)
