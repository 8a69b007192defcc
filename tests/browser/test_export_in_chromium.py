"""Pictures and pages that leave the guide: the command line's SVG is the page's own, byte for byte, and a file of a
figure opens from disk with the network off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from unrolled.cli import main
from unrolled.figures import figure

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = "The capital of France is"
Case = tuple[str, list[str], dict[str, str]]
CASES: dict[str, Case] = {
    "overview": ("attention_calculator", [], {}),
    "scores": (
        "attention_calculator",
        ["--view", "stage=scores", "--view", "cell=scores.2.1", "--causal"],
        {"view.stage": "scores", "view.cell": "scores.2.1", "causal": "true"},
    ),
    "weights": (
        "attention_calculator",
        ["--view", "stage=weights", "--x", "[[1,-2],[0.25,3]]"],
        {"view.stage": "weights", "x": "[[1,-2],[0.25,3]]"},
    ),
    "variance": (
        "attention_calculator",
        ["--panel", "variance", "--view", "size=3", "--n-samples", "128"],
        {"panel": "variance", "view.size": "3", "n_samples": "128"},
    ),
    "distribution": ("next_token", ["--temperature", "0.7", "--top-k", "6"], {"temperature": "0.7", "top_k": "6"}),
    "sample": ("next_token", ["--panel", "sample", "--n-tokens", "5"], {"panel": "sample", "n_tokens": "5"}),
    "lens": ("lens", [], {}),
    "path": ("path_length", ["--n", "12", "--j", "9"], {"n": "12", "j": "9"}),
    "shift": (
        "positions",
        ["--panel", "shift", "--view", "shift=0.3.2", "--d-model", "16"],
        {"panel": "shift", "view.shift": "0.3.2", "d_model": "16"},
    ),
    "head": ("attention_calculator", ["--panel", "head", "--layer", "2"], {"panel": "head", "layer": "2"}),
    "map": ("heads", ["--panel", "map", "--layer", "3"], {"panel": "map", "layer": "3"}),
    "overview of heads": ("heads", [], {}),
    "tree": ("next_token", ["--panel", "tree", "--depth", "3"], {"panel": "tree", "depth": "3"}),
}


def written(folder: Path, *arguments: str) -> Path:
    """The file that the command line writes."""
    with pytest.raises(SystemExit) as end:
        main(["figure", *arguments, "--out", str(folder)])
    assert end.value.code == 0
    return folder


def saved(page: Page, address: str, figure: str, knobs: dict[str, str]) -> str:
    """What the page's own SVG button gives, for the same state."""
    parts = [f"{figure}.{name}={quote(value)}" for name, value in knobs.items()]
    page.goto(f"{address}/figures/{figure}#v1&{'&'.join([f'text={quote(TEXT)}', 'models=smollm2', *parts])}")
    expect(page.locator("svg.scene").last).to_be_visible()
    expect(page.locator(".provenance li").first).to_contain_text("unrolled")
    rest(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG").click()
    return Path(download.value.path()).read_text("utf-8")


def rest(page: Page) -> None:
    """Waits until nothing is asked and nothing moves any more: a picture may be refined by a second answer."""
    before = ""
    for _ in range(40):
        page.wait_for_timeout(900)
        expect(page.locator('[aria-busy="true"]')).to_have_count(0, timeout=60_000)
        now = str(page.locator("svg.scene").last.evaluate("it => it.outerHTML"))
        if now == before:
            return
        before = now


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("case", CASES)
def test_the_command_line_draws_what_the_page_draws(
    page: Page, server: str, tmp_path: Path, case: str, scheme: Any
) -> None:
    """Both the geometry (one scene, compiled twice) and every colour and font (Chromium's cascade, and ours)."""
    name, flags, knobs = CASES[case]
    page.emulate_media(color_scheme=scheme)
    theirs = saved(page, server, name, knobs)
    scene = page.locator("svg.scene").last.locator("xpath=..")
    width = scene.evaluate("it => Math.round(it.closest('.view').clientWidth)")
    text = ["--text", TEXT, "--model", "smollm2"] if reads(name, knobs) else []
    ours = written(tmp_path / "o.svg", name, *flags, *text, "--width", str(width), "--scheme", scheme).read_text(
        "utf-8"
    )
    assert "var(" not in ours
    for left, right in zip(pieces(ours), pieces(theirs), strict=True):
        assert left == right
    assert ours == theirs


def reads(name: str, knobs: dict[str, str]) -> bool:
    """Does the panel take a model and a text?"""
    return "text" in {accepted.kind for accepted in figure(name).panel(knobs.get("panel")).inputs.values()}


def pieces(svg: str) -> list[str]:
    """Tag by tag, so that a difference can be read."""
    return re.sub(r"<!--.*?-->", "", svg).replace("><", ">\n<").split("\n")


@pytest.fixture
def disk(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page with the network off, and what it complains of: a blocked script, an error, a request."""
    context = browser.new_context(viewport={"width": 1100, "height": 900}, offline=True)
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    local = ("file:", "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(local) else complaints.append(request.url))
    yield page, complaints
    context.close()


def test_a_file_of_next_token_opens_from_disk(disk: tuple[Page, list[str]], tmp_path: Path, smollm2_path: Path) -> None:
    page, complaints = disk
    flags = ("--text", TEXT, "--model", "smollm2", "--temperature", "0.7")
    path = written(tmp_path / "n.html", "next_token", *flags)
    page.goto(path.as_uri())
    bars = page.get_by_role("group", name="next tokens").get_by_role("button")
    expect(bars.first).to_contain_text("Paris")
    expect(page.locator(".provenance")).to_contain_text("recorded earlier smollm2 · float32 · cpu · unrolled ")
    before = bars.first.text_content()
    turn(page, "temperature", "1.5")  # the whole distribution is inside: knobs that only shape it stay live
    expect(bars.first).not_to_have_text(before or "")
    page.get_by_role("button", name="tree").click()
    expect(page.get_by_role("group", name="smollm2: ways on")).to_contain_text("Paris")
    depth = page.get_by_role("slider", name=re.compile("depth"))
    expect(depth).to_be_disabled()  # only the shown panel's knobs are recorded
    expect(depth).to_have_accessible_description(re.compile("Recorded at this value only"))
    page.get_by_role("group", name="smollm2: ways on").get_by_role("button").last.click()
    sentence = page.get_by_role("alert")
    expect(sentence).to_contain_text("This page holds recorded answers, and not this one.")
    expect(sentence).to_contain_text("unrolled figure next_token --panel tree --model smollm2")
    expect(sentence).to_contain_text("--text")
    assert complaints == []


def test_a_file_of_the_calculator_answers_what_is_near(disk: tuple[Page, list[str]], tmp_path: Path) -> None:
    page, complaints = disk
    page.goto(written(tmp_path / "a.html", "attention_calculator", "--view", "stage=weights").as_uri())
    first = page.get_by_role("gridcell", name=re.compile("^weight of t1 .* t4"))
    expect(first).not_to_have_accessible_name(re.compile(r": 0\.00$"))
    page.get_by_role("checkbox", name=re.compile("causal")).check()
    expect(first).to_have_accessible_name(re.compile(r": 0\.00$"))
    page.get_by_role("tab", name="Table").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("weights")
    with page.expect_download() as png:
        page.get_by_role("button", name="PNG").click()
    assert Path(png.value.path()).read_bytes().startswith(b"\x89PNG")
    assert complaints == []


def turn(page: Page, knob: str, value: str) -> None:
    box = page.get_by_role("spinbutton", name=re.compile(knob)).first
    box.fill(value)
    box.press("Enter")
