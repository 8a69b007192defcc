"""The report: planted results come out with their numbers, each claim once, nothing in them is markup, and twice alike;
what Matplotlib draws are the intervals of the data; damaged results are told in one sentence."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import planted_report
from test_cli import inside
from unrolled.experiments._catalogue import claims
from unrolled.experiments._plot import Axis, Mark, Plot, Point, Series
from unrolled.experiments._results import own_folder
from unrolled.experiments._statistics import Interval
from unrolled.experiments._told import Told, in_words, number, told
from unrolled.progress import finish
from unrolled.reporting import _drawing, _page, _writing, writing
from unrolled.reporting._looks import HUES, looks_of
from unrolled.reporting._words import apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SVG = "{http://www.w3.org/2000/svg}"
FONTS = ("Inter-400-", "Inter-600-")
DRAWN = {"svg", "g", "defs", "style", "path", "use", "clipPath", "rect"}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> tuple[Told, ...]:
    made = planted_report.told()
    monkeypatch.setattr(_writing, "all_told", lambda: made)
    return made


def written(folder: Path, *formats: str) -> dict[str, str]:
    paths = finish(writing(folder, formats or ("html", "md")))
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in paths}


class Words(HTMLParser):
    """What a reader sees, and the tags that there are."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.tags, self.ids = "", [], []  # type: ignore[var-annotated]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_planted_results_stand_in_page_markdown_and_json(planted: tuple[Told, ...], tmp_path: Path) -> None:
    files = written(tmp_path)
    seen = Words()
    seen.feed(files["report.html"])
    assert [f"planted_{i}" for i in range(1, 6)] == [each for each in seen.ids if each and "-" not in each]
    for words in (seen.words, files["report.md"]):
        assert words.count("Is it 4?") == 1
        for verdict in planted_report.RULES:
            assert verdict in words
        assert "1.01 (0.9852 to 1.035)" in words  # 1.00, 1.01, 1.02; t = 4.303
        assert "1 of 3 cells failed" in words
        assert "not measured" in words
        assert "10⁻⁷" in words
        assert (
            "5 claims 1 holds, 1 holds with limits, 1 does not hold here, 1 is not decided and 1 was not run" in words
        )
        assert "unrolled reproduce --only planted_3" in words
        assert "12.3 core-minutes" in words  # 4 claims, 3 cells of 61.5 s
    said = json.loads(files["report.json"])
    assert [each["verdict"] for each in said] == list(planted_report.RULES)
    assert said[0]["decisive"]["found"]["mean"] == pytest.approx(1.01)
    assert said[0]["plots"][0]["series"][0]["points"][0]["y"]["low"] == pytest.approx(1.01 - 4.303 * 0.01 / 3**0.5)


def test_nothing_in_a_result_is_markup(planted: tuple[Told, ...], tmp_path: Path) -> None:
    files = written(tmp_path)
    seen = Words()
    seen.feed(files["report.html"])
    assert "script" not in seen.tags
    assert planted_report.HOSTILE in seen.words
    assert not re.search(r"<[^>]*\s(style|on\w+)=|<script|https?://(?!www\.w3)|@import", files["report.html"])
    assert len(seen.ids) == len(set(seen.ids))
    assert "<script" not in files["report.md"].replace(r"\<script", "")
    for name, content in files.items():
        if name.endswith(".svg"):
            assert {each.tag.removeprefix(SVG) for each in ET.fromstring(content).iter()} <= DRAWN


def test_the_same_results_give_the_same_files(planted: tuple[Told, ...], tmp_path: Path) -> None:
    assert written(tmp_path / "a") == written(tmp_path / "b")


def test_every_claim_stands_in_the_report_those_without_a_result_too(tmp_path: Path) -> None:
    from unrolled.experiments._told import all_told

    shown = all_told()
    page = _page.page(shown, {(each.claim.name, i): "" for each in shown for i in range(len(each.plots))})
    for name in claims():
        assert page.count(f'<section id="{name}">') == 1
        assert f"unrolled reproduce --only {name}" in page


def test_a_damaged_result_is_one_sentence(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own_folder().mkdir(parents=True)
    (own_folder() / "root_d_k.json").write_text('{"claim": 1}')
    code, out, err = inside(capsys, "report", "--to", str(tmp_path / "r"))
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert "root_d_k.json" in err
    assert not (tmp_path / "r").exists()


def test_an_own_result_is_told_first_and_said_to_be_own(cache: Path) -> None:
    shipped = told("root_d_k")
    assert not shipped.own
    own_folder().mkdir(parents=True)
    from unrolled.experiments._results import keep_result

    assert shipped.result is not None
    keep_result(shipped.result, own_folder())
    assert told("root_d_k").own


@pytest.mark.parametrize("arguments", [("--format", "pdf"), ("--to", "/proc/nowhere")])
def test_what_cannot_be_written_is_told(
    planted: tuple[Told, ...], capsys: pytest.CaptureFixture[str], arguments: tuple[str, str]
) -> None:
    code, _, err = inside(capsys, "report", *arguments)
    assert code == 2
    assert arguments[1] in err


def test_without_matplotlib_the_sentence_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = inside(capsys, "report", "--to", str(tmp_path))
    assert code == 2
    assert "pip install 'unrolled[report]'" in err


def at(x: float, mean: float, half: float) -> Point:
    return Point(x=x, y=Interval(mean=mean, low=mean - half, high=mean + half, n=3))


def axes_of(plot: Plot, width: int = 640) -> Axes:
    return _drawing.drawn(plot, width).axes[0]


def test_drawn_lines_and_their_intervals_are_the_data() -> None:
    points = (at(1, 2, 0.5), at(10, 3, 0.25), at(100, 5, 1))
    plot = Plot(
        title="", x=Axis(label="x", log=True), y=Axis(label="y"), series=(Series(name="gru", points=points),),
        marks=(Mark(y=4, says="chance"),),
    )  # fmt: skip
    axes = axes_of(plot)
    line = next(each for each in axes.lines if each.get_gid() == "line gru")
    np.testing.assert_allclose(line.get_xydata(), [(1, 2), (10, 3), (100, 5)])
    assert line.get_color() == HUES[2]
    band, bounds = axes.collections
    np.testing.assert_allclose(
        [segment[:, 1] for segment in bounds.get_segments()],  # type: ignore[attr-defined]
        [(point.y.low, point.y.high) for point in points],
    )
    corners = band.get_paths()[0].vertices
    assert {tuple(each) for each in np.round(corners, 9)} >= {(x.x, v) for x in points for v in (x.y.low, x.y.high)}
    assert [4, 4] in [list(each.get_ydata()) for each in axes.lines]
    assert axes.get_xscale() == "log"


@pytest.mark.parametrize("log", [False, True])
def test_drawn_bars_and_their_intervals_are_the_data(log: bool) -> None:
    points = (at(0, 2, 0.5), at(1, 3, 0))
    plot = Plot(
        title="", x=Axis(label="x", names=("a", "b")), y=Axis(label="y", log=log),
        series=(Series(name="", points=points),), marks=(Mark(y=1.0, says="a bound"),), kind="bars",
    )  # fmt: skip
    axes = axes_of(plot)
    if log:
        drawn = [float(each.get_xdata()[0]) for each in axes.lines if each.get_gid() == "dot"]
    else:
        drawn = [patch.get_width() for patch in axes.patches]  # type: ignore[attr-defined]
    assert drawn == [2, 3]
    bounds = axes.collections[0].get_segments()  # type: ignore[attr-defined]
    np.testing.assert_allclose([segment[:, 0] for segment in bounds], [(1.5, 2.5)])
    assert {"2", "3", "a", "b", "a bound"} <= {text.get_text() for text in axes.texts}


def test_one_bar_a_place_is_called_by_its_place() -> None:
    series = (
        Series(name="measured", points=(at(0, 2, 0.5),)),
        Series(name="control", points=(at(1, 1, 0),), role="control"),
    )
    plot = Plot(title="", x=Axis(label="x", names=("whole", "shuffled")), y=Axis(label="y"), series=series, kind="bars")
    said = {text.get_text() for text in axes_of(plot).texts}
    assert {"whole", "shuffled, control"} <= said
    assert "measured" not in said


def test_a_very_wide_interval_does_not_flatten_the_rest() -> None:
    plot = Plot(
        title="", x=Axis(label="x"), y=Axis(label="y"),
        series=(Series(name="a", points=(at(1, 2, 900), at(2, 3, 0.1))),),
    )  # fmt: skip
    low, high = axes_of(plot).get_ylim()
    assert -1 < low < 2 < 3 < high < 6


def test_a_letter_in_two_weights_has_two_outlines() -> None:
    """Outlines are shared by name in a file: fonts of one name would give bold letters where plain ones belong."""
    series = Series(name="no", points=(Point(x=0, y=Interval(mean=1, low=1, high=1, n=1)),))
    axes = {"x": Axis(label="no"), "y": Axis(label="no")}
    tree = ET.fromstring(_drawing.svg(Plot(title="", series=(series,), **axes)))
    named = [each.get("id", "") for each in tree.iter(f"{SVG}path")]
    plain, bold = ({one.removeprefix(font) for one in named if one.startswith(font)} for font in FONTS)
    assert len(plain & bold) == 2  # n and o


def test_families_keep_their_hues_and_others_differ() -> None:
    def hues(*names: str, role: str = "measured") -> list[tuple[str, tuple[float, ...]]]:
        looks = looks_of([Series(name=name, points=(), role=role) for name in names])  # type: ignore[arg-type]
        return [(look.colour, look.dash) for look in looks]

    assert [colour for colour, _ in hues("rnn", "lstm", "gru", "attention")] == [HUES[3], HUES[1], HUES[2], HUES[0]]
    assert hues("lstm, chrono")[0][0] == HUES[1]
    assert len(set(hues("lstm", "lstm, chrono", "a", "b", "c", "d", "e"))) == 7
    assert set(HUES).isdisjoint(colour for colour, _ in hues("a", "b", role="control"))


def test_labels_keep_apart_and_inside() -> None:
    found = apart([5, 6, 7, 100], [10, 10, 10, 10], 0, 100)
    assert all(b - a >= 10 - 1e-9 for a, b in pairwise(found))
    assert found[0] >= 5
    assert found[-1] <= 95


def test_numbers_are_written_as_one_writes_them() -> None:
    assert [number(x) for x in (0, -0.2075, 12345.6, 2.22e-16, 0.99627, 1e-6, 1e7)] == [
        "0", "−0.2075", "12,346", "2.22 · 10⁻¹⁶", "0.9963", "10⁻⁶", "10⁷",
    ]  # fmt: skip
    assert (
        in_words("the slope, c-1: at least -0.1 and at most 1e-06") == "the slope, c-1: at least −0.1 and at most 10⁻⁶"
    )
