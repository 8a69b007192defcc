"""Translating: the search's best text as text, with the alignment from which each of its tokens was written."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tiny_pairs import KINDS, opened, tokenizer
from tiny_recurrent import opened as recurrent
from unrolled.errors import BadKnob, EmptyText, ProbeNotFound, TextTooLong
from unrolled.models.beam import beam_search, greedy
from unrolled.progress import finish
from unrolled.translating import _tokens, translate, translating

TEXTS = ["the cat sat", "a", "it was too tired", "été"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_text_of_the_search(kind: str) -> None:
    model = opened(kind)
    ids = torch.tensor([[*b"the cat sat", 258]])
    best = beam_search(model.module, ids, beam=3, alpha=0.6, longest=63)[0][0]
    found = translate(model, "the cat sat", beam=3)
    assert found.source.ids == tuple(ids[0].tolist())
    assert found.tokens.ids == best.ids
    assert found.text == bytes(i for i in best.ids if i < 256).decode(errors="replace")
    assert (found.score, found.log_probability, found.ended) == (best.score, best.log_probability, best.ended)
    plain = greedy(model.module, ids, longest=63)[0]
    assert translate(model, "the cat sat", beam=1).tokens.ids == plain.ids


@pytest.mark.parametrize("kind", KINDS)
def test_many_texts_are_as_each_alone(kind: str) -> None:
    model = opened(kind)
    for text, found in zip(TEXTS, finish(translating(model, TEXTS, beam=2)), strict=True):
        alone = translate(model, text, beam=2)
        assert found.source.text == text
        assert found.tokens.ids == alone.tokens.ids
        assert found.score == pytest.approx(alone.score, abs=1e-9)


@pytest.mark.parametrize("kind", ["additive", "dot"])
def test_rows_of_the_alignment_are_where_the_decoder_looked(kind: str) -> None:
    model = opened(kind)
    found = translate(model, "the cat sat", beam=2)
    assert found.alignment is not None
    assert found.alignment.shape == (len(found.tokens), len(found.source))
    np.testing.assert_allclose(found.alignment.sum(axis=1), 1.0, rtol=1e-6)
    heard: list[np.ndarray] = []
    model.module.attn.weights.register_forward_hook(lambda _m, _i, out: heard.append(out[0, -1].numpy()))
    with torch.no_grad():  # the third token, from the two before it
        model.module(torch.tensor([found.source.ids]), torch.tensor([[257, *found.tokens.ids[:2]]]))
    np.testing.assert_allclose(found.alignment[2], heard[-1], rtol=1e-6)


def test_models_without_one_alignment_have_none() -> None:
    assert translate(opened("none"), "a", beam=2).alignment is None
    assert translate(opened("transformer"), "a", beam=2).alignment is None


def test_tokens_written_have_spans_of_whole_characters() -> None:
    made = _tokens(tokenizer(), [*"né😀".encode(), 258])
    assert made.text == "né😀"
    assert made.spans == ((0, 1), (1, 2), (1, 2), (2, 3), (2, 3), (2, 3), (2, 3), (3, 3))
    broken = _tokens(tokenizer(), [0xC3, ord("a"), 0xFF, 0xF0])
    assert broken.text == "�a��"
    assert broken.spans[-1] == (3, 4)


def test_what_cannot_be_translated_is_said() -> None:
    model = opened("additive")
    with pytest.raises(BadKnob, match="beam was 0; it takes 1 to 64"):
        translate(model, "a", beam=0)
    with pytest.raises(BadKnob, match="alpha was -1"):
        translate(model, "a", alpha=-1.0)
    with pytest.raises(EmptyText):
        translate(model, "")
    with pytest.raises(TextTooLong, match="reads 64 at most"):
        translate(model, "x" * 64)
    with pytest.raises(ProbeNotFound, match=r"\(gru\) does not translate"):
        translate(recurrent("gru"), "a")
