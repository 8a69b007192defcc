"""The decoder-only Transformer: GPT (Radford et al. 2018), GPT-2 (2019) and on to Llama (Touvron et al. 2023).

Read from `GPT.forward` upwards. Values worth looking at pass through named points, see PROBES: `nn.Identity`, or a
norm, whose output a forward hook sees. They add nothing to the state dict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.models.attention import attend
from unrolled.models.cache import KeyValueCache
from unrolled.models.linear import Linear, linear
from unrolled.models.positions import alibi_slopes, rope_angles, rope_frequencies, rotate, sinusoids

PROBES = frozenset(
    {
        *("attn.q", "attn.k", "attn.v", "attn.out", "mlp.act", "mlp.out"),
        *("resid.pre", "resid.mid", "resid.post", "norm.attn", "norm.mlp", "norm.final", "logits"),
    }
)
"""attn.q, attn.k, attn.v: (batch, head, position, d_head), positions applied; attn.out, mlp.out: what is written to the
residual stream; mlp.act: (batch, position, d_ff) before the way back down; resid.pre, mid, post: the stream before
attention, between, after the MLP; norm.*: what the next part reads; logits: (batch, position, vocabulary)."""


@dataclass(frozen=True, kw_only=True)
class GPTConfig:
    """The shape of a decoder-only Transformer."""

    vocabulary: int
    """Tokens in the embedding table."""
    context: int
    """Positions the model was made for, in tokens."""
    n_layer: int
    """Blocks."""
    n_head: int
    """Query heads a block."""
    n_key_value: int
    """Key and value heads a block; fewer than n_head: grouped-query attention."""
    d_model: int
    """Width of the residual stream."""
    d_head: int
    """Width of one head; of Q, K and V alike."""
    d_ff: int
    """Hidden width of the MLP."""
    norm: Literal["layernorm", "rmsnorm"]
    """Ba et al. 2016, or Zhang & Sennrich 2019 (no mean, no bias)."""
    norm_epsilon: float = 1e-5
    """Added to the variance before the square root."""
    norm_place: Literal["pre", "post"] = "pre"
    """Each part reads a normed copy of the stream (GPT-2 on), or the sum is normed after it (Vaswani et al., GPT)."""
    positions: Literal["learned", "sinusoidal", "rope", "alibi", "none"]
    """A table, or sines and cosines, added to the embeddings; rotated queries and keys; a penalty on distance added to
    the scores; or nothing but the causal mask."""
    rope_base: float = 10000.0
    """The slowest pair turns once in about 2π × rope_base positions."""
    rope_factors: tuple[float, ...] | None = None
    """d_head/2 divisors of RoPE's frequencies, for contexts longer than first trained (Llama 3.1)."""
    activation: Literal["relu", "gelu", "gelu_tanh", "swiglu"]
    """swiglu has a gate as wide as the hidden layer (Shazeer 2020); gelu_tanh is GPT-2's approximation."""
    bias: Literal["none", "qkv", "all"] = "none"
    """Which linear maps add a bias."""
    tied: bool = True
    """Whether the head that gives logits is the embedding table."""
    dropout: float = 0.0
    """Share of entries set to 0 in training: of embeddings, attention weights, and what each part writes."""
    initial_std: float = 0.02
    """Standard deviation of the weights at the start."""

    def __post_init__(self) -> None:
        if min(self.n_head, self.n_key_value) < 1 or self.n_head % self.n_key_value:
            raise ValueError(f"{self.n_key_value} key-value heads cannot serve {self.n_head} heads alike.")
        if self.positions == "rope" and self.d_head % 2:
            raise ValueError(f"d_head = {self.d_head} is not possible with RoPE, which turns pairs: an even number.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout = {self.dropout} is not possible: a share from 0 to below 1.")


@dataclass(frozen=True, kw_only=True)
class Place:
    """What attention is told of positions."""

    turn: tuple[Tensor, Tensor] | None = None
    """cos and sin of RoPE for the new positions, each (n, d_head)."""
    slopes: Tensor | None = None
    """(n_head,) of ALiBi."""


class Attention(nn.Module):
    """Multi-head causal self-attention. Vaswani et al. 2017, §3.2.2."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.n_key_value, self.d_head = config.n_head, config.n_key_value, config.d_head
        self.dropout = config.dropout
        bias = config.bias != "none"
        self.query = Linear(config.d_model, config.n_head * config.d_head, bias=bias)
        self.key = Linear(config.d_model, config.n_key_value * config.d_head, bias=bias)
        self.value = Linear(config.d_model, config.n_key_value * config.d_head, bias=bias)
        self.output = Linear(config.n_head * config.d_head, config.d_model, bias=config.bias == "all")
        self.q, self.k, self.v, self.out = nn.Identity(), nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, x: Tensor, place: Place, cache: KeyValueCache | None, layer: int) -> Tensor:
        """x (batch, n, d_model) -> the same shape."""
        batch, n, _ = x.shape
        q = self.query(x).view(batch, n, self.n_head, self.d_head).transpose(1, 2)  # (batch, head, n, d_head)
        k = self.key(x).view(batch, n, self.n_key_value, self.d_head).transpose(1, 2)
        v = self.value(x).view(batch, n, self.n_key_value, self.d_head).transpose(1, 2)
        if place.turn is not None:
            q, k = rotate(q, *place.turn), rotate(k, *place.turn)
        q, k, v = self.q(q), self.k(k), self.v(v)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        mixed = attend(q, k, v, causal=True, slopes=place.slopes, dropout=self.dropout if self.training else 0.0)
        return self.out(self.output(mixed.transpose(1, 2).reshape(batch, n, -1)))  # type: ignore[no-any-return]


class MLP(nn.Module):
    """The position-wise feed-forward network. Vaswani et al. 2017, §3.3; gated form, Shazeer 2020."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        bias = config.bias == "all"
        self.activation = config.activation
        self.gate = Linear(config.d_model, config.d_ff, bias=bias) if config.activation == "swiglu" else None
        self.up = Linear(config.d_model, config.d_ff, bias=bias)
        self.down = Linear(config.d_ff, config.d_model, bias=bias)
        self.act, self.out = nn.Identity(), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, n, d_model) -> the same shape."""
        if self.gate is not None:
            hidden = F.silu(self.gate(x)) * self.up(x)
        elif self.activation == "relu":
            hidden = F.relu(self.up(x))
        else:
            hidden = F.gelu(self.up(x), approximate="tanh" if self.activation == "gelu_tanh" else "none")
        return self.out(self.down(self.act(hidden)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention, then the MLP, each adding to the residual stream; the norm before each part, or after each sum."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.post_norm = config.norm_place == "post"
        self.attn, self.mlp = Attention(config), MLP(config)
        self.norm = nn.ModuleDict({"attn": make_norm(config), "mlp": make_norm(config)})
        self.resid = nn.ModuleDict({"pre": nn.Identity(), "mid": nn.Identity(), "post": nn.Identity()})
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, place: Place, cache: KeyValueCache | None, layer: int) -> Tensor:
        """x (batch, n, d_model) -> the same shape."""
        x = self.resid["pre"](x)
        if self.post_norm:
            x = self.resid["mid"](self.norm["attn"](x + self.drop(self.attn(x, place, cache, layer))))
            return self.resid["post"](self.norm["mlp"](x + self.drop(self.mlp(x))))  # type: ignore[no-any-return]
        x = self.resid["mid"](x + self.drop(self.attn(self.norm["attn"](x), place, cache, layer)))
        return self.resid["post"](x + self.drop(self.mlp(self.norm["mlp"](x))))  # type: ignore[no-any-return]


class GPT(nn.Module):
    """The whole model: embeddings, blocks, a last norm (pre-norm only, where the stream is not normed yet), a head."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocabulary, config.d_model)
        self.place = nn.Embedding(config.context, config.d_model) if config.positions == "learned" else None
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = nn.ModuleDict({"final": make_norm(config) if config.norm_place == "pre" else nn.Identity()})
        self.head: nn.Module | None = None if config.tied else Linear(config.d_model, config.vocabulary, bias=False)
        self.logits = nn.Identity()
        self.frequencies = None  # not a buffer: stays in float32 whatever the dtype of the weights
        if config.positions == "rope":
            with torch.device("cpu"):  # numbers even where the weights are only shapes (meta device)
                self.frequencies = rope_frequencies(config.d_head, config.rope_base, config.rope_factors)

    def forward(self, ids: Tensor, *, cache: KeyValueCache | None = None, last_only: bool = False) -> Tensor:
        """ids (batch, n), after what `cache` holds -> logits (batch, n or 1, vocabulary)."""
        start, n = cache.length if cache is not None else 0, ids.shape[1]
        x = self.drop(self.embedded(ids, start))  # (batch, n, d_model)
        place = self.told(start, n, x)
        for layer, block in enumerate(self.blocks):
            x = block(x, place, cache, layer)
        if cache is not None:
            cache.advance(n)
        x = self.norm["final"](x[:, -1:] if last_only else x)
        return self.logits(self.read_out(x))  # type: ignore[no-any-return]

    def read_out(self, x: Tensor) -> Tensor:
        """x (…, d_model), normed -> logits (…, vocabulary), as the head gives them."""
        return linear(x, self.embed.weight) if self.head is None else self.head(x)

    def embedded(self, ids: Tensor, start: int) -> Tensor:
        """Rows of the table, with what is added for positions. Beside sinusoids, whose entries are of size 1, they are
        multiplied by √d_model (Vaswani et al. 2017, §3.4)."""
        x: Tensor = self.embed(ids)
        n = ids.shape[1]
        if self.place is not None:
            return x + self.place.weight[start : start + n]
        if self.config.positions == "sinusoidal":
            return x * math.sqrt(self.config.d_model) + sinusoids(start, n, self.config.d_model).to(x)
        return x

    def told(self, start: int, n: int, like: Tensor) -> Place:
        """What the attentions are told of positions start … start+n-1."""
        if self.frequencies is not None:
            return Place(turn=rope_angles(self.frequencies.to(like.device), start, n, like.dtype))
        if self.config.positions == "alibi":
            return Place(slopes=alibi_slopes(self.config.n_head).to(like))
        return Place()

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Weights from N(0, initial_std²), those that write to the stream divided by √(2 n_layer); biases 0, norms 1.

        Radford et al. 2019, §2.3: the stream is a sum of 2 n_layer terms, whose variance is kept.
        """
        writes = {"output", "down"}
        for name, parameter in self.named_parameters():
            part = name.split(".")[-2]
            if parameter.ndim == 1:
                parameter.fill_(1.0 if ".norm." in f".{name}" and name.endswith("weight") else 0.0)
                continue
            std = self.config.initial_std / (math.sqrt(2 * self.config.n_layer) if part in writes else 1.0)
            parameter.normal_(0.0, std, generator=generator)


def make_norm(config: GPTConfig) -> nn.Module:
    """LayerNorm or RMSNorm over the residual stream."""
    if config.norm == "layernorm":
        return nn.LayerNorm(config.d_model, eps=config.norm_epsilon)
    return nn.RMSNorm(config.d_model, eps=config.norm_epsilon)


def swiglu_width(d_ff: int) -> int:
    """The hidden width that gives a SwiGLU, with its third matrix, the parameters of an MLP of width d_ff: two thirds.

    Shazeer 2020, §3.
    """
    return round(2 * d_ff / 3)


def gpt2_shape(n_layer: int, n_head: int, d_model: int, *, vocabulary: int = 50_257, context: int = 1024) -> GPTConfig:
    """A GPT-2 of some size: learned positions, LayerNorm before each part, biases everywhere, MLP four times wide."""
    return GPTConfig(
        vocabulary=vocabulary,
        context=context,
        n_layer=n_layer,
        n_head=n_head,
        n_key_value=n_head,
        d_model=d_model,
        d_head=d_model // n_head,
        d_ff=4 * d_model,
        norm="layernorm",
        positions="learned",
        activation="gelu_tanh",
        bias="all",
    )


GPT2 = gpt2_shape(12, 12, 768)
GPT2_MEDIUM = gpt2_shape(24, 16, 1024)
GPT2_LARGE = gpt2_shape(36, 20, 1280)
GPT2_XL = gpt2_shape(48, 25, 1600)
"""Radford et al. 2019, Table 2."""
GPT3 = gpt2_shape(96, 96, 12_288, context=2048)
"""Brown et al. 2020, Table 2.1, 175 B; in every other layer a query sees a band of keys, which takes no weights."""
