"""Deep stacks of blocks with or without norms and residuals: untrained ones and their gradients, and short trainings.

The stacks are those of the figure `block` (`unrolled.trace.depth`). What they learn are characters of shipped fiction.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from unrolled.experiments._claim import Cell, Found
from unrolled.experiments._text import every_window, windows
from unrolled.experiments._training import Batch, loss_of, shuffled, training
from unrolled.progress import Progress, Work
from unrolled.text import corpus
from unrolled.trace.depth import TOKENS, arranged, run_stack, stack_of
from unrolled.training.recipe import Optimiser, Schedule

WIDTH, SYMBOLS, ROWS = 32, 64, 8
"""Of the stream; characters that are told apart; windows of TOKENS in a step."""


def untrained(cell: Cell) -> Work[Found]:
    """Mean over stacks of log10, at each point of the stream and each block."""
    said, found = cell.setting, []
    for draw in range(said["draws"]):
        yield Progress(draw, said["draws"], cell.title)
        seed = 10_000 * cell.seed + 100 * draw
        found.append(run_stack(said["arrangement"], said["depth"], WIDTH, "xavier", seed))
    return {
        "gradient": _log([each.gradient for each in found]),
        "weights": _log([each.weights for each in found]),
        "apart": _log([each.apart for each in found]),
    }


def _log(values: Sequence[np.ndarray]) -> list[float]:
    """Of values (stack, place): the mean over stacks of their log10; what rounding made 0 counts as 1e-300."""
    return [float(x) for x in np.log10(np.maximum(np.stack(values), 1e-300)).mean(axis=0)]


@dataclass(frozen=True, kw_only=True)
class Characters:
    """Books as characters: the most frequent ones each for itself, all others alike."""

    train: Tensor
    """ids (character)"""
    held_out: Tensor
    """ids (character), of other books"""
    by_frequency: float
    """Loss on the held-out windows of whoever knows the frequencies in `train` alone, in nats a character."""


@cache
def characters(name: str = "children") -> Characters:
    """A corpus by name."""
    text = corpus(name)
    number = {each: i for i, (each, _) in enumerate(Counter(text.train).most_common(SYMBOLS - 1), 1)}
    train, held_out = (torch.tensor([number.get(c, 0) for c in part]) for part in (text.train, text.validation))
    share = torch.bincount(train, minlength=SYMBOLS).double() / len(train)
    wanted = _tested(held_out)[1]
    return Characters(train=train, held_out=held_out, by_frequency=float(-share[wanted].log().mean()))


def _tested(held_out: Tensor) -> Batch:
    return every_window(held_out, TOKENS, 256)


def trained(cell: Cell) -> Work[Found]:
    """A stack trained on characters; its loss on held-out books, and that of frequencies alone."""
    said, text = cell.setting, characters()
    arrangement = said["arrangement"]
    module = stack_of(arrangement, said["depth"], WIDTH, "xavier", cell.seed, vocabulary=SYMBOLS).float()
    random = np.random.default_rng(cell.seed)
    mixed = np.random.default_rng([cell.seed, 1]) if said.get("control") == "shuffled" else None

    def draw() -> Batch:
        ids, wanted = windows(text.train, ROWS, TOKENS, random)
        return ids, wanted if mixed is None else shuffled(wanted, mixed)

    with arranged(module, arrangement):
        yield from training(
            module,
            draw,
            steps=said["steps"],
            optimiser=Optimiser(learning_rate=said["rate"]),
            schedule=Schedule(kind="cosine", warm_up=said["warm_up"]),
            title=cell.title,
        )
        with torch.no_grad():
            loss = float(loss_of(module, _tested(text.held_out)))
    finite = math.isfinite(loss)  # a stack whose numbers overflow says nothing: all characters alike
    return {"loss": loss if finite else math.log(SYMBOLS), "finite": finite, "by_frequency": text.by_frequency}
