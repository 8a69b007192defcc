"""What is left of a cell along its direct path: against autograd with the gates held fixed, finite differences, and a
closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tiny_models import gpt
from tiny_recurrent import opened
from unrolled.errors import ProbeNotFound
from unrolled.progress import finish
from unrolled.trace import States, record_states
from unrolled.trace.survival import half_lives, keeper_of, shares_left

TEXT = "The cat sat on the mat."


def states(name: str) -> States:
    model = opened(name)
    return finish(record_states(model, model.encode(TEXT)))


def direct_path(found: States, layer: int) -> Callable[[Tensor, int], Tensor]:
    """The cell after the last token from the cell after token t, everything else as it was recorded."""
    gates = {name: torch.from_numpy(values[layer].astype(np.float64)) for name, values in found.gates.items()}

    def run(cell: Tensor, t: int) -> Tensor:
        for s in range(t + 1, len(found.tokens.ids)):
            if "forget" in gates:
                cell = gates["forget"][s] * cell + gates["input"][s] * gates["candidate"][s]
            else:
                cell = (1 - gates["update"][s]) * gates["candidate"][s] + gates["update"][s] * cell
        return cell

    return run


@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.parametrize("layer", [0, 1])
def test_the_product_is_the_jacobian_of_the_direct_path(name: str, layer: int) -> None:
    found = states(name)
    run, carried = direct_path(found, layer), found.c if name == "lstm" else found.h
    left = shares_left(found.gates[keeper_of(found)][layer])
    for t in (0, 5, len(left) - 2, len(left) - 1):
        cell = torch.from_numpy(carried[layer, t].astype(np.float64))
        jacobian = torch.autograd.functional.jacobian(lambda x, t=t: run(x, t), cell)
        np.testing.assert_allclose(jacobian, np.diag(left[t]), atol=1e-12)
        step = 1e-6
        differences = (run(cell + step, t) - run(cell - step, t)) / (2 * step)
        np.testing.assert_allclose(left[t], differences, atol=1e-8)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_path_that_is_left_out_is_the_models_own(name: str) -> None:
    """Run from the start with the recorded gates, the path ends in the state that was recorded."""
    found = states(name)
    carried = found.c if name == "lstm" else found.h
    cell = torch.from_numpy(carried[0, 0].astype(np.float64))
    np.testing.assert_allclose(direct_path(found, 0)(cell, 0), carried[0, -1], atol=1e-6)


@pytest.mark.parametrize("broken", ["one token too early", "another gate", "the other convention"])
def test_a_broken_product_would_be_noticed(broken: str) -> None:
    found = states("gru" if broken == "the other convention" else "lstm")
    kept = found.gates[keeper_of(found)][0]
    carried = found.h if broken == "the other convention" else found.c
    wrong = {
        "one token too early": shares_left(np.roll(kept, 1, axis=0)),
        "another gate": shares_left(found.gates.get("input", found.gates[keeper_of(found)])[0]),
        "the other convention": shares_left(1 - kept),
    }[broken]
    t = len(kept) - 3
    cell = torch.from_numpy(carried[0, t].astype(np.float64))
    jacobian = torch.autograd.functional.jacobian(lambda x: direct_path(found, 0)(x, t), cell)
    assert np.abs(wrong[t] - np.diag(jacobian)).max() > 1e-2


def test_a_gate_that_is_always_half_open_halves() -> None:
    kept = np.full((7, 2), 0.5, np.float32)
    np.testing.assert_allclose(shares_left(kept), np.tile(0.5 ** np.arange(6, -1, -1)[:, None], 2))
    np.testing.assert_allclose(half_lives(kept), 1)
    np.testing.assert_allclose(half_lives(np.full((5, 1), 2**-0.1, np.float32)), 10, rtol=1e-5)
    assert np.isinf(half_lives(np.ones((5, 1), np.float32))).all()


def test_the_first_tokens_gate_multiplies_nothing() -> None:
    """It does not count, neither in the product nor in the pace."""
    kept = np.array([[0.0], [0.5], [0.5]], np.float32)
    np.testing.assert_allclose(shares_left(kept)[:, 0], [0.25, 0.5, 1])
    np.testing.assert_allclose(half_lives(kept), 1)
    assert shares_left(kept[:1]).tolist() == [[1.0]]


def test_a_simple_network_has_no_gate_that_keeps() -> None:
    found = states("rnn")
    with pytest.raises(ProbeNotFound, match="tiny-rnn has no gate that multiplies its old state"):
        keeper_of(found)
    with pytest.raises(ProbeNotFound):
        finish(record_states(gpt(), gpt().encode("a")))
