"""Loss by how many tokens a token has before it: the same tokens, read from window starts nearer and farther.

A text is cut into chunks of 32 tokens. Windows of 256 begin at every chunk, so that each chunk is read eight times: as
the first of a window, as the second … as the last. Nothing but the context before it differs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.progress import Progress

WINDOW, CHUNK = 256, 32
PLACES = WINDOW // CHUNK
"""Of a chunk in a window."""
SPARSE = 4
"""One chunk of so many is read with its context destroyed."""
_TOGETHER = 16  # windows read in one pass

Read = Callable[[Tensor], Tensor]
"""ids (row, position) -> logits (row, position, vocabulary)."""


def chunks_of(tokens: int) -> int:
    """Chunks of a text that have every place."""
    return (tokens - 1 - WINDOW) // CHUNK + 2 - PLACES


def by_context(read: Read, ids: Tensor, title: str) -> Generator[Progress, None, Tensor]:
    """ids (token) -> mean nats a token (chunk, place): at place k 32 k + 1 to 32 (k + 1) tokens are before it."""
    starts = torch.arange(0, len(ids) - WINDOW, CHUNK)
    nats = yield from _nats(read, ids[starts[:, None] + torch.arange(WINDOW + 1)], title)
    means = nats.view(len(starts), PLACES, CHUNK).mean(-1)  # (window, place); window w has chunk w + k at place k
    whole = len(starts) - PLACES + 1
    return torch.stack([means[PLACES - 1 - k : PLACES - 1 - k + whole, k] for k in range(PLACES)], dim=1)


def destroyed(read: Read, ids: Tensor, drawn: np.random.Generator, title: str) -> Generator[Progress, None, Tensor]:
    """ids (token) -> mean nats a token (chunk,) of every fourth chunk of `by_context` at the last place of a window.

    Before it stands a passage from anywhere in the text. It has as many true tokens as at the first place.
    """
    first = (PLACES - 1) * CHUNK
    starts = torch.arange(first, first + chunks_of(len(ids)) * CHUNK, CHUNK * SPARSE)
    near = ids[starts[:, None] + torch.arange(CHUNK + 1)]
    elsewhere = torch.from_numpy(drawn.integers(0, len(ids) - first, len(starts)))
    far = ids[elsewhere[:, None] + torch.arange(first)]
    nats = yield from _nats(read, torch.cat([far, near], dim=1), title)
    return nats[:, -CHUNK:].mean(1)


@torch.no_grad()
def _nats(read: Read, rows: Tensor, title: str) -> Generator[Progress, None, Tensor]:
    """rows (row, n + 1) -> nats of each token but the first (row, n)."""
    found = []
    for at, part in enumerate(torch.split(rows, _TOGETHER)):
        yield Progress(at * _TOGETHER, len(rows), title)
        logits = read(part[:, :-1]).flatten(0, 1)
        found.append(F.cross_entropy(logits, part[:, 1:].flatten(), reduction="none").view(len(part), -1))
    return torch.cat(found)
