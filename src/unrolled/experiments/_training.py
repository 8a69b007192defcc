"""A short training, as claims need it: a model, batches, a recipe; the same for every family that is compared."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.progress import Progress
from unrolled.training.optimiser import make_optimiser
from unrolled.training.recipe import Optimiser, Schedule
from unrolled.training.schedule import learning_rate

Batch = tuple[Tensor, Tensor]
"""ids (row, position) and what is wanted there (row, position): an id, or UNSCORED."""
UNSCORED = -100
CONSTANT = Schedule(kind="constant", warm_up=0.02)


@dataclass(frozen=True, kw_only=True)
class Step:
    """After a step."""

    step: int
    """1, 2, …"""
    loss: float
    """In nats a scored position, before the step."""
    gradient_norm: float
    """Before it is clipped."""


def training(
    module: nn.Module,
    draw: Callable[[], Batch],
    *,
    steps: int,
    optimiser: Optimiser,
    schedule: Schedule = CONSTANT,
    title: str,
    enough: Callable[[Step], bool] = lambda step: False,
) -> Generator[Progress, None, list[Step]]:
    """Trains `module` in place, which gives logits (row, position, vocabulary) for ids; what is drawn comes from the
    claim's own generator.

    Args:
        module: what is trained; its `forward` takes ids alone.
        draw: the next batch.
        steps: how many at most.
        optimiser: rate, decay, clipping.
        schedule: of the rate, over `steps`.
        title: for whoever waits.
        enough: asked after each step; true ends the training.
    """
    adam = make_optimiser(module, optimiser)
    done: list[Step] = []
    for step in range(1, steps + 1):
        for group in adam.param_groups:
            group["lr"] = learning_rate(schedule, optimiser.learning_rate, step, steps)
        adam.zero_grad()
        loss = loss_of(module, draw())
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(module.parameters(), optimiser.clip or float("inf"))
        adam.step()
        done.append(Step(step=step, loss=float(loss.detach()), gradient_norm=float(norm)))
        yield Progress(step, steps, title)
        if enough(done[-1]):
            break
    return done


def shuffled(wanted: Tensor, random: np.random.Generator) -> Tensor:
    """What is wanted (row, position), handed out anew over the whole batch: only its frequencies can be learnt."""
    return wanted.flatten()[torch.from_numpy(random.permutation(wanted.numel()))].view_as(wanted)


def loss_of(module: nn.Module, batch: Batch) -> Tensor:
    """Mean cross-entropy over scored positions, in nats."""
    ids, wanted = batch
    return F.cross_entropy(module(ids).flatten(0, 1), wanted.flatten(), ignore_index=UNSCORED)


@torch.no_grad()
def accuracy(module: nn.Module, batch: Batch) -> float:
    """Share of scored positions whose likeliest id is the wanted one."""
    ids, wanted = batch
    scored = wanted != UNSCORED
    return float((module(ids).argmax(-1) == wanted)[scored].float().mean())
