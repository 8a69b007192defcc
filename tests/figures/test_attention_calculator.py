"""The calculator against a computation by hand, torch's own attention, autograd, and its own printed arithmetic."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.errors import BadKnob
from unrolled.figures import answer, figure
from unrolled.figures import attention_calculator as calculator
from unrolled.figures._arithmetic import number, product_sum, quotient, share
from unrolled.models import attention
from unrolled.progress import finish

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

STAGES = ("query", "key", "value", "scores", "scaled", "weights", "output")

# X times W_Q, W_K and W_V done on paper, halves and ones only.
QUERY = [[0.35, -0.20, 0.55, 0.70], [0.30, 1.00, -0.35, -0.65], [-0.05, 0.25, -0.90, -0.05], [0.70, -0.35, 0.10, 0.55]]
KEY = [[1.05, 0.05, 0.40, 0.10], [-0.15, 1.10, 0.05, 0.20], [-0.10, 0.65, -0.55, -0.45], [0.80, 0.00, -0.25, 0.35]]
VALUE = [[0.10, 0.20, -0.30, 1.05], [0.20, 0.90, 0.40, -0.15], [-0.45, 0.30, 0.70, -0.10], [0.35, -0.10, 0.20, 0.80]]


def by_hand(*, scaling: bool = True, causal: bool = False) -> dict[str, list[list[float]]]:
    """The steps after Q, K, V in plain Python, from the paper's formula."""
    n, d_k = 4, 4
    scores = [[sum(QUERY[i][c] * KEY[j][c] for c in range(d_k)) for j in range(n)] for i in range(n)]
    scaled = [[s / 2 if scaling else s for s in row] for row in scores]  # √4
    powers = [[0 if causal and j > i else math.exp(scaled[i][j]) for j in range(n)] for i in range(n)]
    weights = [[p / sum(row) for p in row] for row in powers]
    output = [[sum(weights[i][j] * VALUE[j][c] for j in range(n)) for c in range(d_k)] for i in range(n)]
    return {
        "query": QUERY,
        "key": KEY,
        "value": VALUE,
        "scores": scores,
        "scaled": scaled,
        "weights": weights,
        "output": output,
    }


@pytest.mark.parametrize("scaling", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_default_equals_the_hand_computation(scaling: bool, causal: bool) -> None:
    steps = calculator.steps(scaling=scaling, causal=causal)
    for stage, expected in by_hand(scaling=scaling, causal=causal).items():
        np.testing.assert_allclose(getattr(steps, stage), expected, atol=1e-6, err_msg=stage)


def test_a_lost_square_root_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "scale", lambda scores, d_k: scores / d_k)
    with pytest.raises(AssertionError, match="scaled"):
        test_default_equals_the_hand_computation(scaling=True, causal=False)


def test_a_mask_that_looks_one_too_far_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "causal_mask", lambda n, m: torch.ones(n, m, dtype=torch.bool).tril(1))
    with pytest.raises(AssertionError, match="weights"):
        test_default_equals_the_hand_computation(scaling=True, causal=True)


def test_closed_form() -> None:
    """Scores 0 and 1 give the weights [1, e]/(1 + e)."""
    steps = calculator.steps(x=((0.0,), (1.0,)), d_k=1, w_query=((1.0,),), w_key=((1.0,),), w_value=((1.0,),))
    np.testing.assert_allclose(steps.weights[1], np.array([1, math.e]) / (1 + math.e), rtol=1e-15)
    np.testing.assert_allclose(steps.weights[0], [0.5, 0.5], rtol=1e-15)


matrices = st.integers(1, 8).flatmap(
    lambda width: st.lists(
        st.lists(st.floats(-3, 3).map(lambda x: round(x, 2)), min_size=width, max_size=width), min_size=1, max_size=8
    )
)


@given(matrices, st.integers(1, 8), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_equals_torch_and_adds_up_as_printed(x: list[list[float]], d_k: int, scaling: bool, causal: bool) -> None:
    knobs = {"x": x, "d_k": d_k, "scaling": scaling, "causal": causal}
    steps = finish(answer(figure("attention_calculator").panel("steps"), knobs)).result
    q, k, v = (torch.tensor(getattr(steps, name))[None] for name in ("query", "key", "value"))
    theirs = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=None if scaling else 1.0)
    np.testing.assert_allclose(steps.output, theirs[0], atol=1e-12)
    np.testing.assert_allclose(steps.weights.sum(axis=1), 1)
    for stage in STAGES:
        for values, sentences in zip(getattr(steps, stage), getattr(steps, f"{stage}_arithmetic"), strict=True):
            for value, sentence in zip(values, sentences, strict=True):
                check_sentence(sentence, value)


def check_sentence(sentence: str, value: float) -> None:
    """Reads a printed sentence as a person would: each side of every = sign, rounded, is the last one."""
    if "stays as it is" in sentence or "−∞, so" in sentence:
        return
    *sides, result = re.sub(r" \(each score less the largest, [\d.−]+\)", "", sentence).split(" = ")
    assert abs(read(result) - value) <= 0.5e-4 + 1e-9, sentence
    for side in sides:
        assert abs(read(side) - read(result)) <= 0.5e-4 + 1e-9, sentence


def read(expression: str) -> float:
    """Evaluates printed arithmetic: numbers, + − × ÷ √ and brackets only."""
    plain = expression.replace("−", "-").replace("×", "*").replace("÷", "/")
    plain = re.sub(r"√(\d+)", r"(\1**0.5)", plain).replace("e^(-∞)", "0")
    plain = re.sub(r"e\^(\(-[\d.]+\)|[\d.]+)", lambda power: repr(math.exp(float(power[1].strip("()")))), plain)
    assert re.fullmatch(r"[\d.+\-*/() e]+", plain), expression
    return float(eval(plain))  # only digits and operators are left


def test_products_follow_from_printed_factors() -> None:
    sentence = product_sum([0.123456, -0.6], [0.777777, 0.3333333])
    factors, terms, _ = sentence.split(" = ")
    for factor, term in zip(factors.split(" + "), terms.split(" + "), strict=True):
        assert abs(read(factor) - read(term)) < 1e-6, sentence


def test_a_sum_that_does_not_add_up_is_noticed() -> None:
    with pytest.raises(AssertionError):
        check_sentence("0.50×0.25 + 0.10×0.30 = 0.125 + 0.03 = 0.165", 0.155)


def test_sentences() -> None:
    assert product_sum([0.5, 0.2], [1.0, -0.5]) == "0.50×1.00 + 0.20×(−0.50) = 0.50 + (−0.10) = 0.40"
    assert quotient(1.1, 2.0, "√4") == "1.10 ÷ √4 = 1.10 ÷ 2.00 = 0.55"
    assert share([-11.0], 0) == "e^(−11.00) ÷ (e^(−11.00)) = 0.00002 ÷ (0.00002) = 1.00"
    assert share([0.0, -math.inf], 0) == "e^0.00 ÷ (e^0.00 + e^(−∞)) = 1.00 ÷ (1.00 + 0.00) = 1.00"
    assert number(-0.00001) == "0.00"


def test_causal_changes_nothing_before_the_changed_token() -> None:
    changed = (*calculator.X[:3], (9.0, -9.0, 3.0, 1.0))
    before, after = calculator.steps(causal=True), calculator.steps(causal=True, x=changed)
    np.testing.assert_array_equal(before.output[:3], after.output[:3])
    assert not np.allclose(before.output[3], after.output[3])


def test_without_mask_order_does_not_matter() -> None:
    order = [2, 0, 3, 1]
    shuffled = calculator.steps(x=tuple(calculator.X[i] for i in order))
    np.testing.assert_allclose(shuffled.output, calculator.steps().output[order], atol=1e-12)


def test_equal_tokens_get_equal_outputs_until_a_mask_parts_them() -> None:
    """What the chapter tells the reader to try."""
    twins = (calculator.X[0], calculator.X[1], calculator.X[0], calculator.X[3])
    unmasked, masked = calculator.steps(x=twins), calculator.steps(x=twins, causal=True)
    np.testing.assert_array_equal(unmasked.output[0], unmasked.output[2])
    assert not np.allclose(masked.output[0], masked.output[2])


def test_a_map_of_the_wrong_shape_is_told_so() -> None:
    with pytest.raises(BadKnob, match=r"w_key is 1 × 2; X has 4 columns and d_k is 4, so it must be 4 × 4"):
        calculator.steps(w_key=((1.0, 2.0),))


@pytest.fixture(scope="module")
def measured() -> calculator.Variance:
    return finish(calculator.variance(n_samples=2048, seed=3))


def test_variance_is_d_k_and_with_scaling_one(measured: calculator.Variance) -> None:
    """Theory: Var(q·k) = d_k for independent entries of variance 1. Four standard errors over nine sizes."""
    assert measured.d_k.tolist() == [4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert (abs(measured.variance - measured.d_k) < 4 * measured.variance_error).all()
    assert (abs(measured.scaled_variance - 1) < 4 * measured.scaled_variance_error).all()
    assert (measured.variance_error / measured.variance < 0.1).all()


def test_softmax_dies_without_scaling_and_lives_with_it(measured: calculator.Variance) -> None:
    assert measured.largest_weight[-1] > 0.9
    assert measured.gradient[-1] < 0.2 * measured.gradient[0]
    assert np.ptp(measured.scaled_gradient) < 0.1 * measured.scaled_gradient[0]


def test_gradient_equals_autograd() -> None:
    """The Jacobian's norm by its formula against autograd through torch's softmax."""
    products = np.random.default_rng(0).standard_normal((5, 7)) * 2
    jacobians = [torch.autograd.functional.jacobian(lambda s: s.softmax(0), torch.tensor(row)) for row in products]
    expected = np.mean([float(j.norm()) for j in jacobians])
    assert calculator.measured(products, "")["gradient"] == pytest.approx(expected, abs=1e-12)


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, two, other = (finish(calculator.variance(n_samples=128, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.variance, two.variance)
    assert (one.variance != other.variance).all()


FRANCE = "The capital of France is"


def real_head(model: Model, text: str = FRANCE, **knobs: Any) -> calculator.HeadSteps:
    found: calculator.HeadSteps = finish(
        answer(figure("attention_calculator").panel("head"), knobs, models=[model], text=text)
    ).result
    return found


def test_a_real_head_s_steps_lead_to_its_weights(smollm2: Model) -> None:
    """Softmax of the masked scores, done here, is what the model's own attention gives."""
    found = real_head(smollm2, layer=13, head=8)
    assert (found.n_layer, found.n_head) == (30, 9)
    np.testing.assert_allclose(found.scores, found.query @ found.key.T, atol=1e-4)
    np.testing.assert_allclose(found.scaled, found.scores / 8, atol=1e-5)
    powers = np.exp(found.masked - found.masked.max(axis=1, keepdims=True))
    np.testing.assert_allclose(found.weights, powers / powers.sum(axis=1, keepdims=True), atol=1e-5)
    assert np.isneginf(found.masked[np.triu_indices(5, 1)]).all()
    np.testing.assert_allclose(found.elsewhere, 0, atol=1e-5)
    output = finish(
        answer(figure("heads").panel("map"), {"layer": 13, "head": 8}, models=[smollm2], text=FRANCE)
    ).result
    np.testing.assert_allclose(found.weights, output.weights, atol=1e-6)


def test_the_last_tokens_keep_the_weights_of_the_whole_text(smollm2: Model) -> None:
    whole, part = real_head(smollm2, layer=5, head=1), real_head(smollm2, layer=5, head=1, last=2)
    np.testing.assert_allclose(part.weights, whole.weights[3:, 3:], atol=1e-6)
    np.testing.assert_allclose(part.elsewhere, whole.weights[3:, :3].sum(axis=1), atol=1e-5)
    assert part.tokens == (" France", " is")


def test_a_real_score_adds_up_as_printed(smollm2: Model) -> None:
    found = real_head(smollm2, layer=13, head=8, row=4, column=3)
    assert found.sentence.count("×") == 64
    check_sentence(found.sentence, float(found.query[4].astype(float) @ found.key[3].astype(float)))


def test_a_head_that_is_not_there_is_told_so(smollm2: Model) -> None:
    with pytest.raises(BadKnob, match="layer was 40; the model has layers 0 to 29"):
        real_head(smollm2, layer=40)
