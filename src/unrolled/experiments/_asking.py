"""Asking a language model many things at once: right answers scored after their prompts, and texts written on.

Prompts that begin alike share the keys and values of what they have in common, which is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unrolled.checkpoints import Model
from unrolled.models.cache import KeyValueCache

Ids = Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Means over what was asked."""

    exact: float
    """Share of right answers that greedy decoding writes: every token likeliest after the right ones."""
    log_likelihood: float
    """Of the right answers' tokens, in nats a token."""


def answers(model: Model, prompts: Sequence[Ids], right: Sequence[Ids]) -> Answers:
    """Scores each right answer after its prompt."""
    alike = min(shared(prompts), *(len(prompt) - 1 for prompt in prompts))  # one token at least is read for each
    rows = [(*prompt[alike:], *answer) for prompt, answer in zip(prompts, right, strict=True)]
    width = max(map(len, rows)) - 1
    ids = torch.tensor([([*row[:-1], *[0] * width])[:width] for row in rows])  # what stands behind an end is not seen
    with model.running() as module:
        logits = module(ids, cache=_read(module, prompts[0][:alike], len(rows)))
        exact, likely = 0, 0.0
        for row, prompt, answer in zip(logits, prompts, right, strict=True):
            start = len(prompt) - alike - 1
            said = row[start : start + len(answer)].float().log_softmax(-1)
            wanted = torch.tensor(answer)
            exact += bool((said.argmax(-1) == wanted).all())
            likely += float(said.gather(1, wanted[:, None]).mean())
    return Answers(exact=exact / len(rows), log_likelihood=likely / len(rows))


def written(model: Model, prompts: Sequence[Ids], n: int) -> list[str]:
    """n tokens after each prompt, each the likeliest; prompts of one length."""
    alike = min(shared(prompts), len(prompts[0]) - 1)
    out: list[Tensor] = []
    with model.running() as module:
        cache = _read(module, prompts[0][:alike], len(prompts))
        ids = torch.tensor([list(prompt[alike:]) for prompt in prompts])
        for _ in range(n):
            ids = module(ids, cache=cache, last_only=True)[:, -1].argmax(-1)[:, None]
            out.append(ids)
    return [model.tokenizer.decode(row) for row in torch.cat(out, dim=1).tolist()]


def ids_of(model: Model, text: str) -> Ids:
    """Of a plain text."""
    return model.tokenizer.encode(text).ids


def shared(prompts: Sequence[Ids]) -> int:
    """How many first tokens all have in common."""
    n = 0
    for tokens in zip(*prompts, strict=False):
        if len(set(tokens)) > 1:
            break
        n += 1
    return n


def _read(module: torch.nn.Module, ids: Ids, rows: int) -> KeyValueCache:
    """Keys and values of `ids`, read once, for so many rows."""
    once, cache = KeyValueCache(), KeyValueCache()
    if not ids:
        return cache
    module(torch.tensor([list(ids)]), cache=once, last_only=True)
    for layer in range(len(module.blocks)):  # type: ignore[arg-type]
        keys, values = once.keys(layer), once.values(layer)
        cache.extend(layer, keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1))
    cache.advance(once.length)
    return cache
