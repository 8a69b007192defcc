"""Surprise against closed forms and Hugging Face: a model that knows nothing, every text of a tiny vocabulary, the loss
of transformers' own class, each token by itself; sums are checked as printed."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tiny_models import TEXT, gpt, save
from tiny_recurrent import opened as recurrent
from unrolled.checkpoints import Model, open_model
from unrolled.errors import BadKnob, EmptyText, ProbeNotFound
from unrolled.figures import _surprise_pairs as minimal
from unrolled.figures import answer, figure
from unrolled.figures import surprise as module
from unrolled.forecasting import expectation
from unrolled.progress import finish
from unrolled.scoring import score, surprisals_side_by_side
from unrolled.text import train_bpe
from unrolled.trace.every_text import conditionals, every_text

NUMBER = r"−?[\d,]+\.?\d*"


def ask(panel: str, *models: Model, text: str | None = None, **knobs: Any) -> Any:
    return finish(answer(figure("surprise").panel(panel), knobs, models=models, text=text)).result


def figures(pattern: str, text: str) -> list[float]:
    """The numbers that a line prints."""
    found = re.match(pattern, text)
    assert found, text
    return [float(each.replace("−", "-").replace(",", "")) for each in found.groups()]


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Model, Any]:
    """A tiny Llama in float64 through our door, and transformers' own on the same weights."""
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    folder = save(tmp_path / "llama", "llama")
    hugging_face: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    hugging_face.eval()
    return open_model(str(folder), dtype="float64"), hugging_face


# ---- surprisal


def test_a_model_that_knows_nothing_is_surprised_by_log_v() -> None:
    found = ask("surprisal", gpt(head=0.0), text="anything at all")
    np.testing.assert_allclose(found.bits[0], math.log2(300), rtol=1e-12)
    assert found.perplexity[0] == pytest.approx(300)
    assert found.uniform_bits[0] == pytest.approx(math.log2(300))
    assert found.bits_per_byte[0] == pytest.approx(math.log2(300))  # a byte is a token
    np.testing.assert_allclose(found.entropy_bits[0], math.log2(300), rtol=1e-12)


def test_perplexity_is_e_to_hugging_faces_own_loss(theirs: tuple[Model, Any]) -> None:
    ours, hugging_face = theirs
    ids = torch.tensor([list(ours.tokenizer.encode(TEXT).ids)])
    with torch.no_grad():
        loss = float(hugging_face(ids, labels=ids).loss)
        shares = hugging_face(ids).logits[0, :-1].double().softmax(-1)
    found = ask("surprisal", ours, text=TEXT)
    assert found.nats_per_token[0] == pytest.approx(loss, abs=1e-6)
    assert found.perplexity[0] == pytest.approx(math.exp(loss), rel=1e-6)
    assert abs(found.perplexity[0] - 2**loss) > 1  # the twin: bits where nats belong
    np.testing.assert_allclose(found.expected_probabilities[0], shares.amax(-1), atol=1e-9)
    entropy = -(shares * shares.log2()).sum(-1)
    np.testing.assert_allclose(found.entropy_bits[0], entropy, atol=1e-9)
    said = shares.gather(1, ids[0, 1:, None])
    np.testing.assert_array_equal(found.ranks[0], (shares > said).sum(-1) + 1)


def test_perplexity_does_not_see_how_a_text_is_cut_and_bits_per_byte_do() -> None:
    """Two models that know nothing, of one vocabulary's size: over bytes, and over tokens that hold several."""
    text = "ab ab ab ab ab ab"
    several = train_bpe(["ab ab ab ab"], 260)
    found = ask("surprisal", gpt(head=0.0), gpt(several, head=0.0), text=text)
    assert found.perplexity == pytest.approx((300, 300))
    for model in (0, 1):
        assert found.bits_per_byte[model] == pytest.approx(math.log2(300) * found.n_token[model] / found.n_byte[model])
    assert found.bits_per_byte[1] < found.bits_per_byte[0] * 0.8


def test_a_letter_of_two_bytes_counts_as_two() -> None:
    found = ask("surprisal", gpt(head=0.0), text="aéé")
    assert (found.n_byte[0], found.n_token[0]) == (4, 4)
    assert found.unscored == ("a",)


def test_an_impossible_logit_has_no_share() -> None:
    found = expectation(torch.tensor([[0.0, 0.0, -math.inf]]), torch.tensor([1]))
    np.testing.assert_allclose(found[0, [0, 1, 4]], math.log(2))
    assert found[0, 2] == 1


@pytest.mark.parametrize(("window", "stride"), [(0, 0), (8, 4), (8, 7)])
def test_how_far_each_token_looks_back(window: int, stride: int) -> None:
    model, text = gpt(), "abcdefghijklmnopqrstuvwxyz"
    found = ask("surprisal", model, text=text, window=window, stride=stride)
    ids = model.encode(text).ids
    for place, before in enumerate(found.before[0], start=1):
        logits = finish(model.next_logits(ids[place - before : place])).astype(np.float64)
        bits = (np.logaddexp.reduce(logits) - logits[ids[place]]) / math.log(2)
        assert found.bits[0][place - 1] == pytest.approx(bits, abs=1e-5)
    assert found.reading[0] == ("read in one window" if window == 0 else f"windows of 8, stride {stride}")


def test_a_state_is_carried_unless_a_window_is_named() -> None:
    model = recurrent("lstm")
    found = ask("surprisal", model, text=TEXT)
    assert (found.window, found.stride, found.reading) == ((0,), (0,), ("state carried through it all",))
    assert ask("surprisal", model, text=TEXT, window=8).window == (8,)


def test_the_averages_add_up_as_printed(theirs: tuple[Model, Any]) -> None:
    found = ask("surprisal", theirs[0], gpt(), text=TEXT)
    said = zip(found.loss_arithmetic, found.perplexity_arithmetic, found.byte_arithmetic, strict=True)
    for loss, perplexity, per_byte in said:
        total, count, mean = figures(rf"mean loss ({NUMBER}) nats ÷ ({NUMBER}) tokens = ({NUMBER}) nats a token", loss)
        assert total / count == pytest.approx(mean, abs=0.5e-4)
        power, value = figures(rf"perplexity e\^({NUMBER}) = ({NUMBER})", perplexity)
        assert math.exp(power) == pytest.approx(value, abs=0.0051)
        bits, n, share = figures(rf"({NUMBER}) bits .* ÷ ({NUMBER}) bytes = ({NUMBER}) bits a byte", per_byte)
        assert bits / n == pytest.approx(share, abs=0.5e-4)
        assert total / math.log(2) == pytest.approx(bits, abs=0.02)


def test_what_cannot_be_read_is_told_so(smollm2: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmptyText, match="two tokens at least"):
        ask("surprisal", gpt(), text="a")
    with pytest.raises(BadKnob, match="window was 33; tiny takes 2 to 32 tokens"):
        ask("surprisal", gpt(), text="abc", window=33)
    with pytest.raises(BadKnob, match="stride was 8; it takes 1 to 7"):
        ask("surprisal", gpt(), text="abc", window=8, stride=8)
    monkeypatch.setattr(smollm2, "probes", frozenset({"attn"}))
    with pytest.raises(ProbeNotFound, match="it needs logits"):
        ask("surprisal", smollm2, text="abc")


# ---- the chain rule


def test_every_text_of_a_tiny_vocabulary_adds_up_to_one() -> None:
    """Four tokens are all there is: what the panel adds up are the scores of all 4³ texts, from the model itself."""
    model = gpt(vocabulary=4)
    branches = finish(every_text(model, [0], range(4), 3, others=False))
    leaves: dict[tuple[int, ...], float] = {branch.path: branch.joint for branch in branches if len(branch.path) == 3}
    assert sum(leaves.values()) == pytest.approx(1, abs=1e-12)
    rows = surprisals_side_by_side(model, [[0, *path] for path in itertools.product(range(4), repeat=3)])
    for path, nats in zip(itertools.product(range(4), repeat=3), rows, strict=True):
        assert leaves[path] == pytest.approx(math.exp(-nats.sum()), rel=1e-5)
    whole = finish(every_text(model, [0], range(4), 2, others=True))
    assert max(branch.joint for branch in whole if branch.path[-1] == 4) < 1e-6  # there is nothing else


def test_unrelated_conditionals_would_not_add_up() -> None:
    """The twin: each conditional taken from the text alone, without the words before it, is another number."""
    model = gpt(vocabulary=4)
    branches = finish(every_text(model, [0], range(4), 2, others=False))
    first = [branch.joint for branch in branches if len(branch.path) == 1]
    wrong = {path: first[path[0]] * first[path[1]] for path in itertools.product(range(4), repeat=2)}
    assert max(abs(wrong[b.path] - b.joint) for b in branches if len(b.path) == 2) > 1e-2


def test_conditionals() -> None:
    logits = np.log(np.array([0.5, 0.25, 0.125, 0.125]))
    np.testing.assert_allclose(conditionals(logits, [0, 1], others=False), [2 / 3, 1 / 3])
    np.testing.assert_allclose(conditionals(logits, [0, 1], others=True), [0.5, 0.25, 0.25])


@pytest.mark.parametrize("others", [False, True])
def test_the_chain_of_a_real_model(smollm2: Model, others: bool) -> None:
    found = ask("chain", smollm2, text="In the garden", length=2, others=others)
    assert found.words == (" the", " cat", " saw")
    assert found.total == pytest.approx(1, abs=1e-12)
    assert found.n_text == (13 if others else 9)
    for child, parent in enumerate(found.parent):
        before = found.joint[parent] if parent >= 0 else 1.0
        assert found.joint[child] == pytest.approx(before * found.conditional[child], rel=1e-12)
    if others:
        panel = figure("next_token").panel("distribution")
        said = finish(answer(panel, {"top_n": 50}, models=[smollm2], text="In the garden")).result
        place = said.top_strings[0].index(" the")
        assert found.conditional[0] == pytest.approx(said.top_probabilities[0][place], abs=1e-5)


def test_words_that_are_no_words_are_told_so(smollm2: Model) -> None:
    with pytest.raises(BadKnob, match="two to four"):
        ask("chain", smollm2, text="In the garden", words="the")
    with pytest.raises(BadKnob, match="“antidisestablish” is several tokens for smollm2"):
        ask("chain", smollm2, text="In the garden", words="the antidisestablish")


# ---- pairs


def test_a_pair_s_difference_is_that_of_the_scores() -> None:
    model = gpt()
    pair = minimal.parsed("The key [is|are] here")
    assert pair.texts == ("The key is here", "The key are here")
    (bits,) = finish(minimal.bits_of(model, [pair]))
    for text, found in zip(pair.texts, bits, strict=True):
        assert found == pytest.approx(finish(score(model, text)).surprisals.sum() / math.log(2), rel=1e-9)


def test_every_pair_is_well_made() -> None:
    for kind in minimal.KINDS:
        about, pairs = minimal.pairs_of(kind)
        assert about
        assert len(pairs) == len({pair.texts for pair in pairs}) == 12
        assert all(not set("[]|") & set(text) for pair in pairs for text in pair.texts)
    _, reasoning = minimal.pairs_of("reasoning")
    both = {(pair.right, pair.wrong) for pair in reasoning}
    assert all((wrong, right) in both for right, wrong in both)  # each answer is right as often as it is wrong


def test_preferences_add_up_as_printed_and_are_counted(smollm2: Model) -> None:
    found = ask("pairs", smollm2, recurrent("gru"), kind="facts", own="The sun is [hot|cold].")
    assert (found.n_own, found.n_pair, len(found.before)) == (1, 12, 13)
    for preference, lines in zip(found.preference, found.arithmetic, strict=True):
        for value, line in zip(preference, lines, strict=True):
            wrong, right, difference = figures(rf"({NUMBER}) − ({NUMBER}) = ({NUMBER}) bits", line)
            assert wrong - right == pytest.approx(difference, abs=1e-9)
            assert difference == pytest.approx(value, abs=0.0101)
            if "·" not in line:
                power, times = figures(rf".* 2\^({NUMBER}) = ({NUMBER}) times", line)
                assert times == pytest.approx(2**power, rel=0.006)
    assert found.n_right[0] == (found.preference[0][1:] > 0).sum() == 12
    assert found.low[0] < found.share[0] <= found.high[0] <= 1


def test_the_interval_is_wilson_s() -> None:
    """Agresti & Coull 1998, p. 120: 0 of 10 gives an upper end of z² ÷ (n + z²)."""
    z2 = 1.959964**2
    np.testing.assert_allclose(minimal.likely_share(0, 10), (0, 0, z2 / (10 + z2)), atol=1e-12)
    np.testing.assert_allclose(minimal.likely_share(10, 10), (1, 10 / (10 + z2), 1), atol=1e-12)


@pytest.mark.parametrize("written", ["no brackets", "[a|b] at the start", "two [a|b] and [c|d]", "the [same|same]"])
def test_a_pair_that_is_none_is_told_so(written: str) -> None:
    with pytest.raises(BadKnob, match="written with both ways in one pair of brackets"):
        minimal.parsed(written)


def test_the_figure_starts_with_a_text_that_turns_the_two_measures_around(smollm2: Model) -> None:
    """By perplexity the small model looks better, by bits per byte the large one is: what the chapter says."""
    found = ask("surprisal", smollm2, open_model("gpt"), text=str(module.START["text"]))
    assert found.perplexity[0] > found.perplexity[1] + 10
    assert found.bits_per_byte[0] < found.bits_per_byte[1] - 0.2
