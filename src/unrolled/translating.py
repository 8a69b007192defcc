"""What an encoder-decoder writes for a text: the likeliest token each time, or the best that beam search finds."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from unrolled.checkpoints import Model
from unrolled.checkpoints.prefixes import as_row
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.models.beam import Hypothesis, beam_search, greedy
from unrolled.models.seq2seq import Seq2Seq
from unrolled.models.transformer import Transformer
from unrolled.models.weighing import Heard, weight_rows
from unrolled.progress import Progress, Work, finish, stop_if_cancelled
from unrolled.text import Tokenizer, Tokens

WIDEST = 64
"""The most texts that a beam keeps."""
TOGETHER = 32
"""Texts that are translated at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Translation:
    """What was written, and how sure the model is of it."""

    source: Tokens
    """As the encoder read it, with the token that ends it."""
    tokens: Tokens
    """As the decoder wrote it, with the token that ends it unless it was cut off."""
    score: float
    """log P(target | source) / length penalty, in nats (models/beam.py)."""
    log_probability: float
    """log P(target | source), in nats."""
    ended: bool
    """Whether the model ended it; if not, it was cut off."""
    alignment: Float32[np.ndarray, "target source"] | None
    """Weights of the attention from which each token was written, rows summing to 1. None where the model has none, and
    for the Transformer, which has several a layer: record(…) and the figure `heads` show these."""

    @property
    def text(self) -> str:
        """What was written, without special tokens."""
        return self.tokens.text


def translate(model: Model, text: str, *, beam: int = 4, alpha: float = 0.6) -> Translation:
    """The best of `beam` texts, by log-probability over length penalty with exponent `alpha`. beam=1: greedy.

    Raises:
        ProbeNotFound: the model is no encoder-decoder of one of our families.
        TextTooLong, EmptyText, BadKnob
    """
    return finish(translating(model, [text], beam=beam, alpha=alpha))[0]


def translating(model: Model, texts: Sequence[str], *, beam: int = 4, alpha: float = 0.6) -> Work[list[Translation]]:
    """As `translate`, many at a time, those of about one length together."""
    _check(model, beam, alpha)
    sources = [model.encode(text) for text in texts]
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    done: dict[int, Translation] = {}
    for at in range(0, len(order), TOGETHER):
        yield Progress(at, len(order), "texts translated")
        stop_if_cancelled()
        batch = order[at : at + TOGETHER]
        found = _searched(model, [sources[i] for i in batch], beam, alpha)
        done |= {i: _told(model, sources[i], best) for i, best in zip(batch, found, strict=True)}
    return [done[i] for i in range(len(texts))]


def _check(model: Model, beam: int, alpha: float) -> None:
    if not isinstance(model.module, Seq2Seq | Transformer):
        raise ProbeNotFound(
            f"{model.name} ({model.architecture}) does not translate: that takes an encoder-decoder of the family"
            " seq2seq or transformer."
        )
    if not 1 <= beam <= WIDEST:
        raise BadKnob(f"beam was {beam}; it takes 1 to {WIDEST}.")
    if not alpha >= 0:
        raise BadKnob(f"alpha was {alpha:g}; it takes 0, where nothing is done about length, or more.")


def _searched(model: Model, sources: Sequence[Tokens], beam: int, alpha: float) -> list[Hypothesis]:
    lengths = torch.tensor([len(source) for source in sources])
    longest = model.context - 1  # not a limit by the source's length, which would be that of the longest beside it
    mask = (torch.arange(int(lengths.max())) < lengths[:, None]).to(model.device)
    with model.running() as module:
        assert isinstance(module, Seq2Seq | Transformer)
        ids = torch.full(mask.shape, module.config.pad_id)
        for row, source in enumerate(sources):
            ids[row, : len(source)] = torch.tensor(source.ids)
        ids = ids.to(model.device)
        if beam == 1:
            return greedy(module, ids, mask, longest=longest)
        return [texts[0] for texts in beam_search(module, ids, mask, beam=beam, alpha=alpha, longest=longest)]


def _told(model: Model, source: Tokens, best: Hypothesis) -> Translation:
    return Translation(
        source=source,
        tokens=_tokens(model.tokenizer, best.ids),
        score=best.score,
        log_probability=best.log_probability,
        ended=best.ended,
        alignment=_alignment(model, source.ids, best.ids),
    )


def _alignment(model: Model, source: Sequence[int], written: Sequence[int]) -> np.ndarray | None:
    """Read once more with the target given: row i is where the decoder looked before it wrote token i."""
    if model.ear is None or not isinstance(model.module, Seq2Seq):
        return None
    heard: list[Heard] = []
    read = (model.module.config.bos_id, *written[:-1])
    with model.running():
        model.ear.forward(as_row(source, model.device), as_row(read, model.device), None, heard.append)
    query, key = heard[0].query, heard[0].key
    assert query is not None
    assert key is not None
    rows = torch.arange(len(read), device=model.device)
    weights: Tensor = weight_rows(heard[0].attention, query, key, rows)[0]
    return weights.float().cpu().numpy()


def _tokens(tokenizer: Tokenizer, ids: Sequence[int]) -> Tokens:
    """Tokens that a model wrote, with the text that they spell; a piece of a character spans the whole character."""
    characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text, spans = "", []
    for id_ in ids:
        start = len(text)
        text += characters.decode(b"" if tokenizer.is_special(id_) else tokenizer.piece_bytes(id_))
        begun = bool(characters.getstate()[0]) and not tokenizer.is_special(id_)
        spans.append((start, len(text) + begun))
    text += characters.decode(b"", final=True)
    return Tokens(text=text, ids=tuple(ids), strings=tuple(map(tokenizer.piece, ids)), spans=tuple(spans))
