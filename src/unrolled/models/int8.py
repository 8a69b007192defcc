"""Weights as whole numbers of eight bits: a quarter of the memory to read for every token, which is what one costs.

Each row of a matrix is divided by a factor of its own, so that its largest entry becomes 127, and rounded ("absmax",
row by row; Dettmers et al. 2022, §2). What is multiplied with them is rounded to bfloat16, and so is the product. This
is an approximation, and whoever asks for it is told so; `unrolled score` says what it costs on a text.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.models.gpt import GPT
from unrolled.models.linear import FEW, Linear

LARGEST = 127


class Int8Linear(nn.Module):
    """A linear map with int8 weights."""

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """From `weight` (out, in) of any floating dtype."""
        super().__init__()
        whole, scale = quantise(weight)
        self.register_buffer("weight", whole)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """x (…, in) -> (…, out), in x's dtype."""
        rows = x.reshape(-1, x.shape[-1]).bfloat16()
        if len(rows) <= FEW and rows.device.type == "cpu":
            out = torch._weight_int8pack_mm(rows, self.weight, self.scale).to(x.dtype)  # reads each weight as one byte
        else:  # bfloat16 holds whole numbers up to 256 exactly
            out = F.linear(rows, self.weight.bfloat16()).to(x.dtype) * self.scale.to(x.dtype)
        return (out if self.bias is None else out + self.bias).reshape(*x.shape[:-1], -1)


def quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """weight (out, in) -> whole numbers from -127 to 127 as int8 (out, in), and each row's factor (out,), bfloat16."""
    largest = weight.float().abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
    scale = (largest / LARGEST).bfloat16()
    whole = (weight.float() / scale.float()[:, None]).round().clamp(-LARGEST, LARGEST)
    return whole.to(torch.int8), scale


def with_int8_weights(module: GPT) -> GPT:
    """The same GPT, in place: every linear map and the head that gives logits; the table of embeddings stays."""
    for parent in list(module.modules()):
        for name, part in list(parent.named_children()):
            if isinstance(part, Linear):
                setattr(parent, name, Int8Linear(part.weight, part.bias))
    if module.head is None:
        module.head = Int8Linear(module.embed.weight)
    return module
