"""Beam search against all texts there are, over a vocabulary small enough to list them; greedy against a plain loop."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from unrolled.models import beam
from unrolled.models.beam import Hypothesis, beam_search, greedy
from unrolled.models.seq2seq import Seq2Seq, Seq2SeqConfig
from unrolled.models.transformer import Transformer, TransformerConfig

VOCABULARY, LONGEST = 6, 4  # pad, bos, eos and three words
SOURCE = torch.tensor([[3, 4, 5, 3, 2], [5, 3, 2, 0, 0], [4, 4, 4, 2, 0]])
LENGTHS = (5, 3, 4)
MODELS = {"transformer": 4, "none": 4, "additive": 7, "dot": 0}  # with seeds whose best texts are of many lengths


def model_of(kind: str, seed: int | None = None) -> Seq2Seq | Transformer:
    if kind == "transformer":
        shape = TransformerConfig(vocabulary=VOCABULARY, n_layer=2, n_head=2, d_model=8, d_ff=12, norm_place="pre")
        model: Seq2Seq | Transformer = Transformer(shape)
    else:
        model = Seq2Seq(Seq2SeqConfig(vocabulary=VOCABULARY, context=9, d_embed=6, d_hidden=8, attention=kind))
    random = torch.Generator().manual_seed(MODELS[kind] if seed is None else seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(float(".norm." in name and name.endswith("weight")), 0.7, generator=random)
    return model.double().eval()


def log_probability(model: Seq2Seq | Transformer, source: Tensor, ids: tuple[int, ...]) -> float:
    """Teacher forcing: of every token given those before it."""
    target = torch.tensor([[1, *ids]])
    with torch.no_grad():
        said = model(source[None], target[:, :-1])[0].log_softmax(-1)
    return float(said[torch.arange(len(ids)), torch.tensor(ids)].sum())


def every_text(model: Seq2Seq | Transformer, source: Tensor, alpha: float) -> dict[tuple[int, ...], float]:
    """Each text that ends within LONGEST tokens and its score. Wu et al. 2016, eq. 14."""
    texts = [(*words, 2) for n in range(LONGEST) for words in itertools.product((3, 4, 5), repeat=n)]
    return {ids: log_probability(model, source, ids) * 6**alpha / (5 + len(ids)) ** alpha for ids in texts}


def best(scores: dict[tuple[int, ...], float]) -> tuple[int, ...]:
    return max(scores, key=scores.__getitem__)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_wide_beam_finds_the_best_text_of_all(kind: str, alpha: float) -> None:
    model = model_of(kind)
    found = beam_search(model, SOURCE, beam=27, alpha=alpha, longest=LONGEST)
    for source, n, texts in zip(SOURCE, LENGTHS, found, strict=True):
        scores = every_text(model, source[:n], alpha)
        assert texts[0].ids == best(scores)
        for text in texts:
            assert text.ended
            assert text.score == pytest.approx(scores[text.ids], abs=1e-9)
            assert text.log_probability == pytest.approx(log_probability(model, source[:n], text.ids), abs=1e-9)
        assert [text.score for text in texts] == sorted((text.score for text in texts), reverse=True)


def test_the_length_penalty_changes_what_is_best() -> None:
    model = model_of("dot")
    by_alpha = {alpha: [best(every_text(model, s[:n], alpha)) for s, n in zip(SOURCE, LENGTHS, strict=True)]
                for alpha in (0.0, 2.0)}  # fmt: skip
    assert by_alpha[0.0] != by_alpha[2.0]


def plain_beam(model: Seq2Seq | Transformer, source: Tensor, width: int, alpha: float) -> Hypothesis:
    """One text, nothing cached, all in lists, no stopping early."""
    live, ended = [((), 0.0)], []
    for _ in range(LONGEST):
        longer = [(*ids, token) for ids, _p in live for token in (2, 3, 4, 5)]
        grown = [(ids, log_probability(model, source, ids)) for ids in longer]
        grown = sorted(grown, key=lambda text: -text[1])[: 2 * width]
        ended += [text for text in grown if text[0][-1] == 2]
        live = [text for text in grown if text[0][-1] != 2][:width]
    score = {ids: p / ((5 + len(ids)) / 6) ** alpha for ids, p in ended or live}
    ids = best(score)
    return Hypothesis(ids=ids, log_probability=dict(ended or live)[ids], score=score[ids], ended=bool(ended))


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_narrow_beam_is_the_plain_one(kind: str, width: int) -> None:
    for seed in (MODELS[kind], 1):
        model = model_of(kind, seed)
        found = beam_search(model, SOURCE, beam=width, longest=LONGEST)
        for source, n, texts in zip(SOURCE, LENGTHS, found, strict=True):
            wanted = plain_beam(model, source[:n], width, 0.6)
            assert texts[0].ids == wanted.ids
            assert texts[0].ended == wanted.ended
            assert texts[0].score == pytest.approx(wanted.score, abs=1e-9)


@pytest.mark.parametrize("twin", ["select", "penalty"])
def test_a_broken_search_is_noticed(monkeypatch, twin: str) -> None:
    if twin == "select":  # states stay with the row, whatever text is in it now
        monkeypatch.setattr("unrolled.models.seq2seq.Carried.select", lambda self, rows: None)
    else:
        monkeypatch.setattr(beam, "length_penalty", lambda length, alpha: 1.0)
    apart = []
    for kind in ("none", "additive", "dot"):
        model = model_of(kind)
        found = beam_search(model, SOURCE, beam=3, alpha=2.0, longest=LONGEST)
        wanted = [plain_beam(model, s[:n], 3, 2.0) for s, n in zip(SOURCE, LENGTHS, strict=True)]
        apart += [abs(texts[0].score - other.score) for texts, other in zip(found, wanted, strict=True)]
    assert max(apart) > 0.1


@pytest.mark.parametrize("kind", MODELS)
def test_greedy_takes_the_likeliest_each_time(kind: str) -> None:
    model = model_of(kind)
    for source, n, text in zip(SOURCE, LENGTHS, greedy(model, SOURCE, longest=12), strict=True):
        ids = [1]
        while len(ids) <= 12 and ids[-1] != 2:
            with torch.no_grad():
                said = model(source[None, :n], torch.tensor([ids]))[0, -1]
            said[:2] = -torch.inf
            ids.append(int(said.argmax()))
        assert text.ids == tuple(ids[1:])
        assert text.ended == (ids[-1] == 2)
        assert text.log_probability == pytest.approx(log_probability(model, source[:n], text.ids), abs=1e-9)


def test_a_text_that_does_not_end_is_cut_off() -> None:
    model = model_of("none")
    with torch.no_grad():
        model.embed.weight[2] = -10 * model.readout.bias  # never the end
    for texts in beam_search(model, SOURCE, beam=1, longest=3):
        assert not texts[0].ended
        assert len(texts[0].ids) == 3
    assert not greedy(model, SOURCE, longest=3)[0].ended
