"""Long short-term memory. Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.

    i, f, o = sigmoid(W x_t + b + W' h_{t-1} + b')      input, forget and output gate, each with weights of its own
    g = tanh(W x_t + b + W' h_{t-1} + b')               candidate
    c_t = f ∘ c_{t-1} + i ∘ g                           the cell state: a sum, not a product with a matrix
    h_t = o ∘ tanh(c_t)

Rows of the weights are i, f, g, o, as torch.nn.LSTM has them. Read from `LSTM.forward` upwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.models.linear import Linear, linear
from unrolled.models.recurrent import (
    Points,
    RecurrentState,
    State,
    called,
    check_language_model,
    listened_to,
    start_embedding,
    start_gates,
    through,
)

PROBES = frozenset({"h", "c", "gate.input", "gate.forget", "gate.candidate", "gate.output", "logits"})
"""h, c, gate.*: (batch, d_hidden) of a layer, once a step, gates after their sigmoid or tanh; logits: (batch, position,
vocabulary)."""


@dataclass(frozen=True, kw_only=True)
class LSTMConfig:
    """The shape of an LSTM as a language model."""

    vocabulary: int
    """Tokens in the embedding table."""
    context: int
    """Tokens of a training window; the state itself has no limit."""
    n_layer: int
    """Recurrent layers, each reading the h of the one below."""
    d_embed: int
    """Width of the embedding."""
    d_hidden: int
    """Width of h, c and each gate, in all layers."""
    dropout: float = 0.0
    """Share of a layer's input and of the last layer's output that training drops."""
    initial_range: float = 0.1
    """Embeddings start uniform between ± this (Zaremba et al. 2014)."""
    forget_bias: float = 1.0
    """What is added inside the forget gate at the start, so that it starts open (Jozefowicz et al. 2015, §2.2)."""

    def __post_init__(self) -> None:
        check_language_model(self)
        if not math.isfinite(self.forget_bias):
            raise ValueError(f"forget_bias = {self.forget_bias} is not possible: a finite number.")


class LSTMLayer(nn.LSTM):
    """One layer: torch's fused kernel, or the loop below on the same weights."""

    def __init__(self, d_input: int, d_hidden: int) -> None:
        super().__init__(d_input, d_hidden, batch_first=True)
        self.gate = Points("input", "forget", "candidate", "output")
        self.c, self.h = nn.Identity(), nn.Identity()

    def forward(  # type: ignore[override]
        self, x: Tensor, state: State | None = None, written_out: bool = False
    ) -> tuple[Tensor, State]:
        """x (batch, n, input), (h, c) before (None: zeros) -> h of every step (batch, n, d_hidden), the last (h, c)."""
        h, c = state or (x.new_zeros(len(x), self.hidden_size), x.new_zeros(len(x), self.hidden_size))
        if written_out or listened_to((self.h, self.c, *self.gate.children())):
            return self.steps(x, h, c)
        out, (last_h, last_c) = super().forward(x, (h[None], c[None]))
        return out, (last_h[0], last_c[0])

    def steps(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, State]:
        """The same, one step at a time; what does not wait for h is done for all steps at once."""
        w_ih, w_hh, b_ih, b_hh = self.parameters()
        given = F.linear(x, w_ih, b_ih + b_hh)  # (batch, n, 4 d_hidden)
        input_, forget, candidate, output, cell, hidden = called(*self.gate.children(), self.c, self.h)
        into, out = w_hh.t().contiguous(), []  # rows in order: a single text is a tenth quicker
        for x_t in given.unbind(1):
            i, f, g, o = torch.addmm(x_t, h, into).chunk(4, dim=1)
            i, f, g, o = input_(i.sigmoid()), forget(f.sigmoid()), candidate(g.tanh()), output(o.sigmoid())
            c = cell(f * c + i * g)
            h = hidden(o * c.tanh())
            out.append(h)
        return torch.stack(out, dim=1), (h, c)


class LSTM(nn.Module):
    """The whole model: embedding, recurrent layers, projection, tied head."""

    def __init__(self, config: LSTMConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocabulary, config.d_embed)
        inputs = [config.d_embed] + [config.d_hidden] * (config.n_layer - 1)
        self.layers = nn.ModuleList(LSTMLayer(d, config.d_hidden) for d in inputs)
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

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Glorot & Bengio 2010 from the input; from h orthogonal, each gate (Saxe et al. 2014); biases 0, but forget's.

        torch has two biases, of which only the sum counts: b_ih holds the forget bias, b_hh stays 0.
        """
        start_embedding(self.embed, self.project, self.config.initial_range, generator)
        for layer in self.layers:
            assert isinstance(layer, LSTMLayer)
            start_gates(layer, generator, lambda block: nn.init.orthogonal_(block, generator=generator))
            _, _, b_ih, _ = layer.parameters()
            b_ih.chunk(4)[1].fill_(self.config.forget_bias)
