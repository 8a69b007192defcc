"""How well a model answers: the log-likelihood of the right answer, character by character, and whether it writes it.

Greedy decoding writes the right answer exactly when the right answer's every token is the likeliest after those before
it, so one forward pass over prompt and answer gives both measures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64

from unrolled.models.gpt import GPT


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a model makes of texts whose answers are known."""

    exact: Bool[np.ndarray, "row"]
    """Whether greedy decoding writes the whole answer."""
    right: Float32[np.ndarray, "row"]
    """Share of the answer's tokens that are likeliest where they stand."""
    log_likelihood: Float32[np.ndarray, "row"]
    """Mean log-probability of the answer's tokens, in nats a token."""


@torch.inference_mode()
def score(module: GPT, ids: Int64[np.ndarray, "row position"], last: int) -> Answered:
    """`ids`: prompts with their answers, which are the last `last` tokens."""
    tokens = torch.from_numpy(ids)
    found = module(tokens[:, :-1])[:, -last:].float().log_softmax(-1)
    given = tokens[:, -last:, None]
    right = found.argmax(-1, keepdim=True) == given
    return Answered(
        exact=right.all(1)[:, 0].numpy(),
        right=right.float().mean((1, 2)).numpy(),
        log_likelihood=found.gather(-1, given).mean((1, 2)).numpy(),
    )
