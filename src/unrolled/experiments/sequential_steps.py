"""Recurrence needs n sequential steps and leaves parallel hardware idle.

Vaswani et al. 2017, §1 and Table 1 ("sequential operations"). Counted on the real modules, twice: by disturbing cells
(`trace/wavefront.py`), and as the longest chain of matrix products that the code runs. Timed as ratios within one run,
since seconds say something of the machine and of what else it does. The rule below was written before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.checkpoints import Model, open_model
from unrolled.experiments._busy import MANY, N, busy
from unrolled.experiments._chain import longest_chain
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale, found_by_seed
from unrolled.experiments._plot import Axis, Plot, Point, Series, over_seeds
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, interval, slope
from unrolled.models.cache import KeyValueCache
from unrolled.progress import Progress, Work
from unrolled.text import corpus
from unrolled.trace.wavefront import first_steps

RECURRENT = ("rnn", "lstm", "gru")
FAMILIES = (*RECURRENT, "gpt")
LENGTHS = (8, 16, 32, 64)
"""Tokens of the texts whose steps are counted."""
ROUNDS: Mapping[Scale, int] = {"quick": 5, "full": 9}

RULE = Rule(
    required=(
        Bound(
            measure="recurrent steps",
            means="slope of log steps over log n, reading n = 8 to 64 tokens, smallest of rnn, lstm, gru",
            at_least=0.9,
        ),
        Bound(measure="attention steps", means="the same slope of gpt", at_most=0.01),
        Bound(
            measure="recurrent chain",
            means="slope of the longest chain of matrix products that the code runs, smallest of rnn, lstm, gru",
            at_least=0.9,
        ),
        Bound(measure="attention chain", means="the same slope of gpt", at_most=0.01),
        Bound(
            measure="idle",
            means="share of the machine's matmul rate in reading one text of 256 tokens, largest of rnn, lstm, gru",
            at_most=0.5,
        ),
        Bound(
            measure="waiting",
            means="its seconds over those of the same products without waiting, smallest of the three",
            at_least=1.5,
        ),
    ),
    limiting=(
        Bound(
            measure="side by side",
            means="the share with 32 texts side by side over that with one, smallest of the three; above, many "
            "texts at once give idle hardware its work back",
            at_most=1.2,
        ),
        Bound(
            measure="writing chain",
            means="slope of the chain where gpt writes n tokens, one after the other; above, attention writes step by "
            "step as well",
            at_most=0.01,
        ),
    ),
    controls=(
        Bound(
            measure="cut",
            means="slope of the steps of an rnn whose state is cut from the one before, W_hh = 0",
            at_most=0.01,
        ),
        Bound(
            measure="products at once",
            means="share of the matmul rate in the three's products without waiting, smallest",
            at_least=0.5,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Counted and timed, each family with every seed, which chooses the text."""
    counted = [("steps", family, 1.5) for family in (*FAMILIES, "cut")]
    timed = [("seconds", family, 0.6 * ROUNDS[scale]) for family in FAMILIES]
    return [
        Cell(
            claim="sequential_steps",
            family=family,
            setting={"counts": counts} | ({"rounds": ROUNDS[scale]} if counts == "seconds" else {}),
            seed=seed,
            seconds=seconds,
        )
        for seed in range(seeds)
        for counts, family, seconds in (*counted, *timed)
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Steps and chains over n, or seconds."""
    model = open_model("rnn" if cell.family == "cut" else cell.family)
    ids = text_of(model, cell.seed)
    if cell.family == "cut":
        cut(model.module)
    if cell.setting["counts"] == "steps":
        return (yield from counted(model, ids))
    yield Progress(0, 1, cell.title)
    with torch.inference_mode():
        module: Any = model.module
        return busy(module, module.embed(torch.tensor([ids])), cell.setting["rounds"])


def text_of(model: Model, seed: int) -> list[int]:
    """N ids of fiction that no model learned from."""
    text = corpus("fiction").test
    start = int(np.random.default_rng(seed).integers(0, len(text) - 20 * N))
    return list(model.tokenizer.encode(text[start : start + 20 * N]).ids[:N])


@torch.no_grad()
def cut(module: nn.Module) -> None:
    """What a recurrent layer does with the state before it becomes nothing."""
    for name, parameter in module.named_parameters():
        if "weight_hh" in name:
            parameter.zero_()


def counted(model: Model, ids: Sequence[int]) -> Work[Found]:
    """Parallel steps and longest chains for each of LENGTHS."""
    found: dict[str, list[int]] = {"n": list(LENGTHS), "steps": [], "chain": []}
    writes = "h" not in model.probes
    for n in LENGTHS:
        steps = yield from first_steps(model, list(ids[:n]))
        found["steps"].append(int(steps.max()))
        with torch.inference_mode():
            found["chain"].append(longest_chain(lambda: _reading(model, ids[:n])))  # noqa: B023
            if writes:
                found.setdefault("writing", []).append(longest_chain(lambda: _writing(model, n)))  # noqa: B023
    return found


def _reading(model: Model, ids: Sequence[int]) -> Tensor:
    """All logits; a recurrence is written out in place of a kernel that cannot be looked into."""
    loop = {"written_out": True} if "h" in model.probes else {}
    logits: Tensor = model.module(torch.tensor([list(ids)]), **loop)
    return logits


def _writing(model: Model, n: int) -> Tensor:
    """n tokens, each the likeliest after those before."""
    cache, ids = KeyValueCache(), torch.zeros(1, 1, dtype=torch.long)
    for _ in range(n):
        ids = model.module(ids, cache=cache, last_only=True).argmax(-1)
    return ids


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """One value a seed: the family that says most against the claim."""
    steps, seconds = _by_seed(outcomes, "steps", 5), _by_seed(outcomes, "seconds", 4)
    found: dict[str, Interval] = {}
    if len(steps) > 1:
        found |= {
            "recurrent steps": interval([min(_rise(of[f], "steps") for f in RECURRENT) for of in steps]),
            "recurrent chain": interval([min(_rise(of[f], "chain") for f in RECURRENT) for of in steps]),
            "attention steps": interval([_rise(of["gpt"], "steps") for of in steps]),
            "attention chain": interval([_rise(of["gpt"], "chain") for of in steps]),
            "writing chain": interval([_rise(of["gpt"], "writing") for of in steps]),
            "cut": interval([_rise(of["cut"], "steps") for of in steps]),
        }
    if len(seconds) > 1:
        found |= {
            "idle": interval([max(of[f]["share_one"] for f in RECURRENT) for of in seconds]),
            "waiting": interval([min(of[f]["waiting"] for f in RECURRENT) for of in seconds]),
            "side by side": interval([min(of[f]["side_by_side"] for f in RECURRENT) for of in seconds]),
            "products at once": interval([min(of[f]["share_at_once"] for f in RECURRENT) for of in seconds]),
        }
    return found


def _by_seed(outcomes: Sequence[Outcome], counts: str, families: int) -> list[dict[str, Found]]:
    """What each family found, for every seed that has all of them."""
    every = found_by_seed(each for each in outcomes if each.cell.setting["counts"] == counts)
    return [found for found in every if len(found) == families]


def _rise(found: Found, name: str) -> float:
    """Slope of log count over log n."""
    return slope([math.log(n) for n in found["n"]], [math.log(count) for count in found[name]])


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """Chains over n, and shares of the matmul rate."""
    return [plot for plot in (_chains(outcomes), _shares(outcomes)) if plot.series]


def _chains(outcomes: Sequence[Outcome]) -> Plot:
    counted = [(each.cell.family, each.found) for each in outcomes if each.cell.setting["counts"] == "steps"]

    def series(name: str, family: str, value: str) -> Series:
        rows = [found for each, found in counted if each == family]
        return Series(
            name=name, points=over_seeds(pair for found in rows for pair in zip(found["n"], found[value], strict=True))
        )

    lines = [*(series(family, family, "chain") for family in FAMILIES), series("gpt, writing", "gpt", "writing")]
    return Plot(
        title="A recurrence needs a longer chain of products for a longer text; attention only when it writes",
        x=Axis(label="tokens", log=True),
        y=Axis(label="matrix products, one after the other", log=True),
        series=tuple(line for line in lines if line.points),
    )


def _shares(outcomes: Sequence[Outcome]) -> Plot:
    named = {
        "one text": "share_one",
        "32 texts side by side": "share_many",
        "one text's products without waiting": "share_at_once",
    }
    timed = [each for each in outcomes if each.cell.setting["counts"] == "seconds"]

    def of(value: str) -> tuple[Point, ...]:
        pairs = [(float(FAMILIES.index(each.cell.family)), each.found[value]) for each in timed]
        return over_seeds(pairs)

    return Plot(
        title="One text leaves most of a core idle where each step waits for the last; many texts fill it",
        x=Axis(label="", names=FAMILIES),
        y=Axis(label="share of the matmul rate"),
        series=tuple(Series(name=name, points=of(value)) for name, value in named.items()) if timed else (),
        kind="bars",
    )


CLAIM = Claim(
    name="sequential_steps",
    number=4,
    says="Recurrence needs n sequential steps and leaves parallel hardware idle.",
    source="Vaswani et al. 2017, §1 and Table 1",
    question="How many steps that wait for one another does reading n tokens take, and how much of a core is busy?",
    method=(
        "Our four language models read fiction that they did not learn from, 8 to 64 tokens.",
        "Steps: each cell is disturbed, and what changes waits for it. Chains: matrix products as the code runs them.",
        f"Layers timed in the seconds of one thread: one text of {N} tokens, {MANY} side by side, a large product.",
        "The same products without waiting: every state is known beforehand.",
        "Control: an rnn whose state is cut from the one before takes as many steps as it has layers.",
    ),
    rule=RULE,
    turns="A recurrence without a nonlinearity between its steps, which a parallel scan computes in log n of them. "
    "A GPU, which has more to leave idle, was not measured.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
)
