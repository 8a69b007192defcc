"""What stands in the report besides the claims: how it opens, what a verdict means, what all runs took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from unrolled.experiments._told import NOT_RUN, Told, warnings

TITLE = "What was measured"
_ABOUT = """\
What people say of sequence models can be tested. Each claim below has an experiment in the package unrolled, and a
rule, written before its first run, that says what must come out. This is the report on what came out. A result that
goes against its claim is reported like any other.

A rule is a list of bounds on measured numbers. Each number is measured with several seeds; the interval that holds the
mean with 95 % confidence (Student’s t) must keep its bound, all of it. Controls are things that must break, or stay at
chance, for the test to mean anything.

“Here” is said in earnest: small models, short trainings, one kind of machine. What holds at this size may fail at
another, and the other way round."""
ABOUT = tuple(each.replace("\n", " ") for each in _ABOUT.split("\n\n"))
"""How it opens, in paragraphs."""
MEANS = {
    "holds": "every required and every limiting bound is kept",
    "holds with limits": "every required bound is kept, a limiting one is not; it says where the claim ends",
    "does not hold here": "a required bound is not kept",
    "not decided": "a control did not come out as it must, a cell failed, or something was not measured",
    NOT_RUN: "there is no result yet",
}


def machines(all_told: Sequence[Told]) -> list[str]:
    """Every machine that a result comes from."""
    return sorted({machine for each in all_told if each.result for machine in each.result.machines})


def versions(all_told: Sequence[Told]) -> list[str]:
    """Every version of unrolled and torch that measured."""
    return sorted({version for each in all_told if each.result for version in each.result.versions})


def minutes(all_told: Sequence[Told]) -> float:
    """Core-minutes of all results."""
    return sum(each.result.core_minutes for each in all_told if each.result)


def plain(each: Told) -> Mapping[str, Any]:
    """A claim as JSON has it, the pictures as data."""
    claim, result = each.claim, each.result
    return {
        "claim": claim.name, "number": claim.number, "says": claim.says, "source": claim.source,
        "question": claim.question, "method": list(claim.method), "turns": claim.turns, "verdict": each.verdict,
        "decisive": dict(each.decisive) if each.decisive else None, "own": each.own, "command": each.command,
        "warnings": warnings(each), "result": None if result is None else asdict(replace(result, cells=[])),
        "plots": [asdict(plot) for plot in each.plots],
    }  # fmt: skip
