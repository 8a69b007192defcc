"""Modules as shapes: what a config asks for is known before anything is read, and costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import init
from torch.overrides import TorchFunctionMode


@contextmanager
def shapes_only() -> Iterator[None]:
    """Modules made inside have shapes and no numbers: nothing is allocated, nothing is initialised."""
    with torch.device("meta"), _Uninitialised():
        yield


class _Uninitialised(TorchFunctionMode):
    """Leaves out torch.nn.init. For tensors without numbers torch takes its Python decompositions, and to import these
    (torch._dynamo, sympy …) takes longer than all the rest of opening a model."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__module__", None) == init.__name__:
            return named["tensor"] if "tensor" in named else args[0]
        return func(*args, **named)
