"""Early layers hold syntax, later ones meaning: probes by layer with a control task.

Tenney et al. 2019, "BERT Rediscovers the Classical NLP Pipeline"; Hewitt & Liang 2019 for the control task. Properties
that a word alone answers are in the embeddings already, so all six here need context, and no word or cue that a probe
is asked about was among those that it learned from. The rule below was written before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unrolled.checkpoints import open_model
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._layer_probing import (
    FOLDS,
    Property,
    Texts,
    above_chance,
    accuracies,
    centre,
    draw_anew,
    properties,
    streams,
    texts_of,
)
from unrolled.experiments._plot import Axis, Mark, Plot, Series, bars, over_seeds
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, interval
from unrolled.progress import Work

TEXTS: Mapping[Scale, int] = {"quick": 120, "full": 240}
"""Of each property."""
MODELS = ("smollm2", "minilm", "gpt")
_SECONDS = {"smollm2": 30.0, "minilm": 5.0, "gpt": 1.5}
"""Of one core, for 240 texts of each property."""
PAIRS = (("part of speech", "sense"), ("role", "kind"), ("number", "topic"))
"""Syntax and meaning whose cue stands about as far back: one word, two, three or four."""

RULE = Rule(
    required=(
        Bound(
            measure="smollm2",
            means="in SmolLM2, the middle layer of the three kinds of meaning less that of the three of syntax, as a "
            "share of its depth",
            at_least=0.05,
        ),
        Bound(measure="minilm", means="the same in MiniLM, which reads both ways", at_least=0.05),
    ),
    limiting=(
        Bound(
            measure="every pair",
            means="the same in SmolLM2 for the worst of three pairs whose cues stand equally far back",
            at_least=0.0,
        ),
        Bound(
            measure="meaning in gpt",
            means="how far above chance a probe reads the three kinds of meaning in our GPT, at the best layer of each",
            at_least=0.2,
        ),
    ),
    controls=(
        Bound(
            measure="readable",
            means="how far above chance, and above the control task, the least readable property stands at its best "
            "layer, in SmolLM2 and in MiniLM",
            at_least=0.1,
        ),
        Bound(
            measure="untrained",
            means="how far above chance probes come where the weights are drawn anew, mean over models and "
            "properties at the layers where the trained model is best",
            at_most=0.1,
        ),
        Bound(
            measure="shuffled",
            means="how far above chance probes come with shuffled labels, there too",
            at_most=0.1,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Each model trained, and with weights drawn anew; the large one untrained in the full plan's first three seeds."""
    n = TEXTS[scale]
    return [
        Cell(
            claim="layers",
            family=model,
            setting={"weights": weights, "texts": n},
            seed=seed,
            seconds=_SECONDS[model] * n / 240,
        )
        for seed in range(seeds)
        for model in MODELS
        for weights in ("trained", "drawn anew")
        if weights == "trained" or model != "smollm2" or (scale == "full" and seed < 3)
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Scores of every property at every layer of one model."""
    model = open_model(cell.family)
    if cell.setting["weights"] != "trained":
        draw_anew(model, cell.seed)
    found = {}
    for number, asked in enumerate(properties()):
        drawn = np.random.default_rng([cell.seed, number])
        texts = texts_of(asked, cell.setting["texts"], drawn)
        x = yield from streams(model, texts.texts)
        found[asked.name] = scores(x, asked, texts, drawn)
    return found


def scores(x: np.ndarray, asked: Property, texts: Texts, drawn: np.random.Generator) -> dict[str, list[float]]:
    """x (layer, text, unit) -> for each layer how far above chance: the property; shuffled labels; the control task,
    a random label for each cue; and the control task where cues may be known from other texts."""
    n = len(asked.cues)
    shuffled = drawn.permutation(texts.labels)
    control = drawn.permutation(np.arange(texts.types.max() + 1) % n)[texts.types]
    mixed = drawn.permutation(len(texts.labels)) % FOLDS
    found = [accuracies(layer, (texts.labels, shuffled, control), texts.folds) for layer in x]
    known = [accuracies(layer, (control,), mixed) for layer in x]
    rows = zip(*(shares + more for shares, more in zip(found, known, strict=True)), strict=True)
    names = ("property", "shuffled", "control", "control, cues known")
    return {name: [round(above_chance(share, n), 4) for share in row] for name, row in zip(names, rows, strict=True)}


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """One value a seed of each."""
    trained, anew = _by_model(outcomes, "trained"), _by_model(outcomes, "drawn anew")
    large, small = trained["smollm2"], trained["minilm"]
    values = {
        "smollm2": [difference(each) for each in large.values()],
        "minilm": [difference(each) for each in small.values()],
        "every pair": [min(_pairs(each)) for each in large.values()],
        "meaning in gpt": [_read(each, "meaning") for each in trained["gpt"].values()],
        "readable": [min(map(_selectivity, (large[seed], small[seed]))) for seed in large if seed in small],
        "untrained": _at_best(trained, anew, "property"),
        "shuffled": _at_best(trained, trained, "shuffled"),
    }
    return {name: interval(found) for name, found in values.items() if len(found) > 1}


def _by_model(outcomes: Sequence[Outcome], weights: str) -> dict[str, dict[int, Found]]:
    """Model -> seed -> what was found."""
    return {
        model: {
            each.cell.seed: each.found
            for each in outcomes
            if each.cell.family == model and each.cell.setting["weights"] == weights
        }
        for model in MODELS
    }


def difference(found: Found) -> float:
    """Middle layer of meaning less that of syntax, as a share of the depth."""
    middle = {what: _mean([centre(found[name]["property"]) for name in _about(what)]) for what in ("syntax", "meaning")}
    return middle["meaning"] - middle["syntax"]


def _pairs(found: Found) -> list[float]:
    return [centre(found[meaning]["property"]) - centre(found[syntax]["property"]) for syntax, meaning in PAIRS]


def _about(what: str) -> list[str]:
    return [each.name for each in properties() if each.about == what]


def _read(found: Found, what: str) -> float:
    return _mean([max(found[name]["property"]) for name in _about(what)])


def _selectivity(found: Found) -> float:
    """Property less control task at the property's best layer; of the least readable one."""
    return float(min(each["property"][best(each)] - each["control"][best(each)] for each in found.values()))


def best(one: Mapping[str, Sequence[float]]) -> int:
    """The layer where a property is read best."""
    return int(np.argmax(one["property"]))


_Models = Mapping[str, Mapping[int, Found]]


def _at_best(trained: _Models, asked: _Models, name: str) -> list[float]:
    """For each seed the mean over properties of a score, at the layer where the trained model is best; mean over
    models."""

    def of(model: str, seed: int) -> float:
        layers = {each: best(found) for each, found in trained[model][seed].items()}
        return _mean([asked[model][seed][each][name][layer] for each, layer in layers.items()])

    pairs = [(model, seed) for model in MODELS for seed in asked[model].keys() & trained[model].keys()]
    return [_mean([of(m, s) for m, s in pairs if s == seed]) for seed in sorted({seed for _, seed in pairs})]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def plots(outcomes: Sequence[Outcome]) -> list[Plot]:
    """Scores by depth in SmolLM2, and where each property is gained in it and in MiniLM."""
    trained = _by_model(outcomes, "trained")
    shown = [(model, list(trained[model].values())) for model in MODELS[:2] if trained[model]]
    pictures = [_by_depth(list(trained["smollm2"].values()))] if trained["smollm2"] else []
    return [*pictures, _middles(shown)] if shown else pictures


def _by_depth(found: Sequence[Found]) -> Plot:
    return Plot(
        title="What a probe reads at each layer of SmolLM2, of words and cues that it has not seen",
        x=Axis(label="layers read (0: the embedding)"),
        y=Axis(label="score: 0 chance, 1 all right"),
        series=tuple(
            Series(
                name=f"{each.name} ({each.about})",
                points=over_seeds((float(x), y) for one in found for x, y in enumerate(one[each.name]["property"])),
            )
            for each in properties()
        ),
        marks=(Mark(y=0, says="chance"),),
    )


def _middles(shown: Sequence[tuple[str, Sequence[Found]]]) -> Plot:
    return Plot(
        title="Where in the depth each property is gained",
        x=Axis(label="property", names=tuple(f"{each.name} ({each.about})" for each in properties())),
        y=Axis(label="middle of the gain, as a share of the depth"),
        series=tuple(
            Series(
                name=_TITLES[model],
                points=tuple(
                    bars([centre(one[each.name]["property"]) for one in found], x)
                    for x, each in enumerate(properties())
                ),
            )
            for model, found in shown
        ),
        kind="bars",
    )


_TITLES = {"smollm2": "SmolLM2", "minilm": "MiniLM"}

CLAIM = Claim(
    name="layers",
    number=12,
    says="Early layers hold syntax, later ones meaning.",
    source="Tenney et al. 2019; Hewitt & Liang 2019",
    question="At which depth can a linear probe read syntax and meaning that a word takes from its context?",
    method=(
        "Six properties of a text's last word, three of syntax and three of meaning; none is in the word itself.",
        "Ridge regression on the residual stream at every layer, asked only of words and cues it did not learn from.",
        "Where a property is gained: the mean layer of the gains of its best score so far (Tenney's expected layer).",
        "Control task: a random label for each cue. Controls: shuffled labels, and the models with weights drawn anew.",
        "Each seed writes its own texts and deals words and cues into four parts anew.",
    ),
    rule=RULE,
    turns="Other properties. How far the cue stands from the word matters as much as what it is a cue of, and three "
    "kinds of each are a small sample; a probe of more layers at once would date the gains otherwise.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 2, "full": 5},
)
