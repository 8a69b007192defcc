"""How many steps from token i to token j?

What one token has to say to another must travel. In a recurrent network it passes through every token between;
attention goes in one step, and pays for it by comparing all pairs. Between the two stand convolutions and attention to
a few neighbours. Vaswani et al. 2017, §4 and Table 1.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from unrolled.figures._inputs import Models
from unrolled.figures._knobs import Range
from unrolled.figures._panel import panel
from unrolled.figures._path_length_results import Costs, Paths, Times
from unrolled.figures._path_networks import NAMES, SEARCHED, Reach, edges, length_of, path_of, step_of
from unrolled.figures._path_times import recorded_times, times_provenance
from unrolled.mathematics import Formula, Symbol
from unrolled.provenance import COMPUTED_BY, Provenance
from unrolled.trace import edges_of, shortest_path

WIRED = 32  # tokens up to which a result also holds the wiring, for the picture

Count = Annotated[int, Range(2, 1000)]
Kernel = Annotated[int, Range(2, 64)]
Window = Annotated[int, Range(1, 256)]


_PATHS = Formula(
    r"\mathrm{recurrent} = |i-j| \qquad \mathrm{attention} = 1"
    "\n"
    r"\mathrm{convolution} = \left\lceil \frac{|i-j|}{k-1} \right\rceil \qquad"
    r" \mathrm{dilated} = \left\lfloor \log_k |i-j| \right\rfloor + 1"
    "\n"
    r"\mathrm{restricted\ attention} = \left\lceil \frac{|i-j|}{r} \right\rceil",
    (
        Symbol("i, j", "the two tokens; from a token to itself it is 0 steps in all five", "positions"),
        Symbol("k", "tokens that a kernel covers; the gaps of the dilated stack grow as 1, k, k² …", "a count"),
        Symbol("r", "tokens that restricted attention looks back", "a count"),
    ),
)
_COSTS = Formula(
    r"\mathrm{attention} = n^2 d \qquad \mathrm{recurrent} = n d^2"
    "\n"
    r"\mathrm{convolution} = k n d^2 \qquad \mathrm{restricted\ attention} = r n d",
    (
        Symbol("n", "tokens in the text", "a count"),
        Symbol("d", "width of a token's vector", "a count"),
        Symbol("k", "tokens that a kernel covers", "a count"),
        Symbol("r", "tokens that restricted attention looks back", "a count"),
    ),
)


def _search_sources(models: Models, knobs: dict[str, Any]) -> tuple[Provenance, ...]:
    searched = knobs["n"] <= SEARCHED
    how = "search in five small networks with random weights" if searched else "formulas, tested by search up to n = 64"
    return (Provenance(name=how, kind="computed", version=COMPUTED_BY, dtype="float64", seed=0 if searched else None),)


@panel(
    formula=_PATHS,
    source="Vaswani et al. 2017, §4; Hochreiter et al. 2001",
    claim="path_lengths",
    shows=(shortest_path, edges_of, length_of, step_of),
    sources=_search_sources,
)
def path(
    *,
    n: Count = 20,
    i: Annotated[int, Range(1, 1000)] = 1,
    j: Annotated[int, Range(1, 1000)] = 20,
    kernel: Kernel = 3,
    window: Window = 4,
) -> Paths:
    """A shortest path from one token to another in five networks, found by nudging inputs and searching.

    Args:
        n: tokens in the text.
        i: one of the two tokens; a number beyond the text means its last token.
        j: the other.
        kernel: tokens that a convolution’s kernel covers, k.
        window: tokens that restricted attention looks back, r.
    """
    first, last = sorted((min(i, n), min(j, n)))
    reach, searched = Reach(kernel=kernel, window=window), n <= SEARCHED
    found = [_path(name, n, first - 1, last - 1, reach) for name in NAMES]
    distance = last - first
    return Paths(
        n=n,
        first=first,
        last=last,
        names=NAMES,
        lengths=np.array([len(each) - 1 for each in found]),
        by_formula=np.array([length_of(name, distance, reach) for name in NAMES]),
        searched=searched,
        arithmetic=tuple(_worked_out(name, first, last, reach) for name in NAMES),
        node_network=np.repeat(np.arange(len(NAMES)), [len(each) for each in found]),
        node_step=np.concatenate([np.arange(len(each)) for each in found]),
        node_token=np.concatenate([np.array(each) + 1 for each in found]),
        **_wiring(n, found, reach),
    )


@panel(formula=_COSTS, source="Vaswani et al. 2017, Table 1; for contiguous kernels, §4", shows=(length_of,))
def cost(
    *,
    n: Count = 20,
    d: Annotated[int, Range(1, 4096, log=True)] = 512,
    kernel: Kernel = 3,
    window: Window = 4,
) -> Costs:
    """What a layer of each costs: the paper's table with its symbols, and counted for the reader's numbers.

    Args:
        n: tokens in the text.
        d: width of a token’s vector.
        kernel: tokens that a convolution’s kernel covers, k.
        window: tokens that restricted attention looks back, r.
    """
    reach = Reach(kernel=kernel, window=window)
    counted = {
        "recurrent": ("n·d²", n * d**2, f"{n} × {d}²"),
        "attention": ("n²·d", n**2 * d, f"{n}² × {d}"),
        "convolution": ("k·n·d²", kernel * n * d**2, f"{kernel} × {n} × {d}²"),
        "dilated convolution": ("k·n·d²", kernel * n * d**2, f"{kernel} × {n} × {d}²"),
        "restricted attention": ("r·n·d", window * n * d, f"{window} × {n} × {d}"),
    }
    longest = [length_of(name, n - 1, reach) for name in NAMES]
    layers = [1 if name == "recurrent" else steps for name, steps in zip(NAMES, longest, strict=True)]
    operations = [counted[name][1] for name in NAMES]
    return Costs(
        names=NAMES,
        complexity=tuple(f"O({counted[name][0]})" for name in NAMES),
        sequential=tuple("O(n)" if name == "recurrent" else "O(1)" for name in NAMES),
        path=("O(n)", "O(1)", "O(n/k)", "O(log_k(n))", "O(n/r)"),
        operations=np.array(operations),
        arithmetic=tuple(f"{counted[name][2]} = {counted[name][1]:,}" for name in NAMES),
        waits=np.array([n if name == "recurrent" else 1 for name in NAMES]),
        longest=np.array(longest),
        layers=np.array(layers),
        stack=np.array(layers) * np.array(operations),
        pairs=n * (n + 1) // 2,
        comparison=_compared(n, d),
    )


@panel(source="recorded by scripts/layer_times.py", sources=lambda models, knobs: times_provenance())
def times() -> Times:
    """How long one layer of each took for texts of growing length, recorded earlier."""
    return Times(names=NAMES, **recorded_times())


def _path(name: str, n: int, source: int, target: int, reach: Reach) -> list[int]:
    """Positions after each step: searched for in the network, or by the formula where the text is too long."""
    if n > SEARCHED:
        return path_of(name, source, target, reach)
    found = shortest_path(lambda layer: edges(name, n, layer, reach), source, target, most=n)
    assert found is not None, f"{name} has no path from {source} to {target}"
    return found


def _wiring(n: int, found: list[list[int]], reach: Reach) -> dict[str, Any]:
    """Every edge of the steps that differ; none where there would be too many to be seen."""
    rows: list[tuple[int, int, int, int]] = []
    for number, name in enumerate(NAMES) if n <= WIRED else ():
        steps = len(found[number]) - 1 if name == "dilated convolution" else min(1, len(found[number]) - 1)
        for step in range(steps):
            rows += [(number, step, int(s) + 1, int(t) + 1) for s, t in np.argwhere(edges(name, n, step, reach))]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return dict(zip(("edge_network", "edge_step", "edge_from", "edge_to"), columns, strict=True))


def _worked_out(name: str, first: int, last: int, reach: Reach) -> str:
    """The formula with its numbers: "9 × 2 = 18 < 19 ≤ 20 = 10 × 2: 10 layers"."""
    distance = last - first
    steps = length_of(name, distance, reach)
    if distance == 0:
        return "the same token: 0 steps"
    if name == "recurrent":
        return f"{last} − {first} = {_counted(distance, 'transition')}"
    if name == "attention":
        return "every token sees every earlier one: 1 layer"
    if name == "dilated convolution":
        k = reach.kernel
        below, above = k ** (steps - 1), k**steps
        ends = f"{k}{_raised(steps - 1)} = {below} ≤ {distance} < {above} = {k}{_raised(steps)}"
        return f"{ends}: {_counted(steps, 'layer')}"
    back = reach.window if name == "restricted attention" else reach.kernel - 1
    below, above = (steps - 1) * back, steps * back
    ends = f"{steps - 1} × {back} = {below} < {distance} ≤ {above} = {steps} × {back}"
    return f"each layer reaches back {back}; {ends}: {_counted(steps, 'layer')}"


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _compared(n: int, d: int) -> str:
    """n²d against nd² is n against d."""
    if n == d:
        return f"n = d = {n:,}: a layer of attention and a recurrent one take as many operations."
    cheaper, sign = ("attention", "<") if n < d else ("recurrent", ">")
    return f"n = {n:,} {sign} d = {d:,}, so n²·d {sign} n·d²: the {cheaper} layer takes fewer operations."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
