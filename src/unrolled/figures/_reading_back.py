"""The probes of `recurrence`, fitted once for a model and kept with it, and what they say of a reader's text."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from unrolled.checkpoints import Model
from unrolled.progress import Work
from unrolled.text import Tokens
from unrolled.text.corpora import corpus
from unrolled.trace.readback import Part, Probe, carried, fit_probe

_Z = 1.96  # half the width of a 95 % interval in standard errors


def probe_of(model: Model, part: Part) -> Work[Probe]:
    """Fitted on the training part of the shipped fiction and tested on its validation book."""
    return (yield from model.keeping("readback", part, lambda: _fitted(model, part)))


def _fitted(model: Model, part: Part) -> Work[Probe]:
    fiction = corpus("fiction")
    return (yield from fit_probe(model, part, fiction.train, fiction.validation))


def summed_up(probe: Probe, furthest: int) -> dict[str, Any]:
    """How well it did, by distance; the interval is over the held-out pieces of text."""
    near = slice(furthest + 1)
    right = probe.right[near]
    mean = right.mean(axis=1)
    error = _Z * right.std(axis=1, ddof=1) / np.sqrt(right.shape[1])
    return {
        "accuracy": mean,
        "low": np.maximum(0, mean - error),
        "high": np.minimum(1, mean + error),
        "control": probe.shuffled[near].mean(axis=1),
        "median_rank": probe.median_rank[near].astype(np.float64),
        "n_named": len(probe.classes),
        "n_training": probe.n_training,
        "n_test": probe.n_test,
        "n_unit": probe.voters.shape[1],
    }


def read_at_the_end(model: Model, probe: Probe, part: Part, tokens: Tokens, furthest: int) -> dict[str, Any]:
    """Of each of the last tokens: what the probe reads out at the end of the text, and the rank of the true one."""
    state = carried(model, part, np.array([tokens.ids]))[0, -1]
    votes = probe.votes(state)
    found, ranks = [], []
    for distance in range(min(furthest + 1, len(tokens.ids))):
        scores = probe.scores_of(votes, distance)
        found.append(model.tokenizer.piece(int(probe.classes[int(scores.argmax())])))
        at = torch.from_numpy(probe.classes) == tokens.ids[-1 - distance]
        ranks.append(1 + int((scores > scores[at]).sum()) if bool(at.any()) else len(probe.classes) + 1)
    return {
        "own_tokens": tuple(reversed(tokens.strings))[: len(found)],
        "own_found": tuple(found),
        "own_rank": np.array(ranks, dtype=np.int64),
    }
