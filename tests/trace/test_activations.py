"""Inside the MLP: against the weights multiplied by hand, counts against loops, planted activations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import tiny_models
from unrolled.checkpoints import open_model
from unrolled.errors import BadKnob, ProbeNotFound, TextTooLong
from unrolled.progress import finish
from unrolled.trace import activations as module_under_test
from unrolled.trace.activations import activations

TEXT = "to be or not"


def inputs_of(model: Any, layer: int) -> np.ndarray:
    """What the layer's MLP reads."""
    heard: list[torch.Tensor] = []
    hook = model.blocks[layer].mlp.register_forward_pre_hook(lambda _, given: heard.append(given[0][0]))
    finish(model.next_logits(model.encode(TEXT).ids))
    hook.remove()
    return heard[0].numpy()


@pytest.mark.parametrize("kind", ["relu", "gelu", "gelu_tanh", "swiglu"])
def test_sums_factors_and_values_are_the_weights_multiplied(kind: str) -> None:
    model: Any = tiny_models.gpt(activation=kind)
    found = finish(activations(model, model.encode(TEXT), layer=1, below=0.1, carry=0.9))
    x, mlp = inputs_of(model, 1), model.blocks[1].mlp
    up = x @ mlp.up.weight.numpy().T
    z = x @ mlp.gate.weight.numpy().T if kind == "swiglu" else up
    cubic = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)
    curve = {
        "relu": np.maximum(z, 0),
        "gelu": z * torch.special.ndtr(torch.from_numpy(z)).numpy(),
        "gelu_tanh": z * 0.5 * (1 + np.tanh(cubic)),
        "swiglu": z / (1 + np.exp(-z)),
    }[kind]
    assert found.kind == kind
    np.testing.assert_allclose(found.sums, z, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.factors, up if kind == "swiglu" else np.ones_like(z), rtol=1e-9)
    np.testing.assert_allclose(found.values, curve * found.factors, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.lengths, [np.linalg.norm(column) for column in mlp.down.weight.numpy().T])


def counts(values: np.ndarray, below: float, carry: float) -> tuple[float, float]:
    """small and carriers, one activation at a time."""
    small, carriers = 0, []
    for row in values:
        rms = float(np.sqrt(sum(value * value for value in row) / len(row)))
        small += sum(abs(value) <= below * rms for value in row)
        total, held = 0.0, 0
        for square in sorted((value * value for value in row), reverse=True):
            total, held = total + square, held + 1
            if total >= carry * sum(value * value for value in row):
                break
        carriers.append(held / len(row))
    return small / values.size, float(np.mean(carriers))


@pytest.mark.parametrize(("below", "carry"), [(0.1, 0.9), (0.5, 0.6), (1.0, 0.99)])
def test_counts_are_those_of_a_loop(below: float, carry: float) -> None:
    model = tiny_models.gpt(activation="relu")
    tokens = model.encode(TEXT)
    for layer in range(2):
        found = finish(activations(model, tokens, layer=layer, below=below, carry=carry))
        assert found.zero[layer] == (found.values == 0).mean() == (found.sums <= 0).mean()
        assert found.negative[layer] == (found.sums < 0).mean()
        assert (found.small[layer], found.carriers[layer]) == pytest.approx(counts(found.values, below, carry))


def test_planted_activations() -> None:
    """Ten alike: nine hold nine tenths. One alone holds all."""
    alike = torch.ones(3, 10, dtype=torch.float64)
    assert module_under_test._counted(alike, alike, 0.1, 0.9) == pytest.approx([0, 0, 0, 0.9])
    one = torch.zeros(3, 10, dtype=torch.float64)
    one[:, 4] = 2.0
    assert module_under_test._counted(one - 1, one, 0.1, 0.9) == pytest.approx([0.9, 0.9, 0.9, 0.1])


def test_a_gate_taken_for_the_factor_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    noting = module_under_test._noting
    monkeypatch.setattr(
        module_under_test, "_noting", lambda heard, name: noting(heard, {"gate": "up", "up": "gate"}[name])
    )
    with pytest.raises(AssertionError):
        test_sums_factors_and_values_are_the_weights_multiplied("swiglu")


def test_the_encoder_of_2017_is_mostly_silent() -> None:
    model = open_model("en-fr-transformer")
    found = finish(activations(model, model.encode("Open the file."), layer=0, below=0.1, carry=0.9))
    assert found.kind == "relu"
    np.testing.assert_array_equal(found.zero, found.negative)
    assert (found.zero > 0.8).all()


def test_limits_are_told(opened: Any) -> None:
    model = tiny_models.gpt(context=1100)
    with pytest.raises(BadKnob, match="no layer 2: tiny has MLPs in layers 0 to 1"):
        finish(activations(model, model.encode("a"), layer=2, below=0.1, carry=0.9))
    with pytest.raises(TextTooLong, match="1,024 at most"):
        finish(activations(model, model.encode("a" * 1025), layer=0, below=0.1, carry=0.9))
    with pytest.raises(ProbeNotFound, match=r"no probe 'mlp\.act'"):
        finish(activations(opened("bert"), opened("bert").encode("the cat"), layer=0, below=0.1, carry=0.9))
