"""A claim's result: the verdict with everything that it came from, as one JSON file.

Those of the project come with the package, in results/; a reader's own run writes to the cache, and is read first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from unrolled.checkpoints.cache import cache_folder, write_whole
from unrolled.errors import BadResult
from unrolled.experiments._claim import Claim, Outcome, Scale
from unrolled.experiments._rule import Verdict, judged
from unrolled.experiments._statistics import Interval


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was found of a claim."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", strict=True)

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
    """Each cell: family, setting, seed, what it found, its seconds; failed ones with the reason. Where they are not the
    first, its version and the numbers of its machine and its versions in the lists below."""
    core_minutes: float
    machines: list[str]
    versions: list[str]
    missing: int = 0
    """Cells of the plan that were not run yet; the verdict waits for them."""


_READER, _OUTCOME = TypeAdapter(Result), TypeAdapter(Outcome)


def result_of(claim: Claim, scale: Scale, outcomes: Sequence[Outcome], missing: int = 0) -> Result:
    """Judges what was measured, as it is kept: whoever reads the file measures the same.

    Args:
        claim: whose cells they are.
        scale: of the plan.
        outcomes: of the cells that were run, failed ones too.
        missing: how many of the plan were not run.
    """
    outcomes = [replace(each, found=_rounded(dict(each.found))) for each in outcomes]
    good = [each for each in outcomes if not each.failed]
    machines, versions = (sorted({getattr(e, name) for e in outcomes}) for name in ("machine", "versions"))
    lacks = _lacks(claim, scale, outcomes, missing)
    verdict = judged(claim.rule, _measured(claim, good, lacks), lacks=lacks)
    return Result(
        claim=claim.name,
        number=claim.number,
        says=claim.says,
        scale=scale,
        verdict=verdict.said,
        why=verdict.why,
        rule=claim.rule.sha256,
        tested=_rounded(_tested(verdict), 6),
        seeds=len({each.cell.seed for each in good}),
        cells=[_row(each, machines, versions) for each in outcomes],
        core_minutes=round(math.fsum(each.seconds for each in outcomes) / 60, 3),
        machines=machines,
        versions=versions,
        missing=missing,
    )


def _measured(claim: Claim, outcomes: Sequence[Outcome], lacks: str) -> Mapping[str, Interval]:
    """What can be measured. Of a part of the plan that may be nothing; what was run is kept all the same."""
    try:
        return claim.measure(outcomes)
    except Exception:  # (a file of what was run is worth more than where it went wrong)
        if not lacks:
            raise
        return {}


def _lacks(claim: Claim, scale: Scale, outcomes: Sequence[Outcome], missing: int) -> str:
    """What stands between these cells and a verdict, in a sentence; nothing where they are enough."""
    if failed := [each for each in outcomes if each.failed]:
        return f"{_cells(len(failed))} failed and cannot be counted: {failed[0].failed.rstrip('.')}."
    if missing:
        return f"{_cells(missing)} of {missing + len(outcomes)} were not run yet."
    return "" if scale in claim.decides else f"The {scale} plan is too small to decide; run the full one."


def outcomes_of(result: Result) -> list[Outcome]:
    """Its cells as the engine has them, failed ones too, so that everything can be worked out again from the file."""
    return [_outcome(result, row) for row in result.cells]


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
        found = _READER.validate_json(path.read_bytes())
        outcomes_of(found)
    except (OSError, ValueError, LookupError, TypeError) as error:
        why = f"{error.errors()[0]['msg']}" if isinstance(error, ValidationError) else f"{error}"
        raise BadResult(
            f"{path} is no result of an experiment of this version ({why}): delete it and run the claim again."
        ) from None
    if found.claim != path.stem:
        raise BadResult(f"{path} is a result of “{found.claim}”, another claim: name it {found.claim}.json.")
    return found


def result(name: str) -> Result | None:
    """The reader's own result of a claim, else the one that comes along, else None. A run in parts hides none."""
    mine = own(name)
    return mine if mine and not mine.missing else recorded(name) or mine


def own(name: str) -> Result | None:
    """The reader's own result of a claim, or None."""
    return _read(own_folder(), name)


def recorded(name: str) -> Result | None:
    """The result of a claim that comes along, or None."""
    return _read(recorded_folder(), name)


def _read(folder: Path, name: str) -> Result | None:
    path = folder / f"{name}.json"
    return read_result(path) if path.is_file() else None


def recorded_folder() -> Path:
    """Where those that come along lie."""
    return Path(str(resources.files("unrolled.experiments"))) / "results"


def _tested(verdict: Verdict) -> list[dict[str, Any]]:
    return [
        {
            "bound": str(each.bound),
            "measure": each.bound.measure,
            "part": each.part,
            "found": asdict(each.found) if each.found and math.isfinite(each.found.high - each.found.low) else None,
            "kept": each.kept,
        }
        for each in verdict.tested
    ]


def _row(outcome: Outcome, machines: list[str], versions: list[str]) -> dict[str, Any]:
    cell = outcome.cell
    row: dict[str, Any] = {"family": cell.family, "setting": dict(cell.setting), "seed": cell.seed}
    rare = {
        "version": (cell.version, 1),
        "machine": (machines.index(outcome.machine), 0),
        "versions": (versions.index(outcome.versions), 0),
    }
    row |= {name: value for name, (value, usual) in rare.items() if value != usual}
    row["seconds"] = _rounded(outcome.seconds)
    return row | ({"failed": outcome.failed} if outcome.failed else {"found": dict(outcome.found)})


def _outcome(result: Result, row: Mapping[str, Any]) -> Outcome:
    cell = {"claim": result.claim, "version": row.get("version", 1)}
    cell |= {name: row[name] for name in ("family", "setting", "seed", "seconds")}
    said = {
        "cell": cell,
        "found": row.get("found", {}),
        "seconds": row["seconds"],
        "machine": result.machines[row.get("machine", 0)],
        "versions": result.versions[row.get("versions", 0)],
        "failed": "" if "found" in row else row["failed"],
    }
    return _OUTCOME.validate_python(said)


def _rounded(said: Any, digits: int = 10) -> Any:
    """Ten digits of a number, six of each in a list: lists are long, and seeds differ in the first three."""
    if isinstance(said, float):
        return float(f"{said:.{digits}g}")
    if isinstance(said, dict):
        return {name: _rounded(value, digits) for name, value in said.items()}
    return [_rounded(value, 6) for value in said] if isinstance(said, (list, tuple)) else said


def _lines(said: str) -> str:
    """A line for each cell, so that two files can be compared."""
    return said.replace('{"family":', '\n{"family":').replace('],"core_minutes"', '\n],"core_minutes"') + "\n"


def _cells(n: int) -> str:
    return "one cell" if n == 1 else f"{n} cells"
