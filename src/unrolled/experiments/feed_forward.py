"""The FFN between the attentions: how wide, with which non-linearity, and whether it is worth its weights.

Vaswani et al. 2017, §3.3 (four times the width, ReLU); Hendrycks & Gimpel 2016 (GELU); Shazeer 2020, "GLU Variants
Improve Transformer" (SwiGLU at two thirds of the hidden width). Small GPTs read shipped fiction. The rule below was
written before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._gpt_shape import gpt_shape
from unrolled.experiments._plot import Axis, Mark, Plot, Series, bars, over_seeds
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, differences, interval
from unrolled.experiments._text import every_window, fiction, windows
from unrolled.experiments._training import Batch, loss_of, shuffled, training
from unrolled.models.gpt import GPT, MLP, swiglu_width
from unrolled.progress import Work
from unrolled.training.recipe import Optimiser, Schedule

Inside = Literal["relu", "gelu", "swiglu", "linear"]
"""What the FFN puts between its matrices; linear: nothing."""
OTHERS: tuple[Inside, ...] = ("gelu", "swiglu", "linear")
WIDTH, LAYERS, HEADS = 64, 2, 2
RATIOS = (0, 1, 2, 4, 8)
VOCABULARY, LENGTH, ROWS = 512, 64, 16
STEPS: Mapping[Scale, int] = {"quick": 80, "full": 160}
SCHEDULE = Schedule(kind="cosine", warm_up=0.05)
RATES: Mapping[tuple[int, int, Inside], float] = {
    (64, 2, "relu"): 4e-3,
    (84, 1, "relu"): 4e-3,
}
"""Learning rates where 0.008 was not the best of 0.004, 0.008 and 0.016, which each setting was tried with."""
SHARE = 0.02
"""Bits a byte that count as a difference: one in a hundred of what such a model needs."""

RULE = Rule(
    required=(
        Bound(
            measure="worth it",
            means="what leaving out the FFN of ratio 4 costs at equal width, in bits a byte",
            at_least=SHARE,
        ),
        Bound(
            measure="worth its weights",
            means="the same where the model without one is wider and has as many weights",
            at_least=SHARE,
        ),
        Bound(
            measure="by its non-linearity",
            means="what leaving out the ReLU of a ratio of 4 costs, in bits a byte",
            at_least=SHARE,
        ),
    ),
    limiting=(
        Bound(
            measure="four of the best",
            means="loss at ratio 4 less that at the best other ratio at equal parameters, in bits a byte",
            at_most=SHARE,
        ),
        Bound(
            measure="gelu", means="loss with ReLU less that with GELU at equal parameters, in bits a byte", at_least=0
        ),
        Bound(measure="swiglu", means="the same less that with SwiGLU of two thirds of the hidden width", at_least=0),
    ),
    controls=(
        Bound(
            measure="nothing to learn",
            means="what leaving out the FFN costs where labels are shuffled, in bits a byte",
            at_least=-SHARE,
            at_most=SHARE,
        ),
        Bound(
            measure="frequencies alone",
            means="loss with shuffled labels less that of the tokens' frequencies, in bits a byte",
            at_least=-SHARE,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Ratios at equal width and at equal parameters, insides at ratio 4, shuffled labels; quick: fewer ratios."""
    ratios = RATIOS if scale == "full" else (0, 4, 8)
    settings = [_setting(WIDTH, ratio) for ratio in ratios]
    settings += [_setting(width_for(ratio), ratio) for ratio in ratios if ratio != 4]
    settings += [_setting(WIDTH, 4, inside) for inside in OTHERS]
    settings += [_setting(WIDTH, ratio) | {"labels": "shuffled"} for ratio in (0, 4)]
    steps = STEPS[scale]
    return [
        Cell(
            claim="feed_forward",
            family="gpt",
            setting=setting | {"steps": steps},
            seed=seed,
            seconds=0.016 * steps + 0.4,
        )
        for seed in range(seeds)
        for setting in settings
    ]


def _setting(width: int, ratio: int, inside: Inside = "relu") -> dict[str, Any]:
    return {"width": width, "ratio": ratio, "inside": inside, "rate": RATES.get((width, ratio, inside), 8e-3)}


class NoFFN(nn.Module):
    """Writes nothing into the stream: a block of attention alone."""

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, n, d_model) -> zeros of the same shape."""
        return torch.zeros_like(x)


class LinearFFN(MLP):
    """Two matrices with nothing between: together they are one, of low rank at most."""

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, n, d_model) -> the same shape."""
        return self.out(self.down(self.act(self.up(x))))  # type: ignore[no-any-return]


def model(width: int, ratio: int, inside: Inside, seed: int) -> GPT:
    """Two blocks with an FFN `ratio` times as wide as the stream; 0: none."""
    hidden = ratio * width
    config = gpt_shape(
        vocabulary=VOCABULARY,
        context=LENGTH,
        n_layer=LAYERS,
        n_head=HEADS,
        d_model=width,
        d_ff=swiglu_width(hidden) if inside == "swiglu" else max(hidden, 1),
        norm="rmsnorm",
        activation="relu" if inside == "linear" else inside,
        initial_std=0.7 / math.sqrt(width),
    )
    module = GPT(config)
    blocks: Any = module.blocks
    for block in blocks:
        if ratio == 0:
            block.mlp, block.norm["mlp"] = NoFFN(), nn.Identity()
        elif inside == "linear":
            block.mlp = LinearFFN(config)
    module.initialise(torch.Generator().manual_seed(seed))
    return module


def parameters(width: int, ratio: int) -> int:
    """Weights of a model: (4 + 2 ratio) width² a block, tables of tokens and positions, norms."""
    norms = LAYERS * (2 if ratio else 1) + 1
    return LAYERS * (4 + 2 * ratio) * width**2 + (VOCABULARY + LENGTH + norms) * width


def width_for(ratio: int) -> int:
    """The even width at which a model has as many weights as the one of WIDTH with ratio 4, as nearly as it goes."""
    wanted = parameters(WIDTH, 4)
    return min(range(2, 4 * WIDTH, 2), key=lambda width: abs(parameters(width, ratio) - wanted))


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Trains one model; bits a byte on the held-out books."""
    said = cell.setting
    module = model(said["width"], said["ratio"], said["inside"], cell.seed)
    text, drawn = fiction("children", VOCABULARY), np.random.default_rng(cell.seed)
    mixed = np.random.default_rng([cell.seed, 1]) if said.get("labels") == "shuffled" else None

    def draw() -> Batch:
        ids, wanted = windows(text.train, ROWS, LENGTH, drawn)
        return ids, wanted if mixed is None else shuffled(wanted, mixed)

    optimiser = Optimiser(learning_rate=said["rate"])
    yield from training(module, draw, steps=said["steps"], optimiser=optimiser, schedule=SCHEDULE, title=cell.title)
    return {
        "bits_per_byte": held_out_loss(module) / math.log(2) / text.bytes_per_token,
        "by_frequency": by_frequency() / math.log(2) / text.bytes_per_token,
        "parameters": sum(weight.numel() for weight in module.parameters()),
    }


@torch.no_grad()
def held_out_loss(module: nn.Module) -> float:
    """Nats a token over the held-out books, in windows of LENGTH that begin with nothing before them."""
    ids, wanted = every_window(fiction("children", VOCABULARY).held_out, LENGTH, 10_000)
    parts = [slice(start, start + 64) for start in range(0, len(ids), 64)]
    return math.fsum(float(loss_of(module, (ids[part], wanted[part]))) * len(ids[part]) for part in parts) / len(ids)


def by_frequency() -> float:
    """Nats a token over the held-out books for whoever knows the frequencies in the others alone, each count plus 1."""
    text = fiction("children", VOCABULARY)
    counts = torch.bincount(text.train, minlength=VOCABULARY).double() + 1
    wanted = every_window(text.held_out, LENGTH, 10_000)[1]
    return float(-(counts / counts.sum()).log()[wanted].mean())


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """Differences of losses of the same seed, which read the same text in the same order; one value a seed."""
    plain, none = _losses(outcomes, WIDTH, 4), _losses(outcomes, WIDTH, 0)
    others = [_losses(outcomes, width_for(ratio), ratio) for ratio in RATIOS if ratio not in (0, 4)]
    best = min((each for each in others if each), key=lambda each: sum(each.values()) / len(each), default={})
    mixed = {ratio: _losses(outcomes, WIDTH, ratio, labels="shuffled") for ratio in (0, 4)}
    values = {
        "worth it": differences(none, plain),
        "worth its weights": differences(_losses(outcomes, width_for(0), 0), plain),
        "by its non-linearity": differences(_losses(outcomes, WIDTH, 4, "linear"), plain),
        "four of the best": differences(plain, best),
        "gelu": differences(plain, _losses(outcomes, WIDTH, 4, "gelu")),
        "swiglu": differences(plain, _losses(outcomes, WIDTH, 4, "swiglu")),
        "nothing to learn": differences(mixed[0], mixed[4]),
        "frequencies alone": differences(mixed[4], {e.cell.seed: e.found["by_frequency"] for e in outcomes}),
    }
    return {name: interval(found) for name, found in values.items() if len(found) > 1}


def _losses(
    outcomes: Sequence[Outcome], width: int, ratio: int, inside: Inside = "relu", labels: str | None = None
) -> dict[int, float]:
    """Bits a byte by seed."""
    wanted = (width, ratio, inside, labels)
    return {
        each.cell.seed: float(each.found["bits_per_byte"])
        for each in outcomes
        if tuple(map(each.cell.setting.get, ("width", "ratio", "inside", "labels"))) == wanted
    }


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """The loss over the ratio, and what other insides change."""
    lines = {
        "equal width": [(ratio, _losses(outcomes, WIDTH, ratio)) for ratio in RATIOS],
        "equal parameters": [(ratio, _losses(outcomes, width_for(ratio), ratio)) for ratio in RATIOS],
    }
    series = [
        Series(name=name, points=over_seeds((ratio, loss) for ratio, found in line for loss in found.values()))
        for name, line in lines.items()
    ]
    changes = [differences(_losses(outcomes, WIDTH, 4, inside), _losses(outcomes, WIDTH, 4)) for inside in OTHERS]
    shown = []
    if any(each.points for each in series):
        shown.append(
            Plot(
                title="Held-out loss against how wide the FFN is",
                x=Axis(label="hidden width of the FFN over the width of the stream; 0: none"),
                y=Axis(label="bits a byte"),
                series=tuple(each for each in series if each.points),
            )
        )
    if all(changes):
        shown.append(
            Plot(
                title="What changes with another non-linearity than ReLU at equal parameters; below 0 is better",
                x=Axis(label="inside the FFN", names=("GELU", "SwiGLU", "nothing (linear)")),
                y=Axis(label="loss less that with ReLU, bits a byte"),
                series=(Series(name="change", points=tuple(bars(found, i) for i, found in enumerate(changes))),),
                marks=(Mark(y=0.0, says="ReLU"),),
                kind="bars",
            )
        )
    return shown


CLAIM = Claim(
    name="feed_forward",
    number=10,
    says="An FFN between the attentions is worth its weights, by its non-linearity; four times the width is a good "
    "ratio; GELU and SwiGLU beat ReLU at equal parameters.",
    source="Vaswani et al. 2017, §3.3; Shazeer 2020",
    question="How does the loss change with the FFN's width, at equal width of the stream and at equal parameters, and "
    "with what stands inside it?",
    method=(
        f"GPTs of two blocks, width {WIDTH}, read shipped fiction: {STEPS['full']} steps of {ROWS * LENGTH:,} tokens.",
        "Ratios 0, 1, 2, 4 and 8: at equal width, and with the width that gives as many weights as ratio 4 has.",
        "At ratio 4: ReLU, GELU, SwiGLU with two thirds of the hidden width, and no non-linearity at all.",
        "Each at the best of three rates on another seed (of 400 steps); the same text in the same order.",
        "Compared seed by seed on books held out. Control: with shuffled labels the FFN has nothing to learn.",
    ),
    rule=RULE,
    turns="Larger models and longer trainings: Shazeer's gains are some hundredths of a nat after half a million "
    "steps, and a difference of that size is easily lost among seeds here.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 3, "full": 5},
    decides=("full",),
)
