"""Steps and chains against closed forms, and twins that turn the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from experiments.recorded import outcomes, with_found
from unrolled.checkpoints import open_model
from unrolled.experiments import sequential_steps as claim
from unrolled.experiments._busy import both_sides, operations
from unrolled.experiments._chain import longest_chain
from unrolled.experiments._claim import Outcome
from unrolled.experiments._results import result_of
from unrolled.progress import finish


def test_a_chain_of_products_is_counted_and_what_stands_beside_it_is_not() -> None:
    a = torch.eye(3)

    def work() -> None:
        x = a @ a  # one
        beside = [a @ a for _ in range(10)]
        y = (x + beside[0]).relu() @ a  # two
        kept = torch.zeros(2, 3, 3)
        kept[1] = y
        kept[:, 0] @ a  # three, by way of what was written into

    assert longest_chain(work) == 3
    assert longest_chain(lambda: a + a) == 0


@pytest.mark.parametrize("family", ["rnn", "lstm"])
def test_without_waiting_the_same_comes_out(family: str) -> None:
    """The products that are timed at once are those of the recurrence: its states follow from them by hand."""
    torch.manual_seed(0)
    with torch.inference_mode():
        layer = open_model(family).module.layers[0]
        x = torch.randn(1, 20, layer.input_size)
        after, _ = layer(x)
        taken = torch.nn.functional.linear(*both_sides(layer, x, after))
        torch.testing.assert_close(taken.tanh() if family == "rnn" else _states(taken), after)


def _states(taken: Tensor) -> Tensor:
    """An LSTM's, of what its gates take in: (batch, n, 4 d) -> (batch, n, d)."""
    i, f, g, o = taken.chunk(4, dim=-1)
    c, states = torch.zeros_like(i[:, 0]), []
    for t in range(taken.shape[1]):
        c = f[:, t].sigmoid() * c + i[:, t].sigmoid() * g[:, t].tanh()
        states.append(o[:, t].sigmoid() * c.tanh())
    return torch.stack(states, dim=1)


def test_a_recurrence_whose_state_is_cut_takes_one_step_a_layer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(claim, "LENGTHS", (2, 8))
    cells = {cell.family: cell for cell in claim.plan("quick", 2) if cell.setting["counts"] == "steps"}
    assert finish(claim.run(cells["cut"], tmp_path))["steps"] == [2, 2]
    assert finish(claim.run(cells["lstm"], tmp_path))["steps"] == [3, 9]  # layers + n - 1
    found = finish(claim.run(cells["gpt"], tmp_path))
    assert found["steps"] == [4, 4]
    assert found["writing"] == [2 * found["chain"][0], 8 * found["chain"][0]]


def test_operations_of_a_gpt_by_hand() -> None:
    """12 d² weights a block (d = 128), and n (n + 1) / 2 pairs of 4 d operations."""
    module = open_model("gpt").module
    by_hand = 4 * (2 * 12 * 128**2 * 256 + 4 * 128 * 256 * 257 / 2)
    assert operations(module) == by_hand


def test_recurrences_that_are_cut_turn_the_verdict() -> None:
    """As if each family had been measured with W_hh = 0."""

    def change(each: Outcome) -> Outcome:
        recurrent = each.cell.family in claim.RECURRENT and each.cell.setting["counts"] == "steps"
        return with_found(each, steps=[2] * len(claim.LENGTHS)) if recurrent else each

    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM, change)).verdict == "does not hold here"


def test_a_cut_that_is_none_leaves_it_undecided() -> None:
    def change(each: Outcome) -> Outcome:
        return with_found(each, steps=[9, 17, 33, 65]) if each.cell.family == "cut" else each

    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM, change)).verdict == "not decided"


def test_hardware_that_is_busy_turns_the_verdict() -> None:
    def change(each: Outcome) -> Outcome:
        return with_found(each, share_one=0.9) if each.cell.setting["counts"] == "seconds" else each

    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM, change)).verdict == "does not hold here"


def test_pictures_of_part_of_the_cells() -> None:
    whole = outcomes(claim.CLAIM)
    assert [len(plot.series) for plot in claim.plots(whole)] == [5, 3]
    assert [len(plot.series) for plot in claim.plots(whole[:1])] == [1]
    assert not claim.plots([])
