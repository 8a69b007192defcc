"""Where a decoder looks back: the papers' formulas written out by hand, planted alignments, sums that add up."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

import tiny_models
from tiny_pairs import SPECIAL, opened, tokenizer
from tiny_recurrent import opened as recurrent
from unrolled.checkpoints import Model, open_model
from unrolled.checkpoints.pairs import pair_model
from unrolled.errors import BadInput, BadKnob, EmptyText, ProbeNotFound
from unrolled.figures import _alignment_scores, answer, figure
from unrolled.models.seq2seq import Seq2Seq, Seq2SeqConfig
from unrolled.progress import finish
from unrolled.trace import alignment as tracing
from unrolled.translating import translate

SOURCE, TARGET = "the cat sat", "le chat"


def ask(*models: Model, text: str = SOURCE, target: str = "", panel: str = "alignment", **knobs: Any) -> Any:
    return finish(answer(figure("alignment").panel(panel), knobs, models=models, text=text, target=target)).result


@torch.no_grad()
def by_hand(model: Model, source: list[int], read: list[int]) -> np.ndarray:
    """Weights of a one-layer GRU model, target × source, in loops after Bahdanau et al. 2015, App. A, and Luong et al.

    e_ij = v · tanh(W s_{i-1} + U h_j), fed back into the decoder; or, looking after the step, s_i · h_j.
    """
    module = model.module
    assert isinstance(module, Seq2Seq)
    states, last = module.encoder.rnn(module.embed(torch.tensor([source])))
    h, additive = states[0], module.config.attention == "additive"
    layer: Any = module.decoder[0]
    start: Any = module.encoder.start
    cell = nn.GRUCell(layer.input_size, module.config.d_hidden).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(cell, name, getattr(layer, f"{name}_l0"))
    s = torch.tanh(start[0](last[1])) if additive else last[0]
    rows = []
    for token in read:
        fed = module.embed(torch.tensor([token]))
        if additive:
            row = torch.stack([energy(module, s[0], h_j) for h_j in h]).softmax(0)
            fed = torch.cat((fed, (row[:, None] * h).sum(0)[None]), dim=1)
            s = cell(fed, s)
        else:
            s = cell(fed, s)
            row = torch.stack([(s[0] * h_j).sum() for h_j in h]).softmax(0)
        rows.append(row)
    return torch.stack(rows).numpy()


def energy(module: Seq2Seq, s: Tensor, h_j: Tensor) -> Tensor:
    """v · tanh(W s + U h_j), unit by unit."""
    attn: Any = module.attn
    inner = [sum(attn.query.weight[u] * s) + sum(attn.key.weight[u] * h_j) for u in range(len(attn.vector))]
    return sum((v * torch.tanh(x) for v, x in zip(attn.vector, inner, strict=True)), torch.tensor(0.0))


@pytest.mark.parametrize("kind", ["additive", "dot"])
def test_weights_are_the_papers_formula(kind: str) -> None:
    model = opened(kind, n_layer=1)
    found = ask(model, target=TARGET)
    source, written = [*SOURCE.encode(), 258], [*TARGET.encode(), 258]
    expected = by_hand(model, source, [257, *written[:-1]])
    assert found.given
    assert len(found.target_tokens[0]) == len(written)
    np.testing.assert_allclose(found.weights[0], expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.weights[0].sum(axis=1), 1.0, rtol=1e-6)
    assert expected.max() > 1.5 / len(source)  # not spread evenly
    late = by_hand(model, source, written)  # a wrong time index: as if each row belonged to the token that is read
    assert np.abs(found.weights[0] - late).max() > 0.02


@pytest.mark.parametrize(("kind", "late"), [("additive", 2), ("dot", 1)])
def test_a_row_does_not_know_what_it_will_write(kind: str, late: int) -> None:
    """Bahdanau's s_{i-1} has read up to y_{i-2}; Luong's s_i up to y_{i-1}."""
    model = opened(kind)
    before, after = (ask(model, target=target).weights[0] for target in ("le chat", "le khat"))
    changed = np.abs(before - after).max(axis=1) > 1e-6
    assert changed.argmax() == 3 + late
    assert changed[3 + late :].all()


LETTERS = "abcdefgh"


def planted(order: list[int]) -> Model:
    """States that hold nothing but the last token read, and an attention from letter l to letter order[l]."""
    d = 12
    config = Seq2SeqConfig(vocabulary=259, context=64, d_embed=d, d_hidden=d, attention="additive", **SPECIAL)
    module = Seq2Seq(config).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        for number, id_ in enumerate([*LETTERS.encode(), 258, 257]):
            module.embed.weight[id_, number] = 9.0
        rnn: Any = module.encoder.rnn
        first: Any = module.decoder[0]
        for weight, bias in (
            (first.weight_ih_l0, first.bias_ih_l0),
            (rnn.weight_ih_l0, rnn.bias_ih_l0),
            (rnn.weight_ih_l0_reverse, rnn.bias_ih_l0_reverse),
        ):
            weight[2 * d :, :d] = torch.eye(d)  # candidate: tanh of the embedding
            bias[d : 2 * d] = -40.0  # the update gate lets nothing of the old state through
        attn: Any = module.attn
        attn.key.weight[:, :d] = 5 * torch.eye(d)
        for number, other in enumerate(order):
            attn.query.weight[other, number] = 5.0
        attn.vector.fill_(-12.0)  # where both fall on one unit, one tanh instead of two counts against it
    return pair_model(module, tokenizer(), name="planted", architecture="seq2seq", sha256=None)


def expected_columns(source: str, target: str, order: list[int]) -> list[int]:
    """s_{i-1} has read up to y_{i-2}: from the third row on, where its letter's partner stands in the source."""
    return [source.index(LETTERS[order[LETTERS.index(letter)]]) for letter in target]


@pytest.mark.parametrize("source", ["abcdefgh", "hgfedcba", "cadbgehf"])
@pytest.mark.parametrize("order", [list(range(8)), list(range(7, -1, -1))], ids=["same", "reversed"])
def test_planted_alignments_are_drawn_where_they_are(source: str, order: list[int]) -> None:
    target = "abcdefgh"
    found = ask(planted(order), text=source, target=target)
    assert found.target_tokens[0][:8] == tuple(target)
    wanted = expected_columns(source, target[:-1], order)
    assert found.weights[0].shape == (9, 9)
    np.testing.assert_array_equal(found.weights[0][2:].argmax(axis=1), wanted)
    assert (found.weights[0][2:].max(axis=1) > 0.99).all()


def test_a_wrong_time_index_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "read_for", lambda model, written: written)
    found = ask(planted(list(range(8))), text=LETTERS, target=LETTERS)
    wanted = expected_columns(LETTERS, LETTERS[:-1], list(range(8)))
    assert found.weights[0][2:].argmax(axis=1).tolist() != wanted


@pytest.mark.parametrize("kind", ["additive", "dot", "transformer", "none"])
def test_without_a_target_the_model_translates_by_itself(kind: str) -> None:
    model = opened(kind)
    for beam in (1, 3):
        found, said = ask(model, beam=beam), translate(model, SOURCE, beam=beam)
        assert (found.given, found.translation, found.ended) == (False, (said.text,), (said.ended,))
        assert found.target_tokens[0] == said.tokens.strings
        if said.alignment is not None:
            np.testing.assert_allclose(found.weights[0], said.alignment, rtol=1e-5, atol=1e-7)


def test_a_model_without_attention_stands_beside_it() -> None:
    found = ask(opened("additive"), opened("none"), target=TARGET)
    assert [each.shape for each in found.weights] == [(8, 12), (0, 0)]
    assert found.passes == ("", "all that it knows of the source is 2 vectors of 8 numbers")
    assert found.translation[1] == translate(opened("none"), SOURCE).text
    lstm = ask(opened("none", cell="lstm", n_layer=1))
    assert lstm.passes == ("all that it knows of the source is 2 vectors of 8 numbers",)
    assert ask(opened("none", n_layer=1)).passes == ("all that it knows of the source is one vector of 8 numbers",)


@pytest.mark.parametrize("kind", ["additive", "dot", "transformer"])
def test_a_row_and_its_arithmetic(kind: str) -> None:
    model = opened(kind)
    whole = ask(model, target=TARGET)
    for row, column in ((0, 0), (3, 5), (7, 11)):
        found = ask(model, target=TARGET, panel="step", step=row, source=column)
        assert (found.written, found.step, found.steps) == (whole.target_tokens[0][row], row, 8)
        np.testing.assert_allclose(found.weights, whole.weights[0][row], rtol=1e-6)
        np.testing.assert_allclose(found.powers / found.powers.sum(), found.weights)
        np.testing.assert_allclose(np.exp(found.energies) / np.exp(found.energies).sum(), found.weights)
        assert adds_up(found.energy, float(found.energies[column]))
        assert adds_up(found.total, 1.0)
        assert float(found.share.rpartition(" = ")[2]) == pytest.approx(found.weights[column], abs=5.1e-5)


def adds_up(text: str, value: float) -> bool:
    """Whether the printed terms come to the printed sum, and the last number is the value."""
    text = text.replace("−", "-")
    terms, total = text.partition("; ")[0].split(" = ")[-2:]
    numbers = [float(term.strip("()")) for term in terms.split(" + ")]
    last = float(text.rpartition(" = ")[2])
    return abs(sum(numbers) - float(total)) <= 5.01e-5 and abs(last - value) <= 5.01e-5


def test_a_sum_that_does_not_add_up_would_be_noticed() -> None:
    assert adds_up("0.50×0.50 + [the other 2 units] = 0.25 + (−0.10) = 0.15", 0.15)
    assert not adds_up("0.50×0.50 + [the other 2 units] = 0.25 + (−0.10) = 0.16", 0.16)
    assert not adds_up("0.50×0.50 + [the other 2 units] = 0.25 + (−0.10) = 0.15", 0.16)


def test_the_energy_is_bahdanaus() -> None:
    model = opened("additive", n_layer=1)
    found = ask(model, target=TARGET, panel="step", step=0)
    module: Any = model.module
    with torch.no_grad():
        states, last = module.encoder.rnn(module.embed(torch.tensor([[*SOURCE.encode(), 258]])))
        s = torch.tanh(module.encoder.start[0](last[1]))[0]
        expected = [float(energy(module, s, h_j)) for h_j in states[0]]
    np.testing.assert_allclose(found.energies, expected, rtol=1e-9)


def test_beyond_the_end_means_the_last() -> None:
    found = ask(opened("additive"), target=TARGET, panel="step", step=99, source=99)
    assert (found.step, found.written) == (7, "‹eos›" if found.written.startswith("‹") else found.written)


def test_layers_and_heads_of_a_transformer() -> None:
    model = opened("transformer")
    found = ask(model, target=TARGET, layer=1, head=3)
    assert (found.n_layer, found.n_head) == (2, 4)
    heads = figure("heads").panel("map")
    other = finish(
        answer(heads, {"layer": 1, "head": 3, "kind": "cross"}, models=[model], text=SOURCE, target=TARGET)
    ).result
    np.testing.assert_allclose(found.weights[0][:-1], other.weights[:7], rtol=1e-5, atol=1e-7)
    with pytest.raises(BadKnob, match="layer was 2; these models look back in layers 0 to 1"):
        ask(model, target=TARGET, layer=2)
    with pytest.raises(BadKnob, match="head was 4; transformer looks back in heads 0 to 3"):
        ask(model, target=TARGET, panel="step", head=4)
    beside = ask(opened("additive"), model, target=TARGET, layer=1)  # a model with one layer stays at it
    assert [each.shape for each in beside.weights] == [(8, 12), (8, 12)]


@torch.no_grad()
def test_a_model_of_another_make_with_a_target(cache: Any, tmp_path: Path) -> None:
    folder = tiny_models.save(tmp_path / "marian", "marian")
    model = open_model(str(folder))
    found = ask(model, text="the cat sat", target="the mat", head=1)
    source, written = model.encode("the cat sat"), model.encode_target("the mat")
    theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager")
    out = theirs(
        input_ids=torch.tensor([source.ids]), decoder_input_ids=torch.tensor([written.ids]), output_attentions=True
    )
    expected = out.cross_attentions[0][0, 1, : len(found.target_tokens[0])].numpy()
    assert found.target_tokens[0] == written.strings[1:]
    np.testing.assert_allclose(found.weights[0], expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(BadInput, match="type what its decoder is to write"):
        ask(model, text="the cat sat")


def test_words_are_shown_in_pieces_and_one_token_is_enough() -> None:
    found = ask(opened("additive"), text="é", target="a")
    assert found.source_tokens[0][:2] == ("‹C3›", "‹A9›")
    assert found.weights[0].shape == (2, 3)


def test_what_cannot_be_shown_is_said() -> None:
    with pytest.raises(ProbeNotFound, match="it needs target, and tiny-gru has no such probe"):
        ask(recurrent("gru"))
    assert ask(opened("none"), panel="step").steps == 0
    with pytest.raises(EmptyText):
        ask(opened("additive"), text=" ")
    with pytest.raises(BadKnob, match="beam was 0; it takes a whole number from 1 to 16"):
        ask(opened("additive"), beam=0)


RECORDED = {
    "date": "2026-01-01", "version": "v", "about": "on 30 pairs", "shortest": [2, 5], "longest": [4, 20],
    "pairs": [10, 20],
    "models": {
        "additive": {
            "sha256": "a" * 64,
            "chrF": {"score": [50.0, 40.0], "low": [45.0, 38.0], "high": [55.0, 42.0], "all": 44.0},
            "BLEU": {"score": [20.0, 10.0], "low": [15.0, 8.0], "high": [25.0, 12.0], "all": 14.0},
        }
    },
}  # fmt: skip


def test_recorded_scores_name_the_file_that_they_are_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_alignment_scores, "recorded", lambda: RECORDED)
    model, other = opened("additive"), opened("none")
    panel = figure("alignment").panel("by_length")
    found = finish(answer(panel, {"measure": "BLEU"}, models=[model, other]))
    assert found.result.score[0].tolist() == [20.0, 10.0]
    assert np.isnan(found.result.score[1]).all()
    assert [source.kind for source in found.provenance] == ["recorded", "recorded"]
    assert found.provenance[0].hash == "a" * 64
    assert "of another version of additive (sha256 aaaaaaaa…)" in found.result.note[0]
    assert found.result.note[1] == "no scores of none were recorded; there are those of additive"
    model.provenance = replace(model.provenance, hash="a" * 64)
    assert finish(answer(panel, {}, models=[model])).result.note == ("",)


def test_what_was_recorded_is_whole() -> None:
    said = _alignment_scores.recorded()
    n = len(said["pairs"])
    assert len(said["shortest"]) == len(said["longest"]) == n
    assert sum(said["pairs"]) > 100
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", said["date"])
    for model in said["models"].values():
        assert len(model["sha256"]) == 64
        for measure in ("chrF", "BLEU"):
            score, low, high = (np.array(model[measure][name]) for name in ("score", "low", "high"))
            assert len(score) == n
            assert (low <= high).all()
            assert (score >= 0).all()
            assert (score <= 100).all()
