"""Parts of a block switched off while it runs: what attention or the MLP writes, the residual around it, its norm.

Nothing of the weights is changed. A switch stands at a block's named points, so it holds in a forward pass and on the
way back through it alike, wherever the block keeps its norm (before each part, or after each sum).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.models.gpt import Block

Part = Literal["attn", "mlp"]
AFTER: dict[Part, str] = {"attn": "mid", "mlp": "post"}
"""The point of the stream that comes after a part."""


@dataclass(frozen=True)
class PartOff:
    """What the part writes is zero: the stream passes it by."""

    layer: int
    part: Part


@dataclass(frozen=True)
class ResidualOff:
    """Of x + part(x) the x is left out: what the part writes is all there is from then on."""

    layer: int
    part: Part


@dataclass(frozen=True)
class NormOff:
    """The norm's mean and division are left out; its gain and bias stay."""

    layer: int
    part: Part


Switch = PartOff | ResidualOff | NormOff


@contextmanager
def switched(blocks: Sequence[nn.Module], switches: Sequence[Switch], name: str = "The model") -> Iterator[None]:
    """Around forward passes of a model with these blocks. BadKnob, ProbeNotFound."""
    with ExitStack() as hooks:
        for switch in sorted(dict.fromkeys(switches), key=_order):
            block = _block(blocks, switch, name)
            hooks.enter_context(_off(block, switch))
        yield


def check_switches(blocks: Sequence[nn.Module], switches: Sequence[Switch], name: str) -> None:
    """The errors of `switched`, before anything runs."""
    for switch in switches:
        _block(blocks, switch, name)


def _order(switch: Switch) -> int:
    """A part that writes nothing does so before the residual around it is left out."""
    return (PartOff, ResidualOff, NormOff).index(type(switch))


def _block(blocks: Sequence[nn.Module], switch: Switch, name: str) -> Block:
    if not 0 <= switch.layer < len(blocks):
        raise BadKnob(f"There is no layer {switch.layer}: {name} has layers 0 to {len(blocks) - 1}.")
    block = blocks[switch.layer]
    if not isinstance(block, Block):
        raise ProbeNotFound(
            f"{name} runs as {type(block).__name__} of another make, whose residuals and norms cannot be switched off;"
            " that goes with models that run as our GPT, such as gpt and smollm2."
        )
    return block


@contextmanager
def _off(block: Block, switch: Switch) -> Iterator[None]:
    with ExitStack() as hooks:
        written, norm = block.get_submodule(f"{switch.part}.out"), block.norm[switch.part]
        if isinstance(switch, PartOff):
            hooks.callback(written.register_forward_hook(_zero).remove)
        elif isinstance(switch, NormOff):
            hooks.callback(norm.register_forward_hook(_unnormed).remove)
        else:
            kept: list[Tensor] = []
            hooks.callback(written.register_forward_hook(_keeping(kept)).remove)
            if block.post_norm:
                hooks.callback(norm.register_forward_pre_hook(lambda *_: kept.pop()).remove)
            else:
                point = block.resid[AFTER[switch.part]]
                hooks.callback(point.register_forward_hook(lambda *_: kept.pop()).remove)
        yield


def _zero(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return torch.zeros_like(output)


def _keeping(kept: list[Tensor]) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
        kept[:] = [output]

    return hook


def _unnormed(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """Gain and bias alone, of LayerNorm or RMSNorm."""
    bias: Tensor | None = getattr(module, "bias", None)
    scaled: Tensor = inputs[0] * module.weight
    return scaled if bias is None else scaled + bias
