"""AdamW over a model's parameters: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unrolled.training.recipe import Optimiser

_MEANS = ("exp_avg", "exp_avg_sq")


def make_optimiser(module: nn.Module, recipe: Optimiser) -> torch.optim.AdamW:
    """Matrices and tables decay; biases and norms (one axis) do not."""
    parameters = list(module.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.epsilon,
        fused=True,
    )


def means_of(module: nn.Module, optimiser: torch.optim.AdamW) -> dict[str, Tensor]:
    """Both running means of every parameter, by its name."""
    found: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters():
        for mean in _MEANS:
            if state := optimiser.state.get(parameter):
                found[f"{mean}.{name}"] = state[mean]
    return found


def put_back(module: nn.Module, optimiser: torch.optim.AdamW, means: Mapping[str, Tensor], step: int) -> None:
    """The optimiser as it was after `step`."""
    for name, parameter in module.named_parameters():
        if f"exp_avg.{name}" in means:
            state = {mean: means[f"{mean}.{name}"].to(parameter.device) for mean in _MEANS}
            optimiser.state[parameter] = {"step": torch.tensor(float(step), device=parameter.device), **state}
