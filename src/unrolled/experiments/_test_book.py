"""How well a model predicts a book that it never read: by context, with context destroyed, in bits a byte."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

from unrolled.experiments._by_context import CHUNK, PLACES, SPARSE, Read, by_context, chunks_of, destroyed
from unrolled.experiments._claim import Found
from unrolled.experiments._small import ROWS, WINDOW
from unrolled.experiments._text import windows
from unrolled.experiments._training import Batch, shuffled
from unrolled.progress import Work
from unrolled.text import Tokenizer, corpus

PIECE = 1024
"""Tokens of one of the disjoint pieces of text that intervals of the shipped models are over."""


def drawing(ids: Tensor, random: np.random.Generator, *, exchanged: bool) -> Callable[[], Batch]:
    """Windows of a text; `exchanged`: what is wanted is exchanged among all places of a batch."""

    def draw() -> Batch:
        given, wanted = windows(ids, ROWS, WINDOW, random)
        return given, shuffled(wanted, random) if exchanged else wanted

    return draw


@cache
def _test() -> str:
    return corpus("fiction").test


def held_out(tokenizer: Tokenizer, chunks: int) -> Tensor:
    """The beginning of the test book: so many chunks that have every place, and what stands before and after them."""
    needed = (chunks + 2 * (PLACES - 1)) * CHUNK + 1
    return torch.tensor(tokenizer.ids_of_each([_test()[: needed * 6]])[0][:needed])


def measured(read: Read, ids: Tensor, tokenizer: Tokenizer, title: str, *, by_piece: bool = False) -> Work[Found]:
    """Nats a token by place in a window, bits a byte of this passage, what destroyed context gains over none
    and costs against the true one."""
    chunks = yield from by_context(read, ids, title)
    noise = yield from destroyed(read, ids, np.random.default_rng(14), title)
    passage = ids[(PLACES - 1) * CHUNK + 1 :]
    spelled = len(tokenizer.decode(passage.tolist()).encode())
    near, far = chunks[::SPARSE, 0], chunks[::SPARSE, -1]
    found = {
        "nats": float(chunks.mean()),
        "bits_per_byte": float(chunks.mean()) * len(passage) / spelled / math.log(2),
        "by_context": chunks.mean(0).tolist(),
        "gain_destroyed": float((near - noise).mean()),
        "cost_destroyed": float((noise - far).mean()),
    }
    if not by_piece:
        return found
    each = chunks.view(-1, PIECE // CHUNK, PLACES).mean(1)  # (piece, place)
    gain = (near - noise).view(len(each), -1).mean(1)
    return found | {"pieces": each.tolist(), "gain_destroyed_pieces": gain.tolist()}


def loss_of_counts(train: Tensor, ids: Tensor, vocabulary: int) -> Found:
    """Nats a token of a model that only knows how often each token occurs (one more than counted)."""
    counts = torch.bincount(train, minlength=vocabulary).double() + 1
    first = (PLACES - 1) * CHUNK + 1
    scored = ids[first : first + chunks_of(len(ids)) * CHUNK]
    return {"unigram": float(-(counts / counts.sum()).log()[scored].mean())}
