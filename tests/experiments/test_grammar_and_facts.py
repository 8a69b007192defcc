"""Claim 15: how pairs are made and scored, against closed forms, and twins that turn the verdict."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from experiments.recorded import outcomes, with_found
from unrolled.experiments import _pairs as pairs
from unrolled.experiments import grammar_and_facts as claim
from unrolled.experiments._claim import Outcome
from unrolled.experiments._results import result_of
from unrolled.text import corpus

CLAIM = claim.CLAIM
TABLE = torch.from_numpy(np.random.default_rng(1).normal(0, 2, (50, 50))).log_softmax(-1)


def after_one(ids: Tensor) -> Tensor:
    """A model that looks at the last token alone."""
    return TABLE[ids]


def letters(text: str) -> list[int]:
    return [ord(letter) % 50 for letter in text]


def test_a_frame_gives_two_pairs_with_ends_exchanged() -> None:
    first, second = pairs.pairs_in("The {key|keys} to the {doors|door} {is|are} here.")
    assert (first.right, first.wrong) == ("The key to the doors is here.", "The key to the doors are here.")
    assert (second.right, second.wrong) == ("The keys to the door are here.", "The keys to the door is here.")


@pytest.mark.parametrize("kind", pairs.KINDS)
def test_counting_words_gets_exactly_half(kind: str) -> None:
    """Whatever the counts are: what is right in one pair is wrong in the other, and an order has the same words."""
    words = sorted({word for item in pairs.items(kind) for pair in item for word in (pair.right + pair.wrong).split()})
    counts = torch.from_numpy(np.random.default_rng(5).integers(1, 1_000, len(words) + 500))

    def encode(text: str) -> list[int]:
        return [0, *(words.index(word) if word in words else 0 for word in text.split())]

    found = pairs.shares(pairs.nats_of_counts(counts), encode, [kind])[kind]
    assert found == [0.5] * len(pairs.items(kind))


def test_sides_exchanged_are_wrong_where_they_were_right() -> None:
    nats = pairs.nats_of(after_one)
    right = pairs.shares(nats, letters)
    wrong = pairs.shares(lambda texts: [-cost for cost in nats(texts)], letters)
    for kind in pairs.KINDS:
        np.testing.assert_allclose(wrong[kind], 1 - np.array(right[kind]))


def test_a_text_costs_the_sum_of_its_tokens_whatever_stands_beside_it() -> None:
    texts = [letters("a short one"), letters("and one that is a good deal longer")]
    expected = [-sum(float(TABLE[a, b]) for a, b in itertools.pairwise(ids)) for ids in texts]
    np.testing.assert_allclose(pairs.nats_of(after_one)(texts), expected)


def test_the_books_have_the_right_names_and_not_the_wrong_ones() -> None:
    text = corpus("fiction").train
    names = [pair for item in pairs.items("names") for pair in item if pair.right.startswith("It was ")]
    said = [[side.removeprefix("It was ").removeprefix("the ")[:-1] for side in (p.right, p.wrong)] for p in names]
    assert sum(right in text for right, _ in said) >= 0.9 * len(said)
    assert not [wrong for _, wrong in said if wrong in text]


def test_shuffled_windows_have_the_same_tokens() -> None:
    ids = torch.arange(10_000)
    given, wanted = claim.drawn(ids, np.random.default_rng(0), True)
    plain, following = claim.drawn(ids, np.random.default_rng(0), False)
    before = torch.cat([plain, following[:, -1:]], dim=1)
    after = torch.cat([given, wanted[:, -1:]], dim=1)
    assert torch.equal(after.sort(dim=1)[0], before)
    assert float((wanted == given + 1).float().mean()) < 0.05


def sound(each: Outcome) -> Outcome:
    """A recorded cell, had our small models known who is who a little more surely: only then can the verdict turn."""
    if "saves" not in each.found or "control" in each.cell.setting:
        return each
    *before, last = each.found["saves"]
    return with_found(each, saves=[*before, {**last, "shares": {**last["shares"], "names": 0.65}}])


def test_who_is_who_is_what_the_verdict_hangs_on() -> None:
    assert result_of(CLAIM, "full", outcomes(CLAIM)).verdict == "does not hold here"
    assert result_of(CLAIM, "full", outcomes(CLAIM, sound)).verdict == "holds with limits"


def test_sides_exchanged_turn_the_verdict() -> None:
    def change(each: Outcome) -> Outcome:
        items = each.found.get("items")
        if items is None:
            return sound(each)
        return with_found(each, items={kind: [1 - share for share in of] for kind, of in items.items()})

    assert result_of(CLAIM, "full", outcomes(CLAIM, change)).verdict == "does not hold here"


def test_trained_on_shuffled_text_instead_turns_the_verdict() -> None:
    shuffled = {e.cell.seed: e.found for e in outcomes(CLAIM) if "control" in e.cell.setting}

    def change(each: Outcome) -> Outcome:
        is_own = "saves" in each.found and "control" not in each.cell.setting
        return with_found(each, saves=shuffled[each.cell.seed]["saves"]) if is_own else each

    def names_kept(each: Outcome) -> Outcome:
        return sound(change(each))

    assert result_of(CLAIM, "full", outcomes(CLAIM, names_kept)).verdict == "does not hold here"


def test_pairs_that_counting_words_gets_right_prove_nothing() -> None:
    def change(each: Outcome) -> Outcome:
        if each.cell.family != "counts":
            return each
        return with_found(each, items={kind: [0.8] * len(of) for kind, of in each.found["items"].items()})

    assert result_of(CLAIM, "full", outcomes(CLAIM, change)).verdict == "not decided"


def test_half_of_the_cells_measure_and_draw_what_they_can() -> None:
    own = [each for each in outcomes(CLAIM) if "saves" in each.found]
    others = [each for each in outcomes(CLAIM) if "items" in each.found]
    assert "SmolLM2: world" not in CLAIM.measure(own)
    assert "grammar" not in CLAIM.measure(others)
    assert [len(CLAIM.plots(cells)) for cells in ([], own, others, [*own, *others])] == [0, 1, 1, 2]
