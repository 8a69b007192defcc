"""At equal size and tokens a GPT predicts text better than gated recurrent nets, these better than an Elman network,
and the GPT's lead grows with the context.

Kaplan et al. 2020, §3.2.1 and figure 7: LSTMs do as well as Transformers for tokens early in the context, and fall
behind later in it. The rule below is the second, written before its first run: the first asked of small models what
position alone gives them (experiments/LOG.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.checkpoints import open_model
from unrolled.experiments._by_context import CHUNK, PLACES
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._plot import Axis, Mark, Plot, Point, Series
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._small import RATES, beyond_the_table, small, trained
from unrolled.experiments._statistics import Interval, differences, exactly, interval
from unrolled.experiments._test_book import PIECE, drawing, held_out, loss_of_counts, measured
from unrolled.experiments._text import fiction
from unrolled.progress import Work

FAMILIES = ("rnn", "lstm", "gru", "gpt")
GATED = ("lstm", "gru")
LONG = "15M"
VOCABULARY = 512
TOKENS: Mapping[Scale, int] = {"quick": 100_000, "full": 1_500_000}
PIECES: Mapping[Scale, int] = {"quick": 6, "full": 24}
CHUNKS = 249
"""Of the test book, that small models are read on; their intervals are over seeds."""
CONTROL = "shuffled labels"
CONTROL_TOKENS = 100_000

RULE = Rule(
    required=(
        Bound(
            measure="gpt before gated",
            means="the better of LSTM and GRU less the GPT after 15 M tokens, nats a token, over pieces of text",
            at_least=0.0,
        ),
        Bound(
            measure="gated before rnn",
            means="the Elman network less the better of LSTM and GRU, the same",
            at_least=0.0,
        ),
        Bound(
            measure="lead grows",
            means="the GPT's lead over the better gated with 225 to 256 tokens of context less that with 1 to 32",
            at_least=0.0,
        ),
        Bound(
            measure="gated before rnn, few tokens",
            means="small models, over seeds: the Elman network less the better of LSTM and GRU, nats a token",
            at_least=0.0,
        ),
    ),
    limiting=(
        Bound(
            measure="gpt before gated, few tokens",
            means="small models after few tokens, over seeds: the better of LSTM and GRU less the GPT, nats a token",
            at_least=0.0,
        ),
        Bound(
            measure="far context, few tokens",
            means="small models, over seeds: what it costs the GPT that all but the last 1 to 32 of 225 to 256 tokens "
            "are from elsewhere, less what it costs the better gated",
            at_least=0.0,
        ),
        Bound(
            measure="more than seeds",
            means="the GPT's lead over the better gated after 15 M tokens, which is one seed, less two standard "
            "deviations of what seeds change in the small models' lead",
            at_least=0.0,
        ),
    ),
    controls=(
        Bound(
            measure="context helps",
            means="the shipped GPT, nats a token that it gains from 225 to 256 tokens of context over 1 to 32",
            at_least=0.1,
        ),
        Bound(
            measure="context destroyed",
            means="the same where all but the last 1 to 32 tokens are from elsewhere, the family that gains most",
            at_most=0.02,
        ),
        Bound(
            measure="far context, shuffled labels",
            means="models taught exchanged labels: what it costs them, the most",
            at_most=0.02,
        ),
        Bound(
            measure="shuffled labels",
            means="models taught exchanged labels: nats a token lost to counting tokens, the least",
            at_least=-0.01,
        ),
        Bound(
            measure="equal size",
            means="parameters beyond the table, the largest family over the smallest, small models",
            at_most=1.02,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """The shipped models; every family with every seed, all of one seed first; two that are taught exchanged labels."""
    long = {"trained": LONG, "text": "fiction:test", "pieces": PIECES[scale]}
    seconds = PIECES[scale] * PIECE * 9 / 20_000
    cells = [Cell(claim="families", family=f, setting=long, seed=0, version=2, seconds=seconds) for f in FAMILIES]
    tokens = TOKENS[scale]
    cells += [_training(family, {"tokens": tokens}, seed) for seed in range(seeds) for family in FAMILIES]
    return cells + [_training(family, {"control": CONTROL, "tokens": CONTROL_TOKENS}, 0) for family in ("lstm", "gpt")]


def _training(family: str, setting: Mapping[str, Any], seed: int) -> Cell:
    seconds = 3 + setting["tokens"] * _SECONDS[family] / 1e6
    setting = {**setting, "rate": RATES[family]}
    return Cell(claim="families", family=family, setting=setting, seed=seed, version=2, seconds=seconds)


_SECONDS: Mapping[str, float] = {"rnn": 26.0, "lstm": 12.0, "gru": 65.0, "gpt": 31.0}
"""Of one core for a million tokens."""


def run(cell: Cell, folder: Path) -> Work[Found]:
    """A shipped model read, or a small one trained and read."""
    if cell.setting.get("trained") == LONG:
        return (yield from _shipped(cell.family, cell.setting["pieces"], cell.title))
    text, random = fiction("fiction", VOCABULARY), np.random.default_rng(cell.seed)
    module = small(cell.family, VOCABULARY, cell.seed)
    draw = drawing(text.train, random, exchanged="control" in cell.setting)
    yield from trained(module, draw, tokens=cell.setting["tokens"], rate=cell.setting["rate"], title=cell.title)
    ids = held_out(text.tokenizer, CHUNKS)
    found = yield from measured(module, ids, text.tokenizer, cell.title)
    unigram = loss_of_counts(text.train, ids, VOCABULARY) if "control" in cell.setting else {}
    return {"parameters": beyond_the_table(module), **found, **unigram}


def _shipped(family: str, pieces: int, title: str) -> Work[Found]:
    model = open_model(family)
    ids = held_out(model.tokenizer, PIECE // CHUNK * pieces)
    found = yield from measured(model.all_logits, ids, model.tokenizer, title, by_piece=True)
    return {"parameters": beyond_the_table(model.module), **found}


Table = Mapping[str, np.ndarray]
"""Of each family, nats a token (piece or seed, place)."""


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """Of the shipped models one value a piece of text, of the small ones one a seed."""
    long, few = table(outcomes, long=True), table(outcomes, long=False)
    found = {**_leads(long, ""), **_leads(few, ", few tokens")}
    if long:
        found["context helps"] = interval(list(long["gpt"][:, 0] - long["gpt"][:, -1]))
        lead, shipped = _lead(long), _of(outcomes, long=True)
        found["lead grows"] = interval(list(lead[:, -1] - lead[:, 0]))
        gains = (interval(shipped[f][0].found["gain_destroyed_pieces"]) for f in FAMILIES)
        found["context destroyed"] = max(gains, key=lambda each: each.mean)
    if few:
        costs, best = _costs(outcomes), _best(few)
        found["far context, few tokens"] = interval(differences(costs["gpt"], costs[best]))
        sizes = [e.found["parameters"] for e in outcomes if set(e.cell.setting) == {"tokens", "rate"}]
        found["equal size"] = exactly(max(sizes) / min(sizes))
    if long and few:
        spread = 2 * float(np.std(_lead(few).mean(1), ddof=1))
        before = found["gpt before gated"]
        found["more than seeds"] = Interval(
            mean=before.mean - spread, low=before.low - spread, high=before.high - spread, n=before.n
        )
    if control := [e.found for e in outcomes if "control" in e.cell.setting]:
        found["shuffled labels"] = exactly(min(each["nats"] - each["unigram"] for each in control))
        found["far context, shuffled labels"] = exactly(max(each["cost_destroyed"] for each in control))
    return found


def table(outcomes: Sequence[Outcome], *, long: bool) -> Table:
    """Empty where a family is missing, or fewer than two seeds have all."""
    of = _of(outcomes, long)
    if long:
        rows = {f: np.array(each[0].found["pieces"]) for f in FAMILIES if (each := list(of.get(f, {}).values()))}
        return rows if len(rows) == len(FAMILIES) else {}
    whole = sorted(set.intersection(*(set(of.get(f, {})) for f in FAMILIES)))
    return {f: np.array([of[f][s].found["by_context"] for s in whole]) for f in FAMILIES} if len(whole) > 1 else {}


def _of(outcomes: Sequence[Outcome], long: bool) -> dict[str, dict[int, Outcome]]:
    """family -> seed -> outcome, without controls."""
    found: dict[str, dict[int, Outcome]] = {}
    for each in outcomes:
        if "control" not in each.cell.setting and ("trained" in each.cell.setting) == long:
            found.setdefault(each.cell.family, {})[each.cell.seed] = each
    return found


def _best(rows: Table) -> str:
    """The better of LSTM and GRU, by its mean."""
    return min(GATED, key=lambda f: float(rows[f].mean()))


def _lead(rows: Table) -> np.ndarray:
    """That one less the GPT: (piece or seed, place)."""
    return np.asarray(rows[_best(rows)] - rows["gpt"])


def _leads(rows: Table, name: str) -> dict[str, Interval]:
    if not rows:
        return {}
    lead = _lead(rows)
    behind = rows["rnn"] - rows["gpt"] - lead
    return {
        f"gpt before gated{name}": interval(list(lead.mean(1))),
        f"gated before rnn{name}": interval(list(behind.mean(1))),
    }


def _costs(outcomes: Sequence[Outcome]) -> dict[str, dict[int, float]]:
    """family -> seed -> nats a token that destroyed context costs a small model."""
    of = _of(outcomes, long=False)
    return {family: {seed: each.found["cost_destroyed"] for seed, each in of[family].items()} for family in of}


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """What each family loses to the GPT, by context: shipped models, small ones."""
    titles = {
        True: "After 15 M tokens: nats lost to the GPT, by tokens of context (one seed, over pieces of text)",
        False: "Small models after a tenth as many: the same, over seeds",
    }
    drawn = [(titles[long], rows) for long in (True, False) if (rows := table(outcomes, long=long))]
    return tuple(_behind(title, rows) for title, rows in drawn)


def _behind(title: str, rows: Table) -> Plot:
    middle = [CHUNK * k + (CHUNK + 1) / 2 for k in range(PLACES)]
    series = []
    for family in FAMILIES[:-1]:
        less = rows[family] - rows["gpt"]
        series.append(
            Series(
                name=family,
                points=tuple(Point(x=x, y=interval(list(less[:, k]))) for k, x in enumerate(middle)),
            )
        )
    return Plot(
        title=title,
        x=Axis(label="tokens before it in the window"),
        y=Axis(label="nats a token more than the GPT"),
        series=tuple(series),
        marks=(Mark(y=0.0, says="the GPT"),),
    )


CLAIM = Claim(
    name="families",
    number=14,
    says="At equal size and tokens a GPT predicts better than gated recurrent nets, these better than an Elman "
    "network, and the GPT's lead grows with the context.",
    source="Kaplan et al. 2020, §3.2.1",
    question="How well do the four families predict a book that none has read, and how much does context help each?",
    method=(
        "Our shipped models, 0.79 M parameters beyond the table, 15 M tokens: one seed, intervals over pieces of text.",
        "Small models of 148 thousand parameters, the same tokens in the same order, each with its own rate; seeds.",
        "Every 32 tokens of the book are read eight times: with 1 to 32 tokens before them, 33 to 64, … 225 to 256.",
        "The lead is what the better of LSTM and GRU loses to the GPT, in nats a token.",
        "Controls: far context from elsewhere in the book, labels exchanged within a batch, counted tokens.",
    ),
    rule=RULE,
    turns="More tokens for the small models, or larger ones. One seed of 15 M tokens says little of a lead as "
    "small as that over the LSTM.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 2, "full": 5},
    decides=("full",),
)
