"""The sums behind a unit: their totals, squashed and put together, are the states that torch.nn gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tiny_recurrent import Theirs, opened
from unrolled.errors import BadKnob
from unrolled.progress import finish
from unrolled.trace import record_states
from unrolled.trace.unit_sums import UnitSum, squash_of, unit_sums

TEXT = "The cat sat."


def sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))


def put_together(sums: dict[str, float], h: float, c: float, squash: Any = np.tanh) -> float:
    """h from the totals, as the papers write it."""
    if "state" in sums:
        return float(squash(sums["state"]))
    if "forget" in sums:
        cell = sigmoid(sums["forget"]) * c + sigmoid(sums["input"]) * np.tanh(sums["candidate"])
        return float(sigmoid(sums["output"]) * np.tanh(cell))
    if "candidate" in sums:
        n = np.tanh(sums["candidate"])
    else:
        n = np.tanh(sums["candidate_input"] + sigmoid(sums["reset"]) * sums["candidate_state"])
    z = sigmoid(sums["update"])
    return float((1 - z) * n + z * h)


def found_in(name: str, **changes: Any) -> tuple[Any, Any]:
    model = opened(name, **changes)
    return model, finish(record_states(model, model.encode(TEXT)))


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
@torch.no_grad()
def test_the_sums_make_torch_nns_states(name: str, layer: int) -> None:
    model, states = found_in(name)
    theirs = Theirs(name, model.module)
    wanted, x = [], theirs.embed(torch.tensor([states.tokens.ids]))
    for number in range(2):
        one = type(theirs.stack)(x.shape[-1], 8, batch_first=True).double()
        one.load_state_dict(
            {f"{k[:-1]}0": v for k, v in theirs.stack.state_dict().items() if k.endswith(f"_l{number}")}
        )
        x = one(x)[0]
        wanted.append(x[0])
    for token in (0, 1, 6):
        for unit in range(8):
            sums = {each.name: each.total for each in unit_sums(model, states, layer, unit, token)}
            h = float(states.h[layer, token - 1, unit]) if token else 0.0
            c = float(states.c[layer, token - 1, unit]) if token and states.c is not None else 0.0
            assert put_together(sums, h, c) == pytest.approx(float(wanted[layer][token, unit]), abs=2e-6)


def test_both_conventions_of_the_reset_gate() -> None:
    model, states = found_in("gru", reset="before")
    for unit in range(8):
        sums = {each.name: each.total for each in unit_sums(model, states, 1, unit, 5)}
        assert sums.keys() == {"reset", "update", "candidate"}
        assert put_together(sums, float(states.h[1, 4, unit]), 0) == pytest.approx(
            float(states.h[1, 5, unit]), abs=2e-6
        )


def test_relu_is_said_to_be_relu() -> None:
    model, states = found_in("rnn", nonlinearity="relu")
    name, function = squash_of(model, 0, "state")
    (only,) = unit_sums(model, states, 0, 3, 2)
    assert name == "relu"
    assert function(only.total) == pytest.approx(float(states.h[0, 2, 3]), rel=1e-5)
    assert squash_of(opened("lstm"), 0, "forget")[0] == "sigmoid"
    assert squash_of(opened("lstm"), 0, "candidate")[0] == "tanh"


@pytest.mark.parametrize("broken", ["no bias", "the state of this token", "the next unit's weights"])
def test_a_broken_sum_would_be_noticed(broken: str) -> None:
    model, states = found_in("rnn")
    (right,) = unit_sums(model, states, 1, 2, 4)
    (other,) = unit_sums(model, states, 1, 3, 4)
    wrong = {
        "no bias": right.total - right.bias,
        "the state of this token": UnitSum(
            name="", x=right.x, w_x=right.w_x, h=states.h[1, 4].astype(float), w_h=right.w_h, bias=right.bias
        ).total,
        "the next unit's weights": other.total,
    }[broken]
    assert abs(np.tanh(wrong) - states.h[1, 4, 2]) > 1e-3


def test_what_does_not_exist_is_said() -> None:
    model, states = found_in("gru")
    with pytest.raises(BadKnob, match="unit was 8; tiny-gru on this text has units 0 to 7"):
        unit_sums(model, states, 0, 8, 0)
    with pytest.raises(BadKnob, match="layer was 2"):
        unit_sums(model, states, 2, 0, 0)
