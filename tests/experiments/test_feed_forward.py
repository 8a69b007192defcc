"""Claim 10: the models compared are what they are said to be, and broken twins turn the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.recorded import outcomes, with_found
from unrolled.experiments import feed_forward
from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._results import result_of
from unrolled.experiments._training import shuffled
from unrolled.experiments.feed_forward import CLAIM, RATIOS, WIDTH, Inside, model, parameters, width_for
from unrolled.progress import finish
from unrolled.trace.switches import PartOff, switched


@pytest.mark.parametrize("ratio", RATIOS)
def test_models_of_equal_size_are_of_equal_size(ratio: int) -> None:
    for width in (WIDTH, width_for(ratio)):
        assert sum(weight.numel() for weight in model(width, ratio, "relu", 0).parameters()) == parameters(width, ratio)
    assert parameters(width_for(ratio), ratio) == pytest.approx(parameters(WIDTH, 4), rel=0.03)


@pytest.mark.parametrize("inside", ["gelu", "swiglu", "linear"])
def test_another_inside_takes_as_many_weights(inside: Inside) -> None:
    found = sum(weight.numel() for weight in model(WIDTH, 4, inside, 0).parameters())
    assert found == pytest.approx(parameters(WIDTH, 4), rel=0.002)


def test_without_an_ffn_a_model_is_one_whose_ffn_writes_nothing() -> None:
    whole, none = model(WIDTH, 4, "relu", 1), model(WIDTH, 0, "relu", 2)
    none.load_state_dict({name: whole.state_dict()[name] for name in none.state_dict()})
    ids = torch.arange(12)[None]
    with torch.no_grad(), switched(list(whole.blocks), [PartOff(0, "mlp"), PartOff(1, "mlp")]):
        torch.testing.assert_close(none(ids), whole(ids))


def test_a_linear_ffn_is_one_matrix() -> None:
    mlp: Any = model(WIDTH, 4, "linear", 3).blocks[0].mlp
    x = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(mlp(x), x @ (mlp.down.weight @ mlp.up.weight).T)


def test_an_ffn_that_is_not_linear_is_noticed() -> None:
    mlp: Any = model(WIDTH, 4, "relu", 3).blocks[0].mlp
    x = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), pytest.raises(AssertionError):
        torch.testing.assert_close(mlp(x), x @ (mlp.down.weight @ mlp.up.weight).T)


def test_shuffled_labels_are_the_same_ids_elsewhere() -> None:
    wanted = torch.arange(40).view(4, 10)
    mixed = shuffled(wanted, np.random.default_rng(0))
    assert mixed.shape == wanted.shape
    assert not torch.equal(mixed, wanted)
    assert torch.equal(mixed.flatten().sort().values, wanted.flatten())


def test_a_cell_gives_the_same_again(tmp_path: Path) -> None:
    setting = {"width": 16, "ratio": 4, "inside": "relu", "rate": 0.008, "steps": 2}
    cell = Cell(claim="feed_forward", family="gpt", setting=setting, seed=5)
    found = finish(feed_forward.run(cell, tmp_path))
    assert finish(feed_forward.run(cell, tmp_path)) == found
    assert 2.5 < found["by_frequency"] < found["bits_per_byte"] < 6


def _is(each: Outcome, **wanted: Any) -> bool:
    return wanted.items() <= each.cell.setting.items() and "labels" not in each.cell.setting


def test_an_ffn_that_does_nothing_turns_the_verdict() -> None:
    none = {e.cell.seed: e.found for e in outcomes(CLAIM) if _is(e, width=WIDTH, ratio=0)}

    def change(each: Outcome) -> Outcome:
        return with_found(each, **none[each.cell.seed]) if _is(each, width=WIDTH, ratio=4) else each

    assert result_of(CLAIM, "full", outcomes(CLAIM, change)).verdict == "does not hold here"


def test_labels_that_are_not_shuffled_leave_it_undecided() -> None:
    right = {
        (e.cell.seed, e.cell.setting["ratio"]): e.found for e in outcomes(CLAIM) if _is(e, width=WIDTH, inside="relu")
    }

    def change(each: Outcome) -> Outcome:
        key = each.cell.seed, each.cell.setting["ratio"]
        return with_found(each, **right[key]) if "labels" in each.cell.setting else each

    assert result_of(CLAIM, "full", outcomes(CLAIM, change)).verdict == "not decided"


def test_pictures_of_a_part_of_the_cells() -> None:
    whole = CLAIM.plots(outcomes(CLAIM))
    assert [len(series.points) for series in whole[0].series] == [5, 5]
    assert len(CLAIM.plots(outcomes(CLAIM)[:2])) == 1
    assert not CLAIM.plots([])
