"""What one run left behind: queries and keys of every layer, and what else was asked for. Weights are derived from
them when they are looked at, one head and a few rows at a time, so that thousands of tokens fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.models.weighing import Attention, Kind, weight_rows
from unrolled.text import Tokens
from unrolled.trace.stream import Point

ROWS = 256  # rows of weights that are worked out at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """What was heard of one layer's attention."""

    attention: Attention
    n_query: int
    n_key: int
    query: Tensor | None = None
    """(head, query position, d_head), positions applied."""
    key: Tensor | None = None
    """(key-value head, key position, d_head)."""
    value: Tensor | None = None
    weights: Tensor | None = None
    """(head, query position, key position), where the model gives nothing else."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """One run's recordings. Layers, heads and positions count from 0; layers among the attentions of their kind."""

    model: str
    tokens: Tokens
    target: Tokens | None
    """What an encoder-decoder's decoder read."""
    layers: Mapping[Kind, Sequence[Layer]]
    stream: Mapping[tuple[int, Point], Tensor] = field(default_factory=dict)
    """(block, point) -> residual stream (n, d_model)."""
    readout: Callable[[Tensor], Tensor] | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which attentions there are."""
        return tuple(self.layers)

    def n_layer(self, kind: Kind | None = None) -> int:
        """Attentions of that kind, one a block as a rule."""
        return len(self._of(kind))

    def n_head(self, kind: Kind | None = None) -> int:
        """Heads a layer."""
        return self._of(kind)[0].attention.n_head

    def shape(self, kind: Kind | None = None) -> tuple[int, int]:
        """Queries, keys."""
        first = self._of(kind)[0]
        return first.n_query, first.n_key

    def causal(self, kind: Kind | None = None) -> bool:
        """Whether no query sees a later key, in any layer."""
        return all(layer.attention.causal for layer in self._of(kind))

    def tokens_of(self, kind: Kind | None = None) -> tuple[Tokens, Tokens]:
        """The tokens that ask and those that are asked."""
        kind = kind or self.kinds[0]
        if self.target is None or kind == "encoder":
            return self.tokens, self.tokens
        return self.target, self.tokens if kind == "cross" else self.target

    def explain(self, layer: int, kind: Kind | None = None) -> Attention:
        """Everything that turns this layer's queries and keys into weights."""
        return self._layer(layer, kind).attention

    def weights(
        self,
        layer: int,
        head: int,
        rows: slice | Sequence[int] = slice(None),
        columns: slice | Sequence[int] = slice(None),
        *,
        kind: Kind | None = None,
    ) -> Float32[np.ndarray, "row column"]:
        """Rows of the softmax over all keys, of which these columns; only what is asked is worked out."""
        heard = self._layer(layer, kind)
        self._check_head(heard, head)
        asked, kept = _indices(rows, heard.n_query, "rows"), _indices(columns, heard.n_key, "columns")
        out = np.empty((len(asked), len(kept)), np.float32)
        for at in range(0, len(asked), ROWS):
            part = _weights(heard, asked[at : at + ROWS], slice(head, head + 1))[0]
            out[at : at + ROWS] = part[:, kept.to(part.device)].cpu().numpy()
        return out

    def heads(
        self, layer: int, rows: slice | Sequence[int], *, kind: Kind | None = None
    ) -> Float32[np.ndarray, "head row key"]:
        """Some rows of all heads of a layer."""
        heard = self._layer(layer, kind)
        asked = _indices(rows, heard.n_query, "rows")
        return _weights(heard, asked, slice(0, heard.attention.n_head)).float().cpu().numpy()

    def query(self, layer: int, head: int, *, kind: Kind | None = None) -> Float32[np.ndarray, "position d_head"]:
        """Queries of a head, positions applied."""
        heard = self._layer(layer, kind)
        self._check_head(heard, head)
        return _numpy(self._kept(heard.query, "queries")[head])

    def key(self, layer: int, head: int, *, kind: Kind | None = None) -> Float32[np.ndarray, "position d_head"]:
        """Keys that a head reads, positions applied; heads of a group read the same."""
        heard = self._layer(layer, kind)
        self._check_head(heard, head)
        keys = self._kept(heard.key, "keys")
        return _numpy(keys[head * len(keys) // heard.attention.n_head])

    def value(self, layer: int, head: int, *, kind: Kind | None = None) -> Float32[np.ndarray, "position d_head"]:
        """Values that a head mixes, if this layer's were asked for."""
        heard = self._layer(layer, kind)
        self._check_head(heard, head)
        if heard.value is None:
            raise ProbeNotFound(f"Layer {layer}'s values were not recorded: record(…, values=[{layer}]) keeps them.")
        return _numpy(heard.value[head * len(heard.value) // heard.attention.n_head])

    def residual(self, block: int, point: Point) -> Float32[np.ndarray, "position d_model"]:
        """The residual stream, if it was asked for."""
        if (block, point) not in self.stream:
            there = sorted({f"{b}.{p}" for b, p in self.stream})
            known = f"there are {there[0]} to {there[-1]}" if there else "record(…, residual=True) keeps it"
            raise ProbeNotFound(f"This trace has no residual stream {block}.{point}: {known}.")
        return _numpy(self.stream[block, point])

    def logits(self, positions: Sequence[int]) -> Float32[np.ndarray, "position vocabulary"]:
        """What the model says at these positions, if it was asked for; 200 kB each for a vocabulary of 50,000."""
        last = max((block for block, point in self.stream if point == "post"), default=None)
        if self.readout is None or last is None:
            raise ProbeNotFound("This trace has no logits: record(…, logits=True) keeps what they are made of.")
        stream = self.stream[last, "post"]
        with torch.inference_mode():
            return _numpy(self.readout(stream[_indices(positions, len(stream), "positions").to(stream.device)]))

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        heard = [t for layers in self.layers.values() for x in layers for t in (x.query, x.key, x.value, x.weights)]
        return sum(tensor.nbytes for tensor in (*heard, *self.stream.values()) if tensor is not None)

    def _of(self, kind: Kind | None) -> Sequence[Layer]:
        chosen = kind or self.kinds[0]
        if chosen not in self.layers:
            raise BadKnob(f"{self.model} has no {chosen!r} attention; it has {', '.join(map(repr, self.kinds))}.")
        return self.layers[chosen]

    def _layer(self, layer: int, kind: Kind | None) -> Layer:
        layers = self._of(kind)
        if not 0 <= layer < len(layers):
            raise BadKnob(f"There is no layer {layer}: {self.model} has layers 0 to {len(layers) - 1}.")
        return layers[layer]

    def _check_head(self, layer: Layer, head: int) -> None:
        if not 0 <= head < layer.attention.n_head:
            raise BadKnob(f"There is no head {head}: {self.model} has heads 0 to {layer.attention.n_head - 1}.")

    def _kept(self, tensor: Tensor | None, what: str) -> Tensor:
        if tensor is None:
            raise ProbeNotFound(f"{self.model} gives its attention weights only, not its {what}.")
        return tensor


@torch.inference_mode()
def _weights(heard: Layer, rows: Tensor, heads: slice) -> Tensor:
    """(head, row, key)."""
    if heard.weights is not None:
        return heard.weights[heads][:, rows.to(heard.weights.device)]
    assert heard.query is not None
    assert heard.key is not None
    rows = rows.to(heard.query.device)
    n_head, n_key_value = heard.attention.n_head, heard.attention.n_key_value
    group = n_head // n_key_value
    keys = heard.key[heads.start // group : (heads.stop - 1) // group + 1]
    query = heard.query[heads][:, rows]
    if not heard.attention.causal or not len(rows):
        return weight_rows(heard.attention, query, keys, rows, heads.start)
    seen = int(rows.max()) + 1  # no query sees a later key: their weights are exactly 0
    out = torch.zeros(len(query), len(rows), heard.n_key, device=query.device)
    out[..., :seen] = weight_rows(heard.attention, query, keys[:, :seen], rows, heads.start)
    return out


def _indices(asked: slice | Sequence[int], n: int, what: str) -> Tensor:
    if isinstance(asked, slice):
        return torch.arange(n)[asked]
    indices = torch.as_tensor(np.asarray(asked, dtype=np.int64).reshape(-1))
    if len(indices) and not (int(indices.min()) >= 0 and int(indices.max()) < n):
        raise BadKnob(f"{what} go from 0 to {n - 1}; {int(indices.min())} to {int(indices.max())} were asked for.")
    return indices


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()
