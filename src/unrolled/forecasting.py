"""What a language model expected at each token of a text, before it read it: how unsure it was, and of what.

Beside the surprisal of `scoring` stand the entropy of the whole distribution (Shannon 1948, §6), the place of the token
that came in it, and the likeliest one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from unrolled.checkpoints import Model
from unrolled.progress import Work
from unrolled.scoring import Score, Span, measured_score


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """A text's score, and what was expected at each scored token."""

    score: Score
    """Its surprisals, and how it was read."""
    entropy_bits: Float64[np.ndarray, "token"]
    """Entropy of the distribution over the whole vocabulary, in bits."""
    ranks: Int64[np.ndarray, "token"]
    """Place of the token that came; 1 is the likeliest."""
    top_ids: Int64[np.ndarray, "token"]
    """The likeliest token."""
    top_probabilities: Float64[np.ndarray, "token"]
    """Its probability."""


def forecast(model: Model, text: str, span: Span, *, bos: bool = False) -> Work[Forecast]:
    """Scores a text as `scoring.score` does, its errors too, and keeps what the model expected instead."""
    score, found = yield from measured_score(model, text, expectation, window=span.window, stride=span.stride, bos=bos)
    _, entropy, ranks, top, nats = found.T
    return Forecast(
        score=score,
        entropy_bits=entropy / math.log(2),
        ranks=ranks.astype(np.int64),
        top_ids=top.astype(np.int64),
        top_probabilities=np.exp(-nats),
    )


def expectation(logits: Tensor, came: Tensor) -> Tensor:
    """-ln p of what came, entropy in nats, rank of what came, the likeliest token and its -ln p: (n, 5)."""
    logits = logits.double()
    total, chosen = logits.logsumexp(dim=1), logits.gather(1, came[:, None])
    shares = (logits - total[:, None]).exp()
    entropy = total - (shares * logits).nan_to_num(0.0).sum(dim=1)  # a logit of −∞ has no share
    ranks = (logits > chosen).sum(dim=1) + 1
    largest, likeliest = logits.max(dim=1)
    return torch.stack([total - chosen[:, 0], entropy, ranks, likeliest, total - largest], dim=1)
