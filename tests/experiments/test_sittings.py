"""A plan over several sittings and machines: cells out of result files, parts of a plan, and what stops a run early."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import planted_claim as planted
from unrolled.checkpoints.machine import free_memory
from unrolled.errors import BadInput, BadResult, MissingExtra, NoMemory, OverBudget
from unrolled.experiments import _catalogue, _ray, _reproduce
from unrolled.experiments._claim import Claim
from unrolled.experiments._reproduce import Order, reproducing
from unrolled.experiments._results import keep_result, read_result, result_of
from unrolled.experiments._running import run_cells
from unrolled.experiments._work import run_one
from unrolled.progress import finish


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Claim]]:
    """The claims that there are: the planted one; a test may exchange it."""
    claims = {"planted": planted.CLAIM}
    monkeypatch.setattr(_catalogue, "claims", lambda: claims)
    monkeypatch.setattr(_reproduce, "claims", lambda: claims)
    return claims


pytestmark = pytest.mark.usefixtures("known")


def order(folder: Path, **said: object) -> Order:
    return Order(cells=folder / "cells", results=folder / "results", **said)  # type: ignore[arg-type]


def test_a_full_run_over_three_sittings_is_the_one_of_a_single_sitting(tmp_path: Path) -> None:
    """Each in a folder of its own, with what the one before wrote and nothing else."""
    (whole,) = finish(reproducing(order(tmp_path / "whole")))
    said: list[tuple[str, int]] = []
    for sitting in range(3):
        before = () if sitting == 0 else (str(tmp_path / f"{sitting - 1}" / "results"),)
        (last,) = finish(reproducing(order(tmp_path / f"{sitting}", budget=1, part=True, sources=before)))
        said.append((last.verdict, last.missing))
    assert said == [("not decided", 2), ("not decided", 1), ("holds", 0)]
    times = {"core_minutes": 0.0, "cells": [{**cell, "seconds": 0} for cell in whole.cells]}
    assert dataclasses.replace(last, core_minutes=0.0, cells=[{**cell, "seconds": 0} for cell in last.cells]) == (
        dataclasses.replace(whole, **times)
    )
    assert read_result(tmp_path / "2" / "results" / "planted.json") == last


def test_a_cell_from_elsewhere_keeps_its_machine_and_its_versions(tmp_path: Path) -> None:
    outcomes = [run_one(cell, tmp_path / "there") for cell in planted.plan("full", 3)]
    far = [dataclasses.replace(outcomes[0], machine="another", versions="other"), *outcomes[1:]]
    keep_result(result_of(planted.CLAIM, "full", far), tmp_path / "there")
    (found,) = finish(reproducing(order(tmp_path, sources=(str(tmp_path / "there"),), budget=0)))
    assert (found.verdict, found.missing) == ("holds", 0)
    assert sorted(found.machines) == sorted({"another", outcomes[1].machine})
    assert "other" in found.versions


def test_failed_cells_and_those_of_another_version_are_not_taken(tmp_path: Path) -> None:
    fine, failed, old = (run_one(cell, tmp_path / "there") for cell in planted.plan("full", 3))
    failed = dataclasses.replace(failed, found={}, failed="the disk was full")
    old = dataclasses.replace(old, cell=dataclasses.replace(old.cell, version=7))
    keep_result(result_of(planted.CLAIM, "full", [fine, failed, old]), tmp_path / "there")
    with pytest.raises(OverBudget, match="2 cells are missing"):
        finish(reproducing(order(tmp_path, sources=(str(tmp_path / "there"),), budget=0)))


def test_sources_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere is no folder of results"):
        finish(reproducing(order(tmp_path, sources=(str(tmp_path / "nowhere"),))))
    (tmp_path / "planted.json").write_text('{"claim": "planted"}')
    with pytest.raises(BadResult, match=r"planted\.json is no result"):
        finish(reproducing(order(tmp_path, sources=(str(tmp_path),))))


@pytest.mark.parametrize("change", [{"cells": [{"family": "x"}]}, {"machines": []}, {"seeds": "three"}, {"more": 1}])
def test_a_foreign_result_is_named_before_it_is_used(tmp_path: Path, change: dict[str, object]) -> None:
    (found,) = finish(reproducing(order(tmp_path)))
    path = tmp_path / "planted.json"
    path.write_text(json.dumps(dataclasses.asdict(found) | change))
    with pytest.raises(BadResult, match=r"planted\.json is no result of an experiment of this version"):
        read_result(path)


def test_a_result_of_another_claim_is_named(tmp_path: Path) -> None:
    (found,) = finish(reproducing(order(tmp_path)))
    path = keep_result(dataclasses.replace(found, claim="other"), tmp_path)
    with pytest.raises(BadResult, match=r"planted\.json is a result of “other”, another claim: name it other\.json"):
        read_result(path.rename(tmp_path / "planted.json"))


def test_what_is_stopped_leaves_a_result_of_what_is_finished(tmp_path: Path) -> None:
    running = reproducing(order(tmp_path))
    next(running)
    next(running)
    running.close()
    found = read_result(tmp_path / "results" / "planted.json")
    assert (found.verdict, found.missing, len(found.cells)) == ("not decided", 2, 1)
    assert found.why == "2 cells of 3 were not run yet."


def test_a_part_never_replaces_a_whole(tmp_path: Path) -> None:
    (whole,) = finish(reproducing(order(tmp_path)))
    (part,) = finish(reproducing(order(tmp_path, seeds=5, budget=0, part=True)))
    assert (part.missing, part.verdict) == (2, "not decided")
    assert read_result(tmp_path / "results" / "planted.json") == whole


def test_a_measure_that_cannot_do_with_a_part_loses_nothing(tmp_path: Path, known: dict[str, Claim]) -> None:
    known["planted"] = dataclasses.replace(planted.CLAIM, measure=lambda outcomes: {"value": outcomes[2].found})
    (part,) = finish(reproducing(order(tmp_path, budget=1, part=True)))
    assert (part.missing, part.verdict, len(part.cells)) == (2, "not decided", 1)


def test_a_quick_plan_that_does_not_decide_says_so(tmp_path: Path, known: dict[str, Claim]) -> None:
    known["planted"] = dataclasses.replace(planted.CLAIM, decides=("full",))
    (found,) = finish(reproducing(order(tmp_path, scale="quick")))
    assert (found.verdict, found.why) == ("not decided", "The quick plan is too small to decide; run the full one.")


def test_a_cell_that_finds_what_is_no_number_failed(tmp_path: Path, known: dict[str, Claim]) -> None:
    def run(cell: object, folder: Path) -> Iterator[object]:
        yield from ()
        return {"value": float("nan")}

    known["planted"] = dataclasses.replace(planted.CLAIM, run=run)  # type: ignore[arg-type]
    (found,) = finish(reproducing(order(tmp_path)))
    assert found.verdict == "not decided"
    assert found.why.startswith("3 cells failed and cannot be counted: ValueError: Out of range float")


def test_more_memory_than_there_is_is_refused(tmp_path: Path, known: dict[str, Claim]) -> None:
    known["planted"] = dataclasses.replace(planted.CLAIM, memory=free_memory() / 1.5e9)
    with pytest.raises(NoMemory, match=r"2 processes need about .* GB are free: take --processes 1\."):
        finish(reproducing(order(tmp_path, processes=2)))
    known["planted"] = dataclasses.replace(planted.CLAIM, memory=1e6)
    with pytest.raises(NoMemory, match=r"One process needs about .* close other programs\."):
        finish(reproducing(order(tmp_path)))
    assert not (tmp_path / "cells").exists()


@pytest.mark.parametrize(
    ("own", "files", "left"),
    [
        ("0::/a/b\n", {"a/memory.max": "300", "a/memory.current": "100", "a/b/memory.max": "max"}, 200),
        (
            "0::/a\n",
            {"a/memory.max": "30", "a/memory.current": "29", "a/memory.stat": "anon 5\ninactive_file 4"},
            5,
        ),
        ("4:memory:/x\n", {"memory/memory.limit_in_bytes": "900", "memory/memory.usage_in_bytes": "1000"}, 0),
        ("4:memory:/x\n3:cpu:/\n", {"memory/x/memory.limit_in_bytes": "9", "memory/x/memory.usage_in_bytes": "2"}, 7),
    ],
)
def test_a_container_s_limit_is_seen(tmp_path: Path, own: str, files: dict[str, str], left: int) -> None:
    (tmp_path / "own").write_text(own)
    for name, said in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{said}\n")
    assert free_memory(tmp_path, tmp_path / "own") == left
    assert free_memory(tmp_path, tmp_path / "none") > 1e6


def test_ray_that_is_not_installed_is_said_before_anything_runs(tmp_path: Path) -> None:
    try:
        import ray  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtra, match=r"pip install 'unrolled\[ray\]'"):
            finish(reproducing(order(tmp_path, on="ray")))
        assert not (tmp_path / "cells").exists()
    else:
        assert _ray.imported_ray()


def test_each_cell_is_run_once_though_it_is_planned_twice(tmp_path: Path) -> None:
    cells = planted.plan("full", 3)
    assert [ran.done for ran in run_cells([*cells, *cells], tmp_path)] == [1, 2, 3]
