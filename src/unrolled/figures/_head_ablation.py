"""Heads switched off: which ones a reader names, and what a model says of a text before and after."""

from __future__ import annotations

import re

import numpy as np

from unrolled.checkpoints import Model
from unrolled.errors import BadKnob
from unrolled.progress import Work
from unrolled.sampling import distribution_of
from unrolled.text import Tokens
from unrolled.trace import logits_of, losses


def said_of(model: Model, tokens: Tokens) -> Work[tuple[np.ndarray, np.ndarray]]:
    """Surprisal of each token but the first, in nats, and the probabilities of what comes next."""
    surprisal = yield from losses(model, tokens)
    logits = yield from logits_of(model, tokens, [len(tokens.ids) - 1])
    found = distribution_of(logits[0])
    probabilities = np.empty(len(found.order))
    probabilities[found.order] = found.probabilities
    return surprisal.astype(np.float64), probabilities


def heads_named(off: str) -> list[tuple[int, int]]:
    """(layer, head) of "3.1 4.7"; BadKnob names the word that is no head."""
    words = off.replace(",", " ").split()
    found = [re.fullmatch(r"(\d{1,3})\.(\d{1,3})", word) for word in words]
    for word, match in zip(words, found, strict=True):
        if match is None:
            raise BadKnob(
                f"heads (ablate): off was “{off[:60]}”; “{word[:20]}” is no head. Name heads as layer.head: 3.1 4.7"
            )
    return list(dict.fromkeys((int(match[1]), int(match[2])) for match in found if match))
