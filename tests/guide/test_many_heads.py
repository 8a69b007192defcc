"""What the chapter on heads says of MiniLM and the famous sentence, measured again."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.checkpoints import Model, open_model
from unrolled.figures._tracing import occurrences
from unrolled.progress import finish
from unrolled.trace import record

# a sentence, its two nouns, and the last word with which "it" is the first noun, or the second
PAIRS = [
    ("The animal didn't cross the street because it was too {}.", "animal", "street", "tired", "wide"),
    ("The trophy doesn't fit in the suitcase because it is too {}.", "trophy", "suitcase", "big", "small"),
    ("The bottle was poured into the cup until it was {}.", "bottle", "cup", "empty", "full"),
    ("The ball broke the window because it was {}.", "ball", "window", "heavy", "fragile"),
    ("The truck passed the bus because it was going so {}.", "truck", "bus", "fast", "slowly"),
    ("The dog chased the rabbit until it was {}.", "dog", "rabbit", "exhausted", "caught"),
    ("The sculpture rolled off the shelf because it was {}.", "sculpture", "shelf", "round", "crooked"),
    ("The fish ate the worm because it was {}.", "fish", "worm", "hungry", "tasty"),
    ("The table won't go through the door because it is too {}.", "table", "door", "wide", "narrow"),
    ("The storm delayed the plane because it was so {}.", "storm", "plane", "violent", "light"),
    ("The book would not fit on the shelf because it was too {}.", "book", "shelf", "tall", "short"),
    ("The cat ran from the car because it was {}.", "cat", "car", "afraid", "loud"),
]


def weights(model: Model, sentence: str, *nouns: str) -> list[np.ndarray]:
    """(layer, head) attention from "it" to each noun."""
    tokens = model.encode(sentence)
    trace = finish(record(model, tokens))
    it = occurrences(tokens, "it")
    rows = np.stack([trace.heads(layer, it)[:, 0] for layer in range(trace.n_layer())])
    return [rows[:, :, occurrences(tokens, noun)].sum(axis=-1) for noun in nouns]


@pytest.fixture(scope="module")
def leaning() -> np.ndarray:
    """(pair, last word, layer, head): weight on the right noun less weight on the other."""
    model = open_model("minilm")
    found = []
    for sentence, first, second, for_first, for_second in PAIRS:
        one = weights(model, sentence.format(for_first), first, second)
        two = weights(model, sentence.format(for_second), second, first)
        found.append([one[0] - one[1], two[0] - two[1]])
    return np.array(found)


def test_two_heads_look_from_it_to_animal() -> None:
    (to_animal,) = weights(open_model("minilm"), PAIRS[0][0].format("tired"), "animal")
    best = np.argsort(-to_animal, axis=None)[:3]
    assert {tuple(map(int, np.unravel_index(k, to_animal.shape))) for k in best[:2]} == {(3, 1), (5, 11)}
    np.testing.assert_allclose(np.sort(to_animal, axis=None)[::-1][:2], 2 / 3, atol=0.02)
    assert to_animal.ravel()[best[2]] < 0.3


def test_they_are_right_about_as_often_as_a_coin(leaning: np.ndarray) -> None:
    right = (leaning > 0).sum(axis=(0, 1))
    assert right[3, 1] == right[5, 11] == 12
    assert right.max() == 15


def test_a_head_chosen_on_half_of_the_pairs_fails_on_the_rest(leaning: np.ndarray) -> None:
    random = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        order = random.permutation(len(PAIRS))
        seen, unseen = (leaning[part] > 0 for part in np.split(order, 2))
        chosen = np.unravel_index(seen.mean(axis=(0, 1)).argmax(), seen.shape[2:])
        shares.append(unseen.mean(axis=(0, 1))[chosen])
    assert np.mean(shares) == pytest.approx(0.54, abs=0.03)


def test_one_leans_the_right_way_without_crossing_over(leaning: np.ndarray) -> None:
    """From one last word to the other, the difference between the nouns moves to the right one in eleven pairs."""
    moved = leaning[:, 0] + leaning[:, 1] > 0
    assert moved[:, 5, 11].sum() == 11
