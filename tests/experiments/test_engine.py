"""The engine on a planted claim: cells are run once, found again, and never half written; what is broken is said."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import planted_claim as planted
from unrolled.errors import BadInput, BadResult, OverBudget, UnknownClaim
from unrolled.experiments import _catalogue, _reproduce
from unrolled.experiments._claim import Claim
from unrolled.experiments._reproduce import Order, cells_of, reproducing
from unrolled.experiments._results import keep_result, outcomes_of, read_result, result_of
from unrolled.experiments._running import run_cells
from unrolled.experiments._store import kept
from unrolled.progress import finish


@pytest.fixture(autouse=True)
def only_planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def known() -> dict[str, Claim]:
        return {"planted": planted.CLAIM}

    monkeypatch.setattr(_catalogue, "claims", known)
    monkeypatch.setattr(_reproduce, "claims", known)
    return


def order(folder: Path, **said: object) -> Order:
    return Order(cells=folder / "cells", results=folder / "results", **said)  # type: ignore[arg-type]


def test_a_key_is_of_what_defines_a_cell() -> None:
    cell = planted.cell("value", 0)
    assert dataclasses.replace(cell, seconds=1).key == cell.key
    others = [
        dataclasses.replace(cell, **{name: value}) for name, value in {"seed": 1, "family": "x", "version": 2}.items()
    ]
    others.append(dataclasses.replace(cell, setting={"size": 2}))
    assert len({cell.key, *(other.key for other in others)}) == 5


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    asked = order(tmp_path)
    (first,) = finish(reproducing(asked))
    times = {path: path.stat().st_mtime_ns for path in asked.cells.iterdir()}
    assert (first.verdict, first.seeds, len(times)) == ("holds", 3, 3)
    (again,) = finish(reproducing(asked))
    assert again == first
    assert {path: path.stat().st_mtime_ns for path in asked.cells.iterdir()} == times


def test_a_run_that_stopped_half_way_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    asked = order(tmp_path / "a")
    running = run_cells(cells_of(planted.CLAIM, asked), asked.cells)
    next(running)
    running.close()
    assert len(list(asked.cells.iterdir())) == 1
    (whole,), (undisturbed,) = finish(reproducing(asked)), finish(reproducing(order(tmp_path / "b")))
    drop = {"core_minutes": 0.0, "cells": [{**cell, "seconds": 0} for cell in whole.cells]}
    assert dataclasses.replace(whole, **drop) == dataclasses.replace(undisturbed, **drop)


def test_a_failed_cell_is_reported_never_counted_and_tried_again(tmp_path: Path) -> None:
    cells = [planted.cell("value", 0), planted.cell("value", 1), planted.cell("raises", 2)]
    outcomes = [ran.outcome for ran in run_cells(cells, tmp_path)]
    result = result_of(planted.CLAIM, "full", outcomes)
    assert result.verdict == "not decided"
    assert [cell.get("failed") for cell in result.cells].count("RuntimeError: planted") == 1
    assert [ran.outcome.cell.family for ran in run_cells(cells, tmp_path)] == ["raises"]


def test_a_result_holds_all_that_its_cells_are(tmp_path: Path) -> None:
    """Cells of several machines and versions, a failed one, numbers with more digits than are kept."""
    cells = [planted.cell("value", 0), planted.cell("value", 1), planted.cell("raises", 2)]
    cells.append(dataclasses.replace(planted.cell("value", 3), version=2))
    outcomes = [ran.outcome for ran in run_cells(cells, tmp_path)]
    outcomes[1] = dataclasses.replace(outcomes[1], machine="another", found={"value": 1 / 3, "list": [2 / 3]})
    result = result_of(planted.CLAIM, "full", outcomes)
    back = outcomes_of(read_result(keep_result(result, tmp_path)))
    assert [each.cell.key for each in back] == [each.cell.key for each in outcomes]
    assert [(e.machine, e.versions, e.failed) for e in back] == [(e.machine, e.versions, e.failed) for e in outcomes]
    assert back[1].found == {"value": 0.3333333333, "list": [0.666667]}
    assert result_of(planted.CLAIM, "full", back) == result


@pytest.mark.parametrize("content", ["{", "{}", json.dumps({"cell": {}, "found": {}})])
def test_a_damaged_cell_is_named(tmp_path: Path, content: str) -> None:
    cell = planted.cell("value", 0)
    (tmp_path / f"{cell.key}.json").write_text(content)
    with pytest.raises(BadResult, match=cell.key):
        kept(tmp_path, cell)


def test_a_foreign_cell_is_named(tmp_path: Path) -> None:
    cell, other = planted.cell("value", 0), planted.cell("value", 1)
    list(run_cells([other], tmp_path))
    (tmp_path / f"{other.key}.json").rename(tmp_path / f"{cell.key}.json")
    with pytest.raises(BadResult, match="no result of"):
        kept(tmp_path, cell)


def test_a_result_comes_back_as_it_was_and_a_foreign_one_is_named(tmp_path: Path) -> None:
    (result,) = finish(reproducing(order(tmp_path)))
    assert read_result(keep_result(result, tmp_path)).tested == result.tested
    other = tmp_path / "other.json"
    other.write_text('{"claim": "planted"}')
    with pytest.raises(BadResult, match=r"other\.json"):
        read_result(other)


def test_what_cannot_be_done_is_said_before_anything_runs(tmp_path: Path) -> None:
    for said, error, words in (
        ({"budget": 1}, OverBudget, "3.0 core-minutes; 1 were allowed"),
        ({"seeds": 1}, BadInput, "2 at least"),
        ({"only": ("plantd",)}, UnknownClaim, "Did you mean planted"),
    ):
        with pytest.raises(error, match=words):
            finish(reproducing(order(tmp_path, **said)))
    assert not (tmp_path / "cells").exists()
