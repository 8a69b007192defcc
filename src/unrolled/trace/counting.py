"""Counting matrix products while a model runs.

A product of a row and a column of length k is k multiplications and as many additions: 2k floating-point operations
(FLOPs), as in Kaplan et al. 2020, §2.1. Products are nearly all of the work; norms, softmax, activations and sums are
not counted. Products with a parameter are told from products of activations with one another, which are those of
attention: queries times keys, weights times values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from unrolled.trace.meta_shapes import shaped

SUMS = frozenset({"add", "add_", "__add__", "__radd__", "__iadd__"})
"""Names of the functions that add one tensor to another."""


@dataclass(frozen=True)
class Product:
    """One call: its operations, what was multiplied, the shape of what came out."""

    operations: int
    operands: tuple[Tensor, ...]
    shape: tuple[int, ...]


def _linear(out: Tensor, x: Tensor, weight: Tensor, bias: Any = None) -> list[Product]:
    return [Product(2 * out.numel() * weight.shape[-1], (weight,), tuple(out.shape))]


def _matmul(out: Tensor, *operands: Tensor, **named: Any) -> list[Product]:
    left, right = (*operands, *(each for each in named.values() if isinstance(each, Tensor)))[:2]
    return [Product(2 * out.numel() * left.shape[-1], (left, right), tuple(out.shape))]


def _added_matmul(out: Tensor, added: Tensor, *operands: Tensor, **named: Any) -> list[Product]:
    return _matmul(out, *operands, **named)


def _convolution(out: Tensor, x: Tensor, weight: Tensor, *_: Any, **__: Any) -> list[Product]:
    return [Product(2 * out.numel() * weight[0].numel(), (weight,), tuple(out.shape))]


def _attention(out: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> list[Product]:
    """Scores, then the mix of values; the shape is that of the map."""
    rows, n_key = query.numel() // query.shape[-1], key.shape[-2]
    shape = (*query.shape[:-1], n_key)
    return [Product(2 * rows * n_key * (query.shape[-1] + value.shape[-1]), (), shape)]


def _einsum(out: Tensor, equation: str, *operands: Any) -> list[Product]:
    """Every index, whether it is summed over or stays, is a loop."""
    tensors = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    if len(tensors) != 2 or "." in equation:
        return []
    sides = equation.replace(" ", "").split("->")[0].split(",")
    sizes = {
        name: size for side, x in zip(sides, tensors, strict=True) for name, size in zip(side, x.shape, strict=True)
    }
    return [Product(2 * math.prod(sizes.values()), tuple(tensors), tuple(out.shape))]


def _multihead(out: Any, query: Tensor, key: Tensor, value: Tensor, *rest: Any, **named: Any) -> list[Product]:
    """nn.MultiheadAttention's function: three maps in, attention, one map out. query (n, batch, width)."""
    names = ("embed", "heads", "into", "into_bias", "bias_k", "bias_v", "zero", "dropout", "out")
    said = dict(zip(names, rest, strict=False)) | named
    width, rows, n_key = query.shape[-1], query.numel() // query.shape[-1], key.shape[0]
    apart = [said.get(f"{name}_proj_weight") for name in "qkv"]
    found = [
        Product(2 * width * x.numel(), (said["into"] if weight is None else weight,), tuple(x.shape))
        for x, weight in zip((query, key, value), apart, strict=True)
    ]
    pairs = Product(4 * rows * n_key * width, (), (said["heads"], query.shape[0], n_key))
    outward = said["out"] if "out" in said else said["out_proj_weight"]
    return [*found, pairs, Product(2 * width * rows * width, (outward,), tuple(query.shape))]


_PRODUCTS: Mapping[Any, Callable[..., list[Product]]] = {
    F.linear: _linear,
    torch._weight_int8pack_mm: lambda out, x, weight, *_: _linear(out, x, weight),
    **dict.fromkeys((torch.matmul, torch.mm, torch.bmm, torch.mv, torch.dot), _matmul),
    **dict.fromkeys((Tensor.matmul, Tensor.mm, Tensor.bmm, Tensor.mv, Tensor.dot, Tensor.__matmul__), _matmul),
    **dict.fromkeys((torch.addmm, torch.baddbmm, torch.addmv, Tensor.addmm, Tensor.baddbmm), _added_matmul),
    **dict.fromkeys((F.conv1d, F.conv2d, torch.conv1d, torch.conv2d), _convolution),
    F.scaled_dot_product_attention: _attention,
    torch.einsum: _einsum,
    F.multi_head_attention_forward: _multihead,
}


class Counting(TorchFunctionMode):
    """Tells every product, and what is made from what."""

    def __init__(self, product: Callable[[Product], None], made: Callable[[str, Any, list[Tensor]], None]) -> None:
        """`made(name of the function, result, of which tensors)`."""
        super().__init__()
        self._product, self._made = product, made

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        out = shaped(func, args, named)
        out = func(*args, **named) if out is None else out
        of = list(_tensors((*args, *named.values())))
        if func in _PRODUCTS and of and _result(out) is not None:
            for product in _PRODUCTS[func](_result(out), *args, **named):
                self._product(product)
        self._made(getattr(func, "__name__", ""), out, of)
        return out


def rnn_products(module: nn.RNNBase, inputs: Any, output: Any) -> Product:
    """A recurrent layer's fused kernel: every matrix times a vector, once a token."""
    x = inputs[0]
    data = getattr(x, "data", x)
    rows = data.numel() // module.input_size
    matrices = sum(p.numel() for p in module.parameters(recurse=False) if p.ndim == 2)
    return Product(2 * matrices * rows, (), tuple(output[0].shape) if isinstance(output[0], Tensor) else ())


def _result(out: Any) -> Tensor | None:
    if isinstance(out, tuple) and out:
        out = out[0]
    return out if isinstance(out, Tensor) else None


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from (each for each in value if isinstance(each, Tensor))
