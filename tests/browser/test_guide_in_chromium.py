"""The guide in a real Chromium: type, repaint, click, edit a matrix, copy the link, reopen to the same picture.

The `page` fixture fails a test on any console error, the `context` fixture on any request that leaves 127.0.0.1.
"""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing
from serving import serving
from unrolled.figures import answer, attention_calculator, figure
from unrolled.figures._arithmetic import number
from unrolled.progress import finish

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Locator, Page

    from unrolled.checkpoints import Model

PAGES = (
    "/",
    "/guide/what_comes_next",
    "/guide/asking_and_answering",
    "/figures",
    "/figures/next_token",
    "/figures/attention_calculator",
)
PHONE, LAPTOP, PROJECTOR = (360, 740), (1280, 800), (1920, 1080)


def bars(page: Page) -> Locator:
    """The likeliest tokens, one button a token."""
    return page.get_by_role("group", name="next tokens").get_by_role("button")


def text_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Text that the models read")


def picture(page: Page, question: str) -> str:
    """What is drawn, as markup, once nothing moves any more."""
    scene = page.get_by_role("group", name=question, exact=True).first.locator("svg").last
    page.wait_for_timeout(700)
    markup = str(scene.evaluate("it => it.outerHTML"))
    markup = re.sub(
        r'<rect class="ghost"[^>]*></rect>|<!---->| pointed', "", markup
    )  # what was, and what is pointed at
    return re.sub(r'\s(id|tabindex|aria-selected)="[^"]*"', "", markup)


def copied_link(page: Page) -> str:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("banner").get_by_role("button", name="Copy link").click()
    return str(page.evaluate("navigator.clipboard.readText()"))


def cell(page: Page, name: str) -> Locator:
    return page.get_by_role("gridcell", name=re.compile(f"^{re.escape(name)}:"))


def test_type_click_copy_reopen(page: Page, server: str) -> None:
    page.goto(f"{server}/guide/what_comes_next")
    expect(bars(page).first).to_contain_text("Paris")
    text_box(page).fill("The capital of Italy is")
    expect(bars(page).first).to_contain_text("Rome")
    bars(page).first.click()
    expect(text_box(page)).to_have_value("The capital of Italy is Rome")
    expect(bars(page).first).not_to_contain_text("Rome")
    page.get_by_role("spinbutton", name=re.compile("temperature")).first.fill("0.6")
    page.keyboard.press("Enter")
    before, link = picture(page, "What comes next?"), copied_link(page)
    again = page.context.new_page()
    again.goto(link)
    expect(text_box(again)).to_have_value("The capital of Italy is Rome")
    expect(bars(again).first).not_to_contain_text("Rome")
    assert picture(again, "What comes next?") == before


def test_edit_a_matrix_copy_reopen(page: Page, server: str) -> None:
    page.goto(f"{server}/figures/attention_calculator")
    cell(page, "X of t1, dimension 1").click()
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(cell(page, "X of t1, dimension 1")).to_have_accessible_name(re.compile(r": 2\.00"))
    edited = ((2.0, *attention_calculator.X[0][1:]), *attention_calculator.X[1:])
    query = attention_calculator.steps(x=edited).query
    for column in range(4):
        shown = cell(page, f"query of t1, dimension {column + 1}")
        expect(shown).to_have_accessible_name(re.compile(re.escape(f": {number(query[0, column], 2)}")))
    before, link = picture(page, "How does attention come out of numbers?"), copied_link(page)
    assert "attention_calculator.x=" in link
    again = page.context.new_page()
    again.goto(link)
    expect(cell(again, "X of t1, dimension 1")).to_have_accessible_name(re.compile(r": 2\.00"))
    assert picture(again, "How does attention come out of numbers?") == before


def test_what_is_drawn_is_what_python_computes(page: Page, server: str, smollm2: Model) -> None:
    """Every printed probability, at a temperature that the page applied by itself."""
    page.goto(f"{server}/figures/next_token#v1&text=Once%20upon%20a&next_token.temperature=0.5")
    expect(bars(page).first).to_contain_text("time")
    asked = answer(
        figure("next_token").panel("distribution"), {"temperature": 0.5}, models=[smollm2], text="Once upon a"
    )
    found = finish(asked).result
    names = bars(page).all_text_contents()
    assert len(names) == 10
    for drawn, string, share in zip(names, found.top_strings[0], found.top_probabilities[0], strict=True):
        assert string.strip() in drawn
        assert float(re.search(r"\d?\.\d+", drawn.replace(string.strip(), "", 1))[0]) == pytest.approx(share, abs=6e-4)


def test_a_dragged_temperature_asks_nothing(page: Page, server: str) -> None:
    page.goto(f"{server}/figures/next_token")
    expect(bars(page).first).to_contain_text("Paris")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    slider = page.get_by_role("slider", name="temperature").first
    slider.focus()
    first = bars(page).first.text_content()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    expect(bars(page).first).not_to_have_text(first or "")
    assert asked == []


def test_pointing_reads_the_arithmetic(page: Page, server: str) -> None:
    page.goto(f"{server}/figures/attention_calculator")
    page.get_by_role("button", name=re.compile("the scores")).click()
    page.get_by_role("gridcell", name=re.compile("^score .*t2.*t1:")).hover()
    sentence = attention_calculator.steps().scores_arithmetic[1][0]
    expect(page.get_by_role("group", name="How does attention")).to_contain_text(sentence)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "height"), [PHONE, LAPTOP])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, server: str, path: str, width: int, height: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(server + path)
    ready(page, path)
    axe_finds_nothing(page)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "height"), [PHONE, (768, 1024), LAPTOP, PROJECTOR])
def test_nothing_runs_off_the_page_or_jumps(page: Page, server: str, path: str, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(l => l.getEntries().forEach(e => window.shift += e.value))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.goto(server + path)
    ready(page, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.shift") < 0.1


def ready(page: Page, path: str) -> None:
    """Every figure of the page has its picture."""
    if path == "/figures":
        return
    for place in page.locator(".figure").all():
        expect(place.locator("svg").first).to_be_visible()
    if "next" in path:
        expect(bars(page).first).to_be_visible()


def test_the_table_says_the_same(page: Page, server: str) -> None:
    page.goto(f"{server}/figures/attention_calculator")
    page.get_by_role("tab", name="Table").click()
    table = page.get_by_role("table", name=re.compile("weights|Softmax of each row")).first
    rows = [row.all_text_contents() for row in (r.get_by_role("cell") for r in table.get_by_role("row").all())]
    shown = [[float(text.replace("−", "-")) for text in row] for row in rows if row]
    np.testing.assert_allclose(shown, attention_calculator.steps().weights, atol=1e-3)


def test_exports_carry_the_numbers(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(f"{server}/figures/attention_calculator")
    expect(cell(page, "X of t1, dimension 1")).to_be_visible()
    for name in ("CSV", "JSON", "SVG"):
        with page.expect_download() as download:
            page.get_by_role("group", name="Take along").get_by_role("button", name=name).click()
        download.value.save_as(tmp_path / name)
    told = json.loads((tmp_path / "JSON").read_text("utf-8"))
    np.testing.assert_allclose(told["data"]["weights"], attention_calculator.steps().weights)
    assert "<svg" in (tmp_path / "SVG").read_text("utf-8")
    rows = csv.reader((tmp_path / "CSV").read_text("utf-8").splitlines())
    assert any("weights" in each for row in rows for each in row)


def test_keyboard(page: Page, server: str) -> None:
    page.goto(f"{server}/guide/what_comes_next")
    expect(bars(page).first).to_be_visible()
    page.keyboard.press("/")
    expect(text_box(page)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile("layer_by_layer"))
    page.goto(f"{server}/figures/attention_calculator")
    cell(page, "X of t1, dimension 1").focus()
    page.keyboard.press("ArrowRight")
    expect(cell(page, "X of t1, dimension 2")).to_be_focused()


def test_errors_stand_in_the_figure_in_words(context: BrowserContext, server: str) -> None:
    page = context.new_page()  # Chromium's console reports the 400 that this is about
    page.goto(f"{server}/figures/next_token")
    expect(bars(page).first).to_be_visible()
    text_box(page).fill("")
    expect(page.get_by_role("group", name="What comes next?")).to_contain_text(re.compile("no text", re.IGNORECASE))
    text_box(page).fill("The capital of Spain is")
    expect(bars(page).first).to_contain_text("Madrid")


@pytest.mark.parametrize(
    "fragment",
    [
        "#v1&next_token.temperature=99",
        "#v9&text=a",
        "#v1&next_token.x=[[",
        "#v1&models=nope",
        "#%E0%A4%A",
        "#v1&text=" + "a" * 3000,
    ],
)
def test_a_broken_link_still_opens_the_page(context: BrowserContext, server: str, fragment: str) -> None:
    """Whatever a link says, the page comes up and says in words what it could not use."""
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(f"{server}/figures/next_token{fragment}")
    expect(page.get_by_role("heading", name="What comes next?")).to_be_visible()
    page.wait_for_timeout(500)
    assert not failures


def test_a_prediction_comes_before_the_reveal(page: Page, server: str) -> None:
    page.goto(f"{server}/guide/what_comes_next")
    reveal = page.locator(".guess .reveal").first
    expect(reveal).to_be_hidden()
    page.locator(".guess button").nth(1).click()
    expect(reveal).to_be_visible()
    expect(page.locator(".guess button").nth(1)).to_have_attribute("aria-pressed", "true")


def test_the_article_is_whole_without_script(context: BrowserContext, server: str) -> None:
    page = context.browser.new_context(java_script_enabled=False).new_page()  # type: ignore[union-attr]
    page.goto(f"{server}/guide/asking_and_answering")
    expect(page.get_by_role("heading", level=1)).to_have_text("Asking and answering")
    expect(page.locator("math").first).to_be_visible()
    page.context.close()


def test_without_smollm2_the_guide_opens_on_a_shipped_model_and_says_how_to_get_it(
    context: BrowserContext, tmp_path: Path
) -> None:
    with serving(env={"UNROLLED_CACHE": str(tmp_path)}) as address:
        page = context.new_page()
        page.goto(f"{address}/guide/what_comes_next")
        first = page.get_by_role("group", name="What comes next?").first
        expect(first).to_contain_text("computed now by gpt, trained by this project")
        page.goto(f"{address}/figures/next_token#v1&models=smollm2&text=The")
        expect(page.get_by_role("button", name=re.compile("Get SmolLM2", re.I)).first).to_be_visible()
        page.close()
