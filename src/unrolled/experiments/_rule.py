"""The rule for a verdict: bounds that whole intervals must keep. It is data, so that it can be printed and hashed.

holds               every required and every limiting bound is kept
holds with limits   every required one, not every limiting one
does not hold here  a required one is not kept
not decided         a control did not fail as it must, so that the test proves nothing; or cells are missing
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from unrolled.experiments._statistics import Interval

Said = Literal["holds", "holds with limits", "does not hold here", "not decided"]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What one measured interval must keep, all of it."""

    measure: str
    """Its name in what `measure` gives."""
    means: str
    """What is measured, in words with its unit."""
    at_least: float = -math.inf
    at_most: float = math.inf

    def kept(self, found: Interval) -> bool:
        """Whether the whole interval lies inside."""
        return self.at_least <= found.low and found.high <= self.at_most

    def __str__(self) -> str:
        parts = [f"at least {self.at_least:.4g}"] if self.at_least > -math.inf else []
        parts += [f"at most {self.at_most:.4g}"] if self.at_most < math.inf else []
        return f"{self.means}: {' and '.join(parts)}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The bounds of a claim."""

    required: tuple[Bound, ...]
    limiting: tuple[Bound, ...] = ()
    """Beyond these the claim still holds, within limits that are then said."""
    controls: tuple[Bound, ...] = ()
    """What must come out for the test to mean anything: a broken twin must be seen to break."""

    @property
    def sha256(self) -> str:
        """Of everything that it says: a result keeps it, and a changed rule shows."""
        said = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A bound and what was measured."""

    bound: Bound
    part: Literal["required", "limiting", "control"]
    found: Interval | None
    """None: no cell that could be counted measured it."""

    @property
    def kept(self) -> bool | None:
        """Whether the bound is kept; None where nothing was measured, which is no answer."""
        return None if self.found is None else self.bound.kept(self.found)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the rule says."""

    said: Said
    tested: tuple[Tested, ...]
    why: str
    """In a sentence."""


def judged(rule: Rule, found: Mapping[str, Interval], *, lacks: str = "") -> Verdict:
    """The verdict over measured intervals; it stays open where something is lacking, which is then said."""
    tested = tuple(
        Tested(bound=bound, part=part, found=found.get(bound.measure))
        for part, bounds in _parts(rule)
        for bound in bounds
    )
    said, why = _said(tested, lacks)
    return Verdict(said=said, tested=tested, why=why)


def _parts(rule: Rule) -> Sequence[tuple[Literal["required", "limiting", "control"], tuple[Bound, ...]]]:
    return (("required", rule.required), ("limiting", rule.limiting), ("control", rule.controls))


def _said(tested: Sequence[Tested], lacks: str) -> tuple[Said, str]:
    if lacks or not tested:
        return "not decided", lacks or "The rule asks for nothing."
    missing = [each.bound.means for each in tested if each.found is None]
    if missing:
        return "not decided", f"Not measured: {'; '.join(missing)}."
    broken = {
        part: [t for t in tested if t.part == part and not t.kept] for part in ("control", "required", "limiting")
    }
    if broken["control"]:
        return "not decided", f"A control did not come out as it must: {_against(broken['control'])}."
    if broken["required"]:
        return "does not hold here", f"Not kept: {_against(broken['required'])}."
    if broken["limiting"]:
        return "holds with limits", f"The limit: {_against(broken['limiting'])}."
    return "holds", "Every bound is kept."


def _against(broken: Sequence[Tested]) -> str:
    return "; ".join(f"{each.bound}, found {each.found}" for each in broken)
