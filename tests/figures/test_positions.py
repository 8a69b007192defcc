"""Positions: rotations, distances, slopes and symmetries against their closed forms, on small models in float64 and on
the shipped ones; every printed sum is parsed."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tiny_models
import tiny_pairs
from unrolled.checkpoints import Model, open_model
from unrolled.errors import BadInput, ProbeNotFound, TextTooLong
from unrolled.figures import _position_scores as scoring
from unrolled.figures import answer, figure
from unrolled.figures._shuffling import ROUNDING, new_order, ratio, token_order
from unrolled.models import positions as formulas
from unrolled.progress import finish
from unrolled.trace import record, wrap
from unrolled.trace.positions import outputs, positions_of

DOG = "Dog bites man"


def ask(panel: str | None = None, *models: Model, text: str | None = None, **knobs: Any) -> Any:
    return finish(answer(figure("positions").panel(panel), knobs, models=models, text=text)).result


@cache
def opened(name: str) -> Model:
    return open_model(name)


def numbers_in(text: str) -> list[Decimal]:
    """Every number, without the brackets around negative ones."""
    plain = text.replace("−", "-").replace("(", " ").replace(")", " ")
    return [Decimal(each) for each in re.findall(r"(?<![\w^/])-?\d+(?:\.\d+)?", plain)]


def figures_in(text: str) -> list[float]:
    return [float(each) for each in numbers_in(text)]


def adds_up(sentence: str) -> None:
    """`… = a + b + c = sum`: the printed terms make the printed sum, halves rounded away from zero."""
    *_, terms, total = sentence.split(" = ")
    wanted = numbers_in(total)[0]
    assert sum(numbers_in(terms), Decimal(0)).quantize(wanted, ROUND_HALF_UP) == wanted, sentence


# ---- sinusoids


def test_sinusoids_are_those_of_the_paper() -> None:
    """§3.5 entry by entry, in Python's own arithmetic."""
    found = ask("sinusoids", n=20, d_model=16)
    for pos in range(20):
        for dimension in range(16):
            angle = pos / 10_000 ** (2 * (dimension // 2) / 16)
            wanted = math.cos(angle) if dimension % 2 else math.sin(angle)
            assert found.encoding[pos, dimension] == pytest.approx(wanted, abs=1e-14)
    np.testing.assert_allclose(found.wavelength, 2 * np.pi * 10_000 ** (np.arange(8) / 8), rtol=1e-14)
    assert found.wavelength[0] == pytest.approx(2 * np.pi)
    np.testing.assert_allclose(found.turns, 19 / found.wavelength)


@pytest.mark.parametrize(("n", "d_model", "base"), [(64, 64, 10_000), (256, 16, 100_000), (30, 8, 100)])
def test_the_printed_rule_gives_every_entry(n: int, d_model: int, base: int) -> None:
    """What a reader gets who puts the position into the printed divisor."""
    found = ask("sinusoids", n=n, d_model=d_model, base=base)
    for dimension, rule in enumerate(found.rule):
        name, divisor = (math.cos if dimension % 2 else math.sin), rule.rpartition("÷ ")[2].rstrip(")")
        by = float(divisor) if "÷" in rule else 1.0
        assert by == pytest.approx(base ** (2 * (dimension // 2) / d_model), rel=1e-4)
        for pos in range(n):
            assert round(name(pos / by), 4) == pytest.approx(round(found.encoding[pos, dimension], 4), abs=1e-12)


def test_no_two_rows_are_the_same_and_their_dot_product_knows_the_distance() -> None:
    found = ask("pairs", n=256, d_model=32)
    rows = ask("sinusoids", n=256, d_model=32).encoding
    gaps = np.linalg.norm(rows[:, None] - rows, axis=-1)
    apart = np.abs(np.arange(256)[:, None] - np.arange(256))
    assert gaps[apart > 0].min() == pytest.approx(found.nearest_gap)
    assert found.nearest_gap > 0.5
    i, j = np.unravel_index(np.where(apart > 0, gaps, np.inf).argmin(), gaps.shape)
    assert abs(i - j) == found.nearest_apart
    assert found.residual < 1e-12
    np.testing.assert_allclose(np.diag(found.dots), 16)
    for distance in range(256):
        line = np.diagonal(found.dots, distance)
        np.testing.assert_allclose(line, found.by_distance[distance], atol=1e-12)
        adds_up(found.arithmetic[distance])
        assert figures_in(found.arithmetic[distance])[-1] == pytest.approx(found.by_distance[distance], abs=6e-5)
    d, two, nearest, root, gap = figures_in(found.unique.replace("√", " "))
    assert d - two * nearest == pytest.approx(root, abs=1e-9)
    assert math.sqrt(root) == pytest.approx(gap, abs=5.1e-5)


def test_whole_turns_are_no_numbers_of_steps() -> None:
    """The twin of uniqueness: were the wavelengths 8, 16 and 32 positions, rows would repeat."""
    angles = np.arange(64)[:, None] * 2 * np.pi / np.array([8, 16, 32])
    rows = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    np.testing.assert_allclose(rows[0], rows[32], atol=1e-12)
    assert np.linalg.norm(rows[0] - rows[31]) > 0.1


# ---- the shift


@pytest.mark.parametrize("d_model", [8, 64, 512])
@pytest.mark.parametrize("k", [0, 1, 17, 64])
def test_one_rotation_moves_every_position(d_model: int, k: int) -> None:
    """M_k against rotations by complex numbers: cos + i sin of pos, times e^(i k ω)."""
    found = ask("shift", k=k, d_model=d_model, position=40)
    assert found.residual < 1e-12
    omega = 10_000 ** (-np.arange(0, d_model, 2) / d_model)
    turned = np.exp(1j * 40 * omega) * np.exp(1j * k * omega)
    np.testing.assert_allclose(found.moved, np.stack([turned.imag, turned.real], axis=1).reshape(-1), atol=1e-12)
    np.testing.assert_allclose(found.moved, found.direct, atol=1e-12)
    np.testing.assert_allclose(found.matrix @ found.matrix.T, np.eye(d_model), atol=1e-12)
    off = found.matrix[~np.kron(np.eye(d_model // 2), np.ones((2, 2))).astype(bool)]
    assert not off.any()
    for dimension, sentence in enumerate(found.arithmetic):
        adds_up(sentence)
        assert figures_in(sentence)[-1] == pytest.approx(found.direct[dimension], abs=6e-5)


def test_shifts_add_up_and_a_turn_the_wrong_way_is_noticed() -> None:
    three, four = formulas.shift_matrix(3, 32), formulas.shift_matrix(4, 32)
    torch.testing.assert_close(three @ four, formulas.shift_matrix(7, 32))
    rows = formulas.sinusoids(0, 20, 32)
    torch.testing.assert_close(rows[:-3] @ three.T, rows[3:])
    with pytest.raises(AssertionError):
        torch.testing.assert_close(rows[:-3] @ three, rows[3:])  # transposed: three positions back


# ---- schemes


def test_rope_and_alibi_know_the_distance_alone_and_sinusoids_do_not() -> None:
    found = ask("schemes")
    assert found.spread[[0, 2, 3]].max() < 1e-12
    assert found.spread[1] > 0.5
    assert found.range[0] < 1e-12
    assert found.range[2] > 0.5


def test_rope_is_a_turn_by_the_distance() -> None:
    """Su et al. 2021, eq. 16: pairs as complex numbers, the real part of q conj(k) e^(i (m − n) ω)."""
    told, d = scoring.words(16, 0), 16
    q, k = (told.w_query @ told.query_word).numpy(), (told.w_key @ told.key_word).numpy()
    a, b = q[:8] + 1j * q[8:], k[:8] + 1j * k[8:]
    omega = 10_000 ** (-np.arange(0, d, 2) / d)
    found = ask("schemes", seed=0, d=16)
    for query, key, score in zip(found.query, found.key, found.scores[2], strict=True):
        wanted = (a * b.conj() * np.exp(1j * (query - key) * omega)).real.sum() / 4
        assert score == pytest.approx(wanted, abs=1e-6)  # frequencies are float32 in every implementation


def test_positions_in_the_keys_only_are_noticed() -> None:
    """The twin: turn queries alone, and the score depends on the query's place."""
    told, n = scoring.words(8, 1), 12
    cos, sin = formulas.rope_angles(formulas.rope_frequencies(8, 10_000), 0, n, torch.float64)
    q = formulas.rotate((told.w_query @ told.query_word).expand(n, -1), cos, sin)
    scores = (q @ (told.w_key @ told.key_word))[:, None].expand(n, n).numpy()
    i, j = np.tril_indices(n)
    assert scoring.spread_of(scores[i, j], i - j) > 0.5


@pytest.mark.parametrize("n_head", [4, 8, 12, 16])
def test_slopes_are_those_of_the_paper(n_head: int) -> None:
    """Press et al. 2022, §3: eight heads have 1/2, 1/4 … 1/256; sixteen 2^(−0.5), 2^(−1) …; others as in their code."""
    found = ask("schemes", n_head=n_head, head=n_head)
    theirs = {
        8: [2.0**-i for i in range(1, 9)],
        16: [2.0 ** (-i / 2) for i in range(1, 17)],
        4: [0.25, 1 / 16, 1 / 64, 1 / 256],
    }
    theirs[12] = theirs[8] + theirs[16][0::2][:4]
    np.testing.assert_allclose(found.slopes, theirs[n_head])
    apart = found.query - found.key
    np.testing.assert_allclose(found.scores[3], found.scores[0] - found.slopes[-1] * apart)
    for slope, sentence in zip(found.slopes, found.slope_arithmetic, strict=True):
        above, below = map(int, re.findall(r"\d+", sentence.split(" = ")[0])[1:])
        assert 2 ** -(above / below) == pytest.approx(slope)
        assert figures_in(sentence)[-1] == pytest.approx(slope, abs=5.1e-7)


@pytest.mark.parametrize("knobs", [{}, {"query": 20, "key": 3, "d": 64, "seed": 3}, {"query": 5, "key": 40, "d": 4}])
def test_the_printed_sums_are_the_scores(knobs: dict[str, int]) -> None:
    found = ask("schemes", **knobs)
    at = (found.query == found.chosen_query) & (found.key == found.chosen_key)
    assert found.chosen_key <= found.chosen_query
    for scheme, sentence in enumerate(found.arithmetic):
        if scheme:
            adds_up(sentence)
        else:
            top, root, result = figures_in(sentence.split(" = ", 1)[1])
            assert round(top / root, 4) == pytest.approx(result, abs=1e-9)
        assert figures_in(sentence)[-1] == pytest.approx(float(found.scores[scheme][at][0]), abs=5.1e-5)


# ---- the same words in another order


def changes(model: Model, **how: Any) -> float:
    """Largest change of a token's output when all tokens are put into another order; in float64."""
    ids = np.array([5, 9, 3, 14, 9, 7, 11, 2])
    order = np.array([3, 0, 6, 1, 7, 2, 5, 4])
    before = outputs(model, ids.tolist(), **how)[order]
    after = outputs(model, ids[order].tolist(), **how)
    return float((np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1)).max())


def double(model: Model) -> Model:
    model.module.double()
    return model


@pytest.mark.parametrize("scheme", ["learned", "sinusoidal", "rope", "alibi", "none"])
def test_without_positions_and_mask_a_shuffle_is_nothing_but_a_shuffle(scheme: str) -> None:
    """Equivariant to 1e-6; a causal mask alone is enough to break it, and so are positions alone."""
    model = double(tiny_models.gpt(positions=scheme))
    assert positions_of(model).scheme == scheme
    assert changes(model, start=None, causal=False) < 1e-6
    assert changes(model, start=None, causal=True) > 1e-2
    assert changes(model, start=0, causal=True) > 1e-2
    told = changes(model, start=0, causal=False)
    assert told < 1e-6 if scheme == "none" else told > 1e-2


def test_our_encoder_knows_order_by_its_sinusoids_alone() -> None:
    model = double(tiny_pairs.opened("transformer"))
    assert (positions_of(model).scheme, positions_of(model).causal) == ("sinusoidal", False)
    assert changes(model, start=None) < 1e-6
    assert changes(model, start=0) > 1e-2
    assert changes(model, start=None, causal=True) > 1e-3


@pytest.mark.parametrize(("kind", "scheme"), [("bert", "learned"), ("gpt2", "learned"), ("llama", "rope")])
def test_models_of_another_make_are_told_nothing_too(kind: str, scheme: str, tmp_path: Any) -> None:
    model = double(open_model(str(tiny_models.save(tmp_path / kind, kind))))
    assert positions_of(model).scheme == scheme
    assert changes(model, start=None, causal=False) < 1e-6
    assert changes(model, start=0, causal=False) > 1e-3
    assert changes(model, start=None, causal=True) > 1e-3
    moved = np.abs(outputs(model, [5, 9, 3], start=7) - outputs(model, [5, 9, 3])).max()
    assert moved < 1e-6 if scheme == "rope" else moved > 1e-3


def test_what_runs_is_the_model_itself() -> None:
    """Told its own places, with its own mask, it gives what its recording has after the last block and norm."""
    model = opened("gpt")
    tokens = model.encode("The dog bites the man in the park.")
    trace = finish(record(model, tokens, residual=True))
    last = torch.from_numpy(trace.residual(len(model.blocks) - 1, "post"))
    with model.running() as module:
        theirs = module.norm["final"](last).numpy()  # type: ignore[operator,index]
    np.testing.assert_allclose(outputs(model, tokens.ids), theirs, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(outputs(model, tokens.ids, causal=True), theirs, rtol=1e-4, atol=1e-4)


def test_dog_bites_man_is_not_man_bites_dog() -> None:
    found = ask("shuffle", opened("minilm"), opened("gpt"), text=DOG)
    assert found.tokens[0] == ("[CLS]", " dog", " bites", " man", "[SEP]")
    assert found.shuffled[0] == ("[CLS]", " man", " bites", " dog", "[SEP]")
    assert found.trained == (0, 2)
    for model, own in enumerate(found.trained):
        assert found.largest[model][1] < ROUNDING < 0.1 < min(found.largest[model][[0, 2, 3]])
        assert found.cosine[model][1] == pytest.approx(1, abs=1e-5)
        assert found.cosine[model][own] < 0.95
    assert found.difference[1][3, 0] > 0.1  # the first place has another token now
    before = opened("minilm").encode(DOG)
    with opened("minilm").running() as module:
        theirs = module(input_ids=torch.tensor([before.ids])).last_hidden_state[0].numpy()
    np.testing.assert_allclose(outputs(opened("minilm"), before.ids), theirs, atol=1e-5)


def test_words_move_as_a_whole_and_what_is_no_word_stays() -> None:
    tokens = opened("gpt").encode("Dog bites man, naïve one.")
    order = token_order(tokens, new_order(5, "exchanged", 0, 2, 0))
    assert sorted(order.tolist()) == list(range(len(tokens)))
    moved = [tokens.strings[i] for i in order]
    assert "".join(moved[:6]) == " man bitesDog,"
    assert moved[-1] == "."
    assert new_order(4, "reversed", 0, 0, 0) == [3, 2, 1, 0]
    assert new_order(6, "shuffled", 0, 0, 1) == new_order(6, "shuffled", 0, 0, 1) != new_order(6, "shuffled", 0, 0, 2)
    assert new_order(2, "exchanged", 0, 9, 0) == [1, 0]
    assert ratio(0.65, 5.1).endswith("= 0.1275")
    assert "which is rounding" in ratio(2e-6, 9.0)


# ---- loaded models


def test_moving_a_text_changes_nothing_where_only_distance_counts() -> None:
    found = ask("loaded", opened("gpt"), opened("minilm"), opened("en-fr-transformer"), text=DOG, move=1000)
    assert found.scheme == ("rope", "learned", "sinusoidal")
    assert found.moved_by == (256 - 5, 512 - 5, 96 - len(found.tokens[2]))
    assert found.moved[0].max() < ROUNDING
    assert min(found.moved[1].max(), found.moved[2].max()) > 0.1
    for model in (0, 2):
        np.testing.assert_allclose(found.low[model], found.high[model], atol=1e-6)
    assert (found.high[1] - found.low[1]).max() > 0.1
    rows = opened("minilm").module.embeddings.position_embeddings.weight[:64].detach()  # type: ignore[union-attr,index]
    wanted = torch.cosine_similarity(rows[:, None], rows, dim=-1).numpy()
    np.testing.assert_allclose(found.similarity[1], wanted, atol=1e-5)
    assert found.closest[1] < 0.95  # no two rows of the table are the same
    assert found.wavelength[0][0] == pytest.approx(2 * np.pi, rel=1e-6)
    assert found.slow[0] == sum(2 * math.pi * 10_000 ** (i / 16) > 256 for i in range(16))


def test_alibi_shows_its_slopes() -> None:
    found = ask("loaded", tiny_models.gpt(positions="alibi"), text="Dog", move=4)
    assert found.similarity[0].shape == (0, 0)
    assert math.isnan(found.closest[0])
    assert found.slopes[0].tolist() == formulas.alibi_slopes(len(found.slopes[0])).tolist()
    assert found.moved[0].max() < ROUNDING


# ---- what cannot be answered


def test_sentences_say_what_is_wrong() -> None:
    with pytest.raises(BadInput, match="to exchange two, type a second one"):
        ask("shuffle", opened("gpt"), text="Hello")
    with pytest.raises(ProbeNotFound, match="it needs attn, and rnn has no such probe"):
        ask("shuffle", opened("rnn"), text=DOG)
    with pytest.raises(ProbeNotFound, match="How en-fr is told positions is not understood here"):
        ask("shuffle", opened("en-fr"), text=DOG)
    with pytest.raises(TextTooLong, match="5 tokens from position 300 on end at 305; gpt reads 256 at most"):
        outputs(opened("gpt"), [1, 2, 3, 4, 5], start=300)
    plain = wrap(_Plain(), name="plain")
    with pytest.raises(ProbeNotFound, match="How plain is told positions is not understood here"):
        ask("loaded", plain, text="1 2 3")


class _Plain(nn.Module):
    """A reader's own attention, of which nothing says how it is told places."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.attn = nn.Embedding(16, 8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 16)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids)
        mask = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)
        logits: torch.Tensor = self.head(x + self.attn(x, x, x, attn_mask=mask, need_weights=False)[0])
        return logits
