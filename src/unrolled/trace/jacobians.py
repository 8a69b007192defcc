"""One step of a recurrent layer as a matrix: the Jacobian ds_t/ds_{t-1}, and what many of them multiply to.

s is everything that the layer carries on: h, and in an LSTM h and c together. What the layer reads at each step is held
fixed, so this is the layer's own way through time. Pascanu et al. 2013, §2.1.

Three numbers that are often taken for one: an eigenvalue (what a direction that stays itself is multiplied by), a
singular value (how much longer or shorter a step makes a direction), and the factor a step of the whole way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from unrolled.checkpoints.model import Model
from unrolled.checkpoints.prefixes import as_row
from unrolled.errors import BadInput, BadKnob
from unrolled.models.recurrent import State
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.text import Tokens
from unrolled.trace.recurrent_matrices import check_recurrent, spectral_radius


@dataclass(frozen=True, kw_only=True, eq=False)
class Jacobians:
    """Of one layer, at the last steps of a text, the last one standing last."""

    positions: Int64[np.ndarray, "step"]
    """t of each."""
    radius: Float32[np.ndarray, "step"]
    """Largest magnitude of an eigenvalue of ds_t/ds_{t-1}."""
    singular: Float32[np.ndarray, "step unit"]
    """Singular values of ds_t/ds_{t-1}, falling."""
    product_singular: Float32[np.ndarray, "step unit"]
    """Singular values of ds_T/ds_{t-1}, the product of the Jacobians from the last step back to t, falling."""


def jacobians(model: Model, tokens: Tokens, *, layer: int, last: int) -> Work[Jacobians]:
    """At the last `last` steps that have a step before them. BadInput, BadKnob, ProbeNotFound."""
    check_recurrent(model)
    if not 0 <= layer < len(model.blocks):
        raise BadKnob(f"layer was {layer}; {model.name} has layers 0 to {len(model.blocks) - 1}.")
    if len(tokens) < 2:
        raise BadInput(f"“{tokens.text}” is one token for {model.name}: a step leads from one to a second. Type more.")
    matrices = _matrices(model, tokens, layer, last)
    count = min(last, len(tokens) - 1)
    found: list[tuple[float, Tensor, Tensor]] = []
    product: Tensor | None = None
    for done, matrix in enumerate(matrices):  # from the last back
        yield Progress(done, count, f"{model.name}: Jacobians taken apart")
        stop_if_cancelled()
        product = matrix if product is None else product @ matrix
        singular = torch.linalg.svdvals(matrix)
        found.append((spectral_radius(matrix), singular, singular if done == 0 else torch.linalg.svdvals(product)))
    radius, singular_values, products = zip(*reversed(found), strict=True)
    return Jacobians(
        positions=np.arange(len(tokens) - count, len(tokens)),
        radius=np.array(radius, np.float32),
        singular=_numpy(singular_values),
        product_singular=_numpy(products),
    )


def step_jacobian(layer: Any, x: Tensor, state: State) -> Tensor:
    """d(state after)/d(state before) of one step, (unit, unit): row i is the gradient of its i-th number, all in one
    way back through as many copies of the step. x (1, input), state parts (1, d_hidden)."""
    size = sum(part.shape[1] for part in state)
    with torch.inference_mode(False), torch.enable_grad():
        copies = tuple(part.clone().expand(size, -1).clone().requires_grad_() for part in state)
        _, after = layer(x.clone().expand(size, -1)[:, None], copies, True)
        own = torch.cat(after, dim=1).diagonal().sum()
        return torch.cat(torch.autograd.grad(own, copies), dim=1)


def _matrices(model: Model, tokens: Tokens, layer: int, last: int) -> list[Tensor]:
    """Jacobians of the last steps, from the last back."""
    with model.running() as module:
        part, read = model.blocks[layer], []
        hook = part.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
        try:
            module(as_row(tokens.ids, model.device), last_only=True)
        finally:
            hook.remove()
        (x,) = read
        states = _states(part, x)
        first = max(1, len(tokens) - last)
        return [step_jacobian(part, x[:, t], states[t - 1]) for t in range(len(tokens) - 1, first - 1, -1)]


def _states(layer: Any, x: Tensor) -> list[State]:
    """What the layer carries on after each step of x (1, n, input)."""
    states: list[State] = []
    state: State | None = None
    for t in range(x.shape[1]):
        _, state = layer(x[:, t : t + 1], state, True)
        states.append(state)
    return states


def _numpy(rows: Sequence[Tensor]) -> np.ndarray:
    return torch.stack(tuple(rows)).float().cpu().numpy()
