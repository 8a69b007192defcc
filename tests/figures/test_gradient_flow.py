"""One factor against closed forms, two units against numbers worked out by hand and autograd, the real networks against
the traces that their own tests check."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import tiny_models
from tiny_recurrent import opened
from unrolled.checkpoints.model import Training
from unrolled.errors import BadInput, BadKnob, ProbeNotFound
from unrolled.figures import _two_units as two
from unrolled.figures import answer, figure, gradient_flow
from unrolled.progress import finish
from unrolled.trace.gradients import gradients

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

TEXT = "The cat sat"


def ask(panel: str, *models: Model, text: str | None = TEXT, **knobs: Any) -> Any:
    return finish(answer(figure("gradient_flow").panel(panel), knobs, models=models, text=text))


def trainable(name: str, **changes: Any) -> Model:
    """A tiny model that says that a training made it."""
    model = opened(name, **changes)
    model.training = Training(said="trained by unrolled train: family and seed", seed=5)
    return model


@pytest.mark.parametrize("factor", [0.5, 0.77, 0.99, 1.0, 1.01, 1.3, 1.5])
def test_one_factor(factor: float) -> None:
    found = gradient_flow.factor(factor=factor, steps=100)
    product = 1.0
    for k in range(101):
        assert found.share[k] == pytest.approx(product, rel=1e-12)
        product *= factor
    for level, after in ((1e-3, found.vanished_after), (1e3, found.exploded_after)):
        past = [k for k in range(1, 1000) if (factor**k <= level if level < 1 else factor**k >= level)]
        assert after == (past[0] if past else math.inf)
    if factor < 1:
        assert factor**found.half_life == pytest.approx(0.5)
    assert (found.doubling < math.inf) == (factor > 1)


BY_HAND = [(1, 0), (0.9, 2.0), (0.81, 3.4), (0.729, 4.34), (0.6561, 4.93), (0.59049, 5.2562), (0.531441, 5.38594)]
"""e W of W = [[.9, 2], [0, .8]], step by step: (.9 a, 2 a + .8 b)."""


def test_a_matrix_that_is_not_normal_lets_it_grow_first_and_then_die() -> None:
    found = gradient_flow.two_units(back=60)
    assert_allclose(found.error[:7], BY_HAND, atol=1e-9)
    assert found.radius == pytest.approx(0.9)
    assert found.peak == 6
    assert found.length[6] == pytest.approx(math.hypot(0.531441, 5.38594))
    assert found.length[6] > 5 * found.length[0]
    assert found.length[60] < 0.1
    assert (found.length <= found.by_singular * (1 + 1e-12)).all()
    assert (found.length[1:30] > found.by_radius[1:30]).all()


def test_a_normal_one_does_not() -> None:
    found = gradient_flow.two_units(w_12=0.3, w_21=0.3, w_11=0.6, w_22=0.6, back=30)
    assert (np.diff(found.length) < 0).all()
    assert found.singular == pytest.approx(found.radius) == 0.9


def test_a_transposed_matrix_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    true = two.errors
    monkeypatch.setattr(two, "errors", lambda w, slope, end: true(w.T, slope, end))
    with pytest.raises(AssertionError):
        test_a_matrix_that_is_not_normal_lets_it_grow_first_and_then_die()


@pytest.mark.parametrize("squash", ["none", "tanh"])
def test_two_units_are_autograd(squash: str) -> None:
    knobs = {"w_11": 1.3, "w_12": -0.7, "w_21": 0.4, "w_22": 0.9, "start": 0.35, "e_1": 0.5, "e_2": -1.0, "back": 7}
    found = gradient_flow.two_units(squash=squash, **knobs)  # type: ignore[arg-type]
    w = torch.tensor([[1.3, -0.7], [0.4, 0.9]], dtype=torch.float64)
    h = torch.full((2,), 0.35, dtype=torch.float64, requires_grad=True)
    states = [h]
    for _ in range(7):
        product = w @ states[-1]
        states.append(product.tanh() if squash == "tanh" else product)
    end = torch.tensor([0.5, -1.0], dtype=torch.float64)
    grads = torch.autograd.grad(states[-1] @ end, states)
    assert_allclose(found.error, torch.stack(grads[::-1]).numpy(), atol=1e-12)
    assert_allclose(found.hidden, torch.stack(states[::-1]).detach().numpy(), atol=1e-12)


def test_tanh_shrinks_though_the_radius_exceeds_one() -> None:
    """h → tanh(1.5 h) comes to rest at h = 0.8586, where the slope 1 - h² = 0.2629 makes 1.5 into 0.394 a step."""
    found = gradient_flow.two_units(w_11=1.5, w_12=0.0, w_21=0.0, w_22=1.5, squash="tanh", start=1.0, back=60)
    assert found.radius == 1.5
    assert found.length[20] < 1e-6
    assert found.length[1] / found.length[0] == pytest.approx(0.3943, abs=1e-4)
    free = gradient_flow.two_units(w_11=1.5, w_12=0.0, w_21=0.0, w_22=1.5, back=60)
    assert free.length[20] > 1e3


NUMBER = r"[−]?[\d.]+"


def value(text: str) -> float:
    return float(text.replace("−", "-").strip("()"))


def decimals(text: str) -> int:
    return len(text.partition(".")[2])


def check_product_sum(said: str) -> float:
    """`a×b + c×d = p + q = r`: each side is what the printed figures give."""
    products, *rest = said.split(" = ")
    factors = [tuple(map(value, one.split("×"))) for one in products.split(" + ")]
    result = rest[-1]
    assert sum(a * b for a, b in factors) == pytest.approx(
        value(result), abs=0.5001 * 10.0 ** -decimals_at_least(result)
    )
    if len(rest) > 1:
        terms = list(map(value, rest[0].split(" + ")))
        assert sum(terms) == pytest.approx(value(result), abs=0.5001 * 10.0 ** -decimals_at_least(result))
    return value(result)


def decimals_at_least(text: str) -> int:
    """Needless zeros are dropped down to two: what is printed with fewer decimals is exact."""
    return max(4, decimals(text))


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"w_12": -1.95, "w_21": 0.3, "e_2": -0.7},
        {"squash": "tanh", "start": 1.2, "w_21": 0.5},
        {"w_11": 0.05, "w_12": 0.1, "w_22": -0.1, "back": 8},
    ],
)
def test_the_arithmetic_adds_up_as_printed(knobs: dict[str, Any]) -> None:
    found = gradient_flow.two_units(**knobs)
    for k, said in enumerate(found.arithmetic[1:], start=1):
        match = re.search(r"unit 1 (.*); unit 2 (.*); length √\((.*)\) = √(.*) = (.*)\.$", said)
        assert match, said
        assert check_product_sum(match[1]) == pytest.approx(found.error[k, 0], abs=5.1e-5)
        assert check_product_sum(match[2]) == pytest.approx(found.error[k, 1], abs=5.1e-5)
        squares = sum(value(a) * value(b) for a, b in (one.split("×") for one in match[3].split(" + ")))
        assert squares == pytest.approx(value(match[4]), abs=0.5001 * 10.0 ** -max(4, decimals(match[4])))
        assert math.sqrt(value(match[4])) == pytest.approx(
            value(match[5]), abs=0.501 * 10.0 ** -max(4, decimals(match[5]))
        )
        assert value(match[5]) == pytest.approx(found.length[k], rel=1e-3)
        if "slopes first" in said:
            first, second = re.search(r"slopes first, (.*) and (.*); then", said).groups()  # type: ignore[union-attr]
            assert check_product_sum(first) == pytest.approx(found.slope[k - 1, 0] * found.error[k - 1, 0], abs=5.1e-5)
            assert check_product_sum(second) == pytest.approx(found.slope[k - 1, 1] * found.error[k - 1, 1], abs=5.1e-5)


def test_four_models_side_by_side() -> None:
    models = [opened("rnn"), opened("lstm"), opened("gru"), tiny_models.gpt(tied=True)]
    found = ask("network", *models).result
    assert [len(each) for each in found.places] == [3, 7, 3, 3]
    assert found.places[1] == ("input", "c 0", "h 0", "h,c 0", "c 1", "h 1", "h,c 1")
    assert found.places[3] == ("input", "stream 0", "stream 1")
    for m, model in enumerate(models):
        alone = finish(gradients(model, model.encode(TEXT)))
        norms = found.norms[m]
        assert norms.shape == (len(found.places[m]), len(found.tokens[m])) == (len(found.places[m]), 10)
        assert_allclose(norms[0], np.linalg.norm(alone.at["input", None], axis=1))
        assert_allclose(found.relative[m], norms / norms[:, -1:])
        assert_allclose(found.factor[m] ** 9, norms[:, 0] / norms[:, -1], rtol=1e-9)
        assert found.probability[m] == pytest.approx(math.exp(-found.loss[m]))
        assert found.target[m] == "t"
        assert math.isnan(found.radius_before[m])
    state = found.norms[1][3]
    assert_allclose(state[-1], found.norms[1][2][-1])  # at the end nothing carries c on
    assert (state >= found.norms[1][2]).all()


def test_clipping_multiplies_what_is_too_long() -> None:
    norm = ask("network", opened("rnn")).result.parameter_norm[0]
    for clip in (0.5, norm, 100.0):
        found = ask("network", opened("rnn"), clip=float(clip)).result
        assert found.clipped_by[0] == pytest.approx(min(1, clip / norm))


def test_the_radius_is_turned_and_told() -> None:
    model = opened("rnn")
    largest = max(
        abs(np.linalg.eigvals(layer.weight_hh_l0.numpy())).max()
        for layer in model.module.layers  # type: ignore[union-attr,operator]
    )
    as_it_is, small, large = (ask("network", model, radius=radius).result for radius in (0.0, 0.3, 1.9))
    assert small.radius_before[0] == large.radius_before[0] == pytest.approx(largest)
    assert small.relative[0][1, 0] < as_it_is.relative[0][1, 0]
    assert (small.norms[0] != large.norms[0]).all()


def test_at_the_start() -> None:
    model = trainable("lstm")
    found, trained = ask("network", model, weights="start"), ask("network", model)
    assert found.provenance[0].training == "as its training began: family lstm, seed 5"
    assert found.provenance[0].hash is None
    assert trained.provenance[0].training != found.provenance[0].training
    assert (found.result.norms[0] != trained.result.norms[0]).any()
    steps = ask("jacobians", model, weights="start", last=3)
    assert steps.provenance[0].training == "as its training began: family lstm, seed 5"
    with pytest.raises(BadInput, match="How tiny-gru started is not known"):
        ask("network", opened("gru"), weights="start")


def test_one_token() -> None:
    with pytest.raises(BadInput, match=r"“a” is one token for tiny-rnn"):
        ask("network", opened("rnn"), text="a")
    alone = ask("network", opened("rnn"), text="a", target="model").result
    assert alone.norms[0].shape == (3, 1)
    assert np.isnan(alone.factor[0]).all()
    with pytest.raises(BadInput, match="a step leads from one to a second"):
        ask("jacobians", opened("rnn"), text="a")


def test_steps_as_matrices() -> None:
    found = ask("jacobians", opened("lstm"), layer=1, last=5).result
    assert (found.layers, found.state, found.gates) == (2, "h and c", ("input", "forget", "candidate", "output"))
    assert found.position.tolist() == [6, 7, 8, 9, 10]
    assert found.singular.shape == found.product.shape == (16, 5)
    assert_allclose(found.largest, found.singular[0])
    assert (found.radius <= found.largest * 1.0001).all()
    assert (found.product[0] <= found.bound * 1.0001).all()
    assert_allclose(found.bound[0], np.prod(found.largest.astype(np.float64)))
    assert_allclose(found.by_radius[3], found.radius[3] * found.radius[4], rtol=1e-6)
    assert_allclose(found.factor[0] ** 5, found.product[0, 0], rtol=1e-5)


def test_models_that_do_not_go() -> None:
    with pytest.raises(ProbeNotFound, match="it needs h, and tiny has no such probe"):
        ask("jacobians", tiny_models.gpt())
    with pytest.raises(BadKnob, match="layer was 5; tiny-rnn has layers 0 to 1"):
        ask("jacobians", opened("rnn"), layer=5)


def test_smollm2(smollm2: Model) -> None:
    found = ask("network", smollm2, text="The capital of France is Paris").result
    assert found.target == (" Paris",)
    assert len(found.places[0]) == 31
    assert (found.norms[0][:-1] > 0).all()
    assert (found.norms[0][-1, :-1] == 0).all()
    assert math.isnan(found.parameter_norm[0])
    assert found.clipped_by == (1.0,)
