"""The additive cell state is what helps.

Hochreiter & Schmidhuber 1997, §§3–4 (the constant error carousel); Gers et al. 2000 (its forget gate); changed in one
place at a time in the manner of Greff et al. 2017, §5. The rule below was written before the first run.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import torch

from unrolled.experiments._changed import FIXED, changed, survival
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._plot import Axis, Mark, Plot, Series, bars
from unrolled.experiments._recall import (
    CHANCE,
    ROWS,
    WIDTH,
    Learning,
    Task,
    learning,
    recall,
)
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, interval
from unrolled.progress import Progress, Work

LAG = 50
TRIES: Mapping[Scale, Sequence[tuple[float, float]]] = {
    "quick": ((0.003, 1.0), (0.01, 1.0)),
    "full": ((0.003, 1.0), (0.01, 1.0), (0.003, 0.1), (0.01, 0.1)),
}
"""Learning rates with ranges of the first embeddings, ±; one after the other until a change has learnt to recall."""
STEPS: Mapping[Scale, int] = {"quick": 120, "full": 200}
"""Of one try, at most."""
NAMES = ("full", *FIXED, "product about 1", "product", "matrix", "rnn")
CONTROLS: Mapping[str, Task] = {"symbol absent": "absent", "labels shuffled": "shuffled"}

_RIGHT = f"share recalled right at lag {LAG}"
RULE = Rule(
    required=(
        Bound(measure="full", means=f"{_RIGHT} by the LSTM as it is", at_least=0.9),
        Bound(measure="forget gate 1", means=f"{_RIGHT}, c = c + i ∘ g: a sum that forgets nothing", at_least=0.9),
        Bound(measure="matrix", means=f"{_RIGHT}, c = tanh(U (f ∘ c) + i ∘ g) for the sum", at_most=0.3),
        Bound(measure="product", means=f"{_RIGHT}, c = (f ∘ c) ∘ (i ∘ g) for the sum", at_most=0.3),
        Bound(
            measure="survival",
            means=f"log₁₀ of the share of the loss's gradient by c that is left {LAG - 1} steps back, before training, "
            "of the LSTM less that with the matrix",
            at_least=0.5,
        ),
    ),
    limiting=(
        Bound(
            measure="rnn",
            means=f"{_RIGHT} by a simple tanh network with as many weights; above, it does not take a sum",
            at_most=0.3,
        ),
        Bound(measure="input gate 1", means=f"{_RIGHT}, c = f ∘ c + g", at_least=0.9),
        Bound(measure="output gate 1", means=f"{_RIGHT}, h = tanh(c)", at_least=0.9),
        Bound(measure="all gates 1", means=f"{_RIGHT}, c = c + g and h = tanh(c): the sum without gates", at_least=0.9),
        Bound(
            measure="forget gate 0.9",
            means=f"{_RIGHT}, c = 0.9 c + i ∘ g; below, a sum that decays does not help",
            at_least=0.9,
        ),
        Bound(
            measure="product about 1",
            means=f"{_RIGHT}, c = (f ∘ c) ∘ (1 + i ∘ g); above, a product whose factors lie about 1 does as well",
            at_most=0.3,
        ),
    ),
    controls=(
        Bound(measure="symbol absent", means=f"{_RIGHT} by the LSTM where it is not in the text", at_most=0.2),
        Bound(measure="labels shuffled", means=f"{_RIGHT} by an LSTM taught from other texts' labels", at_most=0.2),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Every change and both controls with every seed; the quick plan has fewer and shorter tries."""
    fails = {"forget gate 0.9", "product", "matrix", "rnn"}
    most = STEPS[scale] * 0.015  # seconds a try

    def seconds(name: str) -> float:
        return most if name in CONTROLS else len(TRIES[scale]) * most if name in fails else 1.0

    return [
        Cell(claim="cell_state", family=name, setting={"tries": scale}, seed=seed, seconds=seconds(name))
        for seed in range(seeds)
        for name in (*NAMES, *CONTROLS)
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Tries until the change has learnt to recall; beside it, how much gradient reaches the first step."""
    found: list[Found] = []
    tries = TRIES[cell.setting["tries"]][: 1 if cell.family in CONTROLS else None]
    for number, (rate, reach) in enumerate(tries):
        drawn = torch.Generator().manual_seed(1_000 * cell.seed + number)
        done, before, after = yield from tried(cell, rate, reach, drawn)
        of = {"rate": rate, "reach": reach, "steps": done.steps, "accuracy": done.accuracy}
        found.append({**of, "survival_before": before, "survival_after": after})
        if done.learnt:
            break
    best = max(found, key=lambda one: one["accuracy"])
    return {
        "accuracy": best["accuracy"],
        "survival": found[0]["survival_before"],
        "tries": found,
        "texts": done.steps * ROWS if done.learnt else None,
    }


def tried(
    cell: Cell, rate: float, reach: float, drawn: torch.Generator
) -> Generator[Progress, None, tuple[Learning, float, float]]:
    """One training: what came of it, and the survival of the gradient before and after it."""
    model = changed(cell.family, LAG, reach, drawn)
    before = survival(model, recall(LAG, ROWS, drawn))
    task, steps = CONTROLS.get(cell.family, "recall"), STEPS[cell.setting["tries"]]
    done = yield from learning(model, LAG, rate, steps, drawn, cell.title, task)
    return done, before, survival(model, recall(LAG, ROWS, drawn))


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """Accuracy of each change over seeds, and the difference in survival, a pair a seed."""
    found = {name: interval(values) for name, values in _of(outcomes, "accuracy").items() if len(values) > 1}
    left = {name: {e.cell.seed: e.found["survival"] for e in outcomes if e.cell.family == name} for name in NAMES}
    both = sorted(left["full"].keys() & left["matrix"].keys())
    if len(both) > 1:
        found["survival"] = interval([left["full"][seed] - left["matrix"][seed] for seed in both])
    return found


def _of(outcomes: Sequence[Outcome], value: str) -> dict[str, list[float]]:
    """Change -> one value a seed, in the order of the rule."""
    found = {name: [e.found[value] for e in outcomes if e.cell.family == name] for name in (*NAMES, *CONTROLS)}
    return {name: values for name, values in found.items() if values}


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """What each change recalls; and how much gradient is left."""
    right, left = _of(outcomes, "accuracy"), _of(outcomes, "survival")
    left = {name: values for name, values in left.items() if name in NAMES}
    if not right or not left:
        return ()
    chance = Mark(y=CHANCE, says="chance")
    return (
        _picture(f"Recall after {LAG} steps: the LSTM, changed in one place", "share right", right, (chance,)),
        _picture(
            f"Gradient by the cell state {LAG - 1} steps back, before training", "log₁₀ of the share left", left, ()
        ),
    )


def _picture(title: str, label: str, values: Mapping[str, Sequence[float]], marks: tuple[Mark, ...]) -> Plot:
    def series(name: str, control: bool) -> Series:
        points = [bars(of, i) for i, (what, of) in enumerate(values.items()) if (what in CONTROLS) is control]
        return Series(name=name, points=tuple(points), role="control" if control else "measured")

    both = (series("measured", False), series("control", True))
    return Plot(
        title=title,
        x=Axis(label="change", names=tuple(values)),
        y=Axis(label=label),
        series=tuple(one for one in both if one.points),
        marks=marks,
        kind="bars",
    )


CLAIM = Claim(
    name="cell_state",
    number=3,
    says="The additive cell state is what helps.",
    source="Hochreiter & Schmidhuber 1997, §4; Gers et al. 2000",
    question=f"Which part of an LSTM does it take to recall a symbol after {LAG} steps?",
    method=(
        f"An LSTM of {WIDTH} units with chrono's biases is changed in one place: a gate is a constant, or c is no sum.",
        f"Recall of one of 8 symbols after {LAG} steps of distractors, {ROWS} texts a step, Adam, clipped at norm 1.",
        f"Every change has the same tries: rates 0.01 and 0.003, embeddings ±1 and ±0.1, {STEPS['full']} steps each.",
        "Beside it the gradient of the loss by c at the first step, as a share of that before the cue.",
        "Controls: the symbol is not in the text; labels are those of other texts.",
    ),
    rule=RULE,
    turns="Another way to carry a state on with a factor near 1 and no sum; or a start of the matrix that keeps "
    "lengths through tanh for fifty steps.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 2, "full": 5},
    decides=("full",),
)
