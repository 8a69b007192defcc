"""An exported site from disk with the network off, one figure of it inside another page, lessons while they are
written, a class's link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing, the_file_opens
from serving import serving
from unrolled.cli import main

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

LESSON = """---
title = "Far and near"
lede = "A lesson."
---

See [the other](other.md). ![A dot](dot.svg)

```figure path_length
panel = "path"
vary = [["i", "j"]]
[knobs]
n = 9
```

```figure next_token
text = "The old man"
models = ["gpt"]
```

```figure next_token
id = "second"
text = "She said that"
```

```figure alignment
text = "Open the file."
models = ["en-fr"]
```
"""
OTHER = '---\ntitle = "Other"\n---\n\n```figure gradient_flow\npanel = "factor"\n```\n'
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4"/></svg>'
LOCAL = ("file:", "data:", "blob:")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a-course")
    for name, content in {"far.md": LESSON, "other.md": OTHER, "dot.svg": DOT}.items():
        (folder / name).write_text(content, "utf-8")
    with pytest.raises(SystemExit) as end:
        main(["export", str(folder.parent / "out"), "--lessons", str(folder)])
    assert end.value.code == 0
    return folder.parent / "out"


@pytest.fixture
def disk(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page with the network off, and what it complains of: a blocked script, an error, a request."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: None if request.url.startswith(LOCAL) else complaints.append(request.url))
    yield page, complaints
    context.close()


def figure(page: Page, name: str) -> Locator:
    found = page.locator(f'.figure[data-id="{name}"]')
    expect(found.locator(".provenance li").first).to_contain_text("recorded earlier")
    return found


def knob(inside: Locator, name: str) -> Locator:
    return inside.get_by_role("slider", name=re.compile(rf"^{name}"))


def test_from_disk_recorded_states_are_shown_and_said(disk: tuple[Page, list[str]], site: Path) -> None:
    page, complaints = disk
    page.goto((site / "index.html").as_uri())
    page.get_by_role("main").get_by_role("link", name="Far and near").click()
    expect(page.get_by_text("Recorded, not live")).to_contain_text("gpt")
    expect(page.get_by_role("textbox", name="Text that the models read")).not_to_be_editable()
    assert page.get_by_role("img", name="A dot").evaluate("it => it.naturalWidth") == 9
    first, second = figure(page, "next_token"), figure(page, "second")
    expect(first.locator(".strip").first).to_contain_text("man")  # each figure reads its own text
    expect(second.locator(".strip").first).to_contain_text("She")
    path = figure(page, "path_length")
    before = path.locator("svg.scene").inner_html()
    j = knob(path, "j")
    j.focus()
    page.keyboard.press("Home")
    expect(j).to_have_attribute("aria-valuetext", "1")
    assert path.locator("svg.scene").inner_html() != before
    knob(path, "i").focus()
    page.keyboard.press("End")  # the pair that the lesson names
    expect(path.get_by_role("alert")).to_have_count(0)
    expect(knob(path, "kernel")).to_be_disabled()  # it was turned alone, and two others have moved
    expect(path).to_contain_text("Recorded at this value only, as the other knobs stand")
    the_link_reopens(page, path)
    assert complaints == []


def the_link_reopens(page: Page, path: Locator) -> None:
    shown = path.locator("svg.scene").inner_html()
    expect(page).to_have_url(re.compile(r"#v1.*path_length\.i"))
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(knob(path, "j")).to_have_attribute("aria-valuetext", "1")
    expect(figure(page, "second").locator(".strip").first).to_contain_text("She")
    assert path.locator("svg.scene").inner_html() == shown


def test_what_was_not_recorded_says_what_to_do(disk: tuple[Page, list[str]], site: Path) -> None:
    page, complaints = disk
    page.goto((site / "guide" / "far.html").as_uri() + "#v1&path_length.n=45")
    path = figure(page, "path_length")
    n = path.get_by_role("spinbutton", name=re.compile("^n"))
    n.fill("33")
    said = path.get_by_role("alert")
    expect(said).to_contain_text("This page holds recorded answers, and not this one.")
    expect(said).to_contain_text("unrolled figure path_length --n 33")
    path.get_by_role("button", name=re.compile("^Reset n")).click()
    n.fill("9")
    expect(said).to_have_count(0)
    words = figure(page, "next_token")
    temperature = knob(words, "temperature")
    temperature.focus()
    before = words.locator("svg.scene").inner_html()
    page.keyboard.press("ArrowRight")  # acts on the answer where it is shown, and so takes any value
    expect(temperature).to_have_attribute("aria-valuetext", "1.01")
    assert words.locator("svg.scene").inner_html() != before
    words.get_by_role("button", name="tree").click()
    expect(words.locator("svg.scene")).to_be_visible()
    expect(words.get_by_role("alert")).to_have_count(0)
    words.get_by_role("button", name="distribution").click()
    words.locator("svg.scene").get_by_role("button").first.click()  # the token goes on the text: nobody recorded that
    expect(words.get_by_role("alert")).to_contain_text("--text 'The old man")
    assert complaints == []


def test_rows_and_files_of_recorded_answers(disk: tuple[Page, list[str]], site: Path) -> None:
    page, complaints = disk
    page.goto((site / "embed" / "guide.far.alignment.html").as_uri())
    shown = figure(page, "alignment")
    output = shown.get_by_role("group", name="Step").get_by_role("status")
    expect(output).to_have_text("1")
    shown.get_by_role("group", name="Step").get_by_role("button").last.press("Enter")
    expect(output).to_have_text("2")
    expect(shown.get_by_role("alert")).to_have_count(0)
    shown.get_by_role("tab", name="Table").click()
    expect(shown.get_by_role("tabpanel")).to_contain_text("weights")
    for kind in ("CSV", "npz"):
        the_file_opens(page, kind)
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_and_a_laptop(disk: tuple[Page, list[str]], site: Path, scheme: str) -> None:
    page, complaints = disk
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto((site / "guide" / "far.html").as_uri())
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        figure(page, "alignment")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert complaints == []
        axe_finds_nothing(page)
        complaints.clear()  # axe asks for styles that the policy does not let it fetch
    page.goto((site / "embed" / "guide.other.gradient_flow.html").as_uri())
    figure(page, "gradient_flow")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []
    axe_finds_nothing(page)


def test_one_figure_inside_another_page(disk: tuple[Page, list[str]], site: Path, tmp_path: Path) -> None:
    page, complaints = disk
    page.goto((site / "guide" / "far.html").as_uri())
    path = figure(page, "path_length")
    path.get_by_role("button", name="Embed").click()
    expect(path.get_by_role("status")).to_contain_text("Copied")
    tag = page.evaluate("navigator.clipboard.readText()")
    assert re.match(
        r'<iframe src="https://YOUR-HOST/embed/guide\.far\.path_length\.html" title="[^"]+" width="100%"', tag
    )
    tag = tag.replace("https://YOUR-HOST", site.as_uri())
    (tmp_path / "mine.html").write_text(f"<!doctype html><title>Mine</title><p>My page.</p>{tag}")
    page.goto((tmp_path / "mine.html").as_uri())
    inside = page.frame_locator("iframe")
    expect(inside.locator(".provenance li").first).to_contain_text("recorded earlier")
    expect(inside.locator("svg.scene")).to_be_visible()
    assert inside.locator("html").evaluate("it => it.scrollHeight <= innerHeight + 120")
    inside.get_by_role("slider", name=re.compile("^n")).focus()
    page.keyboard.press("ArrowLeft")
    expect(inside.get_by_role("alert")).to_have_count(0)
    assert complaints == []


def test_a_lesson_is_shown_again_when_it_is_saved(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "course"
    folder.mkdir()
    file = folder / "far.md"
    file.write_text(OTHER.replace("factor", "facto"), "utf-8")
    with serving(str(folder)) as address:
        page.goto(f"{address}/guide/far")
        expect(page.locator(".problems")).to_contain_text("far.md:6 gradient_flow has no panel “facto”")
        file.write_text(OTHER, "utf-8")
        expect(page.locator("svg.scene")).to_be_visible()
        expect(page.get_by_role("heading", name="Other")).to_be_visible()


def test_a_class_s_link(page: Page) -> None:
    with serving("--token", "tuesday-morning") as address:
        answer = page.request.get(address)
        assert (answer.status, "the link that the teacher gave" in answer.text()) == (401, True)
        page.goto(f"{address}/figures/path_length?token=tuesday-morning#v1&path_length.n=9")
        expect(page.get_by_role("spinbutton", name=re.compile("^n"))).to_have_value("9")
        expect(page.locator("svg.scene")).to_be_visible()
        assert "tuesday" not in page.url
