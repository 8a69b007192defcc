"""A claim and how it is tested: cells of work, what they measured, and a rule that turns this into a verdict.

One claim is one file in this folder. Its plan lists cells, each a piece of work that runs alone; `run` does one;
`measure` makes intervals of what all cells found; the rule, written before the first run, says what these must be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from unrolled.experiments._plot import Plot
from unrolled.experiments._rule import Rule
from unrolled.experiments._statistics import Interval
from unrolled.progress import Work

Scale = Literal["quick", "full"]
Setting = Mapping[str, Any]
"""What a cell varies, in words and numbers that JSON has."""
Found = Mapping[str, Any]
"""What a cell measured, in numbers, words and lists that JSON has."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One piece of a claim's work."""

    claim: str
    family: str
    """Of what is measured: rnn, gpt, a formula's name."""
    setting: Setting = field(default_factory=dict)
    seed: int
    version: int = 1
    """Of the code that runs it: another one is another cell."""
    seconds: float = 1.0
    """What it takes one core, about; no part of what defines it."""

    @property
    def key(self) -> str:
        """The hash of what defines it: equal cells are run once."""
        said = {name: value for name, value in asdict(self).items() if name != "seconds"}
        canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:20]

    @property
    def title(self) -> str:
        """In a line."""
        varied = ", ".join(f"{name} {value}" for name, value in self.setting.items())
        return f"{self.claim}: {self.family}{', ' if varied else ''}{varied}, seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A cell that has been run."""

    cell: Cell
    found: Found
    """Empty where it failed."""
    seconds: float
    """Of processor time."""
    machine: str
    versions: str
    """Of unrolled and torch."""
    failed: str = ""
    """Why, in a sentence; such a cell is reported and never counted."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim with its experiment. `name` is its file's."""

    name: str
    number: int
    """In the table of claims."""
    says: str
    """The claim in a sentence."""
    source: str
    """Paper and section."""
    question: str
    """What is measured, as a question."""
    method: tuple[str, ...]
    """How, in five lines or fewer."""
    rule: Rule
    """When it holds; written before the first run."""
    turns: str
    """What would change the verdict."""
    plan: Callable[[Scale, int], Sequence[Cell]]
    """(scale, seeds) -> cells."""
    run: Callable[[Cell, Path], Work[Found]]
    """Does one cell; the path is a folder where it may leave files, named after the cell's key."""
    measure: Callable[[Sequence[Outcome]], Mapping[str, Interval]]
    """What the rule looks at, by name."""
    plots: Callable[[Sequence[Outcome]], Sequence[Plot]] = lambda outcomes: ()
    """Pictures of what all cells found, the most telling one first."""
    seeds: Mapping[str, int] = field(default_factory=lambda: {"quick": 3, "full": 5})
    """How many seeds each scale takes when nobody says otherwise."""
    decides: tuple[Scale, ...] = ("quick", "full")
    """Scales whose cells are enough for a verdict."""
    memory: float = 0.8
    """GB that a process needs for one of its cells, about; torch, imported, takes a quarter of one."""


def found_by_seed(outcomes: Iterable[Outcome]) -> list[dict[str, Found]]:
    """What each family found, for every seed in order; of a family with several cells the last."""
    of: dict[int, dict[str, Found]] = {}
    for each in outcomes:
        of.setdefault(each.cell.seed, {})[each.cell.family] = each.found
    return [of[seed] for seed in sorted(of)]
