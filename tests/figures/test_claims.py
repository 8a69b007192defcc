"""The figure `claims`: it says what the results say, own ones first; what has no result is not left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import planted_report
from test_cli import inside
from unrolled import picture
from unrolled.errors import BadKnob, BadResult
from unrolled.experiments import _told
from unrolled.experiments._catalogue import claims
from unrolled.experiments._results import keep_result, outcomes_of, own_folder, recorded
from unrolled.figures import answer, figure
from unrolled.figures import claims as figure_of
from unrolled.progress import finish
from unrolled.state import state_of

VERDICTS, CLAIM = (figure("claims").panel(name) for name in ("verdicts", "claim"))


def asked(panel: Any, **knobs: Any) -> Any:
    return finish(answer(panel, knobs)).result


def test_every_claim_has_a_row_by_number(cache: Path) -> None:
    found = asked(VERDICTS)
    assert list(found.names) == list(claims())
    assert list(found.numbers) == sorted(found.numbers)
    for name, verdict, seeds, own in zip(found.names, found.verdicts, found.seeds, found.own, strict=True):
        result = recorded(name)
        assert verdict == (result.verdict if result else "not run yet")
        assert seeds == (result.seeds if result else 0)
        assert not own


@pytest.mark.parametrize("name", list(claims()))
def test_a_claim_has_what_its_file_and_its_result_say(cache: Path, name: str) -> None:
    found, claim, result = asked(CLAIM, claim=name), claims()[name], recorded(name)
    assert (found.says, found.method, found.turns) == (claim.says, claim.method, claim.turns)
    assert len(found.bound_says) == len(result.tested if result else ())
    plots = claim.plots([each for each in outcomes_of(result) if not each.failed]) if result else ()
    points = [point for plot in plots for each in plot.series for point in each.points]
    np.testing.assert_allclose(found.point_mean, [point.y.mean for point in points], rtol=1e-3)
    np.testing.assert_allclose(found.point_low, [point.y.low for point in points], rtol=1e-3)
    np.testing.assert_allclose(found.point_high, [point.y.high for point in points], rtol=1e-3)
    assert found.plot_title == tuple(plot.title for plot in plots)
    assert result is None or plots, "a claim that was run has a picture"


def test_an_own_result_takes_the_place_of_ours(cache: Path) -> None:
    ours = recorded("root_d_k")
    assert ours is not None
    keep_result(dataclasses.replace(ours, verdict="does not hold here", seeds=4), own_folder())
    rows = asked(VERDICTS)
    at = rows.names.index("root_d_k")
    assert (rows.verdicts[at], rows.seeds[at], bool(rows.own[at])) == ("does not hold here", 4, True)
    one = finish(answer(CLAIM, {"claim": "root_d_k"}))
    assert one.result.own
    assert "run on this machine" in one.result.took
    assert "run on this machine" in one.provenance[0].name
    assert {each.kind for each in finish(answer(VERDICTS, {})).provenance} == {"recorded"}
    assert len(finish(answer(VERDICTS, {})).provenance) == 2


def test_a_damaged_result_is_one_sentence(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own_folder().mkdir(parents=True)
    (own_folder() / "root_d_k.json").write_text("{")
    with pytest.raises(BadResult, match=r"root_d_k\.json"):
        asked(VERDICTS)
    code, out, err = inside(capsys, "figure", "claims")
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)


def test_an_unknown_claim_is_told_what_there_is() -> None:
    with pytest.raises(BadKnob, match="root_d_k"):
        asked(CLAIM, claim="nope")


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("width", [328, 860])
def test_every_kind_of_verdict_is_drawn(number: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {each.claim.name: each for each in planted_report.told()}
    monkeypatch.setattr(figure_of, "told", lambda name: planted[f"planted_{number}"])
    monkeypatch.setattr(_told.Told, "sha256", "of no file")
    found = finish(answer(CLAIM, {}))
    drawn = picture.svg("claims", state_of(CLAIM, {}), [found], width=width)
    each = planted[f"planted_{number}"]
    assert each.verdict in drawn
    assert "<script" not in drawn
    assert drawn.count("NaN") == 0
    words = "".join(drawn.split())
    assert f"Isit{number}?" in words
    assert ("1of3cellsfailed" in words) == (number == 4)
    assert ("notkept" in words) == (number in (2, 3))
