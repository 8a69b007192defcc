"""Claim 17: what a leap is, against closed forms; a control that is really run; and twins that turn the verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from experiments.recorded import outcomes
from unrolled.experiments import _ladder, emergence
from unrolled.experiments._claim import Outcome
from unrolled.experiments._results import result_of
from unrolled.progress import finish
from unrolled.text import tasks

CLAIM = emergence.CLAIM
NAMES = [size.name for size in _ladder.SIZES]


def steepest(recall: list[float]) -> float:
    """The measured share of a ladder whose sizes have these exact matches."""

    def change(each: Outcome) -> Outcome:
        return last(each, "recall", exact_match=recall[NAMES.index(each.cell.setting["size"])])

    rungs = [change(each) for each in outcomes(CLAIM) if "control" not in each.cell.setting]
    found = CLAIM.measure(rungs)["recall: steepest step"]
    assert found.low == found.high
    return found.mean


def last(each: Outcome, task: str, **values: float) -> Outcome:
    """The same cell, had its last measurement of a task given other values."""
    rows = [dict(row) for row in each.found["measured"]]
    rows[-1][task] = {**rows[-1][task], **values}
    return dataclasses.replace(each, found={**each.found, "measured": rows})


@pytest.mark.parametrize(
    ("recall", "share"),
    [
        ([0, 0, 1, 1, 1, 1, 1, 1], 1.0),
        ([0, 1 / 7, 2 / 7, 3 / 7, 4 / 7, 5 / 7, 6 / 7, 1], 1 / 7),
        ([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], 0.0),
        ([0.2, 0.2, 0.8, 0.6, 0.9, 0.9, 1.0, 1.0], 0.6 / 0.8),
    ],
    ids=["a step", "a line", "nothing rises", "a step and more"],
)
def test_the_steepest_step_is_a_share_of_the_whole_rise(recall: list[float], share: float) -> None:
    assert steepest(recall) == pytest.approx(share)


def judged(change: Callable[[Outcome], Outcome]) -> str:
    return result_of(CLAIM, "full", outcomes(CLAIM, change)).verdict


def test_a_ladder_that_climbs_evenly_turns_the_verdict() -> None:
    def change(each: Outcome) -> Outcome:
        at = NAMES.index(each.cell.setting["size"]) if each.cell.setting["size"] in NAMES else 0
        return each if "control" in each.cell.setting else last(each, "recall", exact_match=at / 7)

    assert judged(change) == "does not hold here"


def test_one_layer_that_recalls_turns_the_verdict() -> None:
    """As with one fixed period, where a layer need not look anything up."""

    def change(each: Outcome) -> Outcome:
        return last(each, "recall", exact_match=0.9) if each.cell.setting["size"] == NAMES[1] else each

    assert judged(change) == "does not hold here"


@pytest.mark.parametrize("control", ["wide", "shuffled"])
def test_a_control_that_recalls_leaves_it_undecided(control: str) -> None:
    def change(each: Outcome) -> Outcome:
        return last(each, "recall", exact_match=0.5) if each.cell.setting.get("control") == control else each

    assert judged(change) == "not decided"


def test_a_size_that_lacks_a_seed_leaves_that_seed_out() -> None:
    whole = outcomes(CLAIM)
    lacking = [each for each in whole if not (each.cell.seed == 2 and each.cell.setting["size"] == NAMES[-1])]
    assert CLAIM.measure(whole)["recall: deeper"].n == 3
    assert CLAIM.measure(lacking)["recall: deeper"].n == 2


def test_no_fixed_distance_recalls() -> None:
    """Who always copies from the same distance back gets one period of twelve; from 16 back, also those of 8."""
    ids, scored = tasks.task("recall").draw(np.random.default_rng(0), 2_000, True)
    shares = []
    for lag in range(8, 20):
        copied = np.roll(ids, lag, axis=1)
        shares.append(float(((copied == ids) | ~scored).all(axis=1).mean()))
    assert max(shares) < 0.2
    assert sum(shares) == pytest.approx(1 + 1 / 12, abs=0.02)


def test_exchanged_answers_teach_nothing_and_true_ones_do() -> None:
    """A short training of a small rung, both ways: answers grow likely only where true ones were learned from."""
    size = _ladder.Size(name="tried", n_layer=2, d_model=48, seconds=1)

    def learnt(*, shuffled: bool) -> float:
        rows: Mapping[str, int] = {"scratchpad": 32}
        _, measured = finish(_ladder.training(size, 5, steps=150, shuffled=shuffled, rows=rows))
        return float(measured[-1]["scratchpad"]["log_likelihood"])

    assert learnt(shuffled=False) > learnt(shuffled=True) + 0.5


def test_what_a_sitting_has_not_finished_is_left_out() -> None:
    controls = [each for each in outcomes(CLAIM) if "control" in each.cell.setting]
    found: Mapping[str, Any] = CLAIM.measure(controls)
    assert set(found) == {"wide", "shuffled"}
    assert CLAIM.plots(controls) == ()
    assert [len(plot.series) for plot in CLAIM.plots(outcomes(CLAIM))] == [3, 3]
