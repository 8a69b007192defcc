"""The gated recurrent unit. Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder", §2.3.

    r, z = sigmoid(W x_t + b + W' h_{t-1} + b')         reset and update gate, each with weights of its own
    n = tanh(W x_t + b + r ∘ (W' h_{t-1} + b'))         candidate, the reset gate *after* the product
    h_t = (1 - z) ∘ n + z ∘ h_{t-1}

Two conventions differ between papers and libraries:

- The reset gate. Cho et al. have it *before* the product, W' (r ∘ h_{t-1}): h is reset, then mixed. cuDNN and torch
  have it *after*, as above, since all products of W' with h then run as one. Weights trained for one do not fit the
  other. `reset` says which; only "after" has a fused kernel.
- The update gate. With z here and in Cho et al., z = 1 keeps the old state; with Chung et al. 2014, z = 1 takes the new
  one. It is the same model with the signs of z's weights turned, for 1 - sigmoid(a) = sigmoid(-a).

Rows of the weights are r, z, n, as torch.nn.GRU has them. Read from `GRU.forward` upwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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

PROBES = frozenset({"h", "gate.reset", "gate.update", "gate.candidate", "logits"})
"""h, gate.*: (batch, d_hidden) of a layer, once a step, gates after their sigmoid or tanh; logits: (batch, position,
vocabulary)."""


@dataclass(frozen=True, kw_only=True)
class GRUConfig:
    """The shape of a GRU as a language model."""

    vocabulary: int
    """Tokens in the embedding table."""
    context: int
    """Tokens of a training window; the state itself has no limit."""
    n_layer: int
    """Recurrent layers, each reading the h of the one below."""
    d_embed: int
    """Width of the embedding."""
    d_hidden: int
    """Width of h and each gate, in all layers."""
    dropout: float = 0.0
    """Share of a layer's input and of the last layer's output that training drops."""
    initial_range: float = 0.1
    """Embeddings start uniform between ± this (Zaremba et al. 2014)."""
    reset: Literal["after", "before"] = "after"
    """Whether h is reset after the product with its matrix (torch, cuDNN) or before (Cho et al. 2014)."""
    update_bias: float = 0.0
    """Where the bias of the update gate starts; above 0, h is kept longer, as by an LSTM's forget bias."""

    def __post_init__(self) -> None:
        check_language_model(self)


class GRULayer(nn.GRU):
    """One layer: torch's fused kernel, or the loop below on the same weights."""

    def __init__(self, d_input: int, d_hidden: int, reset: Literal["after", "before"] = "after") -> None:
        super().__init__(d_input, d_hidden, batch_first=True)
        self.reset = reset
        self.gate = Points("reset", "update", "candidate")
        self.h = nn.Identity()

    def forward(  # type: ignore[override]
        self, x: Tensor, state: State | None = None, written_out: bool = False
    ) -> tuple[Tensor, State]:
        """x (batch, n, input), h before (None: zeros) -> h of every step (batch, n, d_hidden), (the last h,)."""
        h = x.new_zeros(len(x), self.hidden_size) if state is None else state[0]
        if self.reset == "before":
            return self.steps_reset_before(x, h)
        if written_out or listened_to((self.h, *self.gate.children())):
            return self.steps(x, h)
        out, last = super().forward(x, h[None])
        return out, (last[0],)

    def steps(self, x: Tensor, h: Tensor) -> tuple[Tensor, State]:
        """The same, one step at a time; what does not wait for h is done for all steps at once."""
        w_ih, w_hh, b_ih, b_hh = self.parameters()
        given = F.linear(x, w_ih, b_ih)  # (batch, n, 3 d_hidden)
        reset, update, candidate, hidden = called(*self.gate.children(), self.h)
        rows, out = [2 * self.hidden_size], []
        for x_t in given.unbind(1):
            x_rz, x_n = x_t.tensor_split(rows, dim=1)
            h_rz, h_n = torch.addmm(b_hh, h, w_hh.t()).tensor_split(rows, dim=1)
            r, z = (x_rz + h_rz).sigmoid().chunk(2, dim=1)
            r, z = reset(r), update(z)
            n = candidate((x_n + r * h_n).tanh())
            h = hidden((1 - z) * n + z * h)
            out.append(h)
        return torch.stack(out, dim=1), (h,)

    def steps_reset_before(self, x: Tensor, h: Tensor) -> tuple[Tensor, State]:
        """As the paper has it: h is reset, and what is left goes into the product."""
        w_ih, w_hh, b_ih, b_hh = self.parameters()
        given = F.linear(x, w_ih, b_ih + b_hh)  # (batch, n, 3 d_hidden)
        reset, update, candidate, hidden = called(*self.gate.children(), self.h)
        rows, out = [2 * self.hidden_size], []
        into_rz, into_n = (block.t() for block in w_hh.tensor_split(rows))
        for x_t in given.unbind(1):
            x_rz, x_n = x_t.tensor_split(rows, dim=1)
            r, z = torch.addmm(x_rz, h, into_rz).sigmoid().chunk(2, dim=1)
            r, z = reset(r), update(z)
            n = candidate(torch.addmm(x_n, r * h, into_n).tanh())
            h = hidden((1 - z) * n + z * h)
            out.append(h)
        return torch.stack(out, dim=1), (h,)


class GRU(nn.Module):
    """The whole model: embedding, recurrent layers, projection, tied head."""

    def __init__(self, config: GRUConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocabulary, config.d_embed)
        inputs = [config.d_embed] + [config.d_hidden] * (config.n_layer - 1)
        self.layers = nn.ModuleList(GRULayer(d, config.d_hidden, config.reset) for d in inputs)
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
        """Glorot & Bengio 2010 from the input; from h orthogonal, each gate (Saxe et al. 2014); biases 0, but update's.

        torch has two biases, of which here only the sum counts: b_ih holds the update bias, b_hh stays 0.
        """
        start_embedding(self.embed, self.project, self.config.initial_range, generator)
        for layer in self.layers:
            assert isinstance(layer, GRULayer)
            start_gates(layer, generator, lambda block: nn.init.orthogonal_(block, generator=generator))
            _, _, b_ih, _ = layer.parameters()
            b_ih.chunk(3)[1].fill_(self.config.update_bias)
