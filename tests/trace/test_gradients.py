"""Gradients at every step against finite differences in float64, plain autograd, and closed forms; and twins that a
wrong path, a missing gate and a wrong time index would be."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose
from torch import Tensor, nn

import tiny_models
import tiny_pairs
from tiny_recurrent import hooked, opened
from unrolled.checkpoints import Model
from unrolled.errors import BadInput, ProbeNotFound, TextTooLong
from unrolled.models.recurrent import RecurrentState
from unrolled.models.rnn import RNNLayer
from unrolled.progress import finish
from unrolled.trace import gradients as module_under_test
from unrolled.trace.gradients import Gradients, gradients
from unrolled.trace.recurrent_matrices import recurrent_matrices, rescaled

TEXT = "The cat sat"
KINDS = [("rnn", {}), ("rnn", {"nonlinearity": "relu"}), ("lstm", {}), ("gru", {}), ("gru", {"reset": "before"})]
STEP = 1e-5  # of a central difference: its error is about STEP², and 1e-16 / STEP of rounding
CLOSE = {"rtol": 1e-5, "atol": 1e-9}


def ask(model: Model, **said: Any) -> Gradients:
    return finish(gradients(model, model.encode(TEXT), **said))


def ids_of(model: Model) -> tuple[Tensor, int]:
    """What is read, and what is asked for."""
    ids = model.encode(TEXT).ids
    return torch.tensor([ids[:-1]]), ids[-1]


def loss_of(logits: Tensor, target: int) -> Tensor:
    return -logits.log_softmax(-1)[target]


@contextmanager
def nudged(point: nn.Module, step: int, unit: int, by: float) -> Iterator[None]:
    """What passes a point at a step, with one unit moved; the point is passed once a step, or once with all steps."""
    passed = iter(range(1000))

    def hook(_: Any, __: Any, x: Tensor) -> Tensor:
        now, x = next(passed), x.clone()
        if x.ndim == 3:
            x[0, step, unit] += by
        elif now == step:
            x[0, unit] += by
        return x

    with hooked(point, hook):
        yield


def slope(model: Model, point: nn.Module, step: int, unit: int) -> float:
    """(L(x + ε) - L(x - ε)) / 2ε."""
    ids, target = ids_of(model)
    found = []
    for by in (STEP, -STEP):
        with nudged(point, step, unit, by), torch.no_grad():
            found.append(float(loss_of(model.module(ids, last_only=True, written_out=True)[0, -1], target)))
    return (found[0] - found[1]) / (2 * STEP)


def slopes(model: Model, point: nn.Module, shape: tuple[int, ...]) -> np.ndarray:
    return np.array([[slope(model, point, t, unit) for unit in range(shape[1])] for t in range(shape[0])])


def compare(model: Model) -> None:
    """Every h and c, and what the first layer reads, against finite differences."""
    found = ask(model)
    points = {("input", None): model.module.embed}
    for layer, block in enumerate(model.blocks):
        points |= {(name, layer): block.get_submodule(name) for name in sorted(model.probes & {"h", "c"})}
    for place, point in points.items():
        assert_allclose(found.at[place], slopes(model, point, found.at[place].shape), **CLOSE, err_msg=str(place))


@pytest.mark.parametrize(("name", "changes"), KINDS)
def test_recurrent_gradients_are_finite_differences(name: str, changes: dict[str, str]) -> None:
    compare(opened(name, **changes))


def cell_slope(model: Model, layer: int, step: int, unit: int) -> float:
    """Of the loss by c_t alone, as it is carried on: the text is read in two parts, and c moved between them."""
    ids, target = ids_of(model)
    found = []
    for by in (STEP, -STEP):
        cache = RecurrentState()
        with torch.no_grad():
            model.module(ids[:, : step + 1], cache=cache)
            cache.layers[layer][1][0, unit] += by
            found.append(float(loss_of(model.module(ids[:, step + 1 :], cache=cache)[0, -1], target)))
    return (found[0] - found[1]) / (2 * STEP)


def compare_state(model: Model) -> None:
    found = ask(model)
    for layer in range(2):
        state, h = found.at["state", layer], found.at["h", layer]
        n, width = h.shape
        assert_allclose(state[:, :width], h)
        expected = [[cell_slope(model, layer, t, unit) for unit in range(width)] for t in range(n - 1)]
        assert_allclose(state[:-1, width:], expected, **CLOSE)
        assert (state[-1, width:] == 0).all()  # nothing follows the last


def test_the_cell_as_it_is_carried_on() -> None:
    compare_state(opened("lstm"))


def test_a_missing_gate_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module_under_test, "_carried", lambda cell, forget: np.vstack([cell[1:], np.zeros_like(cell[:1])])
    )
    with pytest.raises(AssertionError):
        compare_state(opened("lstm"))


def test_the_fused_path_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """h_t as the fused kernel gives it has no way on to h_{t+1}."""

    def fused(self: Any, x: Tensor, state: Any = None, written_out: bool = False) -> Any:
        out, last = nn.RNN.forward(self, x)
        return torch.stack([self.h(h) for h in out.unbind(1)], dim=1), (last[0],)

    monkeypatch.setattr(RNNLayer, "forward", fused)
    found = ask(model := opened("rnn"))
    assert (found.at["h", 1][:-1] == 0).all()
    monkeypatch.undo()
    with pytest.raises(AssertionError):
        assert_allclose(found.at["h", 1], slopes(model, model.blocks[1].h, found.at["h", 1].shape), **CLOSE)


def test_a_wrong_time_index_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    true = module_under_test._stacked
    monkeypatch.setattr(module_under_test, "_stacked", lambda kept, n: np.roll(true(kept, n), 1, axis=0))
    with pytest.raises(AssertionError):
        compare(opened("rnn"))


@pytest.mark.parametrize("a", [0.5, -0.5, 1.5])
def test_a_linear_recurrence_gives_the_powers_of_its_factor(a: float) -> None:
    """h ← a h + x, as a ReLU RNN whose sums stay positive: |dL/dh_t| is |a|^(T-t) times |dL/dh_T|, to the last bit."""
    model = opened("rnn", nonlinearity="relu", n_layer=1)
    layer = model.blocks[0]
    with torch.no_grad():
        layer.weight_hh_l0.copy_(a * torch.eye(8))
        layer.weight_ih_l0.zero_()
        layer.bias_ih_l0.fill_(10.0)
        layer.bias_hh_l0.zero_()
    norms = ask(model).norms(("h", 0))
    distance = np.arange(len(norms))[::-1]
    if a == 1.5:
        assert_allclose(norms, norms[-1] * abs(a) ** distance, rtol=1e-14)
    else:
        np.testing.assert_array_equal(norms, norms[-1] * abs(a) ** distance)


@pytest.mark.parametrize(
    "changes", [{}, {"norm_place": "post", "norm": "layernorm", "positions": "learned", "tied": True}]
)
def test_gpt_gradients_are_plain_autograd(changes: dict[str, Any]) -> None:
    model = tiny_models.gpt(**changes)
    module: Any = model.module
    ids, target = ids_of(model)
    x = module.embedded(ids, 0).requires_grad_()
    streams, place = [x], module.told(0, ids.shape[1], x)
    for layer, block in enumerate(module.blocks):
        streams.append(block(streams[-1], place, None, layer))
    loss = loss_of(module.read_out(module.norm["final"](streams[-1]))[0, -1], target)
    expected = torch.autograd.grad(loss, streams)
    found = ask(model)
    assert found.loss == pytest.approx(float(loss.detach()))
    for name, grad in zip([("input", None), ("resid", 0), ("resid", 1)], expected, strict=True):
        assert_allclose(found.at[name], grad[0].numpy(), atol=1e-12)
    assert (found.at["resid", 1][:-1] == 0).all()  # the loss reads the last position only


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_foreign_model_too(opened: Any, kind: str) -> None:
    model = opened(kind)
    tokens = model.encode("the cat sat on the mat")
    read, target = torch.tensor([tokens.ids[:-1]]), tokens.ids[-1]
    model.module.requires_grad_(True)
    output = model.module(read, output_hidden_states=True)
    expected = torch.autograd.grad(loss_of(output.logits[0, -1], target), output.hidden_states[:-1])
    model.module.requires_grad_(False)
    found = finish(gradients(model, tokens))
    for layer, grad in enumerate(expected):
        place = ("input", None) if layer == 0 else ("resid", layer - 1)
        assert_allclose(found.at[place], grad[0].numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("model", [opened("lstm"), tiny_models.gpt(tied=True)], ids=["lstm", "gpt"])
def test_the_norm_of_all_weights(model: Model) -> None:
    ids, target = ids_of(model)
    module = copy.deepcopy(model.module).requires_grad_(True)
    loss_of(module(ids)[0, -1], target).backward()  # type: ignore[no-untyped-call]
    whole = torch.cat([weight.grad.ravel() for weight in module.parameters() if weight.grad is not None])
    assert ask(model).parameter_norm == pytest.approx(float(whole.norm()))


def test_the_model_is_left_as_it_was() -> None:
    model = opened("gru")
    before = copy.deepcopy(model.module.state_dict())
    logits = finish(model.next_logits(model.encode(TEXT).ids))
    ask(model, radius=0.5)
    ask(model)
    assert not any(weight.requires_grad or weight.grad is not None for weight in model.module.parameters())
    assert not any(point._forward_hooks for point in model.module.modules())
    assert all(bool((before[name] == value).all()) for name, value in model.module.state_dict().items())
    model.forget()
    np.testing.assert_array_equal(finish(model.next_logits(model.encode(TEXT).ids)), logits)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_every_gates_block_gets_the_radius(name: str) -> None:
    model = opened(name)
    n_gate = {"rnn": 1, "lstm": 4, "gru": 3}[name]
    scaled: Any = finish(rescaled(model, 0.7))
    for part, before in zip(scaled.layers, model.module.layers, strict=True):
        for block, old in zip(part.weight_hh_l0.chunk(n_gate), before.weight_hh_l0.chunk(n_gate), strict=True):
            assert abs(np.linalg.eigvals(block.numpy())).max() == pytest.approx(0.7)
            assert_allclose((block / old).numpy(), float(block[0, 0] / old[0, 0]))  # a factor, nothing else
        assert bool((part.weight_ih_l0 == before.weight_ih_l0).all())
    measured = finish(recurrent_matrices(model))
    assert len(measured) == 2 * n_gate
    first = model.module.layers[0].weight_hh_l0[:8].numpy()
    assert measured[0].radius == pytest.approx(abs(np.linalg.eigvals(first)).max())
    assert measured[0].singular == pytest.approx(np.linalg.norm(first, 2))


def test_gradients_of_the_scaled_copy() -> None:
    model, by_hand = opened("rnn"), opened("rnn")
    for layer in by_hand.blocks:
        with torch.no_grad():
            layer.weight_hh_l0.mul_(1.3 / float(torch.linalg.eigvals(layer.weight_hh_l0).abs().max()))
    assert_allclose(ask(model, radius=1.3).at["h", 0], ask(by_hand).at["h", 0], atol=1e-12)
    other = tiny_models.gpt()
    np.testing.assert_array_equal(ask(other, radius=1.3).at["resid", 0], ask(other).at["resid", 0])


def test_the_models_own_next_token() -> None:
    model = opened("gru")
    found = ask(model, target="model")
    logits = finish(model.next_logits(model.encode(TEXT).ids))
    assert len(found.tokens) == len(TEXT)
    assert found.target == logits.argmax()
    assert found.loss == pytest.approx(float(F.cross_entropy(torch.tensor(logits)[None], torch.tensor([found.target]))))
    one = finish(gradients(model, model.encode("a"), target="model"))
    assert one.at["h", 0].shape == (1, 8)


def test_what_cannot_be_asked() -> None:
    model = opened("rnn")
    with pytest.raises(BadInput, match=r"“a” is one token for tiny-rnn: .* there must be two"):
        finish(gradients(model, model.encode("a")))
    with pytest.raises(TextTooLong, match=r"The text has 999 tokens for tiny-rnn; .* 512 at most"):
        finish(gradients(model, model.encode("x" * 1000)))
    pair = tiny_pairs.opened("additive")
    with pytest.raises(ProbeNotFound, match="has neither the probes 'logits' and 'h'"):
        finish(gradients(pair, pair.encode("a b")))


def test_beyond_many_weights_their_norm_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = opened("lstm")
    whole = ask(model)
    monkeypatch.setattr(module_under_test, "MOST_WEIGHTS", 10)
    found = ask(model)
    assert math.isnan(found.parameter_norm)
    for place, value in whole.at.items():
        assert_allclose(found.at[place], value, atol=1e-14)
