"""Claim 3: the changed LSTM against torch's and against hooks, the gradient against a power, a twin that turns it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from unrolled.experiments import _changed, _recall, cell_state
from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._results import result_of
from unrolled.models.lstm import LSTMLayer
from unrolled.progress import finish

CLAIM = cell_state.CLAIM
LEARNS = ("full", "forget gate 1", "input gate 1", "output gate 1", "all gates 1", "forget gate 0.9")


def _layer(change: str) -> _changed.ChangedLayer:
    layer = _changed.ChangedLayer(3, 4, change).double()
    drawn = torch.Generator().manual_seed(0)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.7, generator=drawn)
    return layer


def _read() -> Tensor:
    return torch.randn(2, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_with_no_change_it_is_torchs_cell() -> None:
    ours, x = _layer("full"), _read()
    theirs = nn.LSTMCell(3, 4).double()
    for mine, its in zip(list(ours.parameters())[:4], theirs.parameters(), strict=True):
        its.data.copy_(mine.data)
    h = c = torch.zeros(2, 4, dtype=torch.float64)
    for x_t in x.unbind(1):
        h, c = theirs(x_t, (h, c))
    out, (last_h, last_c) = ours(x)
    torch.testing.assert_close((out[:, -1], last_h, last_c), (h, h, c))
    (last_c.sum() + c.sum()).backward()
    torch.testing.assert_close(ours.weight_hh_l0.grad, theirs.weight_hh.grad)


@pytest.mark.parametrize("change", [name for name in cell_state.NAMES if name not in ("full", "rnn")])
def test_each_change_is_one(change: str) -> None:
    """The twin of the test above: it would notice."""
    assert not torch.allclose(_layer(change)(_read())[0], _layer("full")(_read())[0], atol=1e-3)


@pytest.mark.parametrize(
    ("change", "values"), [("forget gate 1", {"forget": 1.0}), ("forget gate 0.9", {"forget": 0.9})]
)
def test_a_constant_gate_is_the_models_own_with_its_point_held(change: str, values: Mapping[str, float]) -> None:
    """Named points of the model that the guide shows, held by hooks, do what the changed layer does."""
    changed, own = _layer(change), LSTMLayer(3, 4).double()
    own.load_state_dict({k: v for k, v in changed.state_dict().items() if k != "mix"})
    for name, value in values.items():
        getattr(own.gate, name).register_forward_hook(lambda _, __, out, value=value: torch.full_like(out, value))
    torch.testing.assert_close(changed(_read())[0], own(_read())[0])


def test_a_gradient_that_is_halved_at_every_step() -> None:
    """All weights 0: f = ½, h hands nothing on, so that a ninth of ten steps keeps 2⁻⁸ of what the last has."""
    model = _changed.changed("full", 9, 1.0, torch.Generator().manual_seed(0))
    (layer,) = model.model.layers  # type: ignore[misc]
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    nn.init.ones_(layer.bias_ih_l0.chunk(4)[2].data)  # a candidate, so that c is not 0
    batch = _recall.recall(9, 16, torch.Generator().manual_seed(1))
    assert _changed.survival(model, batch) == pytest.approx(8 * math.log10(0.5), abs=1e-5)


def _measured(right: Mapping[str, float]) -> list[Outcome]:
    """What every cell would have found; what is not named is at chance."""
    return [
        Outcome(
            cell=cell,
            found={"accuracy": right.get(cell.family, 0.125), "survival": 0.0 if cell.family == "full" else -2.0},
            seconds=1.0,
            machine="",
            versions="",
        )
        for cell in CLAIM.plan("full", 3)
    ]


def test_the_rule_says_what_the_article_says() -> None:
    as_said = dict.fromkeys(LEARNS, 1.0)
    assert result_of(CLAIM, "full", _measured(as_said)).verdict == "holds"
    without_gates = {**as_said, "all gates 1": 0.2}
    assert result_of(CLAIM, "full", _measured(without_gates)).verdict == "holds with limits"
    assert result_of(CLAIM, "full", _measured({**as_said, "matrix": 1.0})).verdict == "does not hold here"


def test_a_sum_that_is_taken_away_turns_the_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell of the whole LSTM, run by the claim's own code with its sum broken."""
    monkeypatch.setitem(cell_state.TRIES, "full", ((0.01, 1.0),))
    monkeypatch.setitem(cell_state.STEPS, "full", 60)
    monkeypatch.setattr(cell_state, "LAG", 30)
    monkeypatch.setattr(_changed, "_sum", lambda kept, written, mix: kept * written)
    cell = Cell(claim="cell_state", family="full", setting={"tries": "full"}, seed=0)
    twin = finish(cell_state.run(cell, tmp_path))
    said = result_of(CLAIM, "full", _measured({**dict.fromkeys(LEARNS, 1.0), "full": twin["accuracy"]}))
    assert said.verdict == "does not hold here"


def test_a_control_that_is_answered_leaves_it_undecided() -> None:
    said = result_of(CLAIM, "full", _measured({**dict.fromkeys(LEARNS, 1.0), "symbol absent": 0.5}))
    assert said.verdict == "not decided"
