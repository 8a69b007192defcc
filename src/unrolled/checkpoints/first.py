"""The model as it started, before any training: its first weights are a function of family, sizes and seed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from unrolled.checkpoints.model import Model, Training
from unrolled.checkpoints.open import MAKERS
from unrolled.errors import BadInput
from unrolled.models.families import FAMILIES, family_of
from unrolled.provenance import Provenance


def seed_of(seed: int, purpose: str, number: int = 0, rank: int = 0) -> int:
    """63 bits for the random numbers of one purpose at one step in one process."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{number}/{rank}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def first_weights(family: str, config: Any, seed: int) -> nn.Module:
    """What a training of that seed starts from."""
    module = FAMILIES[family].model(config)
    module.initialise(torch.Generator().manual_seed(seed_of(seed, "weights")))  # type: ignore[operator]
    return module


def at_start(model: Model) -> Model:
    """The same model with its first weights, in its dtype and on its device. BadInput, where nobody knows them.

    The same to the last bit as its training began with, on a machine and torch like those that trained it; elsewhere
    orthogonal matrices may differ in their last digits.
    """
    family, training = _start_of(model)
    module = first_weights(family, model.module.config, training.seed).to(device=model.device, dtype=model.dtype)
    return MAKERS[FAMILIES[family].kind](
        module.eval().requires_grad_(False),
        model.tokenizer,
        name=model.name,
        architecture=model.architecture,
        sha256=None,
        training=training,
    )


def provenance_at_start(model: Model) -> Provenance:
    """What `at_start(model)` says of itself, without making it."""
    return replace(model.provenance, hash=None, training=_start_of(model)[1].said)


def _start_of(model: Model) -> tuple[str, Training]:
    """Its family, and how its training began."""
    family = next((name for name, each in FAMILIES.items() if each is family_of(model.module)), None)
    if family is None or model.training is None:
        raise BadInput(
            f"How {model.name} started is not known: it was not trained by a recipe of ours, which keeps the seed of"
            " the first weights. rnn, lstm, gru, gpt and what `unrolled train` makes can be shown as they started."
        )
    seed = model.training.seed
    return family, Training(said=f"as its training began: family {family}, seed {seed}", seed=seed)
