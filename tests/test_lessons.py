"""A teacher's folder: what is wrong is said with file and line; what is right is a guide; nothing else is sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from unrolled import guide, lessons, server
from unrolled.cli import main
from unrolled.errors import BadInput
from unrolled.lessons import Problem, Shown

GOOD = lessons.template()
BAD = """---
title = "Bad"
lade = "x"
---

Text with $\\frac{1}{$ and [@nobody] and ![x](no.png)
and [link](/guide/nowhere) and [l](third.md).

```figur next_token
```

```figure next_tokem
```

```figure next_token
panel = "distributio"
text = 3
temperature = 2
models = ["gtp"]
vary = ["top_k"]
[knobs]
temperature = 7
tempature = 1
```

```figure next_token
panel = distribution
```

```guess
question = "q"
answers = ["a"]
```

:::tri
x
:::

```mathematics training samples
```

```code lens nope
```

![far](https://example.org/x.png)

:::try
open

```figure lens
"""
EXPECTED = {
    3: "no “lade”", 6: "no.png", 7: "no lesson third.md", 9: "Did you mean figure?", 12: "Did you mean next_token?",
    16: "no panel “distributio”", 17: "text in quotes", 18: "Knobs stand under [knobs]", 19: "gtp", 20: "pairs",
    22: "from 0 to 2", 23: "no knob “tempature”", 26: "the id “next_token” too", 27: "cannot be read",
    30: "has a reveal", 32: "two or more", 35: ":::try", 39: "no formula", 42: "no panel “nope”", 45: "lies elsewhere",
    47: "“try” is not closed", 50: "not closed",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "my-course"
    made.mkdir()
    (made / "first.md").write_text(GOOD, "utf-8")
    (made / "second.md").write_text(
        '---\ntitle = "Second"\norder = 1\n---\n\n[back](first.md), [on](/guide/gates), ![A dot](pictures/dot.svg)\n'
    )
    (made / "pictures").mkdir()
    (made / "pictures" / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return made


def test_every_slip_is_said_with_its_line(folder: Path) -> None:
    (folder / "bad.md").write_text(BAD, "utf-8")
    found = lessons.read(folder)
    said = {each.line: "" for each in found.problems}
    for each in found.problems:
        said[each.line] += each.sentence
        assert each.where == f"{folder / 'bad.md'}:{each.line}"
    assert set(said) == set(EXPECTED)
    for line, words in EXPECTED.items():
        assert words in said[line], (line, said[line])


def test_lines_are_those_of_the_file(folder: Path) -> None:
    """Five lines more above, and every message below is five lines further down."""
    (folder / "bad.md").write_text(BAD.replace("Text with", "\n\n\n\n\nText with"), "utf-8")
    moved = {line + 5 if line > 3 else line for line in EXPECTED}
    assert {each.line for each in lessons.read(folder).problems} == moved


def test_a_folder_is_a_guide(folder: Path) -> None:
    found = lessons.read(folder)
    assert found.problems == ()
    assert found.book.title == "my course"
    assert [each.name for each in found.book.chapters] == ["second", "first"]  # the order that one names comes first
    second = found.book.chapter("second").html
    assert 'href="/guide/first"' in second
    assert 'src="/images/pictures/dot.svg"' in second
    assert set(found.files) == {"/images/pictures/dot.svg"}


def test_our_own_chapters_have_nothing_to_mend(tmp_path: Path) -> None:
    """The checks know all that our chapters use: none of them is wrong by these rules."""
    for each in Path(guide.__file__).parent.glob("*.md"):
        (tmp_path / each.name).write_text(each.read_text("utf-8"), "utf-8")
    assert lessons.read(tmp_path).problems == ()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty", b"", "is empty"),
        ("latin", b'---\ntitle = "caf\xe9"\n---\n', "no text in UTF-8"),
        ("bare", b"# Only a heading\n", "begins with ---"),
        ("untitled", b'---\nlede = "x"\n---\n', "no title"),
        ("with space", b'---\ntitle = "x"\n---\n', "letters, digits"),
    ],
)
def test_files_that_are_no_lessons(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / f"{name}.md").write_bytes(content)
    (problem,) = lessons.read(tmp_path).problems
    assert words in problem.sentence


def test_no_folder_and_no_lesson(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder"):
        lessons.read(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="new-lesson"):
        lessons.read(tmp_path)


def test_a_link_out_of_the_folder_is_no_image(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    try:
        (folder / "out.png").symlink_to(tmp_path / "secret.png")
    except OSError:
        pytest.skip("no links here")
    assert "/images/out.png" not in lessons.read(folder).files


def test_served_and_read_again_when_a_file_changes(folder: Path) -> None:
    told: list[tuple[Problem, ...]] = []
    shown = Shown(folder, told.append)
    with TestClient(server.create_app(lessons=shown), base_url="http://127.0.0.1:8765") as client:
        assert "my course" in client.get("/").text
        page = client.get("/guide/first").text
        assert "How sure is the model" in page
        assert 'src="/reload.js?' in page
        assert client.get("/guide/gates").status_code == 200  # our chapters stay where they are
        assert client.get("/images/pictures/dot.svg").headers["content-type"].startswith("image/svg")
        for path in ("/images/first.md", "/images/../first.md", "/images/%2e%2e/first.md", "/first.md"):
            assert client.get(path).status_code == 404, path
        before = client.get("/api/lessons").json()
        (folder / "first.md").write_text(GOOD.replace("figure next_token", "figure nothing"), "utf-8")
        assert client.get("/api/lessons").json() != before
        page = client.get("/guide/first").text
        assert re.search(r"first\.md:1\d</code> There is no figure “nothing”", page)
        (folder / "first.md").write_text(GOOD, "utf-8")
        assert "How sure is the model" in client.get("/guide/first").text
    assert [len(each) for each in told] == [0, 1, 0]


def test_without_lessons_there_is_no_reload() -> None:
    with TestClient(server.create_app(), base_url="http://127.0.0.1:8765") as client:
        assert "reload.js" not in client.get("/guide/gates").text
        assert client.get("/api/lessons").status_code == 404


def test_begin_a_lesson(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "tuesday.md"
    assert leave("new-lesson", str(file)) == 0
    assert lessons.read(file.parent).problems == ()
    assert leave("new-lesson", str(file)) == 2  # never over what somebody wrote
    assert "is there already" in capsys.readouterr().err
    assert leave("export", str(tmp_path / "site"), "--lessons", str(tmp_path / "new"), "--chapter", "gates") == 2


def test_nothing_is_exported_while_something_wants_mending(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "first.md").write_text(GOOD.replace("panel =", "pannel ="), "utf-8")
    assert leave("export", str(folder.parent / "site"), "--lessons", str(folder)) == 2
    assert re.search(r"first\.md:16: A figure has no “pannel”", capsys.readouterr().err)
    assert not (folder.parent / "site").exists()


def leave(*arguments: str) -> object:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code
