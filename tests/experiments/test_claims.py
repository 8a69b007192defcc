"""Each claim against closed forms, and a broken twin that turns its verdict."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from experiments.recorded import outcomes, with_found
from unrolled.experiments import path_lengths, perplexity, positions, root_d_k, vanishing_gradient
from unrolled.experiments._catalogue import claims
from unrolled.experiments._claim import Claim, Outcome
from unrolled.experiments._results import recorded, result_of
from unrolled.progress import finish


@pytest.mark.parametrize("name", [name for name in claims() if recorded(name)])
def test_what_comes_along_is_what_the_rule_in_the_file_gives(name: str) -> None:
    """The rule was not touched after the run, all of the plan was run, and the verdict follows from its cells."""
    claim, said = claims()[name], recorded(name)
    assert said is not None
    assert said.rule == claim.rule.sha256
    found = outcomes(claim)
    assert {each.cell.key for each in found} == {cell.key for cell in claim.plan("full", claim.seeds["full"])}
    assert result_of(claim, "full", found).verdict == said.verdict
    assert said.seeds >= 3


@pytest.mark.parametrize("name", [name for name in claims() if recorded(name)])
@pytest.mark.parametrize("part", [slice(0), slice(1), slice(0, None, 3), slice(1, None, 2), slice(-1)], ids=str)
def test_a_part_of_the_cells_is_measured_and_drawn(name: str, part: slice) -> None:
    """A sitting may end anywhere; what is there is told, and there is no verdict."""
    claim = claims()[name]
    some = outcomes(claim)[part]
    claim.measure(some)
    claim.plots(some)
    assert result_of(claim, "full", some, missing=1).verdict == "not decided"


def _quick(claim: Claim) -> list[Outcome] | None:
    """The recorded cells of the quick plan, if it is a part of the full one and decides."""
    found = {each.cell.key: each for each in outcomes(claim)}
    plan = claim.plan("quick", claim.seeds["quick"])
    known = "quick" in claim.decides and all(cell.key in found for cell in plan)
    return [found[cell.key] for cell in plan] if known else None


@pytest.mark.parametrize("name", [name for name, each in claims().items() if recorded(name) and _quick(each)])
def test_a_quick_plan_that_is_part_of_the_full_one_decides_alike(name: str) -> None:
    claim, said = claims()[name], recorded(name)
    assert said is not None
    assert result_of(claim, "quick", _quick(claim) or []).verdict == said.verdict


def test_a_forgotten_root_turns_the_verdict() -> None:
    def unscaled(each: Outcome) -> Outcome:
        found = each.found
        return with_found(each, variance_scaled=found["variance"], jacobian_scaled=found["jacobian"])

    said = result_of(root_d_k.CLAIM, "full", outcomes(root_d_k.CLAIM, unscaled))
    assert said.verdict == "does not hold here"


def test_positions_left_in_turn_the_verdict() -> None:
    left_in = positions.shuffled_change(torch.Generator().manual_seed(0), positions=True, causal=False)

    def change(each: Outcome) -> Outcome:
        return with_found(each, change=left_in) if each.cell.family == "no positions" else each

    assert result_of(positions.CLAIM, "full", outcomes(positions.CLAIM, change)).verdict == "does not hold here"


def test_a_state_that_is_a_sum_neither_shrinks_nor_grows() -> None:
    """A cell whose tanh network is replaced by addition: the required slopes are gone."""
    summed = vanishing_gradient.grown(vanishing_gradient._sum(1.0, torch.Generator().manual_seed(0)))

    def change(each: Outcome) -> Outcome:
        return with_found(each, **summed) if each.cell.family == "tanh" else each

    claim = vanishing_gradient.CLAIM
    assert summed["slope"] == pytest.approx(0, abs=1e-12)
    assert result_of(claim, "full", outcomes(claim, change)).verdict == "does not hold here"


def test_a_formula_that_is_one_off_turns_the_verdict() -> None:
    def change(each: Outcome) -> Outcome:
        return with_found(each, share=0.99) if each.cell.family == "convolution" else each

    claim = path_lengths.CLAIM
    assert result_of(claim, "full", outcomes(claim, change)).verdict == "does not hold here"


def test_scoring_that_looks_ahead_turns_the_verdict() -> None:
    def change(each: Outcome) -> Outcome:
        ahead = {"loss": 0.5 * each.found["entropy_of_test"]} if each.cell.family == "markov" else {}
        return with_found(each, **ahead)

    claim = perplexity.CLAIM
    assert result_of(claim, "full", outcomes(claim, change)).verdict == "does not hold here"


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_products_of_a_scaled_rotation_are_powers(factor: float) -> None:
    found = vanishing_gradient.grown(vanishing_gradient._linear(factor, torch.Generator().manual_seed(1)))
    steps = len(found["log_norms"])
    np.testing.assert_allclose(found["log_norms"], [k * math.log(factor) for k in range(1, steps + 1)], atol=1e-10)


def test_the_softmax_jacobian_is_that_of_autograd() -> None:
    x = torch.tensor([[1.0, -0.5, 2.0, 0.1]], dtype=torch.float64)

    def softmax(row: Tensor) -> Tensor:
        return row.softmax(-1)

    whole: Tensor = torch.autograd.functional.jacobian(softmax, x[0])  # type: ignore[no-untyped-call]
    assert root_d_k.jacobian_size(x) == pytest.approx(float(whole.norm()))


def test_searched_lengths_of_a_known_wiring() -> None:
    ring = np.eye(6, k=1, dtype=bool) | np.eye(6, k=2, dtype=bool)
    lengths = path_lengths.searched(lambda layer: ring, 6)
    assert [lengths[0, j] for j in range(6)] == [0, 1, 1, 2, 2, 3]


def test_entropy_of_a_coin_that_sticks() -> None:
    matrix = np.array([[0.9, 0.1], [0.5, 0.5]])  # π = (5/6, 1/6)
    entropy = -(5 / 6) * (0.9 * math.log(0.9) + 0.1 * math.log(0.1)) + (1 / 6) * math.log(2)
    np.testing.assert_allclose(perplexity.stationary(matrix), [5 / 6, 1 / 6])
    assert perplexity.entropy_rate(matrix) == pytest.approx(entropy)


def test_no_linear_map_shifts_random_rows(tmp_path: Path) -> None:
    cells = {cell.family: cell for cell in positions.plan("quick", 2)}
    assert finish(positions.run(cells["random rows"], tmp_path))["residual"] > 0.5
