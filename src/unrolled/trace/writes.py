"""Who writes what into the residual stream: the embedding first, then the attention and the MLP of every block.

Where the norm stands before each part, the stream after a block is the plain sum of all that was written so far, and so
the length of the last one can be shared out among its writers, exactly: |x| = Σ w·x/|x|. Elhage et al. 2021, "A
Mathematical Framework for Transformer Circuits". Where every sum is normed again, it cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.errors import TextTooLong
from unrolled.models.gpt import Block
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.text import Tokens
from unrolled.trace.stream import Place, Point, Stream, all_places, check_readable

LONGEST = 512
"""Tokens: all that is written is kept until the last block has been read."""

Writer = tuple[Literal["embedding", "attn", "mlp", "block"], int]
"""And its block; -1 for the embedding. "block": both parts of a block of another make together."""
_WRITES: dict[Point, Literal["attn", "mlp"]] = {"mid": "attn", "post": "mlp"}


@dataclass(frozen=True, kw_only=True)
class Writes:
    """Lengths and products of what was written, by writer and position."""

    writers: tuple[Writer, ...]
    """In the order in which they write."""
    additive: bool
    """Whether the stream is the sum of what was written: no norm after it."""
    written: Float64[np.ndarray, "writer token"]
    """Length of what it wrote."""
    before: Float64[np.ndarray, "writer token"]
    """Length of the stream that it was added to; 0 for the embedding."""
    meets: Float64[np.ndarray, "writer token"]
    """Dot product of the two: negative where it takes something back."""
    after: Float64[np.ndarray, "writer token"]
    """Length of the stream then."""
    along: Float64[np.ndarray, "writer token"]
    """What it wrote, measured along the last stream. These add up to the last stream's length. NaN, if not additive."""


def writes(model: Model, tokens: Tokens) -> Work[Writes]:
    """Reads the text once. ProbeNotFound, TextTooLong."""
    check_readable(model)
    if len(tokens) > LONGEST:
        raise TextTooLong(
            f"The text has {len(tokens):,} tokens for {model.name}; what is written is kept for {LONGEST} at most."
            " Give a shorter piece of it."
        )
    stream = Stream(len(tokens), all_places(model) | _parts(model))
    yield from model.reading(tokens.ids, stream.listening)
    steps = _steps(model, stream)
    last, additive = steps[-1][3], not any(getattr(block, "post_norm", False) for block in model.blocks)
    unit = last / last.norm(dim=1, keepdim=True)
    rows = []
    for number, (_, before, written, after) in enumerate(steps):
        yield Progress(number, len(steps), "writers measured")
        stop_if_cancelled()
        along = (written * unit).sum(dim=1) if additive else torch.full_like(unit[:, 0], torch.nan)
        meets = (written * before).sum(dim=1)
        rows.append(torch.stack([written.norm(dim=1), before.norm(dim=1), meets, after.norm(dim=1), along]))
    table = torch.stack(rows, dim=1).cpu().numpy()
    names = ("written", "before", "meets", "after", "along")
    return Writes(
        writers=tuple(writer for writer, *_ in steps), additive=additive, **dict(zip(names, table, strict=True))
    )


def _parts(model: Model) -> dict[Place, nn.Module]:
    """What the parts write, where the stream's steps do not say it: a norm follows, or the block is of another make."""
    places: dict[Place, nn.Module] = {}
    for number, block in enumerate(model.blocks):
        if isinstance(block, Block):
            parts: dict[str, nn.Module] = {"attn": block.attn.out, "mlp": block.mlp.out} if block.post_norm else {}
        else:
            parts = _named_parts(block)
        places |= {(number, "attn" if name == "attn" else "mlp"): part for name, part in parts.items()}
    return places


def _named_parts(block: nn.Module) -> dict[str, nn.Module]:
    """Of a block of another make: the one child that is called attention, and the one that is called an MLP. Whether
    what they give is what is written shows when it is added up."""
    names = [name for name, _ in block.named_children() if "norm" not in name and "dropout" not in name]
    attn = [name for name in names if "attn" in name or "attention" in name]
    mlp = [name for name in names if name in ("mlp", "ffn", "feed_forward")]
    if len(attn) != 1 or len(mlp) != 1:
        return {}
    return {"attn": block.get_submodule(attn[0]), "mlp": block.get_submodule(mlp[0])}


Step = tuple[Writer, Tensor, Tensor, Tensor]
"""A writer; the stream before, what was written, the stream after, each (token, unit)."""


def _steps(model: Model, stream: Stream) -> list[Step]:
    """Of each writer, in float64."""
    heard = {place: x.double() for place, x in stream.heard.items()}
    x = heard[0, "pre"]
    steps: list[Step] = [(("embedding", -1), torch.zeros_like(x), x, x)]
    for number in range(len(model.blocks)):
        ours = (number, "mid") in heard
        steps += _ours(heard, number, x) if ours else _of_another_make(heard, number, x)
        x = heard[number, "post"]
    return steps


def _ours(heard: dict[Place, Tensor], number: int, x: Tensor) -> list[Step]:
    steps: list[Step] = []
    for point, part in _WRITES.items():
        after = heard[number, point]
        steps.append(((part, number), x, heard.get((number, part), after - x), after))
        x = after
    return steps


def _of_another_make(heard: dict[Place, Tensor], number: int, x: Tensor) -> list[Step]:
    """Both parts apart, if with what went in they add up to what came out; else both as one."""
    after, attn, mlp = heard[number, "post"], heard.get((number, "attn")), heard.get((number, "mlp"))
    if attn is None or mlp is None or attn.shape != x.shape or mlp.shape != x.shape:
        return [(("block", number), x, after - x, after)]
    if not torch.allclose(x + attn + mlp, after, rtol=1e-4, atol=1e-4 * float(after.abs().mean())):
        return [(("block", number), x, after - x, after)]
    middle = x + attn
    return [(("attn", number), x, attn, middle), (("mlp", number), middle, after - middle, after)]
