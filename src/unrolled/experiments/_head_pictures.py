"""Claim 9 in pictures: what is lost without heads of a kind, and one head against several."""

from __future__ import annotations

from collections.abc import Sequence

from unrolled.experiments._claim import Outcome
from unrolled.experiments._head_removal import OWN
from unrolled.experiments._plot import Axis, Mark, Plot, Series, bars

SAYS = {
    "repeated": "tokens said twice",
    "plain": "fiction",
    "agreement": "a verb's number",
    "lists": "a list's last thing",
}


def pictures(outcomes: Sequence[Outcome]) -> list[Plot]:
    """Removals in SmolLM2, and what small GPTs learn with 1 to 8 heads; those of which there is something."""
    return [plot for plot in (_removals(outcomes), _heads(outcomes)) if plot is not None]


def _removals(outcomes: Sequence[Outcome]) -> Plot | None:
    found = [each.found["removed"] for each in outcomes if each.cell.family == "smollm2" and "removed" in each.found]
    kinds = [kind for kind in OWN if any(kind in each for each in found)]
    if not kinds:
        return None
    own = {kind: [each[kind]["own"] for each in found if kind in each] for kind in kinds}
    others = {kind: [v for each in found if kind in each for v in each[kind]["own_random"]] for kind in kinds}
    return Plot(
        title="What the loss goes up by in SmolLM2 without heads of a kind, on what they should be good for",
        x=Axis(label="heads and what is measured", names=tuple(f"{kind}: {SAYS[OWN[kind]]}" for kind in kinds)),
        y=Axis(label="rise of the loss, nats"),
        series=(
            Series(name="these heads off", points=tuple(bars(own[kind], x) for x, kind in enumerate(kinds))),
            Series(
                name="others of the same layers off",
                points=tuple(bars(others[kind], x) for x, kind in enumerate(kinds)),
            ),
        ),
        kind="bars",
    )


def _heads(outcomes: Sequence[Outcome]) -> Plot | None:
    """Loss less that with one head, so that both tasks stand on one scale."""
    cells = {
        (e.cell.setting["task"], e.cell.setting["heads"], e.cell.seed): e.found["loss"]
        for e in outcomes
        if "task" in e.cell.setting
    }
    heads = sorted({heads for _, heads, _ in cells} - {1})
    series = []
    for task in sorted({task for task, _, _ in cells}, reverse=True):
        more = [[loss - cells[task, 1, seed] for (t, h, seed), loss in cells.items() if (t, h) == (task, each)
                 and (task, 1, seed) in cells] for each in heads]  # fmt: skip
        points = tuple(bars(values, x) for x, values in enumerate(more) if values)
        series += [Series(name=f"on {task}", points=points)] if points else []
    if not series:
        return None
    return Plot(
        title="Loss of small GPTs with several heads less that with one, at equal size: below 0 several are better",
        x=Axis(label="heads a layer", names=tuple(f"{each} heads a layer" for each in heads)),
        y=Axis(label="difference of the loss, nats"),
        series=tuple(series),
        marks=(Mark(y=0, says="one head"),),
        kind="bars",
    )
