"""docs/write-a-lesson.md and docs/publish.md are true: the lesson there is one, and what they say happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from unrolled import lessons
from unrolled.cli import main
from unrolled.guide.markdown import SECTIONS
from unrolled.lessons.checking import DIRECTIVES, STATE

DOCS = Path(__file__).resolve().parents[1] / "docs"
LESSONS = (DOCS / "write-a-lesson.md").read_text("utf-8")
PUBLISH = (DOCS / "publish.md").read_text("utf-8")
FILE = re.compile(r"^`lessons/(\S+)`:\n\n````markdown\n(.*?)^````", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As the page says: begin one, write another, put the drawing beside it."""
    monkeypatch.chdir(tmp_path)
    assert leave("new-lesson", "lessons/first.md") == 0
    for name, content in FILE.findall(LESSONS):
        (tmp_path / "lessons" / name).write_text(content, "utf-8")
    (tmp_path / "lessons" / "board.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return tmp_path / "lessons"


def leave(*arguments: str) -> object:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_the_lesson_is_one(folder: Path) -> None:
    found = lessons.read(folder)
    assert found.problems == ()
    tuesday, first = found.book.chapters
    assert (tuesday.title, tuesday.part, first.name) == ("Near and far", "First week", "first")
    assert tuesday.figures == ("path_length", "next_token")
    assert 'href="/guide/first"' in tuesday.html
    assert '<section class="teacher">' in tuesday.html


def test_the_messages_are_these(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "tuesday.md"
    file.write_text(
        file.read_text("utf-8").replace('panel = "path"', 'panel = "paths"').replace("n = 20", "n = 1"), "utf-8"
    )
    monkeypatch.chdir(folder.parent)
    said = [str(each).replace("\\", "/") for each in lessons.read(Path("lessons")).problems]
    assert said == re.findall(r"^lessons/tuesday\.md:\d+: .*$", LESSONS, re.MULTILINE)


def test_everything_that_a_directive_takes_is_named() -> None:
    for word in (*DIRECTIVES, *STATE, *SECTIONS):
        assert any(mark in LESSONS for mark in (f"`{word}", f"[{word}]`", f":::{word}")), word


def test_it_is_published(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("export", "site", "--lessons", "lessons") == 0
    printed = capsys.readouterr().err
    assert "within the budget of 3 MB" in printed
    site = folder.parent / "site"
    assert (site / "embed" / "guide.tuesday.path_length.html").is_file()
    assert "recorded" in printed
    for kind in ("pages", "script", "fonts", "recorded", "together"):
        assert re.search(rf"^  {kind} .*kB", PUBLISH, re.MULTILINE)
        assert re.search(rf"^  {kind} .*kB", printed, re.MULTILINE)
    assert leave("export", "site", "--lessons", "lessons") == 0  # renewed
