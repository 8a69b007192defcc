"""What stands in the report besides the claims: how it opens, what a verdict means, what a run took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from unrolled.experiments._told import NOT_RUN, VERDICTS, Told

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
HEARD = {"required": "required", "limiting": "limit", "control": "control"}
KEPT = {True: "kept", False: "not kept", None: "not measured"}


def counted(all_told: Sequence[Told]) -> str:
    """`Of 17 claims, 6 hold, 5 hold with limits, …`"""
    many = {verdict: sum(each.verdict == verdict for each in all_told) for verdict in VERDICTS}
    words = {
        "holds": ("holds", "hold"), "holds with limits": ("holds with limits", "hold with limits"),
        "does not hold here": ("does not hold here", "do not hold here"),
        "not decided": ("is not decided", "are not decided"), NOT_RUN: ("was not run yet", "were not run yet"),
    }  # fmt: skip
    said = [f"{count} {words[verdict][count > 1]}" for verdict, count in many.items() if count]
    listed = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)
    total = len(all_told)
    return f"Of {total} claim{'' if total == 1 else 's'} {listed}."


def machines(all_told: Sequence[Told]) -> list[str]:
    """Every machine that a result comes from."""
    return sorted({machine for each in all_told if each.result for machine in each.result.machines})


def versions(all_told: Sequence[Told]) -> list[str]:
    """Every version of unrolled and torch that measured."""
    return sorted({version for each in all_told if each.result for version in each.result.versions})


def minutes(all_told: Sequence[Told]) -> float:
    """Core-minutes of all results."""
    return sum(each.result.core_minutes for each in all_told if each.result)


def took(each: Told) -> str:
    """The run in a line."""
    result = each.result
    if result is None:
        return ""
    cells = f"{len(result.cells):,} cell{'' if len(result.cells) == 1 else 's'}"
    whose = "run on this machine" if each.own else "came with the package"
    return (
        f"{result.scale.capitalize()} plan, {result.seeds} seeds, {cells}, {core_minutes(result.core_minutes)} "
        f"core-minutes; {whose}. {'; '.join(result.machines)}. {'; '.join(result.versions)}."
    )


def core_minutes(value: float) -> str:
    """Short: 0.02, 3.1, 124."""
    if value == 0 or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}" if value >= 0.005 else "< 0.01"


def warnings(each: Told) -> list[str]:
    """What a reader must know before believing the verdict."""
    result = each.result
    found: list[str] = []
    if result is None:
        return found
    if each.failed:
        found.append(f"{len(each.failed)} of {len(result.cells)} cells failed and are not counted: {each.failed[0]}.")
    if result.missing:
        found.append(f"{result.missing} cells of the plan were not run yet.")
    if each.other_rule:
        found.append("The rule in the file is not the one that gave this verdict: run the claim again.")
    if result.scale not in each.claim.decides:
        found.append("The quick plan of this claim is too small to decide; the full one does.")
    return found


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
