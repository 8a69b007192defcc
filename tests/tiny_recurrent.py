"""Tiny RNN, LSTM and GRU models in float64 with weights of standard deviation 0.5, and torch.nn's own beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from unrolled.checkpoints import Model
from unrolled.checkpoints.recurrent import recurrent_model
from unrolled.models.families import FAMILIES
from unrolled.text import byte_tokenizer

NAMES = ("rnn", "lstm", "gru")
SIZES = {"vocabulary": 50, "context": 16, "n_layer": 2, "d_embed": 6, "d_hidden": 8}
IDS = torch.randint(0, 50, (2, 11), generator=torch.Generator().manual_seed(1))
KERNELS = ("rnn_tanh", "rnn_relu", "lstm", "gru")


def ours(name: str, **changes: Any) -> Any:
    """A model of the family, in evaluation mode."""
    family = FAMILIES[name]
    module = family.model(family.config(**(SIZES | changes))).double().eval()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=random, dtype=torch.float64) * 0.5)
    return module


class Theirs(nn.Module):
    """torch.nn.RNN, LSTM or GRU of several layers between an embedding and a linear map, with the weights of ours."""

    def __init__(self, name: str, module: Any) -> None:
        super().__init__()
        config = module.config
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[name]
        said = {"nonlinearity": config.nonlinearity} if name == "rnn" else {}
        self.embed = nn.Embedding(config.vocabulary, config.d_embed)
        self.stack = kind(config.d_embed, config.d_hidden, config.n_layer, batch_first=True, **said)
        self.project = nn.Linear(config.d_hidden, config.d_embed)
        self.double()
        self.load_state_dict(renamed(module))

    def forward(self, ids: Tensor) -> Tensor:
        """ids (batch, n) -> logits (batch, n, vocabulary)."""
        return self.project(self.stack(self.embed(ids))[0]) @ self.embed.weight.T


def renamed(module: Any) -> dict[str, Tensor]:
    """Our tensors by the names of `Theirs`: layers.1.weight_ih_l0 is stack.weight_ih_l1."""
    return {theirs_of(name): value.detach().clone() for name, value in module.named_parameters()}


def theirs_of(name: str) -> str:
    if not name.startswith("layers."):
        return name
    _, layer, weight = name.split(".")
    return f"stack.{weight.removesuffix('_l0')}_l{layer}"


def gradients(module: Any, logits: Tensor) -> dict[str, Tensor]:
    """Of every parameter, by the names of `Theirs`, of a loss that weighs all logits differently."""
    module.zero_grad()
    weighing = torch.randn(logits.shape, generator=torch.Generator().manual_seed(2), dtype=logits.dtype)
    (logits.tanh() * weighing).sum().backward()
    return {theirs_of(name): parameter.grad for name, parameter in module.named_parameters()}


class Kernels(TorchFunctionMode):
    """Counts calls of torch's fused recurrent kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += getattr(func, "__name__", "") in KERNELS
        return func(*args, **(kwargs or {}))


@contextmanager
def hooked(module: nn.Module, hook: Any) -> Iterator[None]:
    """A forward hook for a while."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def opened(name: str, **changes: Any) -> Model:
    """As a Model over bytes."""
    tokenizer = byte_tokenizer()
    module = ours(name, vocabulary=tokenizer.vocabulary, **changes).requires_grad_(False)
    return recurrent_model(module, tokenizer, name=f"tiny-{name}", architecture=name, sha256=None)
