"""Between two tokens lie |i − j| steps in a recurrent net, one in attention, and in convolutions as their reach says.

Vaswani et al. 2017, §4 and Table 1. Who feels whom is found by nudging inputs of real layers, the path by search; the
formulas are compared with what was found. The rule below was written before the first run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._plot import Axis, Mark, Plot, Point, Series
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, exactly
from unrolled.figures._path_networks import NAMES, WIDTH, Reach, length_of, step_of
from unrolled.progress import Progress, Work
from unrolled.trace.paths import Edges, Step, edges_of

REACHES = ((2, 1), (3, 4), (5, 9))
"""(kernel of the convolutions, window of restricted attention)."""
N: Mapping[Scale, int] = {"quick": 24, "full": 64}

RULE = Rule(
    required=tuple(
        Bound(measure=name, means=f"share of pairs whose searched path is the formula's, {name}", at_least=1.0)
        for name in NAMES
    ),
    controls=(
        Bound(
            measure="a kernel one wider",
            means="the same share where the formula is told a kernel one wider than the network's",
            at_most=0.9,
        ),
        Bound(
            measure="a shortcut",
            means="the same share of a recurrent net whose every fourth state also reads the one four steps before",
            at_most=0.9,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Every network and reach with every seed of the nudges, and both controls."""
    n = N[scale]
    named = [(name, reach) for name in (*NAMES, "a kernel one wider", "a shortcut") for reach in REACHES]
    return [
        Cell(
            claim="path_lengths",
            family=name,
            setting={"kernel": kernel, "window": window, "n": n},
            seed=seed,
            seconds=0.02 if n < 32 else 0.06,
        )
        for seed in range(seeds)
        for name, (kernel, window) in named
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Searched path lengths of all pairs against the formula's."""
    n, reach = cell.setting["n"], Reach(kernel=cell.setting["kernel"], window=cell.setting["window"])
    steps, formula = _network(cell.family, n, reach, cell.seed)
    lengths = searched(steps, n)
    yield Progress(1, 1, cell.title)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    equal = sum(lengths[i, j] == formula(j - i) for i, j in pairs)
    return {"share": equal / len(pairs), "pairs": len(pairs), "longest": int(lengths.max())}


def searched(edges: Callable[[int], Edges], n: int) -> np.ndarray:
    """Steps on the shortest way from i to j, for all pairs: breadth first, from every token at once. 0: none."""
    lengths = np.zeros((n, n), dtype=np.int64)
    reached = np.eye(n, dtype=bool)
    for step in range(n):
        reached = (reached.astype(np.int64) @ edges(step).astype(np.int64)) > 0
        lengths[(lengths == 0) & reached] = step + 1
    return lengths


def _network(name: str, n: int, reach: Reach, seed: int) -> tuple[Callable[[int], Edges], Callable[[int], int]]:
    """Edges of each layer as nudging finds them, and the formula that they are held to."""
    if name == "a shortcut":
        wiring = edges_of(_shortcut(reach), n, WIDTH, seed=seed)
        return (lambda layer: wiring), (lambda distance: distance)
    real = "convolution" if name == "a kernel one wider" else name
    told = Reach(kernel=reach.kernel + 1, window=reach.window) if name == "a kernel one wider" else reach
    found: dict[int, Edges] = {}

    def edges(layer: int) -> Edges:
        layer = min(layer, 7) if real == "dilated convolution" else 0  # 2⁷ is beyond the longest text
        if layer not in found:
            found[layer] = edges_of(step_of(real, layer, reach), n, WIDTH, seed=seed)
        return found[layer]

    return edges, lambda distance: length_of(real, distance, told)


def _shortcut(reach: Reach) -> Step:
    """A recurrent transition in which every fourth state also reads the state four steps before."""
    plain = step_of("recurrent", 0, reach)

    def step(h: Tensor) -> Tensor:
        after = plain(h).clone()
        after[:, 4::4] += h[:, : h.shape[1] - 4 : 4]
        return after

    return step


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """The smallest share of each network over reaches and seeds; of a control the largest."""
    found: dict[str, list[float]] = {}
    for each in outcomes:
        found.setdefault(each.cell.family, []).append(each.found["share"])
    return {name: exactly(min(shares) if name in NAMES else max(shares)) for name, shares in found.items()}


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """The longest way by kind of layer and reach; and how many pairs agree with their formula."""
    return (_longest(outcomes), _agreeing(outcomes)) if outcomes else ()


def _longest(outcomes: Sequence[Outcome]) -> Plot:
    named = [name for name in NAMES if any(each.cell.family == name for each in outcomes)]

    def of(reach: tuple[int, int]) -> tuple[Point, ...]:
        found = {each.cell.family: each.found["longest"] for each in outcomes if _reach(each) == reach}
        return tuple(Point(x=i, y=exactly(found[name])) for i, name in enumerate(named) if name in found)

    tokens = max(each.cell.setting["n"] for each in outcomes)
    return Plot(
        title=f"The longest of all shortest ways among {tokens} tokens",
        x=Axis(label="layer", names=tuple(named)),
        y=Axis(label="steps", log=True),
        series=tuple(Series(name=f"kernel {k}, window {w}", points=of((k, w))) for k, w in REACHES if of((k, w))),
        kind="bars",
    )


def _agreeing(outcomes: Sequence[Outcome]) -> Plot:
    shares = measure(outcomes)
    points = tuple(Point(x=i, y=share) for i, share in enumerate(shares.values()))
    return Plot(
        title="Pairs of tokens whose searched way is as long as the formula says; the controls must not be",
        x=Axis(label="layer", names=tuple(shares)),
        y=Axis(label="share of pairs, worst case"),
        series=(Series(name="share", points=points),),
        marks=(Mark(y=1.0, says="required"), Mark(y=0.9, says="controls stay below")),
        kind="bars",
    )


def _reach(outcome: Outcome) -> tuple[int, int]:
    return outcome.cell.setting["kernel"], outcome.cell.setting["window"]


CLAIM = Claim(
    name="path_lengths",
    number=6,
    says="Two tokens lie |i − j| steps apart in a recurrent net, one in attention; n/k in a stack of convolutions, "
    "log_k n where they are dilated.",
    source="Vaswani et al. 2017, §4, Table 1; Hochreiter et al. 2001",
    question="Is the shortest way from token to token inside real layers as long as the formulas say?",
    method=(
        "Layers of five kinds with random weights in float64, three reaches each.",
        "Each input is nudged alone; an edge leads to every output that changes by more than 10⁻⁹.",
        "Breadth-first search over (layer, position) for all pairs of up to 64 tokens.",
        "Controls: a formula told a kernel one wider, and a recurrent net with a shortcut.",
    ),
    rule=RULE,
    turns="One pair whose way is longer or shorter than its formula. That a way is short does not say that it is used.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 2, "full": 5},
)
