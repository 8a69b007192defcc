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
    """What the parts write, where a norm follows it: elsewhere the stream's own steps say it."""
    places: dict[Place, nn.Module] = {}
    for number, block in enumerate(model.blocks):
        if isinstance(block, Block) and block.post_norm:
            places[number, "attn"], places[number, "mlp"] = block.attn.out, block.mlp.out
    return places


def _steps(model: Model, stream: Stream) -> list[tuple[Writer, Tensor, Tensor, Tensor]]:
    """Of each writer: the stream before, what was written, the stream after, each (token, unit) in float64."""
    heard = {place: x.double() for place, x in stream.heard.items()}
    x = heard[0, "pre"]
    steps: list[tuple[Writer, Tensor, Tensor, Tensor]] = [(("embedding", -1), torch.zeros_like(x), x, x)]
    for number in range(len(model.blocks)):
        points = [point for point in _WRITES if (number, point) in heard]
        for point in points:
            after = heard[number, point]
            part = _WRITES[point]
            written = heard.get((number, part), after - x)
            steps.append(((part if len(points) == 2 else "block", number), x, written, after))
            x = after
    return steps
