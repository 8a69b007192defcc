"""One step as a matrix, against closed forms and finite differences in float64; products against the whole way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from tiny_recurrent import opened
from unrolled.checkpoints import Model
from unrolled.errors import BadInput, BadKnob, ProbeNotFound
from unrolled.progress import finish
from unrolled.trace import record_states
from unrolled.trace.jacobians import jacobians, step_jacobian

TEXT = "The cat sat"


def read_by(model: Model, layer: int) -> Tensor:
    """What the layer reads, (1, token, input)."""
    ids = model.encode(TEXT).ids
    below = model.module.embed(torch.tensor([ids])) if layer == 0 else None
    if below is None:
        below = torch.tensor(finish(record_states(model, model.encode(TEXT))).h[layer - 1])[None].double()
    return below.detach()


def states_of(layer: Any, x: Tensor) -> list[tuple[Tensor, ...]]:
    states, state = [], None
    with torch.no_grad():
        for t in range(x.shape[1]):
            _, state = layer(x[:, t : t + 1], state, True)
            states.append(state)
    return states


def by_differences(layer: Any, x: Tensor, state: tuple[Tensor, ...]) -> np.ndarray:
    """Column j: what moving number j of the state by a little does to the state after the step."""
    whole, columns, step = torch.cat(state, dim=1), [], 1e-6
    for unit in range(whole.shape[1]):
        after = []
        for by in (step, -step):
            moved = whole.clone()
            moved[0, unit] += by
            with torch.no_grad():
                after.append(torch.cat(layer(x[:, None], tuple(moved.split(8, dim=1)), True)[1], dim=1))
        columns.append(((after[0] - after[1]) / (2 * step))[0].numpy())
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(("name", "changes"), [("rnn", {}), ("lstm", {}), ("gru", {}), ("gru", {"reset": "before"})])
def test_a_step_is_its_finite_differences(name: str, changes: dict[str, str]) -> None:
    model = opened(name, **changes)
    layer, x = model.blocks[0], read_by(model, 0)
    state = states_of(layer, x)[4]
    found = step_jacobian(layer, x[:, 5], state).numpy()
    assert found.shape == ((16, 16) if name == "lstm" else (8, 8))
    assert_allclose(found, by_differences(layer, x[:, 5], state), rtol=1e-6, atol=1e-8)


def closed_form(model: Model, t: int) -> np.ndarray:
    """diag(1 - h_t²) W of a simple RNN's first layer."""
    layer, x = model.blocks[0], read_by(model, 0)
    h = states_of(layer, x)[t][0][0].numpy()
    return np.diag(1 - h**2) @ layer.weight_hh_l0.detach().numpy()


def test_a_simple_rnn_has_a_closed_form() -> None:
    model = opened("rnn")
    layer, x = model.blocks[0], read_by(model, 0)
    states = states_of(layer, x)
    for t in range(1, 6):
        assert_allclose(step_jacobian(layer, x[:, t], states[t - 1]).numpy(), closed_form(model, t), atol=1e-12)


def test_an_lstm_without_its_forget_gate_is_noticed() -> None:
    """dc_t/dc_{t-1} along the cell is diag(f_t), and nothing else."""
    model = opened("lstm")
    layer, x = model.blocks[0], read_by(model, 0)
    found = step_jacobian(layer, x[:, 3], states_of(layer, x)[2]).numpy()
    forget = finish(record_states(model, model.encode(TEXT))).gates["forget"][0, 3]
    assert_allclose(found[8:, 8:], np.diag(forget), atol=1e-6)
    with pytest.raises(AssertionError):
        assert_allclose(found[8:, 8:], np.eye(8), atol=1e-6)


def test_singular_values_radius_and_product() -> None:
    model = opened("rnn")
    found = finish(jacobians(model, model.encode(TEXT), layer=0, last=4))
    assert found.positions.tolist() == [7, 8, 9, 10]
    product = np.eye(8)
    for i in (3, 2, 1, 0):
        matrix = closed_form(model, int(found.positions[i]))
        product = product @ matrix
        assert_allclose(found.singular[i], np.linalg.svd(matrix, compute_uv=False), rtol=1e-5)
        assert_allclose(found.radius[i], abs(np.linalg.eigvals(matrix)).max(), rtol=1e-5)
        assert_allclose(found.product_singular[i], np.linalg.svd(product, compute_uv=False), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_the_product_is_the_derivative_of_the_whole_way(name: str) -> None:
    """The last state by the state two steps after the beginning, through the loop at once."""
    model = opened(name)
    layer, x = model.blocks[1], read_by(model, 1)
    start = tuple(part.detach() for part in states_of(layer, x)[1])

    def run(*state: Tensor) -> Tensor:
        return torch.cat(layer(x[:, 2:], state, True)[1], dim=1)[0]

    whole = torch.cat(torch.autograd.functional.jacobian(run, start), dim=2)[:, 0].numpy()  # type: ignore[no-untyped-call]
    found = finish(jacobians(model, model.encode(TEXT), layer=1, last=9))
    expected = np.linalg.svd(whole, compute_uv=False)
    assert_allclose(found.product_singular[0], expected, rtol=1e-3, atol=1e-6 * expected[0])


def test_a_short_text_has_fewer_steps() -> None:
    model = opened("gru")
    assert finish(jacobians(model, model.encode("abc"), layer=0, last=9)).positions.tolist() == [1, 2]


def test_what_cannot_be_asked(opened_gpt: Model) -> None:
    model = opened("rnn")
    with pytest.raises(BadInput, match="a step leads from one to a second"):
        finish(jacobians(model, model.encode("a"), layer=0, last=4))
    with pytest.raises(BadKnob, match="layer was 2; tiny-rnn has layers 0 to 1"):
        finish(jacobians(model, model.encode(TEXT), layer=2, last=4))
    with pytest.raises(ProbeNotFound, match="carries no state from token to token"):
        finish(jacobians(opened_gpt, opened_gpt.encode(TEXT), layer=0, last=4))


@pytest.fixture
def opened_gpt() -> Model:
    import tiny_models

    return tiny_models.gpt()
