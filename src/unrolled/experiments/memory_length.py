"""RNNs learn dependencies of some 10–20 steps, LSTMs and GRUs some 100–200, attention any.

Bengio et al. 1994 (simple networks); Khandelwal et al. 2018 (an LSTM uses some 200 tokens); Vaswani et al. 2017, §4.
What a cell can learn to hold is measured by recall, with an ordinary start and with one made for memory; what a
language model uses, on this project's trained models. The rule below was written before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from unrolled.checkpoints import open_model
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._context import CONTEXTS, blocks, losses, needed
from unrolled.experiments._plot import Axis, Mark, Plot, Point, Series, over_seeds
from unrolled.experiments._recall import LEARNT, ROWS, WIDTH, Recipe, Task, learning, made
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, exactly, interval
from unrolled.progress import Progress, Work
from unrolled.text import corpus

LAGS: Mapping[Scale, Sequence[int]] = {"quick": (5, 10, 20, 40, 100), "full": (5, 10, 20, 40, 100, 200, 400)}
STEPS: Mapping[Scale, int] = {"quick": 200, "full": 500}
"""Of a training, at most."""
RECIPES: Mapping[tuple[str, str], Recipe] = {
    ("rnn", "ordinary"): Recipe(rate=0.003, reach=0.1),
    ("rnn", "memory"): Recipe(rate=0.001, reach=1.0),
    ("lstm", "ordinary"): Recipe(rate=0.01, reach=1.0),
    ("lstm", "memory"): Recipe(rate=0.01, reach=1.0),
    ("gru", "ordinary"): Recipe(rate=0.01, reach=0.1),
    ("gru", "memory"): Recipe(rate=0.01, reach=1.0),
    ("attention", "ordinary"): Recipe(rate=0.003, reach=1.0),
}
"""The best of rates 0.001, 0.003, 0.01 with reaches 0.1 and 1, searched with another seed: see LOG.md."""
CONTROLS: Sequence[Task] = ("absent", "shuffled")
CONTROL_LAG, CONTROL_STEPS = 10, 150
OURS = ("rnn", "lstm", "gru", "gpt")
PARTS: Mapping[Scale, int] = {"quick": 2, "full": 5}
"""Of the held-out books; each is to what a model uses as a seed is to a training."""
BLOCKS: Mapping[Scale, int] = {"quick": 1, "full": 3}
WITHIN = 0.02
"""Nats."""
NEAR = math.sqrt(2)
"""What “some” allows, as a factor: half way to the next lag that is tried, or a little more."""

_LONGEST = "longest lag learnt, mean of logs over seeds"
_USED = f"tokens of context until a trained language model's loss is within {WITHIN} nats of its least"


def _some(measure: str, means: str, low: float = 0.0, high: float = math.inf) -> Bound:
    return Bound(measure=measure, means=means, at_least=low / NEAR, at_most=high * NEAR)


RULE = Rule(
    required=(
        _some("rnn, ordinary", f"{_LONGEST}: rnn, tanh, orthogonal", 10, 20),
        _some("lstm, ordinary", f"{_LONGEST}: lstm, forget bias 1", 100, 200),
        _some("gru, ordinary", f"{_LONGEST}: gru", 100, 200),
        Bound(measure="attention, ordinary", means=f"{_LONGEST}: attention, 400 the longest tried", at_least=399),
    ),
    limiting=(
        _some("rnn, memory", f"{_LONGEST}: rnn that starts as the identity, with relu", high=20),
        _some("lstm, memory", f"{_LONGEST}: lstm with chrono's biases", 100, 200),
        _some("gru, memory", f"{_LONGEST}: gru with chrono's biases", 100, 200),
        _some("rnn, in use", f"{_USED}: rnn", 10, 20),
        _some("lstm, in use", f"{_USED}: lstm", 100, 200),
        _some("gru, in use", f"{_USED}: gru", 100, 200),
        _some("gpt, in use", f"{_USED}: gpt, 200 the most given", 200),
    ),
    controls=(
        Bound(measure="absent", means="share recalled right where the symbol is not in the text, largest", at_most=0.2),
        Bound(
            measure="shuffled",
            means="share recalled right after learning from other texts' labels, largest",
            at_most=0.2,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Each family and start with every seed, both controls, and our models on as many parts of the held-out books."""
    cells = [cell for seed in range(seeds) for cell in (*_walks(scale, seed), *_controls(seed))]
    return cells + [cell for part in range(PARTS[scale]) for cell in _in_use(scale, part)]


def _walks(scale: Scale, seed: int) -> list[Cell]:
    full = {
        "gru, ordinary": 25.0,
        "gru, memory": 22.0,
        "lstm, memory": 32.0,
        "rnn, memory": 12.0,
        "attention, ordinary": 12.0,
    }

    def seconds(of: tuple[str, str]) -> float:
        return full.get(", ".join(of), 2.5) if scale == "full" else 3.0

    return [
        Cell(
            claim="memory_length",
            family=of[0],
            setting={"start": of[1], "lags": list(LAGS[scale]), "steps": STEPS[scale]},
            seed=seed,
            seconds=seconds(of),
        )
        for of in RECIPES
    ]


def _controls(seed: int) -> list[Cell]:
    return [
        Cell(claim="memory_length", family=family, setting={"control": task}, seed=seed, seconds=0.8)
        for family in ("rnn", "lstm", "gru", "attention")
        for task in CONTROLS
    ]


def _in_use(scale: Scale, part: int) -> list[Cell]:
    setting = {"text": "fiction:test", "parts": PARTS[scale], "blocks": BLOCKS[scale]}
    return [
        Cell(claim="memory_length", family=name, setting=setting, seed=part, seconds=1.0 * BLOCKS[scale])
        for name in OURS
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Lags one after the other until one is not learnt; or a control; or losses of a trained model by context."""
    if "blocks" in cell.setting:
        return (yield from _by_context(cell))
    if "control" in cell.setting:
        return (yield from _control(cell))
    start, walk, longest = cell.setting["start"], [], 0
    for lag in cell.setting["lags"]:
        drawn = torch.Generator().manual_seed(1_000 * cell.seed + lag)
        recipe = RECIPES[cell.family, start]
        model = made(cell.family, start, lag, recipe, drawn)
        done = yield from learning(model, lag, recipe.rate, cell.setting["steps"], drawn, f"{cell.title}, lag {lag}")
        walk.append({"lag": lag, "accuracy": done.accuracy, "texts": done.steps * ROWS})
        if not done.learnt:
            break
        longest = lag
    return {"walk": walk, "longest": longest}


def _control(cell: Cell) -> Work[Found]:
    drawn = torch.Generator().manual_seed(1_000 * cell.seed)
    start = "ordinary" if cell.family == "attention" else "memory"
    recipe = RECIPES[cell.family, start]
    model = made(cell.family, start, CONTROL_LAG, recipe, drawn)
    task: Task = cell.setting["control"]
    done = yield from learning(model, CONTROL_LAG, recipe.rate, CONTROL_STEPS, drawn, cell.title, task)
    return {"accuracy": done.accuracy}


def _by_context(cell: Cell) -> Work[Found]:
    model, found = open_model(cell.family), []
    ids = torch.tensor(model.tokenizer.ids(corpus("fiction").test))
    starts = blocks(ids, cell.seed, cell.setting["parts"], cell.setting["blocks"])
    for number, start in enumerate(starts):
        yield Progress(number, len(starts), cell.title)
        found.append(losses(model.module, ids, start))
    return {"loss": [math.fsum(column) / len(found) for column in zip(*found, strict=True)]}


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """Longest lags and contexts in use on a log scale, over seeds and parts; of each control the largest share."""
    found: dict[str, Interval] = {}
    for family, start in RECIPES:
        longest = [each.found["longest"] for each in _walked(outcomes, family, start)]
        if len(longest) > 1:
            found[f"{family}, {start}"] = geometric(longest)
    for name in OURS:
        used = [needed(CONTEXTS, loss, WITHIN) for loss in _losses(outcomes, name)]
        if len(used) > 1:
            found[f"{name}, in use"] = geometric(used)
    for task in CONTROLS:
        right = [e.found["accuracy"] for e in outcomes if e.cell.setting.get("control") == task]
        if right:
            found[task] = exactly(max(right))
    return found


def geometric(values: Sequence[float]) -> Interval:
    """Of the mean of logs, as a length again; where nothing was learnt, half of the shortest lag stands."""
    logs = interval([math.log(max(value, LAGS["full"][0] / 2)) for value in values])
    return Interval(mean=math.exp(logs.mean), low=math.exp(logs.low), high=math.exp(logs.high), n=logs.n)


def _walked(outcomes: Sequence[Outcome], family: str, start: str) -> list[Outcome]:
    return [e for e in outcomes if e.cell.family == family and e.cell.setting.get("start") == start]


def _losses(outcomes: Sequence[Outcome], name: str) -> list[list[float]]:
    return [e.found["loss"] for e in outcomes if e.cell.family == name and "blocks" in e.cell.setting]


_SAID = {"RNN": (10, 20), "gated": (100, 200)}
"""Steps from which and to which, as the claim says."""


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """The longest lag that each family learns with either start; and what trained language models use."""
    return [plot for plot in (_learnt(outcomes), _used(outcomes)) if plot.series]


def _learnt(outcomes: Sequence[Outcome]) -> Plot:
    families = ("rnn", "lstm", "gru", "attention")

    def series(start: str, name: str) -> Series:
        points = []
        for i, family in enumerate(families):
            longest = [each.found["longest"] for each in _walked(outcomes, family, start)]
            if longest:
                points.append(Point(x=i, y=geometric(longest) if len(longest) > 1 else exactly(longest[0])))
        return Series(name=name, points=tuple(points))

    both = (series("ordinary", "ordinary start"), series("memory", "start made for memory"))
    return Plot(
        title="The longest lag at which each family learns to recall a symbol; 400 is the longest tried",
        x=Axis(label="family", names=families),
        y=Axis(label="lag (steps)", log=True),
        series=tuple(one for one in both if one.points),
        marks=tuple(Mark(y=y, says=f"{said} {y}") for said, ends in _SAID.items() for y in ends),
        kind="bars",
    )


def _used(outcomes: Sequence[Outcome]) -> Plot:
    def series(name: str) -> Series:
        above = [
            (c, value - min(loss)) for loss in _losses(outcomes, name) for c, value in zip(CONTEXTS, loss, strict=True)
        ]
        return Series(name=name, points=over_seeds((float(context), value) for context, value in above))

    return Plot(
        title="What trained language models lose where they are given less of the text before a token",
        x=Axis(label="tokens given", log=True),
        y=Axis(label="loss above its least (nats a token)"),
        series=tuple(one for one in map(series, OURS) if one.points),
        marks=(Mark(y=WITHIN, says=f"{WITHIN} nats"),),
    )


CLAIM = Claim(
    name="memory_length",
    number=2,
    says="RNNs learn dependencies of some 10–20 steps, LSTMs and GRUs some 100–200, attention any.",
    source="Bengio et al. 1994; Khandelwal et al. 2018; Vaswani et al. 2017, §4",
    question="After how many distractors does each family still learn to recall a symbol, and how much context do "
    "trained language models use?",
    method=(
        f"One layer of {WIDTH} units learns to recall one of 8 symbols after a lag; lags go up until one fails.",
        f"Adam, clipped at norm 1, {STEPS['full']} steps of {ROWS} texts; learnt is {LEARNT:.0%} right on fresh ones.",
        "Starts: ordinary, or for memory (identity with relu; chrono). Rate and embeddings: the best of the same six.",
        "In use: loss of our trained models at the same held-out tokens, given 1 to 200 tokens before them.",
        "Controls: the symbol is not in the text; labels are those of other texts.",
    ),
    rule=RULE,
    turns="The start, more than the cell; more units or steps; a task in which what stands between must be kept too.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 2, "full": 5},
    decides=("full",),
)
