"""A run in memory: model, optimiser, material, and the one step that is repeated."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.checkpoints.first import seed_of
from unrolled.checkpoints.machine import device_named
from unrolled.checkpoints.run_folder import WEIGHTS
from unrolled.errors import Diverged
from unrolled.models.families import FAMILIES
from unrolled.text import token_file
from unrolled.training import material, saves
from unrolled.training.batches import Batches, PairBatches, Pairs, Special, TextBatches, summed_loss
from unrolled.training.folder import RunFolder
from unrolled.training.material import TOKENS
from unrolled.training.optimiser import make_optimiser, means_of, put_back
from unrolled.training.processes import Processes
from unrolled.training.schedule import learning_rate

NEVER = 1 << 40
"""Steps of a run whose length is not known yet."""


@dataclass(frozen=True)
class Learnt:
    """What one step says of itself."""

    tokens: int
    loss: float
    """Mean over the tokens, in nats."""
    rate: float
    norm: float
    """Of the gradient, before clipping."""
    stop: bool
    """Whether any process was asked to stop."""


@dataclass
class Run:
    """A training at some step."""

    folder: RunFolder
    group: Processes
    module: nn.Module
    learner: nn.Module
    """The module, or what averages its gradients over processes."""
    optimiser: torch.optim.AdamW
    batches: Batches
    device: torch.device
    steps: int
    step: int = 0
    tokens: int = 0
    """Learnt from so far."""
    seconds_before: float = 0.0
    """In earlier sittings."""
    notes: tuple[str, ...] = ()
    _began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Of all sittings."""
        return self.seconds_before + time.monotonic() - self._began

    def learn(self, stop: bool) -> Learnt:
        """One step: forward, backward, clip, AdamW. Diverged, with the weights as they were, if a number is lost."""
        recipe, step = self.folder.recipe.optimiser, self.step + 1
        rate = learning_rate(self.folder.recipe.schedule, recipe.learning_rate, step, self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed(seed_of(self.folder.recipe.seed, "dropout", step, self.group.rank))
        loss, tokens, stopped = self._gradients(step, stop)
        norm = float(torch.nn.utils.clip_grad_norm_(self.module.parameters(), recipe.clip or math.inf))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise Diverged(self._diverged(step, "loss" if not math.isfinite(loss) else "gradient"))
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step, self.tokens = step, self.tokens + tokens
        return Learnt(tokens, loss, rate, norm, stopped)

    def save(self) -> str:
        """All of the run on the disk; the path of the save. Diverged if a weight is no number."""
        weights = self.module.state_dict()
        if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
            raise Diverged(self._diverged(self.step, "weights"))
        state = {
            **means_of(self.module, self.optimiser),
            "run.step": torch.tensor(self.step),
            "run.tokens": torch.tensor(self.tokens),
            "run.seconds": torch.tensor(self.seconds, dtype=torch.float64),
        }
        return str(saves.save(self.folder.path, self.step, weights, state).relative_to(self.folder.path))

    @torch.no_grad()
    def measure(self, limit: int) -> tuple[float, int]:
        """Plain cross-entropy of the held-out part's first `limit` tokens (0: all) in nats, and how many there were."""
        self.module.eval()
        loss, count = 0.0, 0
        for batch in self.batches.held_out(limit, self.group.rank, self.group.world):
            there = batch.to(self.device)
            loss += float(summed_loss(there.logits(self.module), there.targets))
            count += batch.count
        self.module.train()
        loss, all_count = self.group.sums(loss, count)
        return loss / all_count, int(all_count)

    def _gradients(self, step: int, stop: bool) -> tuple[float, int, bool]:
        """Gradients of the mean loss over all tokens of the batch, in all processes; the loss, how many, stop?"""
        recipe, micro_batch = self.folder.recipe.optimiser, self.folder.recipe.micro_batch
        batch = self.batches.train(step, self.group.rank, self.group.world).to(self.device)
        count, stops = self.group.sums(batch.count, stop)
        parts, total = list(batch.split(micro_batch)), 0.0
        for part in parts:
            with self.group.summing_later(self.learner, part is not parts[-1]):
                with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                    logits = part.logits(self.learner)
                loss = summed_loss(logits, part.targets, recipe.label_smoothing)
                (loss * (self.group.world / count)).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return self.group.sums(total)[0] / count, int(count), stops > 0

    def _diverged(self, step: int, what: str) -> str:
        last, path = saves.saves(self.folder.path), self.folder.path
        rate = self.folder.recipe.optimiser.learning_rate
        where = f"the save of step {int(last[-1].name)} in {path}" if last else f"{path} with the first weights"
        return (
            f"At step {step} the {what} is not a finite number any more; {where} is whole. Start anew with a lower"
            f" learning rate (--set optimiser.learning_rate={rate / 4:.2g}), a longer warm-up or another --seed."
        )


def open_run(folder: RunFolder, group: Processes, device: str) -> Run:
    """The run after its newest save, or before its first step."""
    where, recipe = device_named(device), folder.recipe
    if where.type == "cpu":
        torch.set_num_threads(folder.fixed.threads)  # sums are split among threads, and so are their roundings
    if group.first:
        saves.sweep(folder.path)
    group.wait()
    found = saves.newest(folder.path)
    module = FAMILIES[recipe.family].model(folder.config)
    module.load_state_dict(found[0] if found else saves.read(folder.path / WEIGHTS))
    module.to(where).train()
    optimiser = make_optimiser(module, recipe.optimiser)
    run = Run(
        folder=folder,
        group=group,
        module=module,
        learner=group.wrap(module),
        optimiser=optimiser,
        batches=make_batches(folder),
        device=where,
        steps=folder.fixed.steps or NEVER,
        notes=_notes(folder, device) if found else (),
    )
    if found:
        _go_on(run, found[1])
    return run


def make_batches(folder: RunFolder) -> Batches:
    """The material of a run folder in the recipe's order."""
    recipe, config = folder.recipe, folder.config
    path, vocabulary = folder.path / TOKENS, config.vocabulary
    train, held_out = (token_file(path / f"{name}.bin", vocabulary) for name in ("train", "held_out"))
    if recipe.text.pairs is None:
        return TextBatches(train, held_out, config.context, recipe.batch, recipe.seed)
    special = Special(config.pad_id, config.bos_id, config.eos_id)
    ends = [material.ends_file(path / f"{name}.ends.bin") for name in ("train", "held_out")]
    return PairBatches(Pairs(train, ends[0]), Pairs(held_out, ends[1]), special, recipe.batch, recipe.seed)


def _go_on(run: Run, state: dict[str, Tensor]) -> None:
    run.step, run.tokens = int(state["run.step"]), int(state["run.tokens"])
    run.seconds_before = float(state["run.seconds"])
    put_back(run.module, run.optimiser, state, run.step)


def _notes(folder: RunFolder, device: str) -> tuple[str, ...]:
    now: dict[str, Any] = {"torch": torch.__version__, "device": device}
    return tuple(
        f"This run began with {name} {getattr(folder.fixed, name)} and goes on with {value}: the weights will not be"
        " the same to the last bit."
        for name, value in now.items()
        if getattr(folder.fixed, name) != value
    )
