"""Heads of our own models scaled, 0 being off: before the output projection, where each has columns of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from unrolled.models.weighing import Factors, Kind


@contextmanager
def scale_heads(factors: Factors, n_head: int, d_head: int, output: Callable[[Kind, int], nn.Module]) -> Iterator[None]:
    """Forward passes inside have these heads scaled; `output` gives a layer's output projection."""
    with ExitStack() as hooks:
        for kind, layer in {(kind, layer) for kind, layer, _ in factors}:
            widths = [factors.get((kind, layer, head), 1.0) for head in range(n_head)]
            column = torch.tensor(widths).repeat_interleave(d_head)
            hooks.callback(output(kind, layer).register_forward_pre_hook(_times(column)).remove)
        yield


def _times(column: Tensor) -> Callable[[nn.Module, tuple[Tensor]], tuple[Tensor]]:
    return lambda _, inputs: (inputs[0] * column.to(inputs[0]),)
