"""Temperature, top-k, top-p and min-p against transformers' own, closed forms and what must always hold."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from unrolled.sampling import Distribution, distribution_of


def theirs(logits: np.ndarray, temperature: float, top_k: int, top_p: float, min_p: float) -> np.ndarray:
    """transformers' warpers in the order in which generate() applies them, in float64."""
    scores = TemperatureLogitsWarper(temperature)(None, torch.tensor(logits, dtype=torch.float64)[None])
    if top_k:
        scores = TopKLogitsWarper(top_k)(None, scores)
    if top_p < 1:
        scores = TopPLogitsWarper(top_p)(None, scores)
    if min_p > 0:
        scores = MinPLogitsWarper(min_p)(None, scores)
    return scores.softmax(-1)[0].numpy()


def by_id(found: Distribution) -> np.ndarray:
    probabilities = np.empty(len(found.order))
    probabilities[found.order] = found.probabilities
    return probabilities


@pytest.mark.parametrize("seed", range(20))
def test_equals_transformers(seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = (random.standard_normal(500) * 4).astype(np.float32)
    knobs = {
        "temperature": float(random.uniform(0.1, 2)),
        "top_k": int(random.choice([0, 1, 7, 100])),
        "top_p": float(random.choice([1.0, 0.9, 0.5, 0.05])),
        "min_p": float(random.choice([0.0, 0.02, 0.3])),
    }
    np.testing.assert_allclose(by_id(distribution_of(logits, **knobs)), theirs(logits, **knobs), atol=1e-12)


def test_a_forgotten_temperature_is_noticed() -> None:
    logits = np.array([3, 1, 0], dtype=np.float32)
    assert not np.allclose(by_id(distribution_of(logits)), theirs(logits, 0.5, 0, 1.0, 0.0), atol=1e-3)


def test_closed_forms() -> None:
    even = distribution_of(np.zeros(10, dtype=np.float32))
    assert even.entropy_bits == pytest.approx(math.log2(10))
    assert even.kept == 10
    two = distribution_of(np.array([0, math.log(3)], dtype=np.float64))
    np.testing.assert_allclose(two.probabilities, [0.75, 0.25])
    assert two.order.tolist() == [1, 0]


def test_greedy_gives_all_to_the_first_largest() -> None:
    greedy = distribution_of(np.array([1, 5, 5, 2], dtype=np.float32), temperature=0)
    assert greedy.order[0] == 1
    assert greedy.probabilities.tolist() == [1, 0, 0, 0]
    assert greedy.entropy_bits == 0
    assert greedy.kept == 1


def test_top_p_keeps_the_fewest_that_reach_it() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    assert distribution_of(logits, top_p=0.79).kept == 2
    assert distribution_of(logits, top_p=0.81).kept == 3
    assert distribution_of(logits, top_p=0.0).kept == 1


finite = st.floats(-1e4, 1e4, width=32)


@given(
    arrays(np.float32, st.integers(1, 60), elements=finite | st.just(-math.inf)),
    st.floats(0, 2), st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_what_always_holds(logits: np.ndarray, temperature: float, top_k: int, top_p: float, min_p: float) -> None:
    if not np.isfinite(logits).any():
        return
    found = distribution_of(logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    falling = logits[found.order]
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert (np.diff(found.probabilities) <= 0).all()
    assert (falling[1:] <= falling[:-1]).all()
    assert sorted(found.order) == list(range(len(logits)))
    assert 1 <= found.kept <= (top_k or len(logits))
    assert found.entropy_bits >= 0


@given(arrays(np.float32, st.integers(1, 300), elements=finite | st.sampled_from([-math.inf, 0.0, -0.0, 1.0])))
@settings(max_examples=200, deadline=None)
def test_the_quick_sort_is_a_stable_one(logits: np.ndarray) -> None:
    logits[0] = 0  # not all can be ruled out
    np.testing.assert_array_equal(distribution_of(logits).order, np.argsort(-logits, kind="stable"))


def test_draws_follow_the_probabilities() -> None:
    found = distribution_of(np.log(np.array([0.6, 0.3, 0.1])))
    random = np.random.default_rng(5)
    share = np.bincount([found.draw(random) for _ in range(20_000)], minlength=3) / 20_000
    np.testing.assert_allclose(share, [0.6, 0.3, 0.1], atol=4 * math.sqrt(0.25 / 20_000))


def test_what_was_removed_is_never_drawn() -> None:
    found = distribution_of(np.zeros(100, dtype=np.float32), top_k=2)
    random = np.random.default_rng(0)
    assert {found.draw(random) for _ in range(200)} == {0, 1}
