"""From scores to a name for a head, and an honest "unclassified".

A head gets a name when the lower end of the score's interval is above the threshold. Thresholds lie well above what
random heads reach. Over 4,880 heads of random models (weights' standard deviation .02 to .5, from even attention to all
of it on one key; learned positions, also ten times as loud as the tokens, RoPE and none; decoders and encoders) the
largest lower ends were previous .03, next .00, same .08, first .08, separator .29, local .11, duplicate .01, induction
.02, syntax .00, meaning .08; two got a name, separator. Tests draw such models, and attention pair by pair, again, hold
names given to random heads to 1 % at most, and plant a head of every kind.
"""

from __future__ import annotations

import numpy as np

from unrolled.figures._head_scores import SCORES, Scores

THRESHOLDS = {
    "induction": 0.15,
    "duplicate": 0.15,
    "previous": 0.20,
    "next": 0.20,
    "same": 0.25,
    "syntax": 0.12,
    "first": 0.25,
    "separator": 0.25,
    "meaning": 0.15,
    "local": 0.30,
}
GENERAL = ("first", "meaning", "local")  # where heads rest or lean: named only where nothing more particular is
NEIGHBOURS = ("previous", "next", "same")

LABELS = {
    "induction": "induction",
    "duplicate": "duplicate token",
    "previous": "previous token",
    "next": "next token",
    "same": "same token",
    "syntax": "syntactic arc",
    "first": "first token",
    "separator": "separator",
    "meaning": "similar meaning",
    "local": "local",
}
UNCLASSIFIED = "unclassified"


def labels_of(scores: Scores) -> tuple[tuple[str, ...], ...]:
    """(score, layer, head) -> a name for each layer's heads."""
    _, n_layer, n_head = scores.low.shape
    return tuple(tuple(_label(scores.low[:, layer, head]) for head in range(n_head)) for layer in range(n_layer))


def _label(low: np.ndarray) -> str:
    """The pattern furthest above its threshold, as a share of what is left above it."""
    score = dict(zip(SCORES, low, strict=True))
    passed = {name for name, threshold in THRESHOLDS.items() if score[name] > threshold}
    if "local" in passed:  # three neighbours alike are no "previous token"
        passed -= {name for name in NEIGHBOURS if score[name] < score["local"] / 2}
    if "meaning" in passed:  # a token is most like itself, but this head likes others too
        passed -= {"duplicate", "same"}
    best = passed - set(GENERAL) or passed
    if not best:
        return UNCLASSIFIED
    return LABELS[max(best, key=lambda name: (score[name] - THRESHOLDS[name]) / (1 - THRESHOLDS[name]))]
