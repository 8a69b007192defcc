"""Verdicts from planted intervals; intervals against scipy's numbers, worked out by hand from Student's table."""

from __future__ import annotations

import dataclasses
import math

import pytest

from unrolled.experiments._rule import Bound, Rule, judged
from unrolled.experiments._statistics import Interval, exactly, explained, interval, slope

RULE = Rule(
    required=(Bound(measure="effect", means="the effect", at_least=0.5),),
    limiting=(Bound(measure="limit", means="how far it goes", at_most=1.0),),
    controls=(Bound(measure="control", means="the control", at_most=0.1),),
)
GOOD = {"effect": exactly(0.9), "limit": exactly(0.5), "control": exactly(0.0)}


def wide(low: float, high: float) -> Interval:
    return Interval(mean=(low + high) / 2, low=low, high=high, n=3)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (GOOD, "holds"),
        (GOOD | {"limit": exactly(2.0)}, "holds with limits"),
        (GOOD | {"effect": exactly(0.4)}, "does not hold here"),
        (GOOD | {"effect": wide(0.45, 0.9)}, "does not hold here"),  # the whole interval must keep it
        (GOOD | {"control": exactly(0.8)}, "not decided"),
        ({"effect": exactly(0.9), "limit": exactly(0.5)}, "not decided"),
        (GOOD | {"effect": exactly(math.nan)}, "does not hold here"),
    ],
)
def test_the_verdict_follows_the_rule(found: dict[str, Interval], said: str) -> None:
    assert judged(RULE, found).said == said


def test_what_is_lacking_leaves_it_undecided() -> None:
    verdict = judged(RULE, GOOD, lacks="Two cells failed.")
    assert (verdict.said, verdict.why) == ("not decided", "Two cells failed.")


def test_nothing_measured_is_no_answer() -> None:
    assert [each.kept for each in judged(RULE, {}).tested] == [None, None, None]
    assert judged(Rule(required=()), {}).said == "not decided"


def test_a_changed_rule_shows() -> None:
    softer = dataclasses.replace(RULE, required=(dataclasses.replace(RULE.required[0], at_least=0.4),))
    assert softer.sha256 != RULE.sha256


def test_interval_of_three() -> None:
    found = interval([1.0, 2.0, 3.0])  # mean 2, s = 1, t = 4.303, half width 4.303 / √3
    assert found.mean == 2.0
    assert found.high - 2.0 == pytest.approx(4.303 / math.sqrt(3))
    with pytest.raises(ValueError, match="1 were"):
        interval([1.0])


def test_a_line_has_its_slope_and_explains_all() -> None:
    x = [1.0, 2.0, 5.0]
    assert slope(x, [3 - 2 * a for a in x]) == pytest.approx(-2)
    assert explained(x, [3 - 2 * a for a in x]) == pytest.approx(1)
    assert explained([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0]) == pytest.approx(0)
