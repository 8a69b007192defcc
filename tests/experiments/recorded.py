"""The recorded cells of a claim, as they came along or changed: what a broken twin would have measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from unrolled.experiments._claim import Claim, Outcome
from unrolled.experiments._results import outcomes_of, recorded


def outcomes(claim: Claim, change: Callable[[Outcome], Outcome] = lambda each: each) -> list[Outcome]:
    """The recorded cells of the result that comes along, as the engine has them, each perhaps changed."""
    said = recorded(claim.name)
    assert said is not None
    return [change(each) for each in outcomes_of(said)]


def with_found(outcome: Outcome, **values: Any) -> Outcome:
    """The same cell, had it found other values."""
    return dataclasses.replace(outcome, found={**outcome.found, **values})
