"""Attention removes the bottleneck of sequence-to-sequence models: score against the source's length.

Bahdanau et al. 2015, §5.2 and Figure 2; Cho et al. 2014b ("On the Properties of Neural Machine Translation"), §4.1.
Two measurements: the shipped English-French models, of which there is one each, so that their seeds are disjoint fifths
of the held-out pairs; and small models that learn to copy, trained once for each seed (`_copying`). The rule below was
written before the first run; the scores of the shipped models by length were known then (`_alignment_scores.toml`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from unrolled.checkpoints import open_model
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale, found_by_seed
from unrolled.experiments._copying import BEYOND, LENGTHS, LONGEST, SYMBOLS, copying, evened
from unrolled.experiments._letters import chrf
from unrolled.experiments._plot import Axis, Mark, Plot, Series, over_seeds
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, interval, slope
from unrolled.models.seq2seq import Seq2Seq
from unrolled.progress import Work
from unrolled.text import pairs
from unrolled.translating import translating

FIFTHS = 5
LONG = 11
"""Words from which on a sentence is long."""
STARTS = (2, 5, 8, LONG, 15)
"""Words from which on a sentence belongs to a group, in the picture."""
SHIPPED = {"attention": "en-fr", "none": "en-fr-bottleneck", "even": "en-fr", "transformer": "en-fr-transformer"}
STEPS: Mapping[Scale, int] = {"quick": 200, "full": 500}
SEEDS_OF_CONTROL: Mapping[Scale, int] = {"quick": 2, "full": 3}
"""Trainings with weights that stay even, at most: they take as long as the others."""

RULE = Rule(
    required=(
        Bound(
            measure="long sentences",
            means="chrF of sentences of 11 words and more, with attention less without it",
            at_least=10.0,
        ),
        Bound(
            measure="gap grows",
            means="slope of chrF over the source's length with attention less that without, in points for ten words",
            at_least=0.0,
        ),
        Bound(measure="copy short", means="sources of 4 symbols copied whole without attention", at_least=0.5),
        Bound(measure="copy long", means="sources of 16 symbols copied whole with attention", at_least=0.5),
        Bound(measure="bottleneck", means="sources of 16 symbols copied whole without attention", at_most=0.1),
    ),
    limiting=(
        Bound(
            measure="attention falls",
            means="slope of chrF over the source's length with attention, in points for ten words; below, long "
            "sentences are harder with attention too",
            at_least=-2.0,
        ),
        Bound(
            measure="beyond",
            means="sources of 24 symbols copied whole with attention, which learned from 16 and fewer; below, a way to "
            "the whole source is no skill in longer ones",
            at_least=0.5,
        ),
    ),
    controls=(
        Bound(
            measure="even weights",
            means="chrF lost where each weight of the trained attention is one over the length",
            at_least=10.0,
        ),
        Bound(measure="other sources", means="chrF of translations of another sentence", at_most=30.0),
        Bound(
            measure="even from the start",
            means="sources of 16 symbols copied whole where weights were even in training too",
            at_most=0.1,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """A fifth of the pairs through each shipped model, and a training of each kind, for every seed."""
    cells = []
    for seed in range(seeds):
        translated = {"attention": 3.0, "none": 1.5, "even": 3.0, "transformer": 4.5}
        if scale == "quick":
            del translated["transformer"]
        if seed < FIFTHS:
            cells += [_cell(family, {"task": "translation"}, seed, cost) for family, cost in translated.items()]
        trained = {"attention": 0.027, "none": 0.014} | ({"even": 0.027} if seed < SEEDS_OF_CONTROL[scale] else {})
        copied = {"task": "copying", "steps": STEPS[scale]}
        cells += [_cell(family, copied, seed, cost * STEPS[scale]) for family, cost in trained.items()]
    return cells


def _cell(family: str, setting: Mapping[str, Any], seed: int, seconds: float) -> Cell:
    return Cell(claim="bottleneck", family=family, setting=setting, seed=seed, seconds=seconds)


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Scores of a fifth of the held-out pairs, or a training."""
    if cell.setting["task"] == "copying":
        return (yield from copying(cell.family, cell.seed, cell.setting["steps"]))
    return (yield from translated(cell.family, pairs("en-fr").test[cell.seed :: FIFTHS]))


def translated(family: str, rows: Sequence[tuple[str, str]]) -> Work[Found]:
    """Words of each source and chrF of its translation by a beam of four; of those of other sources, the mean."""
    model = open_model(SHIPPED[family])
    module = model.module
    changed = evened(module, family == "even") if isinstance(module, Seq2Seq) else nullcontext()
    with changed:
        found = yield from translating(model, [source for source, _ in rows], beam=4)
    written = [each.text for each in found]
    wanted = [target for _, target in rows]
    others = [chrf(text, right) for text, right in zip(written, wanted[1:] + wanted[:1], strict=True)]
    return {
        "words": [len(source.split()) for source, _ in rows],
        "chrf": [round(chrf(text, right), 1) for text, right in zip(written, wanted, strict=True)],
        "others": sum(others) / len(others),
    }


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """One value a fifth of the pairs, or a training."""
    translation, copied = (_by_seed(outcomes, task) for task in ("translation", "copying"))
    whole = [of for of in translation if {"attention", "none", "even"} <= set(of)]
    found: dict[str, Interval] = {}
    if len(whole) > 1:
        found |= {
            "long sentences": interval([_long(of["attention"]) - _long(of["none"]) for of in whole]),
            "gap grows": interval([_fall(of["attention"]) - _fall(of["none"]) for of in whole]),
            "attention falls": interval([_fall(of["attention"]) for of in whole]),
            "even weights": interval([_mean(of["attention"]["chrf"]) - _mean(of["even"]["chrf"]) for of in whole]),
            "other sources": interval([of["attention"]["others"] for of in whole]),
        }
    wanted = {
        "copy short": ("none", LENGTHS[0]),
        "bottleneck": ("none", LONGEST),
        "copy long": ("attention", LONGEST),
        "beyond": ("attention", BEYOND),
        "even from the start": ("even", LONGEST),
    }
    for name, (family, n) in wanted.items():
        values = [of[family]["exact"][LENGTHS.index(n)] for of in copied if family in of]
        if len(values) > 1:
            found[name] = interval(values)
    return found


def _by_seed(outcomes: Sequence[Outcome], task: str) -> list[dict[str, Found]]:
    return found_by_seed(each for each in outcomes if each.cell.setting["task"] == task)


def _long(found: Found) -> float:
    return _mean([score for words, score in zip(found["words"], found["chrf"], strict=True) if words >= LONG])


def _fall(found: Found) -> float:
    """Points for ten words more."""
    return 10 * slope(found["words"], found["chrf"])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """Sources copied whole by length, and chrF by length."""
    return [plot for plot in (_copied(outcomes), _translated(outcomes)) if plot.series]


_SAID = {"attention": "attention", "none": "without", "transformer": "transformer", "even": "even weights"}


def _copied(outcomes: Sequence[Outcome]) -> Plot:
    copied = _by_seed(outcomes, "copying")

    def series(family: str) -> Series:
        found = [of[family] for of in copied if family in of]
        points = over_seeds(pair for each in found for pair in zip(each["n"], each["exact"], strict=True))
        return Series(name=_SAID[family], points=points, role="control" if family == "even" else "measured")

    return Plot(
        title="Without attention a longer source does not fit into one state",
        x=Axis(label="symbols of the source"),
        y=Axis(label="sources copied whole"),
        series=tuple(each for each in map(series, ("attention", "none", "even")) if each.points),
        marks=(Mark(y=SYMBOLS ** -LENGTHS[0], says="chance"),),
    )


def _translated(outcomes: Sequence[Outcome]) -> Plot:
    of_seed = _by_seed(outcomes, "translation")

    def series(family: str) -> Series:
        points = over_seeds(pair for of in of_seed if family in of for pair in _grouped(of[family]))
        return Series(name=_SAID[family], points=points, role="control" if family == "even" else "measured")

    return Plot(
        title="Translations of longer sentences get worse, without attention sooner",
        x=Axis(label="words of the source, from"),
        y=Axis(label="chrF of a sentence, mean"),
        series=tuple(each for each in map(series, _SAID) if each.points),
    )


def _grouped(found: Found) -> list[tuple[float, float]]:
    """(words from which on, mean chrF) of each group of lengths."""
    rows = list(zip(found["words"], found["chrf"], strict=True))
    ends = (*STARTS[1:], 10**6)
    groups = [[score for words, score in rows if low <= words < high] for low, high in zip(STARTS, ends, strict=True)]
    return [(float(low), _mean(scores)) for low, scores in zip(STARTS, groups, strict=True) if scores]


CLAIM = Claim(
    name="bottleneck",
    number=5,
    says="Attention removes the bottleneck of sequence-to-sequence models: long sources come through as well as short.",
    source="Bahdanau et al. 2015, §5.2, Figure 2",
    question="How do scores fall with the source's length, with attention and without, at equal size?",
    method=(
        "Shipped English-French models on held-out sentences of 2 to 22 words, a beam of 4, chrF of each sentence.",
        "There is one of each, with as many parameters: the seeds are disjoint fifths of the pairs, not trainings.",
        f"GRU pairs of 112 thousand parameters learn to copy 1 to {LONGEST} of {SYMBOLS} symbols, one for each seed.",
        f"Rates .003, .01 and, but for even weights, .02 tried; {', '.join(map(str, LENGTHS))} symbols, whole or not.",
        "Controls: weights made even after training, or even in training too; translations of other sentences.",
    ),
    rule=RULE,
    turns="A wider state or more training, which move the length at which one state is full. Over fifths a "
    "slope is loose; an interval over sentences would be half as wide.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 3, "full": 5},
    decides=("full",),
)
