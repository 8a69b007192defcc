"""What a run says of itself: means over the steps since it last spoke, the held-out part, a sample."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
from torch import nn

from unrolled.training import speaking
from unrolled.training.batches import PairBatches, Special
from unrolled.training.events import Event, HeldOut, Measured, Sampled, Started
from unrolled.training.run import Learnt, Run

_LINES = 1000
"""How many `Measured` events a run has at most."""


class Since:
    """Sums over the steps since the last `Measured`."""

    def __init__(self) -> None:
        self._begun, self._tokens, self._loss = time.monotonic(), 0, 0.0

    def add(self, learnt: Learnt) -> None:
        """One more step."""
        self._tokens += learnt.tokens
        self._loss += learnt.loss * learnt.tokens

    def measured(self, run: Run, last: Learnt) -> Measured:
        """Their means."""
        return Measured(
            step=run.step,
            tokens=run.tokens,
            loss=self._loss / self._tokens,
            learning_rate=last.rate,
            gradient_norm=last.norm,
            tokens_per_second=self._tokens / (time.monotonic() - self._begun),
        )


def measure_every(run: Run) -> int:
    """Steps from one `Measured` to the next."""
    return max(1, run.steps // _LINES)


def report_every(run: Run) -> int:
    """Steps from one `HeldOut` to the next."""
    return max(1, run.steps // run.folder.recipe.reports)


def report(run: Run, *, whole: bool) -> Iterator[Event]:
    """The held-out part (all of it, if `whole`) and, from the first process, a sample."""
    fixed = run.folder.fixed
    loss, count = run.measure(0 if whole else run.folder.recipe.report_tokens)
    all_of_it = count >= fixed.held_out_tokens - 1
    yield HeldOut(
        step=run.step,
        tokens=run.tokens,
        loss=loss,
        perplexity=HeldOut.perplexity_of(loss),
        bits_per_byte=loss * count / fixed.held_out_bytes / math.log(2) if all_of_it else None,
        predicted=count,
    )
    if run.group.first:
        prompt, text = _sample(run)
        yield Sampled(step=run.step, prompt=prompt, text=text)


def started(run: Run) -> Started:
    """What is known before the first step."""
    fixed, config = run.folder.fixed, run.folder.config
    return Started(
        step=run.step,
        steps=run.steps,
        family=run.folder.recipe.family,
        parameters=sum(p.numel() for p in run.module.parameters()),
        embedding_parameters=in_tables(run.module),
        vocabulary=config.vocabulary,
        train_tokens=fixed.train_tokens,
        held_out_tokens=fixed.held_out_tokens,
        epochs=run.steps / run.batches.per_epoch,
        unigram=entropy(run.batches.held_out_counts(config.vocabulary)),
        notes=run.notes,
    )


def entropy(counts: np.ndarray) -> float:
    """Of a distribution given by counts, in nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def in_tables(module: nn.Module) -> int:
    """Parameters of a model's tables of tokens and of positions."""
    tables = {"embed.weight", "place.weight", "head.weight"}
    return sum(p.numel() for name, p in module.named_parameters() if name in tables)


def _sample(run: Run) -> tuple[str, str]:
    run.module.eval()
    first = next(run.batches.held_out()).to(run.device)
    tokenizer, config = run.folder.tokenizer, run.folder.config
    if isinstance(run.batches, PairBatches):
        special = Special(config.pad_id, config.bos_id, config.eos_id)
        said = speaking.translation(run.module, tokenizer, first, special)
    else:
        prompt = first.ids[0, : speaking.PROMPT].tolist()
        seed = speaking.sample_seed(run.folder.recipe.seed, run.step)
        said = speaking.continuation(run.module, tokenizer, prompt, config.context, seed)
    run.module.train()
    return said
