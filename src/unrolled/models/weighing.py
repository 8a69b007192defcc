"""Attention weights from recorded queries and keys, for the rows that are asked: exact, and never n × n at once.

    weights = softmax(mask(softcap(Q Kᵀ × scaling) + bias), sink) without the sink's share

In additive attention v · tanh(q + k) stands in the place of q · k: Bahdanau et al. 2015, App. A.1.2.
Scaling, causal mask: Vaswani et al. 2017, §3.2. Window: Beltagy et al. 2020 (Longformer), §3.1. Softcap: Gemma 2 report
2024, §2. Position bias: Raffel et al. 2020 (T5), §2.1. Sinks: OpenAI 2025 (gpt-oss model card), after Miller 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from unrolled.models.attention import additive_scores

Kind = Literal["self", "encoder", "cross"]
"""A decoder's attention to its own text, an encoder's, a decoder's to the encoder's text."""

Allowed = Callable[[Tensor, Tensor], Tensor]
"""(row positions, key positions) -> (rows, keys): True where a query may look, or what is added to its scores."""

Bias = Callable[[Tensor, Tensor], Tensor]
"""(row positions, key positions) -> (1 or n_head, rows, keys), added to the scaled scores."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attention:
    """How one layer turns queries and keys into weights: everything that changes them."""

    n_head: int
    n_key_value: int
    """Fewer than n_head: each serves a group of neighbouring heads."""
    scaling: float
    """Scores are multiplied by it; 1/√d_k as a rule."""
    causal: bool
    """No query sees a later key."""
    window: int | None = None
    """Newest keys that a query sees, itself among them; None for all."""
    softcap: float | None = None
    """s becomes softcap × tanh(s / softcap)."""
    bias: Bias | None = None
    """Position bias."""
    sinks: Tensor | None = None
    """(n_head,): a score that takes part in the softmax and stands for no key, so that rows sum to less than 1."""
    allowed: Allowed | None = None
    """A mask other than the causal one; it holds the window too."""
    additive: Tensor | None = None
    """(d_head,): v of additive attention, of one head."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """One attention call, batch of one."""

    kind: Kind
    layer: int
    """Among the attentions of its kind, in the order in which they ran."""
    attention: Attention
    start: int
    """Position of the first query."""
    query: Tensor | None = None
    """(head, new positions, d_head)."""
    key: Tensor | None = None
    """(key-value head, positions so far, d_head); None where a KeyValueCache holds them."""
    value: Tensor | None = None
    """As key, d_head perhaps of another width."""
    weights: Tensor | None = None
    """(head, queries, keys), where the model gives these and neither queries nor keys."""


Factors = Mapping[tuple[Kind, int, int], float]
"""(kind, layer, head) -> what its output is multiplied by before the output projection."""


class Ear(Protocol):
    """What lets a model's attentions be heard while it runs."""

    kinds: tuple[Kind, ...]
    """The one to look at first standing first."""
    sizes: dict[Kind, tuple[int, int]]
    """Layers, heads a layer."""
    scalable: bool
    """Whether `scaled` is possible."""
    chunked: bool
    """Whether a text may be read in parts."""
    takes_target: bool
    """Whether there is a decoder's text besides."""
    longest: int | None
    """Tokens up to which it can be heard, if there is a limit below the model's context."""

    def new_cache(self, n: int) -> Any:
        """For n positions; None where a text is read in one go."""

    def forward(self, ids: Tensor, target: Tensor | None, cache: Any, hear: Callable[[Heard], None]) -> None:
        """Runs ids (1, n), after what `cache` holds; every attention is told to `hear`."""

    def scaled(self, factors: Factors) -> AbstractContextManager[None]:
        """Forward passes inside have these heads scaled."""


def weight_rows(attention: Attention, query: Tensor, key: Tensor, rows: Tensor, first_head: int = 0) -> Tensor:
    """Softmax over all keys, for the queries that stand at `rows`. -> (head, rows, key), float32 (float64 of float64).

    query (head, rows, d_head) and key (key-value head, keys, d_head) of the heads from `first_head` on.
    """
    scores = scores_of(attention, query, key, rows, first_head)
    if attention.sinks is not None:
        sinks = attention.sinks[first_head : first_head + len(query)].to(scores)
        column = sinks[:, None, None].expand(-1, len(rows), 1)
        return torch.cat([scores, column], dim=-1).softmax(dim=-1)[..., :-1]
    return scores.softmax(dim=-1)


def scores_of(attention: Attention, query: Tensor, key: Tensor, rows: Tensor, first_head: int = 0) -> Tensor:
    """What goes into the softmax, -inf (or nearly) where a query may not look. Shapes as in `weight_rows`."""
    wide = torch.promote_types(query.dtype, torch.float32)
    scores = _matches(attention, query.to(wide), key.to(wide)) * attention.scaling
    if attention.softcap is not None:
        scores = (scores / attention.softcap).tanh() * attention.softcap
    keys = torch.arange(key.shape[1], device=key.device)
    if attention.bias is not None:
        bias = attention.bias(rows, keys)
        scores = scores + (bias if len(bias) == 1 else bias[first_head : first_head + len(query)])
    return _masked(attention, scores, rows, keys)


def _matches(attention: Attention, query: Tensor, key: Tensor) -> Tensor:
    """q · k, or v · tanh(q + k), of every query and key: (head, row, key)."""
    if attention.additive is not None:
        rows = [additive_scores(query[:, i : i + 1], key, attention.additive.to(query)) for i in range(query.shape[1])]
        return torch.cat(rows, dim=1)  # one by one: each takes keys × d_head
    groups, (n_head, n_row, d_head) = len(key), query.shape
    grouped = query.reshape(groups, n_head // groups * n_row, d_head)  # neighbouring heads share a key
    return (grouped @ key.transpose(1, 2)).view(n_head, n_row, key.shape[1])


def _masked(attention: Attention, scores: Tensor, rows: Tensor, keys: Tensor) -> Tensor:
    if attention.allowed is not None:
        mask = attention.allowed(rows, keys)
        return scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    if attention.causal:
        return scores.masked_fill(keys > rows[:, None], -torch.inf)
    return scores
