"""The recurrent matrices of a model: how large their eigenvalues and singular values are, and copies with others.

An eigenvalue says what happens to a few directions after many steps, the largest singular value what can happen to any
direction in one. They agree where the matrix is normal (symmetric, orthogonal), and trained ones are not.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.errors import ProbeNotFound
from unrolled.progress import Progress, Work, stop_if_cancelled

GATES = {
    nn.RNN: ("h",),
    nn.LSTM: ("input", "forget", "candidate", "output"),
    nn.GRU: ("reset", "update", "candidate"),
}
"""Blocks of weight_hh_l0 from top to bottom."""


@dataclass(frozen=True, kw_only=True)
class RecurrentMatrix:
    """One square block of a layer's recurrent weights."""

    layer: int
    gate: str
    """Which gate it feeds; "h" in a simple RNN."""
    radius: float
    """Spectral radius: the largest magnitude of an eigenvalue."""
    singular: float
    """Largest singular value: how much longer one step can make a vector."""


def recurrent_matrices(model: Model) -> Work[tuple[RecurrentMatrix, ...]]:
    """Every block of every layer; none in a model that carries no state. Kept once computed."""
    found: tuple[RecurrentMatrix, ...] = yield from model.keeping("recurrent matrices", None, lambda: _measured(model))
    return found


def rescaled(model: Model, radius: float) -> Work[nn.Module]:
    """A copy in which every block has this spectral radius; the module itself, where there are no such blocks."""
    measured = yield from recurrent_matrices(model)
    if not measured:
        return model.module
    with model.running() as module, torch.inference_mode(False), torch.no_grad():
        scaled = copy.deepcopy(module)
        for each in measured:
            block = _blocks(scaled.layers[each.layer])[each.gate]  # type: ignore[index,arg-type]
            block.mul_(radius / each.radius if each.radius else 1.0)
    return scaled


def check_recurrent(model: Model) -> None:
    """ProbeNotFound, if it carries no state from step to step."""
    if "h" not in model.probes:
        has = ", ".join(sorted(model.probes)) or "none"
        raise ProbeNotFound(f"{model.name} has no probe 'h': it carries no state from token to token. It has {has}.")


def _measured(model: Model) -> Work[tuple[RecurrentMatrix, ...]]:
    if "h" not in model.probes:
        return ()
    found: list[RecurrentMatrix] = []
    for layer, part in enumerate(model.blocks):
        blocks = _blocks(part)
        for gate, block in blocks.items():
            yield Progress(len(found), len(blocks) * len(model.blocks), f"{model.name}: recurrent matrices measured")
            stop_if_cancelled()
            singular = float(torch.linalg.matrix_norm(block, 2))
            found.append(RecurrentMatrix(layer=layer, gate=gate, radius=spectral_radius(block), singular=singular))
    return tuple(found)


def spectral_radius(matrix: Tensor) -> float:
    """The largest magnitude of an eigenvalue, of a square matrix."""
    return float(torch.linalg.eigvals(matrix.detach()).abs().max())


def _blocks(layer: nn.Module) -> dict[str, Tensor]:
    """Gate -> its block of the recurrent weights, a view."""
    names = next(gates for kind, gates in GATES.items() if isinstance(layer, kind))
    weight: Tensor = layer.weight_hh_l0  # type: ignore[assignment]
    return dict(zip(names, weight.detach().chunk(len(names)), strict=True))
