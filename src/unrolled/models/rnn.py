"""The simple recurrent network. Elman 1990, "Finding Structure in Time".

    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)

The whole past goes through one matrix at every step, so that gradients over k steps are a product of k Jacobians
diag(tanh') W_hh: they shrink or grow (Bengio et al. 1994; Pascanu et al. 2013). Read from `RNN.forward` upwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.models.linear import Linear, linear
from unrolled.models.recurrent import (
    RecurrentState,
    State,
    called,
    check_language_model,
    listened_to,
    start_embedding,
    start_gates,
    through,
)

PROBES = frozenset({"h", "logits"})
"""h: (batch, d_hidden) of a layer, once a step; logits: (batch, position, vocabulary)."""


@dataclass(frozen=True, kw_only=True)
class RNNConfig:
    """The shape of an Elman network as a language model."""

    vocabulary: int
    """Tokens in the embedding table."""
    context: int
    """Tokens of a training window; the state itself has no limit."""
    n_layer: int
    """Recurrent layers, each reading the h of the one below."""
    d_embed: int
    """Width of the embedding."""
    d_hidden: int
    """Width of h, in all layers."""
    dropout: float = 0.0
    """Share of a layer's input and of the last layer's output that training drops."""
    initial_range: float = 0.1
    """Embeddings start uniform between ± this (Zaremba et al. 2014)."""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """What stands around the sum. With relu, h has no bound (Le et al. 2015)."""
    recurrent_start: Literal["orthogonal", "scaled"] = "orthogonal"
    """How W_hh starts: orthogonal (Saxe et al. 2014), or normal and then scaled (Jaeger 2001)."""
    spectral_radius: float = 1.0
    """Largest magnitude of an eigenvalue of W_hh at the start; of an orthogonal one all have it, and all singular
    values."""

    def __post_init__(self) -> None:
        check_language_model(self)
        if not self.spectral_radius > 0:
            raise ValueError(f"spectral_radius = {self.spectral_radius} is not possible: above 0.")


class RNNLayer(nn.RNN):
    """One layer: torch's fused kernel, or the loop below on the same weights."""

    def __init__(self, d_input: int, d_hidden: int, nonlinearity: Literal["tanh", "relu"]) -> None:
        super().__init__(d_input, d_hidden, nonlinearity=nonlinearity, batch_first=True)
        self.h = nn.Identity()

    def forward(  # type: ignore[override]
        self, x: Tensor, state: State | None = None, written_out: bool = False
    ) -> tuple[Tensor, State]:
        """x (batch, n, input), h before (None: zeros) -> h of every step (batch, n, d_hidden), (the last h,)."""
        h = x.new_zeros(len(x), self.hidden_size) if state is None else state[0]
        if written_out or listened_to((self.h,)):
            return self.steps(x, h)
        out, last = super().forward(x, h[None])
        return out, (last[0],)

    def steps(self, x: Tensor, h: Tensor) -> tuple[Tensor, State]:
        """The same, one step at a time; what does not wait for h is done for all steps at once."""
        w_ih, w_hh, b_ih, b_hh = self.parameters()
        given = F.linear(x, w_ih, b_ih + b_hh)  # (batch, n, d_hidden)
        squash = torch.tanh if self.nonlinearity == "tanh" else torch.relu
        (hidden,), out = called(self.h), []
        for x_t in given.unbind(1):
            h = hidden(squash(torch.addmm(x_t, h, w_hh.t())))
            out.append(h)
        return torch.stack(out, dim=1), (h,)


class RNN(nn.Module):
    """The whole model: embedding, recurrent layers, projection, tied head."""

    def __init__(self, config: RNNConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocabulary, config.d_embed)
        inputs = [config.d_embed] + [config.d_hidden] * (config.n_layer - 1)
        self.layers = nn.ModuleList(RNNLayer(d, config.d_hidden, config.nonlinearity) for d in inputs)
        self.project = Linear(config.d_hidden, config.d_embed)
        self.drop = nn.Dropout(config.dropout)
        self.logits = nn.Identity()

    def forward(
        self, ids: Tensor, *, cache: RecurrentState | None = None, last_only: bool = False, written_out: bool = False
    ) -> Tensor:
        """ids (batch, n), after what `cache` holds -> logits (batch, n or 1, vocabulary)."""
        x = self.drop(self.embed(ids))  # (batch, n, d_embed)
        x = through(self.layers, x, cache, self.drop, written_out)  # (batch, n, d_hidden)
        return self.read_out(x[:, -1:] if last_only else x)

    def read_out(self, h: Tensor) -> Tensor:
        """h of the last layer (…, d_hidden) -> logits (…, vocabulary)."""
        return self.logits(linear(self.project(h), self.embed.weight))  # type: ignore[no-any-return]

    def initialise(self, generator: torch.Generator) -> None:
        """Glorot & Bengio 2010 from the input; W_hh orthogonal or scaled as the config says; biases 0."""
        start_embedding(self.embed, self.project, self.config.initial_range, generator)
        start = orthogonal if self.config.recurrent_start == "orthogonal" else scaled
        for layer in self.layers:
            assert isinstance(layer, RNNLayer)
            start_gates(layer, generator, lambda block: start(block, self.config.spectral_radius, generator))


def orthogonal(matrix: Tensor, radius: float, generator: torch.Generator) -> None:
    """Keeps the length of every h, times `radius`. Saxe et al. 2014, §3."""
    nn.init.orthogonal_(matrix, gain=radius, generator=generator)


def scaled(matrix: Tensor, radius: float, generator: torch.Generator) -> None:
    """Normal entries, divided so that the largest eigenvalue has the magnitude `radius`. Jaeger 2001, §4."""
    nn.init.normal_(matrix, generator=generator)
    matrix.mul_(radius / torch.linalg.eigvals(matrix).abs().max())
