"""Attention is permutation equivariant and positions break that; sinusoids are unique, shift linearly, fast dims first.

Vaswani et al. 2017, §3.5. The unmasked encoder reads its tokens in order and shuffled; sinusoids are those of
the formula that the models use. The rule below was written before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._plot import Axis, Mark, Plot, Point, Series, bars, over_seeds
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, exactly, interval
from unrolled.models.attention import attend
from unrolled.models.positions import sinusoids
from unrolled.progress import Progress, Work

N, D, HEADS, LAYERS = 24, 64, 4, 2
POSITIONS = 512
SHIFTS = (1, 7, 64)

RULE = Rule(
    required=(
        Bound(
            measure="equivariant",
            means="change of the shuffled outputs without positions, largest, as a share of their size",
            at_most=1e-9,
        ),
        Bound(measure="broken", means="the same with sinusoids added to the embeddings, smallest", at_least=0.1),
        Bound(measure="unique", means="smallest distance between two of 512 rows of sinusoids, d = 64", at_least=0.1),
        Bound(
            measure="linear shift",
            means="largest residual of PE(pos + k) = M_k PE(pos), k = 1, 7, 64, M_k by least squares",
            at_most=1e-9,
        ),
        Bound(
            measure="wavelengths",
            means="largest error of a dim's measured wavelength against 2π · 10,000^(2i/d), as a share",
            at_most=0.01,
        ),
        Bound(
            measure="slower and slower", means="share of pairs of dims that turn slower than those before", at_least=1
        ),
    ),
    limiting=(
        Bound(
            measure="a causal mask alone",
            means="change of the shuffled outputs under a causal mask without positions, smallest; above, the mask "
            "gives order too and positions are not the only thing that does",
            at_most=0.01,
        ),
    ),
    controls=(
        Bound(
            measure="random rows",
            means="the residual of the best M_k for random rows instead of sinusoids, smallest",
            at_least=0.1,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Three encoders and random rows with every seed; sinusoids once. The quick plan is the same."""
    drawn = ("no positions", "sinusoids added", "causal mask", "random rows")
    cells = [Cell(claim="positions", family=name, seed=seed, seconds=0.3) for seed in range(seeds) for name in drawn]
    return [*cells, Cell(claim="positions", family="sinusoids", seed=0, seconds=2.0)]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """The change that shuffling makes, or what sinusoids are like."""
    yield Progress(0, 1, cell.title)
    random = torch.Generator().manual_seed(cell.seed)
    if cell.family == "sinusoids":
        rows = sinusoids(0, POSITIONS, D)
        return {"distance": _closest(rows), "residual": max(residual(rows, k) for k in SHIFTS), **_wavelengths()}
    if cell.family == "random rows":
        rows = torch.randn(POSITIONS, D, dtype=torch.float64, generator=random)
        return {"residual": min(residual(rows, k) for k in SHIFTS)}
    return {
        "change": shuffled_change(
            random, positions=cell.family == "sinusoids added", causal=cell.family == "causal mask"
        )
    }


def shuffled_change(random: torch.Generator, *, positions: bool, causal: bool) -> float:
    """‖f(P x) − P f(x)‖ / ‖f(x)‖ of a small encoder with random weights, P a random permutation."""
    weights = torch.randn(LAYERS, 3, D, D, dtype=torch.float64, generator=random) / math.sqrt(D)
    x = torch.randn(N, D, dtype=torch.float64, generator=random)
    order = torch.randperm(N, generator=random)
    place = sinusoids(0, N, D) if positions else torch.zeros(N, D, dtype=torch.float64)
    shuffled, straight = _encoder(x[order] + place, weights, causal), _encoder(x + place, weights, causal)[order]
    return float((shuffled - straight).norm() / straight.norm())


def _encoder(x: Tensor, weights: Tensor, causal: bool) -> Tensor:
    """Layers of multi-head self-attention that add to x (n, d)."""
    for layer in weights:
        q, k, v = (_heads(x @ w.T) for w in layer)
        x = x + attend(q, k, v, causal=causal)[0].transpose(0, 1).reshape(len(x), -1)
    return x


def _heads(x: Tensor) -> Tensor:
    return x.view(1, len(x), HEADS, -1).transpose(1, 2)


def _closest(rows: Tensor) -> float:
    """Smallest distance between two rows."""
    distance = torch.cdist(rows, rows)
    return float(distance[~torch.eye(len(rows), dtype=torch.bool)].min())


def residual(rows: Tensor, k: int) -> float:
    """Of the matrix that best takes each row to the one k places on: largest absolute error."""
    before, after = rows[:-k], rows[k:]
    matrix = torch.linalg.lstsq(before, after, driver="gelsd").solution
    return float((before @ matrix - after).abs().max())


def _wavelengths() -> Found:
    """Each sine's wavelength, from where it rises through 0 for the first and the last time within 16 wavelengths."""
    errors, found = [], []
    for i in range(D // 2):
        expected = 2 * math.pi * 10_000 ** (2 * i / D)
        wave = sinusoids(0, int(16 * expected) + 2, D)[:, 2 * i]
        rises = torch.nonzero((wave[:-1] <= 0) & (wave[1:] > 0))[:, 0]
        exact = rises - wave[rises] / (wave[rises + 1] - wave[rises])
        found.append(float((exact[-1] - exact[0]) / (len(exact) - 1)))
        errors.append(abs(found[-1] / expected - 1))
    slower = sum(b > a for a, b in pairwise(found)) / (len(found) - 1)
    return {"wavelength_error": max(errors), "slower": slower, "wavelengths": found}


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """Over seeds the extreme of each, so that the bound holds for all of them."""
    of: dict[str, list[Found]] = {}
    for each in outcomes:
        of.setdefault(each.cell.family, []).append(each.found)
    found: dict[str, Interval] = {}
    if "no positions" in of:
        found["equivariant"] = exactly(max(each["change"] for each in of["no positions"]))
    if len(of.get("sinusoids added", [])) > 1:
        found["broken"] = interval([each["change"] for each in of["sinusoids added"]])
    if len(of.get("causal mask", [])) > 1:
        found["a causal mask alone"] = interval([each["change"] for each in of["causal mask"]])
    if "random rows" in of:
        found["random rows"] = exactly(min(each["residual"] for each in of["random rows"]))
    names = {
        "unique": "distance",
        "linear shift": "residual",
        "wavelengths": "wavelength_error",
        "slower and slower": "slower",
    }
    for rows in of.get("sinusoids", []):
        found |= {bound: exactly(rows[name]) for bound, name in names.items()}
    return found


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """What shuffling changes in three encoders; and the wavelengths of the sinusoids."""
    names = {
        "no positions": "nothing tells order",
        "sinusoids added": "sinusoids added",
        "causal mask": "a causal mask alone",
    }
    changes = {name: [e.found["change"] for e in outcomes if e.cell.family == name] for name in names}
    there = [name for name in names if changes[name]]
    shuffled = Plot(
        title="How much a shuffled text changes what comes out for each token",
        x=Axis(label="encoder", names=tuple(names[name] for name in there)),
        y=Axis(label="change, as a share of the outputs' size"),
        series=(Series(name="change", points=tuple(bars(changes[name], i) for i, name in enumerate(there))),),
        marks=(Mark(y=0.1, says="counts as noticed"),),
        kind="bars",
    )
    waves = [each.found["wavelengths"] for each in outcomes if each.cell.family == "sinusoids"]
    if not waves:
        return (shuffled,)
    formula = tuple(Point(x=2 * i, y=exactly(2 * math.pi * 10_000 ** (2 * i / D))) for i in range(D // 2))
    measured = over_seeds((2 * i, wave) for row in waves for i, wave in enumerate(row) if i % 3 == 0)
    return (
        shuffled,
        Plot(
            title="Low dims turn fast, high dims slowly",
            x=Axis(label="dim"),
            y=Axis(label="wavelength, in positions", log=True),
            series=(
                Series(name="measured", points=measured),
                Series(name="2π · 10,000^(2i/d)", points=formula, role="theory"),
            ),
        ),
    )


CLAIM = Claim(
    name="positions",
    number=8,
    says="Attention is permutation equivariant, positions break it; sinusoids are unique, shift linearly, low dims "
    "fast and high dims slow.",
    source="Vaswani et al. 2017, §3.5",
    question="Does a shuffled text give shuffled outputs without positions, and what are sinusoids like?",
    method=(
        (
            f"{LAYERS} layers of multi-head self-attention with random weights in float64, {N} tokens, "
            "read in order and "
            "shuffled."
        ),
        "Without positions, with sinusoids added to the embeddings, and under a causal mask.",
        (
            f"Sinusoids: distances between {POSITIONS} rows, the best linear map k places on, "
            "wavelengths from where each "
            "sine rises through 0."
        ),
        "Control: random rows, which no linear map shifts.",
    ),
    rule=RULE,
    turns="An encoder that is shuffled without being told positions and notices. Under a causal mask it does notice: "
    "that is the limit.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
)
