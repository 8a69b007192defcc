"""Four small language models of equal size, one a family, and how each is trained: what claims compare.

About 148 thousand parameters beyond the table of embeddings, which input and output share. The starts are those of the
shipped recipes (docs/searches); each family has its own learning rate (LOG.md).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

import torch
from torch import nn

from unrolled.experiments._training import Batch, Step, training
from unrolled.models.families import FAMILIES
from unrolled.progress import Progress
from unrolled.training.recipe import Optimiser, Schedule

WINDOW, ROWS = 256, 8
"""Tokens of a training window; windows a step."""
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "rnn": {"n_layer": 2, "d_embed": 64, "d_hidden": 201, "initial_range": 0.2, "spectral_radius": 0.3},
    "lstm": {"n_layer": 2, "d_embed": 64, "d_hidden": 98, "initial_range": 0.5, "forget_bias": 0.0},
    "gru": {"n_layer": 2, "d_embed": 64, "d_hidden": 114, "initial_range": 0.5},
    "gpt": {
        "n_layer": 3,
        "n_head": 4,
        "n_key_value": 4,
        "d_model": 64,
        "d_head": 16,
        "d_ff": 256,
        "norm": "rmsnorm",
        "positions": "rope",
        "activation": "gelu",
        "initial_std": 0.085,
    },
}
RATES: Mapping[str, float] = {"rnn": 1.6e-2, "lstm": 3.2e-2, "gru": 3.2e-2, "gpt": 1.6e-2}
"""Each the best after 1.5 M tokens between one of half and one of twice as much; see LOG.md."""


def small(family: str, vocabulary: int, seed: int) -> nn.Module:
    """A model with first weights drawn from the seed."""
    made = FAMILIES[family]
    module = made.model(made.config(vocabulary=vocabulary, context=WINDOW, **SHAPES[family]))
    module.initialise(torch.Generator().manual_seed(seed))  # type: ignore[operator]
    return module


def beyond_the_table(module: nn.Module) -> int:
    """Parameters without the table of embeddings."""
    table: Any = module.embed
    return sum(parameter.numel() for parameter in module.parameters()) - int(table.weight.numel())


def trained(
    module: nn.Module,
    draw: Callable[[], Batch],
    *,
    tokens: int,
    rate: float,
    title: str,
    after: Callable[[Step], None] = lambda step: None,
) -> Generator[Progress, None, None]:
    """Trains a model in place, as the shipped recipes do it but shorter; `after` is told of each step."""

    def told(step: Step) -> bool:
        after(step)
        return False

    yield from training(
        module,
        draw,
        steps=tokens // (ROWS * WINDOW),
        optimiser=Optimiser(learning_rate=rate),
        schedule=Schedule(),
        title=title,
        enough=told,
    )
    module.eval()
