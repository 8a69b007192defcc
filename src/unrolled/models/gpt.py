"""The decoder-only Transformer: GPT-2 (Radford et al. 2019) to Llama (Touvron et al. 2023), pre-norm throughout.

Read from `GPT.forward` upwards. Values worth looking at pass through named points, see PROBES: `nn.Identity`, or a
norm, whose output a forward hook sees. They add nothing to the state dict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.models.attention import attend
from unrolled.models.linear import Linear, linear
from unrolled.models.positions import rope_angles, rope_frequencies, rotate

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
    positions: Literal["learned", "rope", "none"]
    """A table added to the embeddings, rotated queries and keys, or nothing but the causal mask."""
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


class KeyValueCache:
    """Keys and values of the positions read so far, so that the next token costs one position only.

    Room is taken in advance and doubles when it is full. What is written beyond `length` does not count: a forward pass
    that was stopped half way leaves the cache as it was.
    """

    def __init__(self, room: int = 64, n_layer: int = 0) -> None:
        """`room`: positions to make room for at first; for `n_layer` layers at once, if that is said."""
        self.length = 0
        self._room, self._n_layer = room, n_layer
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Writes k, v (batch, head, n, d) of new positions after `length`; gives those of all positions."""
        if layer == len(self._keys):
            self._keys += self._empty(key)
            self._values += self._empty(value)
        end = self.length + key.shape[2]
        self._keys[layer] = self._with_room(self._keys[layer], end)
        self._values[layer] = self._with_room(self._values[layer], end)
        self._keys[layer][:, :, self.length : end] = key
        self._values[layer][:, :, self.length : end] = value
        return self._keys[layer][:, :, :end], self._values[layer][:, :, :end]

    def advance(self, n: int) -> None:
        """The n positions that every layer has written now count."""
        self.length += n

    def crop(self, length: int) -> None:
        """Forgets the positions from `length` on."""
        self.length = min(self.length, length)

    def keys(self, layer: int) -> Tensor:
        """(batch, head, position, d) of the positions that count."""
        return self._keys[layer][:, :, : self.length]

    def values(self, layer: int) -> Tensor:
        """As `keys`."""
        return self._values[layer][:, :, : self.length]

    @property
    def n_bytes(self) -> int:
        """Memory taken, used or not."""
        return sum(x.nbytes for x in (*self._keys, *self._values))

    def _empty(self, like: Tensor) -> list[Tensor]:
        """For one more layer nothing yet; for all at once one block of memory, which the system gets back whole."""
        if not self._n_layer:
            return [like[:, :, :0]]
        batch, head, _, d = like.shape
        return list(like.new_empty(self._n_layer, batch, head, self._room, d))

    def _with_room(self, old: Tensor, end: int) -> Tensor:
        if end <= old.shape[2]:
            return old
        batch, head, room, d = old.shape
        new = old.new_empty(batch, head, max(end, 2 * room, self._room), d)
        new[:, :, : self.length] = old[:, :, : self.length]
        return new


class Attention(nn.Module):
    """Multi-head causal self-attention. Vaswani et al. 2017, §3.2.2."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.n_key_value, self.d_head = config.n_head, config.n_key_value, config.d_head
        bias = config.bias != "none"
        self.query = Linear(config.d_model, config.n_head * config.d_head, bias=bias)
        self.key = Linear(config.d_model, config.n_key_value * config.d_head, bias=bias)
        self.value = Linear(config.d_model, config.n_key_value * config.d_head, bias=bias)
        self.output = Linear(config.n_head * config.d_head, config.d_model, bias=config.bias == "all")
        self.q, self.k, self.v, self.out = nn.Identity(), nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor] | None, cache: KeyValueCache | None, layer: int) -> Tensor:
        """x (batch, n, d_model) -> the same shape. `turn`: cos and sin of RoPE for these positions."""
        batch, n, _ = x.shape
        q = self.query(x).view(batch, n, self.n_head, self.d_head).transpose(1, 2)  # (batch, head, n, d_head)
        k = self.key(x).view(batch, n, self.n_key_value, self.d_head).transpose(1, 2)
        v = self.value(x).view(batch, n, self.n_key_value, self.d_head).transpose(1, 2)
        if turn is not None:
            q, k = rotate(q, *turn), rotate(k, *turn)
        q, k, v = self.q(q), self.k(k), self.v(v)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        mixed = attend(q, k, v, causal=True)
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
    """Attention, then the MLP, each reading a normed copy of the residual stream and adding to it (pre-norm)."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attn, self.mlp = Attention(config), MLP(config)
        self.norm = nn.ModuleDict({"attn": make_norm(config), "mlp": make_norm(config)})
        self.resid = nn.ModuleDict({"pre": nn.Identity(), "mid": nn.Identity(), "post": nn.Identity()})

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor] | None, cache: KeyValueCache | None, layer: int) -> Tensor:
        """x (batch, n, d_model) -> the same shape."""
        x = self.resid["pre"](x)
        x = self.resid["mid"](x + self.attn(self.norm["attn"](x), turn, cache, layer))
        return self.resid["post"](x + self.mlp(self.norm["mlp"](x)))  # type: ignore[no-any-return]


class GPT(nn.Module):
    """The whole model: embeddings, blocks, a last norm, a head."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocabulary, config.d_model)
        self.place = nn.Embedding(config.context, config.d_model) if config.positions == "learned" else None
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = nn.ModuleDict({"final": make_norm(config)})
        self.head = None if config.tied else Linear(config.d_model, config.vocabulary, bias=False)
        self.logits = nn.Identity()
        self.frequencies = None  # not a buffer: stays in float32 whatever the dtype of the weights
        if config.positions == "rope":
            with torch.device("cpu"):  # numbers even where the weights are only shapes (meta device)
                self.frequencies = rope_frequencies(config.d_head, config.rope_base, config.rope_factors)

    def forward(self, ids: Tensor, *, cache: KeyValueCache | None = None, last_only: bool = False) -> Tensor:
        """ids (batch, n), after what `cache` holds -> logits (batch, n or 1, vocabulary)."""
        start = cache.length if cache is not None else 0
        n = ids.shape[1]
        x = self.embed(ids)  # (batch, n, d_model)
        if self.place is not None:
            x = x + self.place.weight[start : start + n]
        turn = None
        if self.frequencies is not None:
            turn = rope_angles(self.frequencies.to(x.device), start, n, x.dtype)
        for layer, block in enumerate(self.blocks):
            x = block(x, turn, cache, layer)
        if cache is not None:
            cache.advance(n)
        x = self.norm["final"](x[:, -1:] if last_only else x)
        table = self.embed.weight if self.head is None else self.head.weight
        return self.logits(linear(x, table))  # type: ignore[no-any-return]


def make_norm(config: GPTConfig) -> nn.Module:
    """LayerNorm or RMSNorm over the residual stream."""
    if config.norm == "layernorm":
        return nn.LayerNorm(config.d_model, eps=config.norm_epsilon)
    return nn.RMSNorm(config.d_model, eps=config.norm_epsilon)
