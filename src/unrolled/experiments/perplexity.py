"""Perplexity is exp(cross-entropy), and a model's loss approaches its source's entropy from above.

Shannon 1948, §§6–7; Jelinek et al. 1977. The scoring under test is the one that `unrolled score` uses. The rule below
was written before the first run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.checkpoints import open_model
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale
from unrolled.experiments._gpt_shape import gpt_shape
from unrolled.experiments._plot import Axis, Mark, Plot, Series, bars
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._statistics import Interval, exactly, interval
from unrolled.models.gpt import GPT
from unrolled.progress import Progress, Work
from unrolled.scoring import Score, Span, score
from unrolled.text import corpus

SYMBOLS, LENGTH = 8, 64
TRAINED: Mapping[Scale, int] = {"quick": 250, "full": 800}
OURS = ("rnn", "lstm", "gru", "gpt")
CHARACTERS: Mapping[Scale, int] = {"quick": 6_000, "full": 40_000}

RULE = Rule(
    required=(
        Bound(
            measure="exp of the mean",
            means="largest difference between perplexity and exp of the mean surprisal, as a share",
            at_most=1e-9,
        ),
        Bound(measure="uniform", means="perplexity of a model uniform over ten", at_least=10 - 1e-6, at_most=10 + 1e-6),
        Bound(
            measure="joint",
            means="largest difference from 1 of the sum over all texts of products of conditionals, 4 tokens of 5",
            at_most=1e-9,
        ),
        Bound(
            measure="above entropy",
            means="held-out loss of a model trained on a source of known entropy, less that entropy, in nats",
            at_least=0.0,
            at_most=0.03,
        ),
    ),
    limiting=(
        Bound(
            measure="8 to 15",
            means="perplexity of our four language models on fiction they did not learn from; "
            "it depends on the tokenizer, and bits per byte do not",
            at_least=8,
            at_most=15,
        ),
    ),
    controls=(
        Bound(
            measure="shuffled source",
            means="the same excess over entropy where the held-out text's order is shuffled",
            at_least=0.1,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Identities once for each seed, a training for each seed, our models once."""
    steps = TRAINED[scale]
    cells = [Cell(claim="perplexity", family="identities", seed=seed, seconds=0.02) for seed in range(seeds)]
    cells += [
        Cell(claim="perplexity", family="markov", setting={"steps": steps}, seed=seed, seconds=0.012 * steps)
        for seed in range(seeds)
    ]
    return cells + [
        Cell(
            claim="perplexity",
            family=name,
            setting={"text": "fiction:test", "characters": CHARACTERS[scale]},
            seed=0,
            seconds=CHARACTERS[scale] / 30_000 + 0.2,
        )
        for name in OURS
    ]


def run(cell: Cell, folder: Path) -> Work[Found]:
    """Identities, a training on a Markov source, or a score."""
    if cell.family == "identities":
        yield Progress(0, 1, cell.title)
        return identities(cell.seed)
    if cell.family == "markov":
        return (yield from markov(cell.seed, cell.setting["steps"]))
    text = corpus("fiction").test[: cell.setting["characters"]]
    found = yield from score(open_model(cell.family), text)
    return {"perplexity": found.perplexity, "bits_per_byte": found.bits_per_byte, "nats": found.nats_per_token}


def identities(seed: int) -> Found:
    """What must hold for whatever numbers: of scores, and of a small GPT with random weights."""
    random = np.random.default_rng(seed)
    surprisals = random.gamma(2.0, 1.0, 1_000)
    said = _score(surprisals)
    uniform = F.cross_entropy(torch.zeros(50, 10, dtype=torch.float64), torch.arange(50) % 10)
    return {
        "exp_error": abs(said.perplexity / math.exp(surprisals.mean()) - 1),
        "uniform": _score(np.full(50, float(uniform))).perplexity,
        "joint_error": abs(total_probability(seed) - 1),
    }


def _score(surprisals: np.ndarray) -> Score:
    return Score(
        surprisals=surprisals,
        ids=np.zeros(len(surprisals), np.int64),
        bytes=len(surprisals),
        first_scored=True,
        span=Span(window=None, stride=None),
        bos=False,
        lossless=True,
    )


@torch.no_grad()
def total_probability(seed: int, vocabulary: int = 5, length: int = 4) -> float:
    """Σ over all texts of Π p(next | before), given a first token: 1, whatever the weights are."""
    module = small_gpt(vocabulary, seed, std=0.5).double()
    texts = torch.tensor([(0, *rest) for rest in itertools.product(range(vocabulary), repeat=length)])
    said = module(texts[:, :-1]).log_softmax(-1).gather(-1, texts[:, 1:, None])[..., 0]
    return float(said.sum(1).exp().sum())


def small_gpt(vocabulary: int, seed: int, std: float = 0.1) -> GPT:
    """One layer of width 32."""
    config = gpt_shape(
        vocabulary=vocabulary, context=LENGTH, n_layer=1, n_head=2, d_model=32, activation="relu", initial_std=std
    )
    module = GPT(config)
    module.initialise(torch.Generator().manual_seed(seed))
    return module


def markov(seed: int, steps: int) -> Work[Found]:
    """Trains on a first-order Markov source; its entropy rate is −Σ π_i Σ P_ij ln P_ij (Shannon 1948, §7)."""
    random = np.random.default_rng(seed)
    matrix = random.dirichlet(np.full(SYMBOLS, 0.4), SYMBOLS) * 0.95 + 0.05 / SYMBOLS
    module = small_gpt(SYMBOLS, seed)
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-3)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        optimiser.zero_grad()
        _loss(module, drawn(matrix, 32, random)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        yield Progress(step, steps, f"a source of known entropy, seed {seed}")
    test = drawn(matrix, 4_000, random)
    entropy = entropy_given(matrix, test)
    mixed = test[:, torch.from_numpy(random.permutation(LENGTH))]
    with torch.no_grad():
        module.eval()
        return {
            "entropy": entropy_rate(matrix),
            "entropy_of_test": entropy,
            "loss": float(_loss(module, test)),
            "shuffled": float(_loss(module, mixed)),
        }


def stationary(matrix: np.ndarray) -> np.ndarray:
    """π with π P = π."""
    values, vectors = np.linalg.eig(matrix.T)
    found = np.real(vectors[:, np.argmax(np.real(values))])
    return np.asarray(found / found.sum())


def entropy_rate(matrix: np.ndarray) -> float:
    """In nats a symbol."""
    return float(-(stationary(matrix)[:, None] * matrix * np.log(matrix)).sum())


def entropy_given(matrix: np.ndarray, texts: Tensor) -> float:
    """−ln P of the true source over the very texts that are scored: their luck is in the loss and here alike."""
    logs = np.log(matrix)
    ids = texts.numpy()
    return float(-logs[ids[:, :-1], ids[:, 1:]].mean())


def drawn(matrix: np.ndarray, rows: int, random: np.random.Generator) -> Tensor:
    """Texts of the source, (rows, LENGTH), each begun in its stationary distribution."""
    cumulative = matrix.cumsum(1)
    ids = np.empty((rows, LENGTH), dtype=np.int64)
    ids[:, 0] = random.choice(SYMBOLS, rows, p=stationary(matrix))
    for place in range(1, LENGTH):
        chance = random.random(rows)[:, None] * cumulative[ids[:, place - 1], -1:]
        ids[:, place] = (chance > cumulative[ids[:, place - 1]]).sum(1)
    return torch.from_numpy(ids)


def _loss(module: GPT, ids: Tensor) -> Tensor:
    return F.cross_entropy(module(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """Errors of identities, the worst over seeds; excess over the entropy, one value a seed; perplexities of ours."""
    of: dict[str, list[Found]] = {}
    for each in outcomes:
        of.setdefault(each.cell.family, []).append(each.found)
    found: dict[str, Interval] = {}
    if known := of.get("identities"):
        found["exp of the mean"] = exactly(max(each["exp_error"] for each in known))
        found["uniform"] = exactly(max((each["uniform"] for each in known), key=lambda value: abs(value - 10)))
        found["joint"] = exactly(max(each["joint_error"] for each in known))
    if len(trained := of.get("markov", [])) > 1:
        found["above entropy"] = interval([each["loss"] - each["entropy_of_test"] for each in trained])
        found["shuffled source"] = interval([each["shuffled"] - each["entropy_of_test"] for each in trained])
    ours = [each["perplexity"] for name in OURS for each in of.get(name, [])]
    if len(ours) == len(OURS):
        found["8 to 15"] = Interval(mean=sum(ours) / len(ours), low=min(ours), high=max(ours), n=len(ours))
    return found


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """Perplexities of our models; and how far a loss ends above the entropy of its source."""
    ours = {name: [e.found["perplexity"] for e in outcomes if e.cell.family == name] for name in OURS}
    trained = [each.found for each in outcomes if each.cell.family == "markov"]
    shown = []
    if any(ours.values()):
        shown.append(
            Plot(
                title="Perplexity of our models on fiction that they did not learn from",
                x=Axis(label="model", names=("",)),
                y=Axis(label="perplexity"),
                series=tuple(Series(name=name, points=(bars(ours[name]),)) for name in OURS if ours[name]),
                marks=(Mark(y=8, says="8"), Mark(y=15, says="15")),
                kind="bars",
            )
        )
    if trained:
        above = [[each[name] - each["entropy_of_test"] for each in trained] for name in ("loss", "shuffled")]
        shown.append(
            Plot(
                title="A loss ends just above the entropy of its source, and far above where the source did not write",
                x=Axis(label="held-out text", names=("as the source wrote it", "its order shuffled")),
                y=Axis(label="loss less entropy, in nats"),
                series=(Series(name="excess", points=tuple(bars(values, i) for i, values in enumerate(above))),),
                marks=(Mark(y=0.03, says="0.03, the most that is allowed"),),
                kind="bars",
            )
        )
    return shown


CLAIM = Claim(
    name="perplexity",
    number=13,
    says="Perplexity is exp(cross-entropy): uniform over ten gives ten, conditionals multiply to the joint, and the "
    "loss approaches a source's entropy from above.",
    source="Shannon 1948, §§6–7",
    question="Do these identities hold in the code that scores, and where does a trained model's loss end?",
    method=(
        "Scores of random surprisals and of a uniform model, by the function that unrolled score uses.",
        "A GPT with random weights over all 625 texts of four tokens out of five: its probabilities are added up.",
        f"A small GPT trained on a Markov source of {SYMBOLS} symbols; its held-out loss less the true source's.",
        "Our four language models on fiction that they did not learn from: perplexity, bits per byte.",
        "Control: the held-out texts in shuffled order, which the source did not write.",
    ),
    rule=RULE,
    turns="A loss below the entropy of what the true source gives, which would mean that the scoring looks ahead.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 3, "full": 5},
)
