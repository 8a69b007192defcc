"""How much of a text a language model uses: its loss at the same tokens, given more and more of those before them.

Khandelwal et al. 2018, "Sharp Nearby, Fuzzy Far Away", §4: the effective context size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONTEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 200)
"""Tokens given before the scored one, at the least; of many up to an eighth more, so that tokens share a window."""
BLOCK = 400
"""Scored tokens that stand together."""


def blocks(ids: Tensor, part: int, parts: int, n: int) -> list[int]:
    """Where the blocks of one part begin: all parts' lie evenly over the text, and take turns."""
    first, last = max(CONTEXTS), len(ids) - BLOCK
    between = (last - first) / max(n * parts - 1, 1)
    return [first + round(between * (part + parts * k)) for k in range(n)]


@torch.no_grad()
def losses(module: nn.Module, ids: Tensor, start: int, contexts: Sequence[int] = CONTEXTS) -> list[float]:
    """Mean surprisal in nats of tokens start … start + BLOCK − 1, for each length of context.

    A window of c + m − 1 tokens scores m = c/8 tokens, one at least: they are given c to c + m − 1 tokens.
    """
    found = []
    for context in contexts:
        together = max(1, context // 8)
        targets = start + torch.arange(BLOCK).view(-1, together)  # (window, scored)
        window = ids[targets[:, :1] - context + torch.arange(context + together - 1)]
        logits = module(window)[:, context - 1 :]  # (window, scored, vocabulary)
        found.append(float(F.cross_entropy(logits.flatten(0, 1), ids[targets].flatten())))
    return found


def needed(contexts: Sequence[int], loss: Sequence[float], within: float) -> float:
    """Tokens of context at which the loss has come within `within` of its least; between two lengths on a log scale."""
    bound = min(loss) + within
    for i, value in enumerate(loss):
        if value <= bound:
            if i == 0:
                return float(contexts[0])
            share = (loss[i - 1] - bound) / (loss[i - 1] - value)
            return math.exp((1 - share) * math.log(contexts[i - 1]) + share * math.log(contexts[i]))
    raise AssertionError("the least is within the bound")
