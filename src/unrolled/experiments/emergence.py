"""Capabilities appear suddenly with scale, and in training: or is it the measure that jumps?

Wei et al. 2022, "Emergent Abilities of Large Language Models", say the first; Schaeffer et al. 2023, "Are Emergent
Abilities of Large Language Models a Mirage?", the second. Our ladder of small models is measured both ways on the same
answers. The rule below was written before the first run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from unrolled.checkpoints.cache import write_whole
from unrolled.experiments import _ladder as ladder
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._plot import Axis, Mark, Plot, Series, over_seeds
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, exactly, interval
from unrolled.progress import Work

RULE = Rule(
    required=(
        Bound(
            measure="recall: steepest step",
            means="share of recall's whole rise in exact match that lies between two neighbouring sizes",
            at_least=0.4,
        ),
        Bound(measure="recall: one layer", means="exact match of recall, best size of one layer", at_most=0.05),
        Bound(measure="recall: deeper", means="exact match of recall, best size of two layers or more", at_least=0.5),
    ),
    limiting=(
        Bound(
            measure="recall: likelihood jumps too",
            means="share of recall's whole rise in log-likelihood that lies between two neighbouring sizes",
            at_least=0.4,
        ),
        Bound(
            measure="addition: likelihood jumps too",
            means="share of addition's whole rise in log-likelihood that lies between two neighbouring sizes",
            at_least=0.4,
        ),
    ),
    controls=(
        Bound(measure="wide", means="exact match of recall in one layer as large as the fifth size", at_most=0.05),
        Bound(measure="shuffled", means="exact match of the best task where answers were exchanged", at_most=0.05),
    ),
)
_RECALL = {"recall": ladder.ROWS["recall"]}
_CONTROLS = {"wide": ladder.WIDE, "shuffled": ladder.SIZES[4]}


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Every size with every seed, all sizes of one seed first, then two controls; quick: recall alone, five sizes."""
    sizes = ladder.SIZES if scale == "full" else ladder.SIZES[:5]
    rows = ladder.ROWS if scale == "full" else _RECALL
    cells = [_cell(size, seed, rows, scale) for seed in range(seeds) for size in sizes]
    return cells + [_cell(size, 0, rows, scale, name) for name, size in _CONTROLS.items()]


def _cell(size: ladder.Size, seed: int, rows: Mapping[str, int], scale: Scale, control: str = "") -> Cell:
    setting: dict[str, Any] = {"size": size.name, "tasks": list(rows), "steps": ladder.STEPS}
    share = 1.0 if scale == "full" else 0.4
    named = setting | ({"control": control} if control else {})
    return Cell(claim="emergence", family="gpt", setting=named, seed=seed, seconds=size.seconds * share)


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Trains one rung; the weights of the first seed stay beside the result."""
    size = next(s for s in (*ladder.SIZES, ladder.WIDE) if s.name == cell.setting["size"])
    shuffled = cell.setting.get("control") == "shuffled"
    rows = {name: ladder.ROWS[name] for name in cell.setting["tasks"]}
    module, measured = yield from ladder.training(
        size, cell.seed, steps=cell.setting["steps"], shuffled=shuffled, rows=rows
    )
    if cell.seed == 0:
        write_whole(folder / f"{cell.key}.safetensors", ladder.weights_of(module))
    return {"parameters": sum(p.numel() for p in module.parameters()), "layers": size.n_layer, "measured": measured}


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """Shares of a curve's rise over sizes that lie in its steepest step, one value a seed; controls."""
    rungs = [each for each in outcomes if "control" not in each.cell.setting]
    found: dict[str, Interval] = {}
    by_seed = _by_seed(rungs)
    if len(by_seed) > 1:
        last = {seed: _last(of, "recall", "exact_match") for seed, of in by_seed.items()}
        found["recall: steepest step"] = interval([_steepest(values) for values in last.values()])
        found["recall: one layer"] = interval([max(_where(of, "recall", deep=False)) for of in by_seed.values()])
        found["recall: deeper"] = interval([max(_where(of, "recall", deep=True)) for of in by_seed.values()])
        for task in ("recall", "addition"):
            if task in rungs[0].cell.setting["tasks"]:
                rises = [_steepest(_last(of, task, "log_likelihood")) for of in by_seed.values()]
                found[f"{task}: likelihood jumps too"] = interval(rises)
    for each in outcomes:
        if control := each.cell.setting.get("control"):
            final = each.found["measured"][-1]
            tasks = ["recall"] if control == "wide" else each.cell.setting["tasks"]
            found[control] = exactly(max(final[task]["exact_match"] for task in tasks))
    return found


def _by_seed(rungs: Sequence[Outcome]) -> dict[int, list[Outcome]]:
    """Each seed's sizes, small to large; only seeds that have all of them."""
    seeds = sorted({each.cell.seed for each in rungs})
    grouped = {s: sorted((e for e in rungs if e.cell.seed == s), key=lambda e: e.found["parameters"]) for s in seeds}
    most = max((len(of) for of in grouped.values()), default=0)
    return {seed: of for seed, of in grouped.items() if len(of) == most}


def _last(of: Sequence[Outcome], task: str, measure_: str) -> list[float]:
    return [each.found["measured"][-1][task][measure_] for each in of]


def _where(of: Sequence[Outcome], task: str, *, deep: bool) -> list[float]:
    return [each.found["measured"][-1][task]["exact_match"] for each in of if (each.found["layers"] > 1) == deep]


def _steepest(values: Sequence[float]) -> float:
    """The largest step between neighbours as a share of the whole rise; 0 where nothing rises."""
    whole = max(values) - values[0]
    return max(b - a for a, b in pairwise(values)) / whole if whole > 0 else 0.0


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """Each task at every size, by exact match and by the log-likelihood of the same answers."""
    rungs = [each for each in outcomes if "control" not in each.cell.setting]
    names = [name for name in ladder.ROWS if any(name in each.cell.setting["tasks"] for each in rungs)]

    def over_size(measured: str) -> tuple[Series, ...]:
        of = {name: [e for e in rungs if name in e.cell.setting["tasks"]] for name in names}
        last = {
            name: [(e.found["parameters"], e.found["measured"][-1][name][measured]) for e in of[name]] for name in names
        }
        return tuple(Series(name=name, points=over_seeds(last[name])) for name in names)

    if not rungs:
        return ()
    size = Axis(label="parameters", log=True)
    return (
        Plot(
            title="Exact match: whole answers that are right",
            x=size,
            y=Axis(label="share of answers"),
            series=over_size("exact_match"),
            marks=(Mark(y=0.0, says="none"), Mark(y=1.0, says="all")),
        ),
        Plot(
            title="Log-likelihood of the very same answers",
            x=size,
            y=Axis(label="nats a character"),
            series=over_size("log_likelihood"),
        ),
    )


CLAIM = Claim(
    name="emergence",
    number=17,
    says="Capabilities appear suddenly with scale, and in training.",
    source="Wei et al. 2022; Schaeffer et al. 2023",
    question="Does exact match jump from one size to the next, and does the log-likelihood of the same answers?",
    method=(
        "One GPT in eight sizes, 3 thousand to 3 million parameters; the smallest two have one layer.",
        (
            "All read the same texts in the same order: in-context recall of periods from 8 to 19, "
            "three-digit additions "
            "at once and with a scratchpad."
        ),
        (
            "Measured on 200 texts of each task that were not learned from: exact match of the answer, and the mean "
            "log-likelihood of its characters."
        ),
        "How sudden: the share of a curve's whole rise over sizes that lies between two neighbours.",
        "Controls: one layer as large as the fifth size, and answers exchanged among texts.",
    ),
    rule=RULE,
    turns="A curve whose steepest step is no more than two fifths of its rise; recall in one layer; a task at which "
    "smaller steps in size take the jump apart.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 2, "full": 3},
    decides=("full",),  # the quick plan has no additions
)
