"""Hearing the attentions of a transformers model, through its public registry of attention functions and masks.

A model that is set to the attention implementation "unrolled" calls `_attention` here with its queries and keys and
with every argument that changes the weights. One that is not understood is an error, never a guess.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import causal_mask_function, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from unrolled.errors import ProbeNotFound
from unrolled.models.weighing import Allowed, Attention, Bias, Factors, Heard, Kind, weight_rows

NAME = "unrolled"

_HARMLESS = frozenset(
    {
        *("dropout", "output_attentions", "output_hidden_states", "use_cache", "return_dict", "training"),
        *("cache_position", "position_ids", "position_embeddings", "layer_idx", "logits_to_keep", "deterministic"),
        *("sliding_window", "max_length_q", "max_length_k", "num_items_in_batch", "output_router_logits"),
        *("past_key_values", "head_mask"),  # head_mask: only ever None here
    }
)
"""Arguments that leave the weights as they are; a sliding window also comes in the mask, which is what counts."""


@dataclass(kw_only=True)
class _Listening:
    """One forward pass that is listened to."""

    kind_of: Callable[[nn.Module, int, int], Kind]
    hear: Callable[[Heard], None] | None
    factors: Factors
    plain: bool
    masks: dict[tuple[Any, ...], tuple[Tensor, _Mask]] = field(default_factory=dict)
    layers: defaultdict[Kind, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, kw_only=True)
class _Mask:
    """How a mask was made."""

    causal: bool
    window: int | None
    allowed: Allowed | None


_LISTENING: ContextVar[_Listening | None] = ContextVar("listening", default=None)


@contextmanager
def listening(
    module: PreTrainedModel,
    kind_of: Callable[[nn.Module, int, int], Kind],
    *,
    hear: Callable[[Heard], None] | None = None,
    factors: Factors | None = None,
    plain: bool = False,
) -> Iterator[None]:
    """A forward pass inside goes through `_attention`. `factors` hold for what is listened to further inside. `plain`:
    values are mixed by the formula written out, not by torch's fused kernel, which rounds otherwise."""
    outer = _LISTENING.get()
    held = factors if factors is not None else (outer.factors if outer is not None else {})
    token = _LISTENING.set(_Listening(kind_of=kind_of, hear=hear, factors=held, plain=plain))
    try:
        with implementation(module, NAME):
            yield
    finally:
        _LISTENING.reset(token)


@contextmanager
def implementation(module: PreTrainedModel, name: str) -> Iterator[None]:
    """The model's attention implementation inside. (`set_attn_implementation` looks through all modules each time.)"""
    configs = _configs(module)
    before = [config._attn_implementation_internal for config in configs]
    try:
        for config in configs:
            config._attn_implementation_internal = name
        yield
    finally:
        for config, old in zip(configs, before, strict=True):
            config._attn_implementation_internal = old


def _configs(module: PreTrainedModel) -> list[Any]:
    """The config of every part, each once."""
    found: dict[int, Any] = {}
    waiting: list[Any] = [part.config for part in module.modules() if isinstance(part, PreTrainedModel)]
    while waiting:
        config = waiting.pop()
        if config is not None and id(config) not in found:
            found[id(config)] = config
            waiting += [getattr(config, name, None) for name in config.sub_configs]
    return list(found.values())


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    is_causal: bool | None = None,
    softcap: float | None = None,
    position_bias: Tensor | None = None,
    s_aux: Tensor | None = None,
    **rest: Any,
) -> tuple[Tensor, None]:
    """query (1, head, n, d), key and value (1, key-value head, n_key, d) -> (1, n, head, d)."""
    now = _LISTENING.get()
    assert now is not None
    _refuse_unknown(module, rest)
    n_query, n_key = query.shape[2], key.shape[2]
    kind = now.kind_of(module, n_query, n_key)
    start = n_key - n_query if kind == "self" else 0
    layer = now.layers[kind]
    now.layers[kind] += 1
    causal = bool(is_causal if is_causal is not None else getattr(module, "is_causal", True))
    mask, mask_bias = _explained(now, attention_mask, causal, start, (n_query, n_key))
    attention = Attention(
        n_head=query.shape[1],
        n_key_value=key.shape[1],
        scaling=scaling if scaling is not None else 1 / math.sqrt(query.shape[-1]),
        causal=mask.causal,
        window=mask.window,
        softcap=softcap,
        bias=_sum(_bias(position_bias), mask_bias),
        sinks=_sinks(module, s_aux, query.shape[1]),
        allowed=mask.allowed,
    )
    if now.hear is not None:
        said = {"query": query[0], "key": key[0], "value": value[0]}
        now.hear(Heard(kind=kind, layer=layer, attention=attention, start=start, **said))
    if softcap is None and s_aux is None and not now.plain:
        sdpa: Any = ALL_ATTENTION_FUNCTIONS["sdpa"]
        out = sdpa(
            module, query, key, value, attention_mask, scaling=scaling, is_causal=is_causal, position_bias=position_bias
        )[0]
    else:
        out = _mixed(attention, query[0], key[0], value[0], start)
    return _scaled(out, now.factors, kind, layer), None


def _scaled(out: Tensor, factors: Factors, kind: Kind, layer: int) -> Tensor:
    """out (1, n, head, d), some of its heads times a factor."""
    here = {head: factor for (of, at, head), factor in factors.items() if (of, at) == (kind, layer)}
    if not here:
        return out
    column = torch.ones(out.shape[2], dtype=out.dtype, device=out.device)
    for head, factor in here.items():
        column[head] = factor
    return out * column[:, None]


def _mixed(attention: Attention, query: Tensor, key: Tensor, value: Tensor, start: int) -> Tensor:
    """weights · V where no fused kernel knows the formula. -> (1, n, head, d)."""
    values = value.repeat_interleave(attention.n_head // attention.n_key_value, dim=0)
    rows = torch.arange(start, start + query.shape[1], device=query.device)
    parts = [
        weight_rows(attention, query[:, at : at + 128], key, rows[at : at + 128]).to(value.dtype) @ values
        for at in range(0, query.shape[1], 128)
    ]
    return torch.cat(parts, dim=1).transpose(0, 1)[None].contiguous()


def _refuse_unknown(module: nn.Module, rest: Mapping[str, Any]) -> None:
    unknown = [name for name, said in rest.items() if name not in _HARMLESS and said is not None and said is not False]
    if unknown:
        raise ProbeNotFound(
            f"{type(module).__name__} gives its attention the argument {unknown[0]!r}, which is not understood here, so"
            " its weights cannot be derived."
        )


def _mask(**said: Any) -> Tensor | None:
    """Makes the mask as transformers does for torch's kernel, and remembers how."""
    mask = sdpa_mask(**said)
    now = _LISTENING.get()
    if mask is None or now is None:
        return mask
    padding = said.get("attention_mask")
    if said.get("use_vmap") or said.get("kv_offset") or (padding is not None and not bool(padding.all())):
        return mask  # taken as it is
    function = said.get("mask_function", causal_mask_function)
    if function is causal_mask_function:
        made = _Mask(causal=True, window=None, allowed=None)
    else:
        made = _described(function, said)
    now.masks[_place(mask)] = (mask, made)
    return mask


def _described(function: Callable[..., Tensor], said: Mapping[str, Any]) -> _Mask:
    def allowed(rows: Tensor, keys: Tensor) -> Tensor:
        zero = torch.zeros(1, 1, dtype=torch.long, device=rows.device)
        return function(zero, zero, rows[:, None], keys[None, :]).expand(len(rows), len(keys))

    device, size = said.get("device", "cpu"), int(said.get("local_size") or 0)
    end = int(said.get("q_offset") or 0) + int(said["q_length"])
    rows = torch.linspace(0, end - 1, min(end, 32), device=device).long()
    keys = torch.arange(int(said["kv_length"]), device=device)
    seen = allowed(rows, keys)
    causal = not bool((seen & (keys > rows[:, None])).any())
    is_window = size > 0 and torch.equal(seen, (keys <= rows[:, None]) & (keys > rows[:, None] - size))
    return _Mask(causal=causal, window=size if is_window else None, allowed=allowed)


def _explained(
    now: _Listening, mask: Tensor | None, causal: bool, start: int, shape: tuple[int, int]
) -> tuple[_Mask, Bias | None]:
    """What the mask of a call says; what differs from head to head is a bias."""
    if mask is None:
        return _Mask(causal=causal, window=None, allowed=None), None
    if _place(mask) in now.masks:
        return now.masks[_place(mask)][1], None
    if start or mask.ndim != 4:
        raise ProbeNotFound("A mask of the model's own making is heard only where a text is read in one go.")
    n_query, n_key = shape
    whole = mask[0].expand(-1, n_query, n_key)
    blocked = ~whole if whole.dtype == torch.bool else whole <= torch.finfo(whole.dtype).min / 2
    causal = n_query == n_key > 1 and not bool((~blocked).triu(1).any())
    if len(whole) == 1:
        return _Mask(causal=causal, window=None, allowed=lambda rows, keys: whole[0][rows][:, keys]), None
    added = torch.zeros(whole.shape, device=whole.device).masked_fill(blocked, -math.inf)
    added = added if whole.dtype == torch.bool else whole
    return _Mask(causal=causal, window=None, allowed=_all), lambda rows, keys: added[:, rows][:, :, keys]


def _all(rows: Tensor, keys: Tensor) -> Tensor:
    return torch.ones(len(rows), len(keys), dtype=torch.bool, device=rows.device)


def _place(mask: Tensor) -> tuple[Any, ...]:
    return (mask.untyped_storage().data_ptr(), mask.storage_offset(), tuple(mask.shape), mask.dtype)


def _bias(position_bias: Tensor | None) -> Bias | None:
    """By distance where it depends on that alone, which is n numbers instead of n²."""
    if position_bias is None:
        return None
    whole = position_bias[0]
    if not torch.equal(whole[:, 1:, 1:], whole[:, :-1, :-1]):
        return lambda rows, keys: whole[:, rows][:, :, keys]
    n_row = whole.shape[1]
    by_distance = torch.cat([whole[:, :, 0].flip(1), whole[:, 0, 1:]], dim=1)  # key - row + n_row - 1
    return lambda rows, keys: by_distance[:, keys[None, :] - rows[:, None] + n_row - 1]


def _sum(first: Bias | None, second: Bias | None) -> Bias | None:
    if first is None or second is None:
        return first or second
    return lambda rows, keys: first(rows, keys) + second(rows, keys)


def _sinks(module: nn.Module, s_aux: Tensor | None, n_head: int) -> Tensor | None:
    if s_aux is not None and s_aux.shape != (n_head,):
        raise ProbeNotFound(f"{type(module).__name__} has sinks of shape {list(s_aux.shape)}, not one a head.")
    return s_aux


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, _mask)
