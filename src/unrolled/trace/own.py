"""Hearing the attentions of a reader's own module: those that go through torch's fused attention function, which is
told everything that changes the weights, and `nn.MultiheadAttention`, whose projections are read here."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from unrolled.errors import ProbeNotFound
from unrolled.models.weighing import Allowed, Attention, Factors, Heard, Kind


class OwnEar:
    """A module that is called with token ids (1, n)."""

    chunked, takes_target, scalable = False, False, False
    longest: int | None = None

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.kinds: tuple[Kind, ...] = ("self",)
        self.sizes: dict[Kind, tuple[int, int]] = {}

    def new_cache(self, n: int) -> None:
        return None

    def forward(self, ids: Tensor, target: Tensor | None, cache: None, hear: Callable[[Heard], None]) -> None:
        heard = _Heard(self.kinds[0], hear)
        with ExitStack() as around:
            for part in self._module.modules():
                if type(part) is nn.MultiheadAttention:  # a subclass may do something else
                    around.callback(part.register_forward_pre_hook(heard.multihead, with_kwargs=True).remove)
                    around.callback(part.register_forward_hook(heard.multihead_done).remove)
            around.enter_context(_Fused(heard))
            self._module(ids)

    def scaled(self, factors: Factors) -> AbstractContextManager[None]:
        raise NotImplementedError


class _Heard:
    """Attention calls of one forward pass, in the order in which they come."""

    def __init__(self, kind: Kind, hear: Callable[[Heard], None]) -> None:
        self._kind, self._tell = kind, hear
        self.layer = 0
        self.inside = 0  # nn.MultiheadAttention that runs now

    def tell(self, attention: Attention, query: Tensor, key: Tensor, value: Tensor) -> None:
        """One attention; query, key and value (head, n, d)."""
        if query.shape[1] != key.shape[1]:
            raise ProbeNotFound(f"An attention of {query.shape[1]} queries to {key.shape[1]} keys of another text.")
        self._tell(
            Heard(kind=self._kind, layer=self.layer, attention=attention, start=0, query=query, key=key, value=value)
        )
        self.layer += 1

    def multihead(self, part: nn.MultiheadAttention, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Before an nn.MultiheadAttention runs."""
        said = dict(zip(_ARGUMENTS, inputs, strict=False)) | named
        query, key, value = (_heads(part, i, said[name]) for i, name in enumerate(_ARGUMENTS[:3]))
        _refuse_variants(part, said)
        mask = said.get("attn_mask")
        causal, allowed = _explained(None if mask is None else _inverted(mask), len(query))
        attention = Attention(
            n_head=part.num_heads,
            n_key_value=part.num_heads,
            scaling=1 / math.sqrt(part.head_dim),
            causal=causal,
            allowed=allowed,
        )
        self.tell(attention, query, key, value)
        self.inside += 1

    def multihead_done(self, part: nn.MultiheadAttention, inputs: Any, output: Any) -> None:
        """After it has run."""
        self.inside -= 1


_ARGUMENTS = (
    "query",
    "key",
    "value",
    "key_padding_mask",
    "need_weights",
    "attn_mask",
    "average_attn_weights",
    "is_causal",
)


class _Fused(TorchFunctionMode):
    """Hears `torch.nn.functional.scaled_dot_product_attention`."""

    def __init__(self, heard: _Heard) -> None:
        super().__init__()
        self._heard = heard

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.scaled_dot_product_attention and not self._heard.inside:
            self._hear(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _hear(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> None:
        if dropout_p:
            raise ProbeNotFound("The module drops attention weights at random (dropout): call its eval() first.")
        if query.ndim not in (3, 4) or (query.ndim == 4 and len(query) != 1):
            raise ProbeNotFound(f"An attention of queries {list(query.shape)}: (1, head, n, d) is understood.")
        q, k, v = (x[0] if x.ndim == 4 else x for x in (query, key, value))
        causal, allowed = (True, None) if is_causal else _explained(attn_mask, len(q))
        if is_causal and q.shape[1] != k.shape[1]:
            raise ProbeNotFound("A causal attention of fewer queries than keys, which torch aligns at its first key.")
        scaling = scale if scale is not None else 1 / math.sqrt(q.shape[-1])
        attention = Attention(n_head=len(q), n_key_value=len(k), scaling=scaling, causal=causal, allowed=allowed)
        self._heard.tell(attention, q, k, v)


def _explained(mask: Tensor | None, n_head: int) -> tuple[bool, Allowed | None]:
    """Whether a mask (…, query, key; True or 0: may look) is causal, and what it says beyond that."""
    if mask is None:
        return False, None
    whole = mask.reshape(-1, *mask.shape[-2:])
    if len(whole) != 1 and not bool((whole == whole[0]).all()):
        raise ProbeNotFound("A mask that differs from head to head is not understood here.")
    blocked = ~whole[0] if whole.dtype == torch.bool else whole[0] == -torch.inf
    above = torch.ones_like(blocked).triu(1)
    causal = blocked.shape[0] == blocked.shape[1] and bool(blocked[above].all())
    exactly = causal and torch.equal(blocked, above) and (whole.dtype == torch.bool or not bool(whole[0][~above].any()))
    return causal, None if exactly else lambda rows, keys: whole[0][rows][:, keys]


def _inverted(mask: Tensor) -> Tensor:
    """nn.MultiheadAttention's masks say True where a query may not look."""
    return ~mask if mask.dtype == torch.bool else mask


def _heads(part: nn.MultiheadAttention, which: int, x: Tensor) -> Tensor:
    """(1, n, d) or (n, 1, d) projected to (head, n, d_head)."""
    d = part.embed_dim
    apart: tuple[Tensor | None, ...] = (part.q_proj_weight, part.k_proj_weight, part.v_proj_weight)
    weight = apart[which]  # None where query, key and value have one width
    if weight is None:
        weight = part.in_proj_weight[which * d : (which + 1) * d]
    biases: Tensor | None = part.in_proj_bias
    bias = None if biases is None else biases[which * d : (which + 1) * d]
    if x.ndim == 3:
        x = x[0] if part.batch_first else x[:, 0]
    return F.linear(x, weight, bias).view(len(x), part.num_heads, -1).transpose(0, 1)


def _refuse_variants(part: nn.MultiheadAttention, said: dict[str, Any]) -> None:
    padding = said.get("key_padding_mask")
    hides = padding is not None and bool((padding if padding.dtype == torch.bool else padding != 0).any())
    if part.bias_k is not None or part.add_zero_attn or hides:
        raise ProbeNotFound("An nn.MultiheadAttention with keys added or padded away is not understood here.")
    if part.training and part.dropout:
        raise ProbeNotFound("The module drops attention weights at random (dropout): call its eval() first.")
