"""The pictures of claim 15: pairs right by tokens trained, and by kind, for every model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from unrolled.experiments._claim import Found, Outcome
from unrolled.experiments._pairs import GRAMMAR, KINDS
from unrolled.experiments._plot import Axis, Mark, Plot, Point, Series, bars, over_seeds

NAMES: Mapping[str, str] = {
    "agreement": "agreement",
    "determiner": "determiners",
    "reflexive": "reflexives",
    "verb": "verb forms",
    "order": "word order",
    "across": "agreement across a noun",
    "names": "names in the books",
    "world": "facts of the world",
}


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """Shares right by tokens trained; and by kind, for every model."""
    found = []
    if len(saves_of(outcomes, control=False)) > 1:
        found.append(_by_tokens(outcomes))
    if any("items" in each.found for each in outcomes):
        found.append(_by_kind(outcomes))
    return found


_HALF = Mark(y=0.5, says="chance, and counting words")


def _by_tokens(outcomes: Sequence[Outcome]) -> Plot:
    rows = {NAMES[kind]: (kind,) for kind in ("order", "verb", "agreement", "across", "names")}

    def line(control: bool, kinds: Sequence[str]) -> tuple[Point, ...]:
        saves = [save for run in saves_of(outcomes, control=control) for save in run]
        return over_seeds((max(save["tokens"], 1_000), mean_of(save["shares"], kinds)) for save in saves)

    series = [Series(name=name, points=line(False, kinds)) for name, kinds in rows.items()]
    if len(saves_of(outcomes, control=True)) > 1:
        series.append(Series(name="grammar, shuffled text", points=line(True, GRAMMAR), role="control"))
    return Plot(
        title="Pairs right by tokens trained, a small GPT (the first point: before any)",
        x=Axis(label="tokens trained", log=True),
        y=Axis(label="share of pairs right"),
        series=tuple(series),
        marks=(_HALF,),
    )


def _by_kind(outcomes: Sequence[Outcome]) -> Plot:
    series = []
    if len(own := saves_of(outcomes, control=False)) > 1:
        last = [each[-1]["shares"] for each in own]
        points = tuple(bars([of[kind] for of in last], x) for x, kind in enumerate(KINDS))
        series.append(Series(name="small GPT", points=points))
    names = {"gpt": "gpt", "smollm2": "SmolLM2", "counts": "counting words"}
    for family, name in names.items():
        for each in outcomes:
            if each.cell.family == family and "items" in each.found:
                points = tuple(bars(list(each.found["items"][kind]), x) for x, kind in enumerate(KINDS))
                series.append(Series(name=name, points=points, role="control" if family == "counts" else "measured"))
    return Plot(
        title="Pairs right by kind: a small GPT (over seeds), ours of 15 M tokens and SmolLM2 (over items)",
        x=Axis(label="kind of pair", names=tuple(NAMES[kind] for kind in KINDS)),
        y=Axis(label="share of pairs right"),
        series=tuple(series),
        marks=(_HALF,),
        kind="bars",
    )


def saves_of(outcomes: Sequence[Outcome], *, control: bool) -> list[list[Found]]:
    """What each seed's training read on the way."""
    own = (each for each in outcomes if "saves" in each.found and ("control" in each.cell.setting) == control)
    return [each.found["saves"] for each in own]


def mean_of(of: Mapping[str, float], kinds: Sequence[str]) -> float:
    """Over kinds of pairs."""
    return math.fsum(of[kind] for kind in kinds) / len(kinds)
