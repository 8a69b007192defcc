"""A sample now and then: what the model says so far, of any family, at the cost of a few steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from unrolled.checkpoints.first import seed_of
from unrolled.text import Tokenizer
from unrolled.training.batches import Batch, Special

PROMPT, LENGTH = 16, 64
"""Tokens of the held-out text that are continued, and tokens said."""
TEMPERATURE = 0.8

Sample = tuple[str, str]


def continuation(module: nn.Module, tokenizer: Tokenizer, prompt: list[int], context: int, seed: int) -> Sample:
    """The prompt and how a language model goes on. The module is in eval mode."""
    random = torch.Generator().manual_seed(seed)

    def draw(logits: Tensor) -> int:
        return int(torch.multinomial((logits / TEMPERATURE).softmax(-1), 1, generator=random))

    device = next(module.parameters()).device

    def forward(said: list[int]) -> Tensor:
        return module(torch.tensor([said[-context:]], device=device), last_only=True)  # type: ignore[no-any-return]

    ids = _said(forward, prompt, draw, set())
    return tokenizer.decode(prompt), tokenizer.decode(ids[len(prompt) :])


def translation(module: nn.Module, tokenizer: Tokenizer, pair: Batch, special: Special) -> Sample:
    """The first source of a batch and its translation, the likeliest token each time. The module is in eval mode."""
    assert pair.source is not None
    source, mask = pair.source[:1], None if pair.source_mask is None else pair.source_mask[:1]

    def draw(logits: Tensor) -> int:
        return int(logits.argmax())

    def forward(said: list[int]) -> Tensor:
        return module(source, torch.tensor([said], device=source.device), source_mask=mask)  # type: ignore[no-any-return]

    ids = _said(forward, [special.bos], draw, {special.eos})
    return tokenizer.decode(source[0].tolist()), tokenizer.decode(ids)


def sample_seed(seed: int, step: int) -> int:
    """For the sample of a step."""
    return seed_of(seed, "sample", step)


@torch.no_grad()
def _said(
    forward: Callable[[list[int]], Tensor], start: list[int], draw: Callable[[Tensor], int], ends: set[int]
) -> list[int]:
    ids = list(start)
    while len(ids) < len(start) + LENGTH and ids[-1] not in ends:
        ids.append(draw(forward(ids)[0, -1].float().cpu()))
    return ids
