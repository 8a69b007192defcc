"""What there is to tell of a claim: itself, its result if there is one, whose that is, and its pictures.

The report (`unrolled report`) and the figure `claims` tell the same, in the same words and digits.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from unrolled.experiments._catalogue import claim, claims
from unrolled.experiments._claim import Claim
from unrolled.experiments._plot import Plot
from unrolled.experiments._results import Result, outcomes_of, own, own_folder, recorded_folder, result

NOT_RUN = "not run yet"
VERDICTS = ("holds", "holds with limits", "does not hold here", "not decided", NOT_RUN)
"""What may be said of a claim."""
PARTS = ("required", "limiting", "control")
HEARD = {"required": "required", "limiting": "limit", "control": "control"}
"""What a part of the rule is called."""
KEPT = {True: "kept", False: "not kept", None: "not measured"}
"""What is said of a bound."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, kw_only=True)
class Told:
    """One claim."""

    claim: Claim
    result: Result | None
    """None: not run yet."""
    own: bool
    """Whether the result comes from a run on this machine rather than with the package."""

    @cached_property
    def plots(self) -> tuple[Plot, ...]:
        """Its pictures of the result's own cells, without those that failed; worked out when they are asked for."""
        good = [outcome for outcome in outcomes_of(self.result) if not outcome.failed] if self.result else []
        return tuple(self.claim.plots(good)) if good else ()

    @property
    def verdict(self) -> str:
        """One of VERDICTS."""
        return NOT_RUN if self.result is None else self.result.verdict

    @property
    def decisive(self) -> Mapping[str, Any] | None:
        """The bound that decided: the first that was not kept, controls first; if all are kept, the first required."""
        tested = self.result.tested if self.result else []
        broken = [each for part in ("control", *PARTS) for each in tested if each["part"] == part and not each["kept"]]
        return next(iter([*broken, *tested]), None)

    @property
    def sha256(self) -> str:
        """Of the file that the result was read from."""
        folder = own_folder() if self.own else recorded_folder()
        return hashlib.sha256((folder / f"{self.claim.name}.json").read_bytes()).hexdigest()

    @property
    def failed(self) -> Sequence[str]:
        """Cells that failed, each with its reason."""
        cells = self.result.cells if self.result else []
        return [
            f"{each['family']}, seed {each['seed']}: {each.get('failed', '')}" for each in cells if "found" not in each
        ]

    @property
    def command(self) -> str:
        """What runs it again."""
        quick = " --quick" if self.result and self.result.scale == "quick" else ""
        return f"unrolled reproduce --only {shlex.quote(self.claim.name)}{quick}"

    @property
    def other_rule(self) -> bool:
        """Whether the rule in the file is not the one that gave the verdict."""
        return self.result is not None and self.result.rule != self.claim.rule.sha256


def told(name: str) -> Told:
    """One claim by name or number. BadResult where its result is damaged."""
    each = claim(name)
    found = result(each.name)
    return Told(
        claim=each,
        result=found,
        own=found is not None and found == own(each.name),
    )


def all_told() -> tuple[Told, ...]:
    """Every claim, by number, those without a result as well."""
    return tuple(told(name) for name in claims())


def counted(every: Sequence[Told]) -> str:
    """`Of 17 claims, 6 hold, 5 hold with limits, …`"""
    many = {verdict: sum(each.verdict == verdict for each in every) for verdict in VERDICTS}
    words = {
        "holds": ("holds", "hold"), "holds with limits": ("holds with limits", "hold with limits"),
        "does not hold here": ("does not hold here", "do not hold here"),
        "not decided": ("is not decided", "are not decided"), NOT_RUN: ("was not run yet", "were not run yet"),
    }  # fmt: skip
    said = [f"{count} {words[verdict][count > 1]}" for verdict, count in many.items() if count]
    listed = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)
    total = len(every)
    return f"Of {total} claim{'' if total == 1 else 's'} {listed}."


def took(each: Told) -> str:
    """The run in a line."""
    result = each.result
    if result is None:
        return ""
    whose = "run on this machine" if each.own else "came with the package"
    return (
        f"{result.scale.capitalize()} plan, {_many(result.seeds, 'seed')}, {_many(len(result.cells), 'cell')}, "
        f"{core_minutes(result.core_minutes)} core-minutes; {whose}. "
        f"{'; '.join(result.machines)}. {'; '.join(result.versions)}."
    )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


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
        found.append(f"{_many(result.missing, 'cell')} of the plan not run yet.")
    if each.other_rule:
        found.append("The rule in the file is not the one that gave this verdict: run the claim again.")
    if result.scale not in each.claim.decides:
        found.append("The quick plan of this claim is too small to decide; the full one does.")
    return found


def number(value: float, digits: int = 4) -> str:
    """So many significant digits, as one writes them: 0.9963, −0.2075, 12,345, 2.1 · 10⁻¹⁶."""
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e6:
        text = f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"
    else:
        mantissa, _, power = f"{value:.{max(1, digits - 2)}e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.')} · 10{superscript(int(power))}".removeprefix("1 · ")
    return text.replace("-", "−")


def in_words(said: str) -> str:
    """A rule's sentence with its numbers as one writes them: at most 10⁻⁶ for 1e-06, −0.1 for -0.1."""
    powers = re.sub(r"\b(\d+(?:\.\d+)?)e([+-]\d+)\b", lambda found: number(float(found[0])), said)
    return re.sub(r"(?<![\w.])-(?=[\d.])", "−", powers)


def superscript(power: int) -> str:
    """⁻¹⁶."""
    return str(power).translate(_SUPERSCRIPTS)


def interval_told(found: Mapping[str, float] | None) -> str:
    """`0.9701 (0.9312 to 1.009)`; one number where it has no width."""
    if found is None:
        return "not measured"
    mean = number(found["mean"])
    return mean if found["low"] == found["high"] else f"{mean} ({number(found['low'])} to {number(found['high'])})"
