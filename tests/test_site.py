"""A site of files: every link leads to a file of it, nothing is fetched, what is recorded says so, all is renewed.

That it opens from disk and works is tested in tests/browser/test_site_in_chromium.py.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path, PurePosixPath

import pytest

from unrolled import guide, site, standing, wire
from unrolled.cli import main
from unrolled.figures import answer, figure
from unrolled.packing import Kept, Pack, unpack
from unrolled.progress import finish

LESSON = """---
title = "Far and near"
---

![A dot](dot.svg) See [gates](/guide/gates).

```figure path_length
panel = "cost"
vary = [["n", "kernel"]]
[knobs]
n = 50
```

```figure gradient_flow
panel = "factor"
text = "</script><b>"
```
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("course")
    (made / "far.md").write_text(LESSON, "utf-8")
    (made / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return made


@pytest.fixture(scope="module")
def exported(folder: Path) -> Path:
    out = folder.parent / "site"
    export(out, folder)
    return out


def export(out: Path, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1795478400")
        with pytest.raises(SystemExit) as end:
            main(["export", str(out), "--lessons", str(folder), "--model", "gpt"])
    assert end.value.code == 0


def files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def answers(out: Path, page: str, name: str) -> list[Kept]:
    recorded = standing.data_of((out / page).read_text("utf-8"))["recorded"]
    told = re.fullmatch(r'unrolledRecorded\("([^"]*)","([^"]*)"\);\n', held(out, recorded["packs"][name]))
    assert told
    return unpack(Pack(base64.b64decode(told[2])))


def held(out: Path, name: str) -> str:
    return (out / "recorded" / f"{name}.js").read_text("utf-8")


def test_every_link_leads_to_a_file_of_the_site(exported: Path) -> None:
    found = files(exported)
    links = 0
    for name, content in found.items():
        if not name.endswith(".html"):
            continue
        for link in re.findall(r'\s(?:href|src|action)="([^"]*)"', content.decode()):
            target = re.split("[?#]", link)[0]
            if re.match(r"https?:", link) or not target:
                continue
            assert not link.startswith("/"), (name, link)
            path = PurePosixPath(name).parent / target
            assert resolved(path) in found, (name, link)
            links += 1
    assert links > 30
    assert all(resolved(PurePosixPath(url)) in found for url in urls(found["site.css"].decode()))


def resolved(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def urls(css: str) -> list[str]:
    return [url for url in re.findall(r"url\(([^)]*)\)", css) if not url.startswith("data:")]


def test_scripts_and_styles_are_those_that_a_page_from_disk_may_load(exported: Path) -> None:
    for path in exported.rglob("*.html"):
        page = path.read_text("utf-8")
        assert 'type="module"' not in page
        assert "crossorigin" not in page
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        assert policy
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy[1]
        assert "frame-ancestors" not in policy[1]  # any page may hold it
        inside = [told for told in re.findall(r"<script\b([^>]*)>", page) if "src=" not in told]
        assert all("application/json" in told for told in inside)
    assert "import(" not in (exported / "site.js").read_text("utf-8")


def test_what_is_recorded_says_so_and_how_to_get_the_rest(exported: Path) -> None:
    page = (exported / "guide" / "far.html").read_text("utf-8")
    assert "Recorded, not live" in page
    assert "24 November 2026" in page
    assert "<code>unrolled open LINK</code>" in page
    assert "</script><b>" not in page.replace("&lt;/script&gt;", "")


def test_the_answers_are_the_wire_s_own(exported: Path) -> None:
    first = answers(exported, "guide/far.html", "path_length")[0]
    assert first.blob == wire.encode(finish(answer(figure("path_length").panel("cost"), {"n": 50})))


def test_pairs_that_a_lesson_names_are_there(exported: Path) -> None:
    asked = [each.question["knobs"] for each in answers(exported, "guide/far.html", "path_length") if each.blob]
    assert any(one["n"] != 50 and one["kernel"] != 3 for one in asked if "kernel" in one and "d" in one)
    assert not any(one["n"] != 50 and one["window"] != 4 for one in asked if "d" in one)


def test_each_figure_has_a_page_of_its_own(exported: Path) -> None:
    alone = exported / "embed" / "guide.far.gradient_flow.html"
    (place,) = standing.places(alone.read_text("utf-8"))
    assert (place.figure, place.state.panel, place.state.text) == ("gradient_flow", "factor", "</script><b>")
    assert "<nav" not in alone.read_text("utf-8")


def test_the_same_folder_gives_the_same_files_and_what_is_gone_goes(exported: Path, folder: Path) -> None:
    before = files(exported)
    (exported / "guide" / "older.html").write_text("x")
    listed = json.loads((exported / "unrolled-site.json").read_text())
    (exported / "unrolled-site.json").write_text(json.dumps({"files": [*listed["files"], "guide/older.html"]}))
    (exported / "mine.txt").write_text("not the export's")
    export(exported, folder)
    assert (exported / "mine.txt").read_text() == "not the export's"
    (exported / "mine.txt").unlink()
    assert files(exported) == before


def test_nothing_is_written_over_what_no_export_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for out in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(SystemExit) as end:
            main(["export", str(out)])
        assert end.value.code == 2
        assert "no export wrote it" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "building", lambda *given: pytest.fail("a site was built for nothing"))
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(SystemExit) as end:
        main(["export", str(tmp_path / "thesis.tex" / "site")])
    assert end.value.code == 2
    assert "cannot be written: Not a directory" in capsys.readouterr().err


def test_sizes_are_those_that_a_host_sends() -> None:
    text = b"a" * 10_000
    sizes = site.Site({"index.html": text, "recorded/x.js": text, "assets/f.woff2": text}).sizes()
    assert sizes["pages"] == sizes["recorded"] == len(gzip.compress(text))
    assert sizes["fonts"] == 10_000


def test_a_chapter_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", str(tmp_path / "out"), "--chapter", "nowhere"])
    assert guide.chapters()[0].name in capsys.readouterr().err
