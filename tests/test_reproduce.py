"""`unrolled reproduce` as a reader runs it: what is printed, what is refused in a sentence, and exit codes."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import planted_claim as planted
from unrolled import cli
from unrolled.checkpoints import open_model
from unrolled.experiments import _catalogue, _reproduce
from unrolled.experiments._claim import Claim


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Claim]]:
    """The planted claim alone, and a cache of its own."""
    claims = {"planted": planted.CLAIM}
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_catalogue, "claims", lambda: claims)
    monkeypatch.setattr(_reproduce, "claims", lambda: claims)
    return claims


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main(["reproduce", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, " ".join(err.split())


def test_a_plan_says_both_scales_and_what_they_take(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--plan")
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["claim", "quick", "missing", "minutes", "full", "missing", "minutes"],
        ["99", "planted", "2", "cells", "2", "2.0", "3", "cells", "3", "3.0"],
        ["core-minutes", "that", "it", "takes", "2.0", "3.0"],
    ]
    assert run(capsys, "--quick")[0] == 0
    _, out, _ = run(capsys, "--plan", "--quick")
    assert out.splitlines()[1].split() == ["99", "planted", "2", "cells", "0", "0.0"]


def test_verdicts_are_printed_and_json_is_all_there_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, "--to", str(tmp_path / "to"))
    assert (code, err) == (0, f"Written: {tmp_path / 'to'}")
    assert out.startswith("99. Planted numbers are found.\n   HOLDS  Every bound is kept.\n   required  kept ")
    code, out, _ = run(capsys, "--json")
    assert [(each["claim"], each["verdict"]) for each in json.loads(out)] == [("planted", "holds")]


def test_a_part_says_what_is_missing_and_what_stays(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--budget", "1", "--part")
    assert code == 0
    assert "NOT DECIDED  2 cells of 3 were not run yet." in out
    assert "no answer the value: at least 0.9 and at most 1.2; not measured" in " ".join(out.split())
    assert run(capsys)[0] == 0
    code, _, err = run(capsys, "--seeds", "4", "--budget", "0", "--part")
    assert "planted.json there is of a whole plan, and stays." in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--only", "plantd"), "There is no claim “plantd”; there are planted. Did you mean planted?"),
        (("--budget", "1"), "3 cells are missing, which take about 3.0 core-minutes; 1 were allowed."),
        (("--seeds", "1"), "--seeds 1 was asked for; an interval needs 2 at least."),
        (("--from", "nowhere"), "nowhere is no folder of results; give one, or “package” for those that come along."),
        (("--on", "dask"), "'dask' is not one of 'pool', 'ray'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_without_ray_it_is_said_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = run(capsys, "--on", "ray")
    assert code == 2
    assert "--on ray needs one more package: pip install 'unrolled[ray]'." in err


def test_too_little_memory_is_said(capsys: pytest.CaptureFixture[str], known: dict[str, Claim]) -> None:
    known["planted"] = dataclasses.replace(planted.CLAIM, memory=1e6)
    code, _, err = run(capsys)
    assert code == 2
    assert "One process needs about 1000000.0 GB of memory;" in err


def test_a_damaged_cell_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "cache" / "experiments" / "cells" / f"{planted.cell('value', 0).key}.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    code, _, err = run(capsys)
    assert code == 2
    assert "is damaged" in err
    assert "delete it, and the cell is run again." in err


def test_a_model_that_is_not_here_fails_its_cells_and_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], known: dict[str, Claim]
) -> None:
    def measured(cell: object, folder: Path) -> Iterator[object]:
        yield from ()
        open_model("smollm2")

    known["planted"] = dataclasses.replace(planted.CLAIM, run=measured)  # type: ignore[arg-type]
    code, out, err = run(capsys, "--quick")
    assert code == 2
    assert "NOT DECIDED  2 cells failed and cannot be counted: smollm2 is not on this machine yet" in out
    assert "Failed: planted, value, seed 0: smollm2 is not on this machine yet: `unrolled models get smollm2`" in err
    known["planted"] = planted.CLAIM
    assert run(capsys, "--quick")[0] == 0, "what failed is run again"
