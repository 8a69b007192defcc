"""Inside the MLP: what enters the non-linearity, what leaves it, and how few units carry it.

An MLP is two matrices with a non-linearity between: up to many units, and from them back down. A gated one (SwiGLU) has
a third matrix, whose product each unit's activation is multiplied by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float64
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.checkpoints.prefixes import as_row
from unrolled.errors import BadKnob, ProbeNotFound, TextTooLong
from unrolled.models import gpt, transformer
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.text import Tokens

LONGEST = 1024
"""Tokens: a layer's activations are held while they are counted."""

Kind = Literal["relu", "gelu", "gelu_tanh", "swiglu"]
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "swiglu": F.silu,
}
"""What each unit's sum goes through; of a gated MLP, the gate's."""
_MLP = gpt.MLP | transformer.MLP


@dataclass(frozen=True, kw_only=True)
class Layers:
    """How sparse the activations of each layer are, over all tokens, and one layer's themselves."""

    kind: Kind
    """The non-linearity."""
    zero: Float64[np.ndarray, "layer"]
    """Share of activations that are exactly 0."""
    negative: Float64[np.ndarray, "layer"]
    """Share of sums below 0 before the non-linearity."""
    small: Float64[np.ndarray, "layer"]
    """Share of activations of at most `below` times their token's root mean square."""
    carriers: Float64[np.ndarray, "layer"]
    """Fewest units, as a share of all, that hold `carry` of the sum of squares; mean over the tokens."""
    sums: Float64[np.ndarray, "token unit"]
    """What enters the non-linearity in the layer asked for."""
    factors: Float64[np.ndarray, "token unit"]
    """What each activation is multiplied by there; 1 without a gate."""
    values: Float64[np.ndarray, "token unit"]
    """Its activations: what the way down reads."""
    lengths: Float64[np.ndarray, "unit"]
    """Length of what each of its units writes into the stream for an activation of 1."""


def activations(model: Model, tokens: Tokens, *, layer: int, below: float, carry: float) -> Work[Layers]:
    """Reads the text once; an encoder-decoder's encoder reads it. ProbeNotFound, BadKnob, TextTooLong."""
    parts = mlps(model)
    if not 0 <= layer < len(parts):
        raise BadKnob(f"There is no layer {layer}: {model.name} has MLPs in layers 0 to {len(parts) - 1}.")
    if len(tokens) > LONGEST:
        raise TextTooLong(
            f"The text has {len(tokens):,} tokens for {model.name}; activations are counted over {LONGEST:,} at most."
            " Give a shorter piece of it."
        )
    yield Progress(0, 1, f"{model.name}: read and counted")
    stop_if_cancelled()
    counts: list[list[float]] = []
    kept: list[tuple[Tensor, Tensor, Tensor]] = []

    def hear(number: int, z: Tensor, factor: Tensor | None, act: Tensor) -> None:
        counts.append(_counted(z, act, below, carry))
        if number == layer:
            kept.append((z, torch.ones_like(z) if factor is None else factor, act))

    with model.running() as module, _hearing(parts, hear):
        ids = as_row(tokens.ids, model.device)
        if isinstance(module, transformer.Transformer):
            module.encode(ids, torch.ones_like(ids, dtype=torch.bool))
        else:
            module(ids, last_only=True)
    zero, negative, small, carriers = np.array(counts).T
    sums, factors, values = (x.double().cpu().numpy() for x in kept[0])
    return Layers(
        kind=_kind(parts[layer]),
        zero=zero, negative=negative, small=small, carriers=carriers, sums=sums, factors=factors, values=values,
        lengths=_lengths(parts[layer]),
    )  # fmt: skip


def _kind(part: _MLP) -> Kind:
    found: Kind = getattr(part, "activation", "relu")  # that of 2017 has no choice
    return found


def mlps(model: Model) -> Sequence[_MLP]:
    """Of each block; in an encoder-decoder of the encoder's."""
    module: Any = model.module
    blocks = module.encoder.blocks if isinstance(module, transformer.Transformer) else model.blocks
    parts = [getattr(block, "mlp", None) for block in blocks]
    if not all(isinstance(part, _MLP) for part in parts):
        raise ProbeNotFound(f"{model.name} has no probe 'mlp.act': its MLPs are of another make than ours.")
    return parts  # type: ignore[return-value]


def _counted(z: Tensor, act: Tensor, below: float, carry: float) -> list[float]:
    """z, act (token, unit) -> zero, negative, small, carriers."""
    squares = act.double() ** 2
    rms = squares.mean(dim=1, keepdim=True).sqrt()
    falling = squares.sort(dim=1, descending=True).values.cumsum(dim=1)
    fewest = (falling < carry * falling[:, -1:] * (1 - 1e-12)).sum(dim=1) + (falling[:, -1] > 0)
    shares = [act == 0, z < 0, act.double().abs() <= below * rms]
    return [*(float(share.double().mean()) for share in shares), float(fewest.double().mean() / act.shape[1])]


@contextmanager
def _hearing(parts: Sequence[_MLP], hear: Callable[[int, Tensor, Tensor | None, Tensor], None]) -> Iterator[None]:
    """Tells of each MLP, as it runs: its number, the sums, the factors of a gated one, the activations."""
    with ExitStack() as hooks:
        for number, part in enumerate(parts):
            heard: dict[str, Tensor] = {}
            gate = getattr(part, "gate", None)
            points = {"up": part.up} if gate is None else {"gate": gate, "up": part.up}
            for name, point in points.items():
                hooks.callback(point.register_forward_hook(_noting(heard, name)).remove)

            def after(
                module: nn.Module, inputs: Any, act: Tensor, number: int = number, heard: dict[str, Tensor] = heard
            ) -> None:
                gated = "gate" in heard
                hear(number, heard["gate" if gated else "up"], heard["up"] if gated else None, act[0])

            hooks.callback(part.act.register_forward_hook(after).remove)
        yield


def _noting(heard: dict[str, Tensor], name: str) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
        heard[name] = output[0]

    return hook


def _lengths(part: _MLP) -> np.ndarray:
    """(unit,) length of each column of the way down, by which its activation is multiplied."""
    down: Any = part.down
    weight = down.weight.double()
    if not down.weight.dtype.is_floating_point:
        weight = weight * down.scale.double()[:, None]
    lengths: np.ndarray = weight.detach().norm(dim=0).cpu().numpy()
    return lengths
