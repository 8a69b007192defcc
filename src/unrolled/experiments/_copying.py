"""Copying a row of random symbols with an encoder-decoder: with attention, without, and with weights that stay even.

The smallest translation there is: nothing but carrying the source across. Every symbol counts, and a source of n
symbols holds n log 16 nats, whatever the state's width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.experiments._claim import Found
from unrolled.experiments._training import Batch, training
from unrolled.models.seq2seq import Additive, Seq2Seq, Seq2SeqConfig
from unrolled.progress import Work
from unrolled.training.recipe import Optimiser, Schedule

SYMBOLS, PAD, BOS, EOS = 16, 16, 17, 18
LONGEST, BEYOND = 16, 24
"""Symbols of the longest source that is learned from, and of one that is longer."""
LENGTHS = (4, 8, 12, LONGEST, BEYOND)
"""Sources that are tested."""
ROWS, TESTED = 64, 200
WIDTHS = {"attention": 64, "none": 118, "even": 64}
"""Of a state, so that all have about as many parameters."""
RATES = {"attention": 1e-2, "none": 2e-2, "even": 1e-2}
"""The best of .003, .01 and .02 for each."""
_SCHEDULE = Schedule(kind="cosine", warm_up=0.05, final=0.05)


class Paired(nn.Module):
    """An encoder-decoder as the shared training calls it: source and target in one row."""

    def __init__(self, model: Seq2Seq) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> Tensor:
        """ids (row, 2 n): source with its end, target from bos on -> logits (row, n, vocabulary)."""
        source, target = ids.chunk(2, dim=1)
        logits: Tensor = self.model(source, target)
        return logits


def made(family: str, seed: int) -> Seq2Seq:
    """Its first weights come from the seed."""
    d = WIDTHS[family]
    attention = "none" if family == "none" else "additive"
    config = Seq2SeqConfig(
        vocabulary=SYMBOLS + 3,
        context=64,
        d_embed=32,
        d_hidden=d,
        attention=attention,  # type: ignore[arg-type]
        pad_id=PAD,
        bos_id=BOS,
        eos_id=EOS,
    )
    model = Seq2Seq(config)
    model.initialise(torch.Generator().manual_seed(seed))
    return model


def copying(family: str, seed: int, steps: int) -> Work[Found]:
    """Trains on sources of 1 to LONGEST symbols; exact match and symbols right for each of LENGTHS."""
    model, drawn = made(family, seed), np.random.default_rng([seed, 1])
    optimiser = Optimiser(learning_rate=RATES[family], weight_decay=0.01)

    def draw() -> Batch:
        return batch(drawn, ROWS, int(drawn.integers(1, LONGEST + 1)))

    with evened(model, family == "even"):
        done = yield from training(
            Paired(model), draw, steps=steps, optimiser=optimiser, schedule=_SCHEDULE, title=f"copying, {family}"
        )
        found = tested(model)
    if family == "attention":
        with evened(model):
            found["exact_evened"] = tested(model)["exact"]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"parameters": parameters, "loss": done[-1].loss, "n": list(LENGTHS), **found}


def batch(drawn: np.random.Generator, rows: int, n: int) -> Batch:
    """Random sources of n symbols: (row, 2 (n + 1)), and what is wanted: the same symbols, and the end."""
    symbols = torch.from_numpy(drawn.integers(0, SYMBOLS, (rows, n)))
    end, begin = (torch.full((rows, 1), token) for token in (EOS, BOS))
    return torch.cat([symbols, end, begin, symbols], dim=1), torch.cat([symbols, end], dim=1)


@torch.no_grad()
def tested(model: Seq2Seq) -> dict[str, list[float]]:
    """Shares of sources copied whole, and of symbols that are likeliest after the right ones, for each of LENGTHS.

    A source is copied whole by greedy decoding just when every symbol is likeliest after the right ones before it.
    """
    drawn, found = np.random.default_rng(2026), {name: list[float]() for name in ("exact", "right")}
    for n in LENGTHS:
        ids, wanted = batch(drawn, TESTED, n)
        right = Paired(model)(ids).argmax(-1) == wanted
        found["exact"].append(float(right.all(1).float().mean()))
        found["right"].append(float(right[:, :-1].float().mean()))
    return found


@contextmanager
def evened(model: Seq2Seq, on: bool = True) -> Iterator[None]:
    """Each weight of the attention is one over the source's length."""
    if not (on and isinstance(model.attn, Additive)):
        yield
        return
    hook = model.attn.weights.register_forward_hook(lambda _, __, weights: even(weights))
    try:
        yield
    finally:
        hook.remove()


def even(weights: Tensor) -> Tensor:
    """(…, source): alike where they are not 0, as padding is."""
    real = (weights > 0).to(weights)
    return real / real.sum(-1, keepdim=True)
