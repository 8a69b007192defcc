"""How well a model answers: the log-likelihood of the right answer, character by character, and whether it writes it.

Greedy decoding writes the right answer exactly when the right answer's every token is the likeliest after those before
it, so one forward pass over prompt and answer gives both measures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64

from unrolled.models.cache import KeyValueCache
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


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a model goes on with after a prompt, and what it gives to the right answer."""

    ids: Int64[np.ndarray, "token"]
    """Greedy decoding, as many tokens as the right answer has."""
    log_likelihoods: Float32[np.ndarray, "token"]
    """Of the right answer's tokens, each after the right ones before it, in nats."""


@torch.inference_mode()
def answer(module: GPT, prompt: Int64[np.ndarray, "position"], right: Int64[np.ndarray, "token"]) -> Written:
    """Writes on after `prompt`, one token at a time, and scores `right` in one pass."""
    cache = KeyValueCache()
    logits = module(torch.from_numpy(prompt)[None], cache=cache)[0, -1]
    ids: list[int] = []
    while len(ids) < len(right):
        ids.append(int(logits.argmax()))
        if len(ids) < len(right):
            logits = module(torch.tensor([[ids[-1]]]), cache=cache)[0, -1]
    whole = torch.from_numpy(np.concatenate([prompt, right]))
    said = module(whole[None, :-1])[0, -len(right) :].float().log_softmax(-1)
    chosen = said.gather(1, whole[-len(right) :, None])[:, 0]
    return Written(ids=np.array(ids, np.int64), log_likelihoods=chosen.numpy())
