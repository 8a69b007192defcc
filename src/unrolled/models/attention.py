"""Scaled dot-product attention. Vaswani et al. 2017, "Attention Is All You Need", §3.2.1:

    Attention(Q, K, V) = softmax(Q Kᵀ / √d_k) V

The steps are here one by one, for whoever wants to look at them; `attend` runs all of them in torch's fused kernel.
Shapes: query (…, head, query position, d_k), key and value (…, key-value head, key position, d_k). With fewer
key-value heads than heads (grouped-query attention, Ainslie et al. 2023) each serves a group of neighbouring heads.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.models.positions import alibi


def scores(query: Tensor, key: Tensor) -> Tensor:
    """Q Kᵀ: how well each query matches each key. -> (…, head, query position, key position)."""
    return query @ share_heads(key, query.shape[-3]).transpose(-2, -1)


def scale(scores: Tensor, d_k: int) -> Tensor:
    """Divided by √d_k, which keeps their variance at 1 when queries and keys have independent entries of variance 1."""
    return scores / math.sqrt(d_k)


def causal_mask(n_query: int, n_key: int, device: torch.device | None = None) -> Tensor:
    """True where a query may look: at keys up to its own position, the last query standing at the last key."""
    return torch.ones(n_query, n_key, dtype=torch.bool, device=device).tril(n_key - n_query)


def masked(scores: Tensor, mask: Tensor) -> Tensor:
    """-inf where the mask is False, so that softmax gives exactly 0 there."""
    return scores.masked_fill(~mask, -math.inf)


def weights(query: Tensor, key: Tensor, *, causal: bool) -> Tensor:
    """Rows of softmax(Q Kᵀ / √d_k), each summing to 1. -> (…, head, query position, key position)."""
    scaled = scale(scores(query, key), query.shape[-1])
    if causal:
        scaled = masked(scaled, causal_mask(query.shape[-2], key.shape[-2], query.device))
    return scaled.softmax(dim=-1)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    causal: bool,
    mask: Tensor | None = None,
    slopes: Tensor | None = None,
    dropout: float = 0.0,
) -> Tensor:
    """`weights` times V in one fused kernel. -> (…, head, query position, d_k).

    `mask`: True where a query may look, (…, 1 or head, 1 or query position, key position). `slopes`: ALiBi's, (head,).
    `dropout`: share of weights set to 0, the others scaled up.
    """
    n_query, n_key = query.shape[-2], key.shape[-2]
    square = causal and n_query == n_key and slopes is None and mask is None
    if causal and not square and n_query > 1:
        past = causal_mask(n_query, n_key, query.device)
        mask = past if mask is None else mask & past
    if slopes is not None:
        rows, keys = (torch.arange(a, n_key, device=query.device) for a in (n_key - n_query, 0))
        bias = alibi(slopes, rows, keys)
        mask = bias if mask is None else masked(bias, mask)
    grouped = query.shape[-3] != key.shape[-3]
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=square, enable_gqa=grouped, dropout_p=dropout
    )


def share_heads(x: Tensor, n_head: int) -> Tensor:
    """Each key-value head repeated for its group of heads. (…, key-value head, n, d) -> (…, head, n, d)."""
    return x if x.shape[-3] == n_head else x.repeat_interleave(n_head // x.shape[-3], dim=-3)


def additive_scores(query: Tensor, key: Tensor, v: Tensor) -> Tensor:
    """v · tanh(query + key) for every pair of a query and a key. Bahdanau et al. 2015, App. A.1.2, where the query is
    W s, of a decoder's state s, and the key U h, of an encoder's state h.

    query (…, target, d), key (…, source, d), v (d,) -> (…, target, source).
    """
    return (query.unsqueeze(-2) + key.unsqueeze(-3)).tanh() @ v
