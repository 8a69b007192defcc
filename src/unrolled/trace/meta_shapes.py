"""What functions give on the meta device, where tensors have shapes and no numbers.

torch knows it too, and takes Python code for it whose imports (sympy, torch._dynamo …) take seconds. These few are all
that our decoder and our encoder-decoder call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def _broadcast(*args: Any, **_: Any) -> Tensor:
    """Each size the largest there, counted from the last."""
    tensors = [each for each in args if isinstance(each, Tensor)]
    sizes = zip_longest(*(reversed(x.shape) for x in tensors), fillvalue=1)
    return tensors[0].new_empty([max(size) for size in sizes][::-1])


def _like(x: Tensor, *_: Any, **__: Any) -> Tensor:
    return x.new_empty(x.shape)


def _linear(x: Tensor, weight: Tensor, *_: Any) -> Tensor:
    return x.new_empty((*x.shape[:-1], weight.shape[0]))


def _embedding(ids: Tensor, table: Tensor, *_: Any, **__: Any) -> Tensor:
    return table.new_empty((*ids.shape, table.shape[1]))


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
    return query.new_empty((*query.shape[:-1], value.shape[-1]))


def _repeat(x: Tensor, *times: int) -> Tensor:
    return x.new_empty([size * by for size, by in zip(x.shape, times, strict=True)])


def _cat(parts: tuple[Tensor, ...], dim: int = 0) -> Tensor:
    shape = list(parts[0].shape)
    shape[dim] = sum(part.shape[dim] for part in parts)
    return parts[0].new_empty(shape)


def _mask(x: Tensor, *_: Any, **__: Any) -> Tensor:
    return x.new_empty(x.shape, dtype=torch.bool)


_BY_NAME: Mapping[str, Callable[..., Tensor]] = {
    **dict.fromkeys(("add", "mul"), _broadcast),
    **dict.fromkeys(("neg", "cos", "sin", "gelu", "relu", "silu", "layer_norm", "rms_norm"), _like),
    **dict.fromkeys(("ne", "ones_like"), _mask),
    "repeat": _repeat,
    "cat": _cat,
}
_BY_FUNCTION: Mapping[Any, Callable[..., Tensor]] = {
    F.linear: _linear,
    F.embedding: _embedding,
    F.scaled_dot_product_attention: _attention,
}


def shaped(func: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> Tensor | None:
    """What a torch function would give; None where torch itself may say so."""
    if func is torch.arange and str(named.get("device")) == "meta":
        counted: Tensor = torch.arange(*args, **{**named, "device": "cpu"})
        return counted.to("meta")
    first = args[0] if args else None
    first = first[0] if isinstance(first, (tuple, list)) and first else first
    if not isinstance(first, Tensor) or not first.is_meta:
        return None
    known = _BY_FUNCTION.get(func) or _BY_NAME.get(getattr(func, "__name__", ""))
    return known(*args, **named) if known is not None else None
