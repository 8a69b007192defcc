"""Shipped fiction as claims learn from it: windows of tokens, and the books that nothing is learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from unrolled.experiments._training import Batch
from unrolled.text import Tokenizer, corpus, train_bpe


@dataclass(frozen=True, kw_only=True)
class Fiction:
    """A corpus as ids; the split is by book."""

    tokenizer: Tokenizer
    train: Tensor
    """ids (token)"""
    held_out: Tensor
    """ids (token), of the validation books"""
    bytes_per_token: float
    """Of the held-out books: nats a token over this and ln 2 are bits a byte."""


@cache
def fiction(name: str = "children", vocabulary: int = 512) -> Fiction:
    """A corpus by name; its vocabulary is made from its training part."""
    text = corpus(name)
    tokenizer = train_bpe([text.train], vocabulary)
    train, held_out = map(torch.tensor, tokenizer.ids_of_each([text.train, text.validation]))
    return Fiction(
        tokenizer=tokenizer,
        train=train,
        held_out=held_out,
        bytes_per_token=len(text.validation.encode()) / len(held_out),
    )


def windows(ids: Tensor, rows: int, length: int, drawn: np.random.Generator) -> Batch:
    """Random windows: ids (row, length) and the id after each."""
    starts = torch.from_numpy(drawn.integers(0, len(ids) - length, rows))
    taken = ids[starts[:, None] + torch.arange(length + 1)]
    return taken[:, :-1], taken[:, 1:]


def every_window(ids: Tensor, length: int, most: int) -> Batch:
    """The first `most` windows, one after the other: ids (row, length) and the id after each."""
    rows = min(most, (len(ids) - 1) // length)
    return ids[: rows * length].view(rows, length), ids[1 : rows * length + 1].view(rows, length)
