"""A claim's result: the verdict with everything that it came from, as one JSON file.

Those of the project come with the package, in results/; a reader's own run writes to the cache, and is read first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from unrolled.checkpoints.cache import cache_folder, write_whole
from unrolled.errors import BadResult
from unrolled.experiments._claim import Claim, Outcome, Scale
from unrolled.experiments._rule import Verdict, judged


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was found of a claim."""

    claim: str
    number: int
    says: str
    scale: Scale
    verdict: str
    why: str
    rule: str
    """sha256 of the rule that gave it."""
    tested: list[dict[str, Any]]
    """Each bound in words, its part, the interval, and whether it is kept."""
    seeds: int
    cells: list[dict[str, Any]]
    """Each cell: family, setting, seed, what it found, its seconds; failed ones with the reason."""
    core_minutes: float
    machines: list[str]
    versions: list[str]


def result_of(claim: Claim, scale: Scale, outcomes: Sequence[Outcome]) -> Result:
    """Judges what was measured."""
    good = [each for each in outcomes if not each.failed]
    verdict = judged(claim.rule, claim.measure(good), failed=len(outcomes) - len(good))
    return Result(
        claim=claim.name,
        number=claim.number,
        says=claim.says,
        scale=scale,
        verdict=verdict.said,
        why=verdict.why,
        rule=claim.rule.sha256,
        tested=_rounded(_tested(verdict)),
        seeds=len({each.cell.seed for each in good}),
        cells=_rounded([_cell(each) for each in outcomes]),
        core_minutes=round(math.fsum(each.seconds for each in outcomes) / 60, 3),
        machines=sorted({each.machine for each in outcomes}),
        versions=sorted({each.versions for each in outcomes}),
    )


def own_folder() -> Path:
    """Where a reader's own results lie."""
    return cache_folder() / "experiments" / "results"


def keep_result(result: Result, folder: Path) -> Path:
    """Writes it."""
    path = folder / f"{result.claim}.json"
    said = json.dumps(asdict(result), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_whole(path, _lines(said).encode())
    return path


def read_result(path: Path) -> Result:
    """A result from its file. BadResult says what is wrong with it."""
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadResult(f"{path} is no result of an experiment ({error}): delete it and run the claim again.") from None
    names = {each.name for each in fields(Result)}
    if not (isinstance(said, dict) and said.keys() == names):
        raise BadResult(f"{path} is no result of an experiment of this version: delete it and run the claim again.")
    return Result(**said)


def result(name: str) -> Result | None:
    """The reader's own result of a claim, else the one that comes along, else None."""
    own = own_folder() / f"{name}.json"
    if own.is_file():
        return read_result(own)
    with resources.as_file(resources.files("unrolled.experiments") / "results" / f"{name}.json") as shipped:
        return read_result(shipped) if shipped.is_file() else None


def _tested(verdict: Verdict) -> list[dict[str, Any]]:
    return [
        {
            "bound": str(each.bound),
            "measure": each.bound.measure,
            "part": each.part,
            "found": None if each.found is None else asdict(each.found),
            "kept": each.kept,
        }
        for each in verdict.tested
    ]


def _cell(outcome: Outcome) -> dict[str, Any]:
    cell = outcome.cell
    named = {"family": cell.family, "setting": dict(cell.setting), "seed": cell.seed, "seconds": outcome.seconds}
    return named | ({"failed": outcome.failed} if outcome.failed else {"found": dict(outcome.found)})


def _rounded(said: Any) -> Any:
    """Six digits of every number: seeds differ in the first three."""
    if isinstance(said, float):
        return float(f"{said:.6g}")
    if isinstance(said, dict):
        return {name: _rounded(value) for name, value in said.items()}
    return [_rounded(value) for value in said] if isinstance(said, (list, tuple)) else said


def _lines(said: str) -> str:
    """A line for each cell, so that two files can be compared."""
    return said.replace('{"family":', '\n{"family":').replace('],"core_minutes"', '\n],"core_minutes"') + "\n"
