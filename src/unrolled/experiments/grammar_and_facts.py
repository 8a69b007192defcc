"""Predicting the next token teaches grammar and facts: minimal pairs, by tokens trained, and in SmolLM2.

Warstadt et al. 2020 (minimal pairs), Linzen et al. 2016 (agreement across nouns), Petroni et al. 2019 (facts as
blanks). Nothing is asked of a model: it reads both sentences, and the one that costs it less is its choice. The rule
below was written before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.checkpoints import open_model
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._grammar_plots import mean_of, plots, saves_of
from unrolled.experiments._pairs import GRAMMAR, KINDS, nats_of, nats_of_counts, shares
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._small import ROWS, WINDOW, beyond_the_table, small, trained
from unrolled.experiments._statistics import Interval, exactly, interval
from unrolled.experiments._text import windows
from unrolled.experiments._training import Batch, Step
from unrolled.progress import Progress, Work
from unrolled.text import Tokenizer, corpus

SAVES = (0, 10_000, 30_000, 100_000, 300_000, 1_000_000)
"""Tokens trained when the pairs are read."""
RATE = 8e-3
"""Between what is best for this size with 512 kinds of tokens and for the shipped size with 2,048."""
TOKENS: Mapping[Scale, int] = {"quick": 100_000, "full": 1_000_000}
SHUFFLED: Mapping[Scale, int] = {"quick": 30_000, "full": 100_000}
CONTROL = "shuffled text"

RULE = Rule(
    required=(
        Bound(
            measure="grammar",
            means="share of grammatical pairs right, our small GPT after 1 M tokens, over seeds; chance is 0.5",
            at_least=0.6,
        ),
        Bound(measure="grammar learned", means="that share less the untrained model's", at_least=0.1),
        Bound(
            measure="names",
            means="share of pairs on who is who in the books, our small GPT after 1 M tokens, over seeds",
            at_least=0.6,
        ),
        Bound(measure="SmolLM2: grammar", means="share of grammatical pairs right, SmolLM2, over items", at_least=0.8),
        Bound(
            measure="SmolLM2: world",
            means="share of pairs on facts of the world right, SmolLM2, over items",
            at_least=0.8,
        ),
    ),
    limiting=(
        Bound(
            measure="15M: across",
            means="agreement across a noun of the other number, the shipped GPT after 15 M tokens, over items",
            at_least=0.5,
        ),
        Bound(
            measure="SmolLM2: across",
            means="the same, SmolLM2",
            at_least=0.7,
        ),
        Bound(
            measure="15M: world",
            means="facts of the world, which its novels hardly tell, the shipped GPT, over items",
            at_least=0.6,
        ),
    ),
    controls=(
        Bound(
            measure="untrained",
            means="share of all pairs right before the first token, over seeds",
            at_least=0.4,
            at_most=0.6,
        ),
        Bound(
            measure="counts",
            means="share of all pairs right by how often each token occurs in the books alone",
            at_least=0.45,
            at_most=0.55,
        ),
        Bound(
            measure="shuffled text",
            means="share of grammatical pairs right, trained on windows with their tokens shuffled, over seeds",
            at_least=0.4,
            at_most=0.6,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Counts, the shipped GPT, SmolLM2 (not in the quick plan: it does not come along), and trainings, seed by seed."""
    known = [_cell("counts", {}, 0, 5), _cell("gpt", {"trained": "15M"}, 0, 5)]
    known += [_cell("smollm2", {}, 0, 20)] if scale == "full" else []
    rate = {"rate": RATE}
    shuffled = {"control": CONTROL, "tokens": SHUFFLED[scale], **rate}
    return known + [
        cell
        for seed in range(seeds)
        for cell in (
            _cell("gpt", {"tokens": TOKENS[scale], **rate}, seed, 3 + TOKENS[scale] * 55e-6),
            _cell("gpt", shuffled, seed, 3 + SHUFFLED[scale] * 55e-6),
        )
    ]


def _cell(family: str, setting: Mapping[str, object], seed: int, seconds: float) -> Cell:
    return Cell(claim="grammar_and_facts", family=family, setting=setting, seed=seed, seconds=seconds)


def run(cell: Cell, folder: Path) -> Work[Found]:
    """The pairs as read by one model, or by one in training."""
    yield Progress(0, 1, cell.title)
    if "tokens" in cell.setting:
        return (yield from _training(cell))
    if cell.family == "counts":
        tokenizer, ids = books()
        counts = torch.bincount(ids, minlength=tokenizer.vocabulary)
        return {"items": shares(nats_of_counts(counts), lambda text: tokenizer.encode(text).ids)}
    model = open_model(cell.family)
    return {"items": shares(nats_of(model.all_logits), lambda text: model.encode(text).ids)}


def _training(cell: Cell) -> Work[Found]:
    """Trains a small GPT and reads the pairs on the way."""
    tokenizer, ids = books()
    module, found = small("gpt", tokenizer.vocabulary, cell.seed), list[Found]()
    tokens = int(cell.setting["tokens"])
    steps = {save // (ROWS * WINDOW) for save in SAVES if save <= tokens}

    def read(step: int) -> None:
        found.append({"tokens": step * ROWS * WINDOW, "shares": _of_kinds(module, tokenizer)})

    def after(step: Step) -> None:
        if step.step in steps:
            read(step.step)

    read(0)
    random, shuffled = np.random.default_rng(cell.seed), "control" in cell.setting
    yield from trained(
        module,
        lambda: drawn(ids, random, shuffled),
        tokens=tokens,
        rate=cell.setting["rate"],
        title=cell.title,
        after=after,
    )
    return {"parameters": beyond_the_table(module), "saves": found}


def _of_kinds(module: nn.Module, tokenizer: Tokenizer) -> dict[str, float]:
    """Mean share right of each kind."""
    module.eval()
    of = shares(nats_of(module), lambda text: tokenizer.encode(text).ids)
    module.train()
    return {kind: math.fsum(each) / len(each) for kind, each in of.items()}


@cache
def books() -> tuple[Tokenizer, Tensor]:
    """The tokenizer of the shipped models and the training books in its ids (token,)."""
    tokenizer = open_model("gpt").tokenizer
    return tokenizer, torch.tensor(tokenizer.ids_of_each([corpus("fiction").train])[0])


def drawn(ids: Tensor, random: np.random.Generator, shuffled: bool) -> Batch:
    """Windows of the books; `shuffled`: the tokens of each in another order."""
    given, wanted = windows(ids, ROWS, WINDOW, random)
    if not shuffled:
        return given, wanted
    row = torch.cat([given, wanted[:, -1:]], dim=1)
    row = row.gather(1, torch.from_numpy(random.permuted(np.tile(np.arange(WINDOW + 1), (ROWS, 1)), axis=1)))
    return row[:, :-1], row[:, 1:]


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """Of trainings one value a seed, of a single model one an item."""
    own = saves_of(outcomes, control=False)
    found: dict[str, Interval] = {}
    if len(own) > 1:
        first, last = [each[0]["shares"] for each in own], [each[-1]["shares"] for each in own]
        found["untrained"] = interval([mean_of(of, KINDS) for of in first])
        found["grammar"] = interval([mean_of(of, GRAMMAR) for of in last])
        found["grammar learned"] = interval(
            [mean_of(a, GRAMMAR) - mean_of(b, GRAMMAR) for a, b in zip(last, first, strict=True)]
        )
        found["names"] = interval([of["names"] for of in last])
    if len(shuffled := saves_of(outcomes, control=True)) > 1:
        found[CONTROL] = interval([mean_of(each[-1]["shares"], GRAMMAR) for each in shuffled])
    for each in outcomes:
        if (items := each.found.get("items")) is not None:
            found |= _of_model(each.cell.family, items)
    return found


def _of_model(family: str, items: Mapping[str, Sequence[float]]) -> dict[str, Interval]:
    """Bounds that look at one model; the interval is over items."""
    if family == "counts":
        return {"counts": exactly(float(np.mean([share for kind in KINDS for share in items[kind]])))}
    name = "SmolLM2" if family == "smollm2" else "15M"
    grammar = [share for kind in GRAMMAR for share in items[kind]]
    return {
        f"{name}: grammar": interval(grammar),
        f"{name}: across": interval(list(items["across"])),
        f"{name}: world": interval(list(items["world"])),
    }


CLAIM = Claim(
    name="grammar_and_facts",
    number=15,
    says="Predicting the next token teaches grammar and facts.",
    source="Warstadt et al. 2020; Petroni et al. 2019",
    question="Of two sentences that differ in one place, does a model find the right one likelier, and since when?",
    method=(
        "Pairs of our own: grammar, agreement across a noun, who is who in the books, facts of the world.",
        "Each right word is the wrong one of another pair, so that counting words gives exactly half.",
        "A small GPT (148 thousand parameters beyond the table) read from 0 to 1 M tokens of fiction; seeds.",
        "Beside it the shipped GPT (15 M tokens) and SmolLM2; intervals are over items, for there is one of each.",
        "Controls: the untrained model, token counts, training on windows whose tokens were shuffled.",
    ),
    rule=RULE,
    turns="Who is who in the books, right in one pair of forty more. Grammar that a shuffled text teaches as well, or "
    "pairs that counting words gets right, would leave nothing of it.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 2, "full": 5},
    decides=("full",),
)
