"""The way back through a deep stack of blocks that has learned nothing yet: how long the gradient is at each depth.

Fresh stacks of the same blocks with the same numbers, which differ in one thing: where the norm stands, or whether
norms or residuals are there at all. Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float64
from torch import Tensor, nn

from unrolled.models.gpt import GPT, GPTConfig
from unrolled.trace.switches import NormOff, Part, ResidualOff, Switch, switched

Arrangement = Literal["post-norm", "pre-norm", "no norm", "no residual"]
ARRANGEMENTS: tuple[Arrangement, ...] = ("post-norm", "pre-norm", "no norm", "no residual")
Start = Literal["xavier", "gpt-2"]
PARTS: tuple[Part, ...] = ("attn", "mlp")
VOCABULARY, TOKENS, D_HEAD = 64, 32, 16


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack's forward pass and its way back."""

    parameters: int
    """Weights it has."""
    loss: float
    """Mean over all positions, in nats."""
    stream: Float64[np.ndarray, "point"]
    """Root mean square of the stream's entries: what the first block reads, then what each leaves."""
    apart: Float64[np.ndarray, "point"]
    """1 - the mean cosine between the streams of two positions there: 0 when nothing tells them apart."""
    gradient: Float64[np.ndarray, "point"]
    """Length of dL/dx there, over all positions."""
    weights: Float64[np.ndarray, "block"]
    """Length of the gradient by the weights of each block's MLP that write to the stream."""


def stack_of(
    arrangement: Arrangement, n_layer: int, d_model: int, start: Start, seed: int, *, vocabulary: int = VOCABULARY
) -> GPT:
    """A stack with its first weights, in float64; those of all arrangements are the same."""
    config = GPTConfig(
        vocabulary=vocabulary, context=TOKENS, n_layer=n_layer, n_head=d_model // D_HEAD, n_key_value=d_model // D_HEAD,
        d_model=d_model, d_head=D_HEAD, d_ff=4 * d_model, norm="layernorm", positions="learned", activation="relu",
        norm_place="post" if arrangement == "post-norm" else "pre", tied=False,
    )  # fmt: skip
    module = GPT(config).double()
    random = torch.Generator().manual_seed(seed)
    module.initialise(random)
    if start == "xavier":
        _xavier(module, random)
    return module


@torch.no_grad()
def _xavier(module: GPT, random: torch.Generator) -> None:
    """As the Transformer of 2017 begins: Xavier uniform matrices, embeddings of size 1. Glorot & Bengio 2010, §4.2."""
    for name, parameter in module.named_parameters():
        if name.startswith(("embed.", "place.")):
            parameter.normal_(0.0, 1.0, generator=random)
        elif parameter.ndim == 2:
            nn.init.xavier_uniform_(parameter, generator=random)


def run_stack(arrangement: Arrangement, n_layer: int, d_model: int, start: Start, seed: int) -> Stack:
    """Random tokens in, cross-entropy of other random tokens out, and back to every point of the stream."""
    module = stack_of(arrangement, n_layer, d_model, start, seed)
    random = torch.Generator().manual_seed(seed + 1)
    ids, wanted = torch.randint(VOCABULARY, (2, TOKENS), generator=random)
    heard: list[Tensor] = []
    with torch.inference_mode(False), torch.enable_grad(), arranged(module, arrangement), _heard(module, heard):
        loss = F.cross_entropy(module(ids[None])[0], wanted)
        loss.backward()  # type: ignore[no-untyped-call]
    return Stack(
        parameters=sum(weight.numel() for weight in module.parameters()),
        loss=float(loss.detach()),
        stream=np.array([float((x.detach() ** 2).mean().sqrt()) for x in heard]),
        apart=np.array([_apart(x.detach()[0]) for x in heard]),
        gradient=np.array([_length(x.grad) for x in heard]),
        weights=np.array([_length(down.weight.grad) for down in _downs(module)]),
    )


@contextmanager
def arranged(module: GPT, arrangement: Arrangement) -> Iterator[None]:
    """With norms or residuals left out, where that is what the arrangement says."""
    kinds: dict[str, Any] = {"no norm": NormOff, "no residual": ResidualOff}
    kind = kinds.get(arrangement)
    pairs = [(layer, part) for layer in range(len(module.blocks)) for part in PARTS]
    switches: list[Switch] = [kind(layer, part) for layer, part in pairs] if kind else []
    with switched(list(module.blocks), switches):
        yield


@contextmanager
def _heard(module: GPT, heard: list[Tensor]) -> Iterator[None]:
    """The stream at the first block's start and each block's end, with gradients."""

    def hook(point: nn.Module, inputs: Any, x: Tensor) -> None:
        x.retain_grad()
        heard.append(x)

    with ExitStack() as hooks:
        for layer, block in enumerate(module.blocks):
            resid: Any = block.resid
            if layer == 0:
                hooks.callback(resid["pre"].register_forward_hook(hook).remove)
            hooks.callback(resid["post"].register_forward_hook(hook).remove)
        yield


def _downs(module: GPT) -> list[nn.Linear]:
    """The second matrix of each FFN."""
    blocks: Any = module.blocks
    return [block.mlp.down for block in blocks]


def _apart(x: Tensor) -> float:
    """x (position, unit): |a - b|² = 2 - 2 cos of unit vectors, and its mean over pairs is that from their centre."""
    n, unit = len(x), F.normalize(x, dim=1)
    return float((unit - unit.mean(dim=0)).pow(2).sum() / (n - 1))


def _length(gradient: Tensor | None) -> float:
    return math.nan if gradient is None else float(gradient.norm())
