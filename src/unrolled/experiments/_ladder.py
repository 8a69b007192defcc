"""The ladder: one small GPT in eight sizes, trained alike on three tasks, and measured all the way.

Every size reads the same texts in the same order: in-context recall with a varied period, additions of three digits,
the same with a scratchpad (`unrolled.text.tasks`). What is measured is on texts that were never learned from, and both
measures come from one forward pass: exact match, all or nothing over the whole answer, and the log-likelihood of each
of its characters. Schaeffer et al. 2023, "Are Emergent Abilities of Large Language Models a Mirage?", §3.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from unrolled.experiments._gpt_shape import gpt_shape
from unrolled.models.gpt import GPT, GPTConfig
from unrolled.progress import Progress
from unrolled.text import tasks
from unrolled.trace.answering import score
from unrolled.training.optimiser import make_optimiser
from unrolled.training.recipe import Optimiser, Schedule
from unrolled.training.schedule import learning_rate


@dataclass(frozen=True, kw_only=True)
class Size:
    """One rung."""

    name: str
    n_layer: int
    d_model: int
    n_head: int = 4
    seconds: float
    """Of one core, about, for a training of STEPS."""


SIZES = (
    Size(name="3k", n_layer=1, d_model=12, n_head=2, seconds=10),
    Size(name="9k", n_layer=1, d_model=24, seconds=13),
    Size(name="21k", n_layer=2, d_model=28, n_head=2, seconds=19),
    Size(name="59k", n_layer=2, d_model=48, seconds=31),
    Size(name="150k", n_layer=3, d_model=64, seconds=52),
    Size(name="450k", n_layer=4, d_model=96, seconds=111),
    Size(name="1.1M", n_layer=4, d_model=152, seconds=525),
    Size(name="3.2M", n_layer=4, d_model=256, seconds=980),
)
WIDE = Size(name="150k, one layer", n_layer=1, d_model=112, seconds=35)
"""A control: as large as the fifth rung, and in one layer. Recall takes two."""

STEPS = 1000
ROWS: Mapping[str, int] = {"recall": 32, "addition": 64, "scratchpad": 32}
"""Texts of each task in one step: about as many characters to learn from."""
WEIGHTS: Mapping[str, float] = {"recall": 2.5, "addition": 1.0, "scratchpad": 1.0}
"""Of each task's loss: recall's gradient is small beside the others', whose answers have few possibilities."""
TESTED = 200
"""Texts of each task in a measurement."""
MEASURED_AT = (0, 25, 50, 75, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 1000)
"""Steps after which it is measured."""
_SCHEDULE = Schedule(kind="cosine", warm_up=0.06, final=0.1)


def config_of(size: Size) -> GPTConfig:
    """Its shape; first weights as wide as they may be, without which heads that look for a match come late."""
    return gpt_shape(
        vocabulary=tasks.task_tokenizer().vocabulary,
        context=tasks.LENGTH,
        n_layer=size.n_layer,
        n_head=size.n_head,
        d_model=size.d_model,
        activation="relu",
        initial_std=round(START / math.sqrt(size.d_model), 4),
    )


START = 0.7
"""Standard deviation of the first weights, times √d_model."""


def recipe_of(size: Size) -> Optimiser:
    """Larger models take smaller steps, and matrix products in bfloat16 where that is quicker."""
    rate = 3e-3 * min(1.0, math.sqrt(64 / size.d_model))
    return Optimiser(
        learning_rate=rate,
        beta2=0.98,
        weight_decay=0.01,
        precision="bfloat16" if size.d_model >= 152 else "float32",
    )


def training(
    size: Size, seed: int, *, steps: int = STEPS, shuffled: bool = False, rows: Mapping[str, int] = ROWS
) -> Generator[Progress, None, tuple[GPT, list[dict[str, Any]]]]:
    """Trains one rung; gives it and its measurements, each a row {step, tokens, task: {…}}.

    Args:
        size: which rung.
        seed: of the first weights and of the texts.
        steps: how many, the schedule stretched over them.
        shuffled: a control: answers are exchanged among the texts of a batch, so that there is nothing to learn.
        rows: texts of each task in a step.
    """
    module = GPT(config_of(size))
    module.initialise(torch.Generator().manual_seed(seed))
    recipe = recipe_of(size)
    optimiser = make_optimiser(module, recipe)
    drawn, tests = np.random.default_rng([seed, 1]), held_out(rows)
    measured, tokens = [], 0
    for step in range(steps + 1):
        if step:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(_SCHEDULE, recipe.learning_rate, step, steps)
            tokens += _step(module, optimiser, recipe, drawn, rows, shuffled)
        if step in MEASURED_AT or step == steps:
            measured.append({"step": step, "tokens": tokens, **measure(module, tests)})
        yield Progress(step, steps, f"{size.name}, seed {seed}")
    return module.eval(), measured


def weights_of(module: GPT) -> bytes:
    """As a safetensors file in float16, which is what is shipped."""
    return save({name: tensor.half().contiguous() for name, tensor in module.state_dict().items()})


def held_out(names: Mapping[str, int]) -> dict[str, tasks.Rows]:
    """The texts that every rung is measured on, the same for all."""
    generator = np.random.default_rng(2026)
    return {each.name: each.draw(generator, TESTED, True) for each in tasks.TASKS.values() if each.name in names}


def measure(module: GPT, tests: Mapping[str, tasks.Rows]) -> dict[str, dict[str, float]]:
    """Exact match and log-likelihood of each task, means over its texts."""
    module.eval()
    found = {}
    for name, (ids, _) in tests.items():
        said = score(module, ids, tasks.task(name).asked)
        found[name] = {
            "exact_match": float(said.exact.mean()),
            "accuracy": float(said.right.mean()),
            "log_likelihood": float(said.log_likelihood.mean()),
        }
    module.train()
    return found


def _step(
    module: GPT,
    optimiser: torch.optim.Optimizer,
    recipe: Optimiser,
    drawn: np.random.Generator,
    rows: Mapping[str, int],
    shuffled: bool,
) -> int:
    """One step over all tasks; gives how many tokens it read."""
    optimiser.zero_grad()
    tokens = 0
    for name, count in rows.items():
        ids, scored = tasks.task(name).draw(drawn, count, False)
        if shuffled:
            ids = np.where(scored, drawn.permutation(ids), ids)
        loss = _loss(module, torch.from_numpy(ids), torch.from_numpy(scored.copy()), recipe)
        (WEIGHTS[name] * loss).backward()  # type: ignore[no-untyped-call]
        tokens += ids.size
    torch.nn.utils.clip_grad_norm_(module.parameters(), recipe.clip)
    optimiser.step()
    return tokens


def _loss(module: GPT, ids: Tensor, scored: Tensor, recipe: Optimiser) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bfloat16"):
        logits = module(ids[:, :-1])
    learned = scored[:, 1:]
    return F.cross_entropy(logits.float()[learned], ids[:, 1:][learned])
