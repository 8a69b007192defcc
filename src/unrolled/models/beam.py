"""What an encoder-decoder writes: the likeliest token each time (greedy), or the best of several texts (beam search).

Beam search as Vaswani et al. 2017, §6.1: texts are compared by log P(Y | X) / lp(Y), with the length penalty of Wu et
al. 2016, "Google's Neural Machine Translation System", eq. 14:

    lp(Y) = ((5 + |Y|) / 6)^α

where |Y| counts the end of the text. Without their coverage penalty. Without any penalty (α = 0) short texts win.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unrolled.models.encoder_decoder import EncoderDecoder


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One text that a model may have written."""

    ids: tuple[int, ...]
    """Its tokens after bos, and eos if it has ended."""
    log_probability: float
    """Of all of them, in nats."""
    score: float
    """log_probability / lp(Y)."""
    ended: bool
    """Whether eos came before the limit."""


def length_penalty(length: int, alpha: float) -> float:
    """lp(Y) of a text of `length` tokens."""
    return float(((5 + length) / 6) ** alpha)


@torch.no_grad()
def greedy(model: EncoderDecoder, source: Tensor, mask: Tensor | None = None, *, longest: int) -> list[Hypothesis]:
    """source (batch, n) -> for each the text that takes the likeliest token each time, of `longest` tokens at most."""
    memory, cache = model.encode(source, mask), model.new_cache()
    ids = source.new_full((len(source), 1), model.config.bos_id)
    total = torch.zeros(len(source), device=source.device)
    ended = torch.zeros_like(total, dtype=torch.bool)
    while ids.shape[1] <= longest and not bool(ended.all()):
        best, token = log_probabilities(model, ids[:, -1:], memory, cache).max(dim=-1)
        total = total + best.masked_fill(ended, 0.0)
        ids = torch.cat((ids, token.masked_fill(ended, model.config.pad_id)[:, None]), dim=1)
        ended |= token == model.config.eos_id
    return [_hypothesis(model, row, float(p), 0.0) for row, p in zip(ids.tolist(), total, strict=True)]


@torch.no_grad()
def beam_search(
    model: EncoderDecoder,
    source: Tensor,
    mask: Tensor | None = None,
    *,
    beam: int = 4,
    alpha: float = 0.6,
    longest: int,
) -> list[list[Hypothesis]]:
    """source (batch, n) -> for each the `beam` best texts that were found, the best standing first.

    Each step grows the `beam` likeliest texts that have not ended. It stops when none of them can overtake the best
    that has, however long it grows. Where none has ended within `longest` tokens, those cut off are given.
    """
    every = torch.arange(len(source), device=source.device)
    memory, cache = model.encode(source, mask).select(every.repeat_interleave(beam)), model.new_cache()
    ids = source.new_full((len(source), beam, 1), model.config.bos_id)
    totals = torch.full((len(source), beam), -torch.inf, device=source.device)
    totals[:, 0] = 0.0  # all texts of a beam are the same so far
    found: list[list[Hypothesis]] = [[] for _ in every]
    for length in range(1, longest + 1):
        said = log_probabilities(model, ids[..., -1:].flatten(0, 1), memory, cache)
        grown = (totals[..., None] + said.view(len(source), beam, -1)).flatten(1)
        best, place = grown.topk(min(2 * beam, grown.shape[1]))  # at most one ends in each text: enough go on
        parents, tokens = place // said.shape[1], place % said.shape[1]
        ended = tokens == model.config.eos_id
        _collect(model, found, (ids, best, parents, ended), beam, alpha)
        totals, kept = best.masked_fill(ended, -torch.inf).topk(beam)
        parents, tokens = parents.gather(1, kept), tokens.gather(1, kept)
        ids = torch.cat((ids.gather(1, parents[..., None].expand(-1, -1, length)), tokens[..., None]), dim=-1)
        if all(map(_decided, found, (totals[:, 0] / length_penalty(longest, alpha)).tolist())):
            break
        cache.select((every[:, None] * beam + parents).flatten())
    cut = [
        [_hypothesis(model, row, p, alpha) for row, p in zip(rows, ps, strict=True) if p > -torch.inf]
        for rows, ps in zip(ids.tolist(), totals.tolist(), strict=True)
    ]
    return [texts or others for texts, others in zip(found, cut, strict=True)]


def log_probabilities(model: EncoderDecoder, last: Tensor, memory: Any, cache: Any) -> Tensor:
    """Of what follows `last` (batch, 1) -> (batch, vocabulary), over the whole vocabulary; -inf for the two tokens that
    stand for no text and never follow. float32 at least."""
    logits = model.decode(last, memory, cache)[:, -1]
    said = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=-1)
    said[:, [model.config.pad_id, model.config.bos_id]] = -torch.inf
    return said


def _collect(
    model: EncoderDecoder,
    found: list[list[Hypothesis]],
    grown: tuple[Tensor, Tensor, Tensor, Tensor],
    beam: int,
    alpha: float,
) -> None:
    """Adds the texts that end in this step; each source keeps its `beam` best."""
    ids, best, parents, ended = grown
    for row, column in (ended & best.isfinite()).nonzero().tolist():
        text = [*ids[row, parents[row, column]].tolist(), model.config.eos_id]
        found[row].append(_hypothesis(model, text, float(best[row, column]), alpha))
    for texts in found:
        texts.sort(key=lambda text: -text.score)
        del texts[beam:]


def _decided(texts: list[Hypothesis], most: float) -> bool:
    """Whether no text that goes on can overtake; `most`: the score of the likeliest if it ended last, for nothing."""
    return most == -torch.inf or bool(texts and texts[0].score >= most)


def _hypothesis(model: EncoderDecoder, row: list[int], log_probability: float, alpha: float) -> Hypothesis:
    ids = row[1:]
    ended = model.config.eos_id in ids
    ids = ids[: ids.index(model.config.eos_id) + 1] if ended else ids
    score = log_probability / length_penalty(len(ids), alpha)
    return Hypothesis(ids=tuple(ids), log_probability=log_probability, score=score, ended=ended)
