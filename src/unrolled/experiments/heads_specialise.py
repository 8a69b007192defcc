"""Heads specialise: previous token, induction, sink, syntax, meaning; what their removal does; h heads against one.

Olsson et al. 2022 (induction); Clark et al. 2019 (syntax, separators); Xiao et al. 2024 (sinks); Michel et al. 2019 and
Voita et al. 2019 (removal); Vaswani et al. 2017, Table 3 A (one head). The rule below was written before the first run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.checkpoints import Model, open_model
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._head_material import material
from unrolled.experiments._head_pictures import pictures
from unrolled.experiments._head_removal import removals
from unrolled.experiments._head_trainings import HEADS, trained
from unrolled.experiments._layer_probing import draw_anew
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, interval
from unrolled.figures._head_labels import LABELS, THRESHOLDS, UNCLASSIFIED, labels_of
from unrolled.figures._head_probing import scores_of
from unrolled.figures._head_scores import SCORES
from unrolled.progress import Work

MODELS = ("smollm2", "minilm", "gpt")
LETTERS = dict(zip((*LABELS.values(), UNCLASSIFIED), "idpnesfcml.", strict=True))
"""A head's name in one letter."""
_ROWS: Mapping[Scale, int] = {"quick": 1, "full": 5}
"""Texts of each trial in a removal."""
_STEPS: Mapping[Scale, Mapping[str, int]] = {"quick": {"text": 100}, "full": {"text": 300, "recall": 450}}
_FIRST_SET = 5
"""Of texts: the ones before were those of the first version, whose control was wrong (experiments/LOG.md)."""
_SECONDS = {"smollm2": 15.0, "minilm": 3.0, "gpt": 1.5}

RULE = Rule(
    required=(
        Bound(
            measure="named",
            means="heads of SmolLM2 named previous token, induction or first token (a sink), the rarest of the three",
            at_least=1,
        ),
        Bound(
            measure="stable",
            means="agreement of names between two sets of texts with no sentence in common, SmolLM2, Cohen's kappa",
            at_least=0.6,
        ),
        Bound(
            measure="induction removed",
            means="what the loss on tokens said twice goes up by without SmolLM2's induction heads, more than without "
            "as many others of the same layers, in nats",
            at_least=1.0,
        ),
        Bound(
            measure="induction on fiction",
            means="the same on fiction: what is lost is what these heads do, and little else",
            at_most=0.1,
        ),
        Bound(
            measure="previous removed",
            means="the same on tokens said twice without its heads of the previous token, which feed them",
            at_least=0.0,
        ),
    ),
    limiting=(
        Bound(
            measure="syntax and meaning named",
            means="heads of SmolLM2 named syntactic arc or similar meaning, the rarer of the two",
            at_least=1,
        ),
        Bound(
            measure="sinks removed",
            means="what the loss on fiction goes up by without heads that rest on the first token, more than without "
            "others, in nats",
            at_most=0,
        ),
        Bound(
            measure="syntax removed",
            means="what the loss on a verb's number goes up by without heads of syntax, more than without others, in "
            "nats",
            at_least=0,
        ),
        Bound(
            measure="meaning removed",
            means="what the loss on the last thing of a list goes up by without heads of meaning, more than without "
            "others, in nats",
            at_least=0,
        ),
        Bound(
            measure="one head, text",
            means="loss on held-out fiction of a small GPT with one head a layer less that with four, in nats a token",
            at_least=0.005,
        ),
        Bound(
            measure="one head, recall",
            means="share of letters recalled with eight heads a layer less that with one",
            at_least=0,
        ),
    ),
    controls=(
        Bound(
            measure="drawn anew",
            means="share of heads that get a name in models whose weights are drawn anew",
            at_most=0.03,
        ),
        Bound(
            measure="others for others",
            means="difference of the loss on tokens said twice between two draws and two more of other heads, in nats: "
            "less than what is asked of induction heads",
            at_least=-1.0,
            at_most=1.0,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Scores and removals in three models, scores with weights drawn anew, and trainings with 1 to 8 heads."""
    return [cell for seed in range(seeds) for cell in (*_scored(scale, seed), *_trainings(scale, seed))]


def _scored(scale: Scale, seed: int) -> list[Cell]:
    full, rows = scale == "full", _ROWS[scale]
    cells = []
    for model in MODELS:
        for weights in ("trained", "drawn anew"):
            if weights == "trained" or model != "smollm2" or (full and seed == 0):
                removing = 6.0 * rows if model == "smollm2" and weights == "trained" else 0.0
                cells.append(
                    Cell(
                        claim="heads_specialise",
                        family=model,
                        setting={"weights": weights, "rows": rows},
                        seed=seed,
                        version=2,
                        seconds=_SECONDS[model] + removing,
                    )
                )
    return cells


def _trainings(scale: Scale, seed: int) -> list[Cell]:
    return [
        Cell(
            claim="heads_specialise",
            family="gpt",
            setting={"task": task, "heads": heads, "steps": steps},
            seed=seed,
            seconds=0.017 * steps,
        )
        for task, steps in _STEPS[scale].items()
        for heads in (HEADS if scale == "full" else (1, 4))
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Names of heads and what removing them does, or a training."""
    if "task" in cell.setting:
        return (yield from trained(cell.setting["task"], cell.setting["heads"], cell.setting["steps"], cell.seed))
    model = open_model(cell.family)
    if cell.setting["weights"] != "trained":
        draw_anew(model, cell.seed)
    found, names = yield from scored(model, cell.seed)
    if "logits" in model.probes and cell.setting["weights"] == "trained":
        drawn = np.random.default_rng([cell.seed, 2, cell.version])
        found["removed"] = yield from removals(model, names, drawn, cell.setting["rows"])
    return found


def scored(model: Model, seed: int) -> Work[tuple[dict[str, Any], tuple[tuple[str, ...], ...]]]:
    """What heads are named on one set of texts, and how far each kind's best head lies above its threshold."""
    assert model.ear is not None
    scores = yield from scores_of(model, model.ear.kinds[0], material(_FIRST_SET + seed))
    names = labels_of(scores)
    low = dict(zip(SCORES, scores.low, strict=True))
    kinds = {LABELS[kind]: _passed(low[kind], threshold) for kind, threshold in THRESHOLDS.items()}
    return {"names": ["".join(LETTERS[name] for name in row) for row in names], "kinds": kinds}, names


def _passed(low: np.ndarray, threshold: float) -> dict[str, float]:
    """Of one score's lower ends (layer, head): how many lie above the threshold, and the largest; nothing where the
    model cannot be scored so."""
    if np.isnan(low).all():
        return {}
    return {"passed": int((low > threshold).sum()), "best": round(float(np.nanmax(low)), 4), "threshold": threshold}


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """One value a seed of each."""
    large = {e.cell.seed: e.found for e in outcomes if _is(e, "trained") and e.cell.family == "smollm2"}
    values: dict[str, list[float]] = {
        "named": [min(map(counted(each).__getitem__, "pif")) for each in large.values()],
        "syntax and meaning named": [min(map(counted(each).__getitem__, "sm")) for each in large.values()],
        "stable": _between([each["names"] for each in large.values()]),
        "induction removed": _removed(large, "induction"),
        "induction on fiction": _removed(large, "induction", "plain"),
        "previous removed": _removed(large, "previous token"),
        "sinks removed": _removed(large, "first token"),
        "syntax removed": _removed(large, "syntactic arc"),
        "meaning removed": _removed(large, "similar meaning"),
        "others for others": [_halves(each["removed"]["induction"]["own_random"]) for each in large.values()
                              if "induction" in each["removed"]],
        "drawn anew": _named_anew(outcomes),
        **_trained(outcomes),
    }  # fmt: skip
    return {name: interval(found) for name, found in values.items() if len(found) > 1}


def _is(outcome: Outcome, weights: str) -> bool:
    return outcome.cell.setting.get("weights") == weights


def counted(found: Found) -> Counter[str]:
    """Letter -> heads of that name."""
    return Counter("".join(found["names"]))


def _between(names: Sequence[Sequence[str]]) -> list[float]:
    """Agreement of each set's names with the next one's."""
    return [kappa("".join(a), "".join(b)) for a, b in zip(names, (*names[1:], *names[:1]), strict=True) if a is not b]


def kappa(a: str, b: str) -> float:
    """Agreement beyond what the same frequencies would give by chance: 1 is all. Cohen 1960."""
    same = math.fsum(x == y for x, y in zip(a, b, strict=True)) / len(a)
    chance = math.fsum(a.count(x) * b.count(x) for x in set(a)) / len(a) ** 2
    return (same - chance) / (1 - chance) if chance < 1 else 1.0


def _removed(large: Mapping[int, Found], kind: str, where: str = "own") -> list[float]:
    """What the loss goes up by on what the kind does, or on plain text, more than without others."""
    found = [each["removed"][kind] for each in large.values() if kind in each["removed"]]
    return [each[where] - math.fsum(each[f"{where}_random"]) / len(each[f"{where}_random"]) for each in found]


def _halves(values: Sequence[float]) -> float:
    """Mean of the first half less that of the second."""
    half = len(values) // 2
    return (math.fsum(values[:half]) - math.fsum(values[half:])) / half


def _named_anew(outcomes: Sequence[Outcome]) -> list[float]:
    """Share of all heads with a name, over models, a value a seed."""
    anew = [each for each in outcomes if _is(each, "drawn anew")]
    letters = [
        "".join("".join(each.found["names"]) for each in anew if each.cell.seed == seed)
        for seed in sorted({each.cell.seed for each in anew})
    ]
    return [1 - each.count(LETTERS[UNCLASSIFIED]) / len(each) for each in letters]


def _trained(outcomes: Sequence[Outcome]) -> dict[str, list[float]]:
    """Differences between numbers of heads, the same seed in both."""
    by = {
        (e.cell.setting["task"], e.cell.setting["heads"], e.cell.seed): e.found
        for e in outcomes
        if "task" in e.cell.setting
    }
    seeds = sorted({seed for _, _, seed in by})

    def differences(task: str, more: int, less: int, value: str) -> list[float]:
        pairs = [((task, more, seed), (task, less, seed)) for seed in seeds]
        return [by[a][value] - by[b][value] for a, b in pairs if a in by and b in by]

    return {
        "one head, text": differences("text", 1, 4, "loss"),
        "one head, recall": differences("recall", 8, 1, "accuracy"),
    }


CLAIM = Claim(
    name="heads_specialise",
    number=9,
    says="Heads specialise (previous token, induction, sink, syntax, meaning), and many heads do better than one.",
    source="Olsson et al. 2022; Clark et al. 2019; Voita et al. 2019; Vaswani et al. 2017, Table 3",
    question="Do the same heads get the same name on other texts, what is lost without them, and is one head worse?",
    method=(
        "Every head is scored on sentences, sentences of known grammar and random tokens; a set of its own each seed.",
        "A name needs the score's whole interval above a threshold that 1 % of random heads pass.",
        "Named heads are switched off, then as many others of their layers: loss on what they do, and on fiction.",
        f"Small GPTs of equal size with {', '.join(map(str, HEADS))} heads a layer learn fiction, and recall.",
        "Controls: weights drawn anew get no names; draws of other heads cost alike.",
    ),
    rule=RULE,
    turns="Names are given by where a head looks, and heads may help each other out: what one loses alone is no "
    "measure of what it does. Wider models have room for more heads than these small ones.",
    plan=plan,
    run=run,
    measure=measure,
    plots=pictures,
    seeds={"quick": 2, "full": 5},
    decides=("full",),
)
