"""The Transformer of 2017, an encoder and a decoder made of attention. Vaswani et al., "Attention Is All You Need".

Read from `Transformer.forward` upwards. As published (§3, §5.4): post-norm, ReLU, sinusoids, one table of embeddings
for source, target and output, multiplied by √d_model where it is read, dropout on every sub-layer's output and on the
embeddings, and nowhere else. The linear maps of attention have biases, which the paper does not write and
torch.nn.Transformer has. With `norm_place="pre"` (Wang et al. 2019; Xiong et al. 2020) each part reads a normed copy of
the stream, and encoder and decoder end in a norm of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.models.attention import attend
from unrolled.models.cache import KeyValueCache
from unrolled.models.encoder_decoder import check_special
from unrolled.models.linear import Linear, linear
from unrolled.models.positions import sinusoids

PROBES = frozenset(
    {
        *("attn.q", "attn.k", "attn.v", "attn.out", "cross.q", "cross.k", "cross.v", "cross.out", "mlp.act", "mlp.out"),
        *("resid.pre", "resid.mid", "resid.cross", "resid.post"),
        *("norm.attn", "norm.cross", "norm.mlp", "norm.final", "logits"),
    }
)
"""In encoder.blocks and decoder.blocks. attn.q, attn.k, attn.v: (batch, head, position, d_head); cross.*: the decoder's
attention to the source, whose k and v stand at source positions; *.out: what is written to the residual stream;
mlp.act: (batch, position, d_ff) before the way back down; resid.pre, mid, cross, post: the stream before attention,
after it, after attention to the source, after the MLP; norm.*: what the norm gives; logits: (batch, position,
vocabulary)."""


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The shape of an encoder-decoder Transformer."""

    vocabulary: int
    """Tokens in the embedding table, which source, target and output share."""
    context: int = 512
    """Tokens of a source or a target that the model was made for; sinusoids themselves have no limit."""
    n_layer: int
    """Blocks of the encoder, and as many of the decoder."""
    n_head: int
    """Heads of each attention."""
    d_model: int
    """Width of the residual stream, n_head times the width of one head."""
    d_ff: int
    """Hidden width of the MLP."""
    norm_place: Literal["pre", "post"] = "post"
    """The norm before each part, or after each sum as published."""
    norm_epsilon: float = 1e-5
    """Added to the variance before the square root."""
    dropout: float = 0.0
    """Share of entries set to 0 in training: of embeddings, and of what each part writes."""
    pad_id: int = 0
    """Fills short texts of a batch up; nobody looks at it."""
    bos_id: int = 1
    """The decoder's first token."""
    eos_id: int = 2
    """Ends a source and a target."""

    def __post_init__(self) -> None:
        if self.d_model % self.n_head:
            raise ValueError(f"n_head = {self.n_head} does not go into d_model = {self.d_model}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout = {self.dropout} is not possible: a share from 0 to below 1.")
        check_special(self)


BASE = TransformerConfig(vocabulary=37_000, n_layer=6, n_head=8, d_model=512, d_ff=2048, dropout=0.1)
BIG = TransformerConfig(vocabulary=37_000, n_layer=6, n_head=16, d_model=1024, d_ff=4096, dropout=0.3)
"""Table 3, "base" and "big", with the vocabulary of §5.1 (English to German, about 37,000 tokens for both languages).

They have 63.1 and 214.2 million parameters, the table says 65 and 213. No one vocabulary gives both: 65 million would
need 40,700 tokens, 213 million 35,800. So the published figures are rounded, or counted in another way; ours are 3.0 %
below and 0.6 % above.
"""


@dataclass(frozen=True)
class Memory:
    """What the encoder made of the source."""

    states: Tensor
    """(batch, source, d_model)."""
    mask: Tensor
    """(batch, source): True where a token is real."""

    def select(self, rows: Tensor) -> Memory:
        """Row i is what was row rows[i]."""
        return Memory(self.states[rows], self.mask[rows])


class DecoderCache(KeyValueCache):
    """Keys and values of the target read so far; and those of the source, which are the same at every step."""

    def __init__(self, room: int = 64) -> None:
        super().__init__(room)
        self.source: dict[int, tuple[Tensor, Tensor]] = {}

    def select(self, rows: Tensor) -> None:
        """Row i goes on from what row rows[i] has read."""
        self._keys = [x[rows] for x in self._keys]
        self._values = [x[rows] for x in self._values]
        self.source = {layer: (k[rows], v[rows]) for layer, (k, v) in self.source.items()}


class Attention(nn.Module):
    """Multi-head attention, to the same sequence or to another. §3.2.2."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.query, self.key = Linear(config.d_model, config.d_model), Linear(config.d_model, config.d_model)
        self.value, self.output = Linear(config.d_model, config.d_model), Linear(config.d_model, config.d_model)
        self.q, self.k, self.v, self.out = nn.Identity(), nn.Identity(), nn.Identity(), nn.Identity()

    def remembered(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, m, d_model), what is looked at -> its keys and values, each (batch, head, m, d_head)."""
        return self.k(self.heads(self.key(x))), self.v(self.heads(self.value(x)))

    def forward(
        self, x: Tensor, key: Tensor, value: Tensor, *, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        """x (batch, n, d_model), mask (batch, 1, 1, m) -> the shape of x."""
        mixed = attend(self.q(self.heads(self.query(x))), key, value, causal=causal, mask=mask)
        return self.out(self.output(mixed.transpose(1, 2).flatten(2)))  # type: ignore[no-any-return]

    def heads(self, x: Tensor) -> Tensor:
        """(batch, n, d_model) -> (batch, head, n, d_head)."""
        return x.view(*x.shape[:2], self.n_head, -1).transpose(1, 2)


class MLP(nn.Module):
    """The position-wise feed-forward network. §3.3."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.up, self.down = Linear(config.d_model, config.d_ff), Linear(config.d_ff, config.d_model)
        self.act, self.out = nn.Identity(), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, n, d_model) -> the same shape."""
        return self.out(self.down(self.act(F.relu(self.up(x)))))  # type: ignore[no-any-return]


class EncoderBlock(nn.Module):
    """Attention to the whole source, then the MLP."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attn, self.mlp = Attention(config), MLP(config)
        self.norm = nn.ModuleDict({name: make_norm(config) for name in ("attn", "mlp")})
        self.resid = nn.ModuleDict({name: nn.Identity() for name in ("pre", "mid", "post")})
        self.drop, self.place = nn.Dropout(config.dropout), config.norm_place

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, n, d_model), mask (batch, n) -> the shape of x."""

        def attn(y: Tensor) -> Tensor:
            return self.attn(y, *self.attn.remembered(y), mask=mask[:, None, None])  # type: ignore[no-any-return]

        x = self.resid["pre"](x)
        x = self.resid["mid"](added(x, attn, self.norm["attn"], self.drop, self.place))
        return self.resid["post"](added(x, self.mlp, self.norm["mlp"], self.drop, self.place))  # type: ignore[no-any-return]


class DecoderBlock(nn.Module):
    """Attention to the target so far, attention to the source, then the MLP."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attn, self.cross, self.mlp = Attention(config), Attention(config), MLP(config)
        self.norm = nn.ModuleDict({name: make_norm(config) for name in ("attn", "cross", "mlp")})
        self.resid = nn.ModuleDict({name: nn.Identity() for name in ("pre", "mid", "cross", "post")})
        self.drop, self.place = nn.Dropout(config.dropout), config.norm_place

    def forward(self, x: Tensor, memory: Memory, cache: DecoderCache | None, layer: int) -> Tensor:
        """x (batch, n, d_model), after what `cache` holds -> the same shape."""

        def attn(y: Tensor) -> Tensor:
            key, value = self.attn.remembered(y)
            if cache is not None:
                key, value = cache.extend(layer, key, value)
            return self.attn(y, key, value, causal=True)  # type: ignore[no-any-return]

        def cross(y: Tensor) -> Tensor:
            return self.cross(y, *self.source(memory, cache, layer), mask=memory.mask[:, None, None])  # type: ignore[no-any-return]

        x = self.resid["pre"](x)
        x = self.resid["mid"](added(x, attn, self.norm["attn"], self.drop, self.place))
        x = self.resid["cross"](added(x, cross, self.norm["cross"], self.drop, self.place))
        return self.resid["post"](added(x, self.mlp, self.norm["mlp"], self.drop, self.place))  # type: ignore[no-any-return]

    def source(self, memory: Memory, cache: DecoderCache | None, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values of the source; made once where there is a cache."""
        if cache is None:
            return self.cross.remembered(memory.states)
        if layer not in cache.source:
            cache.source[layer] = self.cross.remembered(memory.states)
        return cache.source[layer]


class Stack(nn.Module):
    """Blocks, and the norm that ends them: in pre-norm only, where the stream has not been normed."""

    def __init__(self, config: TransformerConfig, block: type[EncoderBlock] | type[DecoderBlock]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(block(config) for _ in range(config.n_layer))
        self.norm = nn.ModuleDict({"final": make_norm(config) if config.norm_place == "pre" else nn.Identity()})


class Transformer(nn.Module):
    """The whole model. Figure 1 of the paper."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocabulary, config.d_model)
        self.drop = nn.Dropout(config.dropout)
        self.encoder, self.decoder = Stack(config, EncoderBlock), Stack(config, DecoderBlock)
        self.logits = nn.Identity()

    def forward(self, source: Tensor, target: Tensor, *, source_mask: Tensor | None = None) -> Tensor:
        """source (batch, n), target (batch, m) beginning with bos -> logits (batch, m, vocabulary) of what follows.

        source_mask (batch, n): True where a token is real; where it is not given, all but `pad_id` is.
        """
        return self.decode(target, self.encode(source, source_mask))

    def encode(self, source: Tensor, mask: Tensor | None = None) -> Memory:
        """source (batch, n) -> its states, for `decode`."""
        mask = source != self.config.pad_id if mask is None else mask
        x = self.embedded(source, 0)
        for block in self.encoder.blocks:
            x = block(x, mask)
        return Memory(self.encoder.norm["final"](x), mask)

    def decode(self, target: Tensor, memory: Memory, cache: DecoderCache | None = None) -> Tensor:
        """target (batch, m), after what `cache` holds -> logits (batch, m, vocabulary)."""
        x = self.embedded(target, cache.length if cache is not None else 0)
        for layer, block in enumerate(self.decoder.blocks):
            x = block(x, memory, cache, layer)
        if cache is not None:
            cache.advance(target.shape[1])
        return self.logits(linear(self.decoder.norm["final"](x), self.embed.weight))  # type: ignore[no-any-return]

    def embedded(self, ids: Tensor, start: int) -> Tensor:
        """Rows of the table × √d_model, plus sinusoids for positions from `start` on (§3.4, §3.5)."""
        x = self.embed(ids) * math.sqrt(self.config.d_model)
        return self.drop(x + sinusoids(start, ids.shape[1], self.config.d_model).to(x))  # type: ignore[no-any-return]

    def new_cache(self) -> DecoderCache:
        """For `decode` step by step."""
        return DecoderCache()

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Embeddings from N(0, 1/d_model), which √d_model brings to size 1; Xavier uniform, biases 0, norms 1.

        The paper does not say; so do the authors' tensor2tensor and torch.nn.Transformer. Glorot & Bengio 2010, §4.2.
        """
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                parameter.fill_(1.0 if ".norm." in name and name.endswith("weight") else 0.0)
            elif name == "embed.weight":
                parameter.normal_(0.0, self.config.d_model**-0.5, generator=generator)
            else:
                nn.init.xavier_uniform_(parameter, generator=generator)


def added(
    x: Tensor, part: Callable[[Tensor], Tensor], norm: nn.Module, drop: nn.Module, place: Literal["pre", "post"]
) -> Tensor:
    """A sub-layer: LayerNorm(x + Sublayer(x)) as published (§3.1), or x + Sublayer(LayerNorm(x))."""
    if place == "post":
        return norm(x + drop(part(x)))  # type: ignore[no-any-return]
    return x + drop(part(norm(x)))  # type: ignore[no-any-return]


def make_norm(config: TransformerConfig) -> nn.LayerNorm:
    """Ba et al. 2016."""
    return nn.LayerNorm(config.d_model, eps=config.norm_epsilon)
