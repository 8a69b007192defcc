"""What was published, in a real Chromium: models walked by keyboard, entries with their links, curves, first sizes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing, no_word_leaves_the_picture, the_file_opens
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TITLES = {"published": "Published models", "curves": "GPT-3 adds", "thresholds": "At which size"}


def show(page: Page, server: str, **state: Any) -> None:
    parts = ["v1", *(f"emergence.{key.replace('__', '.')}={quote(str(value))}" for key, value in state.items())]
    page.goto(f"{server}/figures/emergence#{'&'.join(parts)}")
    expect(page.locator("svg.scene")).to_be_visible()


def ask(panel: str, **knobs: Any) -> Any:
    return finish(answer(figure("emergence").panel(panel), knobs)).result


def chosen(page: Page) -> Locator:
    return page.locator("[data-pick][aria-selected=true]")


def test_models_are_walked_and_their_entries_name_their_documents(page: Page, server: str) -> None:
    show(page, server)
    found = ask("published")
    drawn = {found.number_model[i] for i, what in enumerate(found.number_what) if what == "parameters"}
    expect(page.locator("[data-pick]")).to_have_count(len(drawn))
    rows = int((found.number_model == found.names.index("GPT-3 175B")).sum())
    expect(page.locator(".entry a")).to_have_count(rows + 1)
    expect(page.locator(".say")).to_contain_text("GPT-3 175B (OpenAI, May 2020). parameters: 175 billion")
    chosen(page).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".say")).to_contain_text("GPT-3 13B")
    expect(page.locator(".entry")).to_contain_text("as printed; 40 heads of 128 make 5,120")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".say")).to_contain_text("GPT-2 1542M")
    link = page.locator(".entry a").nth(1)
    expect(link).to_have_attribute("href", re.compile("^https://cdn.openai.com/"))
    expect(page).to_have_url(re.compile(r"emergence\.view\.model=%22GPT-2%201542M%22|emergence\.view\.model=GPT-2"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(chosen(page)).to_have_attribute("aria-label", re.compile("^GPT-2 1542M"))
    page.locator(f"[data-pick='{found.names.index('GPT-4')}'] .dot").click()
    expect(page.locator(".entry")).to_contain_text("not disclosed")
    page.get_by_role("button", name="MMLU", exact=True).click()
    expect(page.locator(".say")).to_contain_text("MMLU: 86.4")
    expect(page.locator("svg.scene")).to_contain_text("models are not drawn")
    the_file_opens(page, "SVG")
    the_file_opens(page, "CSV")


def test_points_stand_where_they_were_published_and_knobs_change_them(page: Page, server: str) -> None:
    show(page, server, panel="curves")
    found = ask("curves")
    places = page.locator("[data-pick]").evaluate_all("all => all.map(p => [+p.dataset.x, +p.dataset.y])")
    x, y = np.array(places).T
    np.testing.assert_allclose(np.polyval(np.polyfit(found.score, y, 1), found.score), y, atol=0.05)
    np.testing.assert_allclose(np.polyval(np.polyfit(np.log(found.size), x, 1), np.log(found.size)), x, atol=0.05)
    chosen(page).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".say")).to_contain_text("3-digit addition, 13 billion parameters: 8.4 %")
    for knob in ("steps", "task"):
        before = page.locator("svg.scene").inner_html()
        page.locator(".knobs").get_by_label(knob, exact=True).focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight" if knob == "steps" else "ArrowDown")
        page.wait_for_function("before => document.querySelector('svg.scene').innerHTML !== before", arg=before)
        if knob == "steps":
            expect(page.locator(".say")).to_contain_text("0.5384^4 = 0.0840. That is arithmetic")
            expect(page.locator("svg.scene path.step")).to_have_count(4)
    expect(page.locator("svg.scene")).to_contain_text("guessing")
    expect(page.locator("svg.scene path.step")).to_have_count(0)
    page.get_by_role("button", name="Logarithmic axis").click()
    expect(page).to_have_url(re.compile("emergence.view.axis=log"))


def test_first_sizes_are_read_out_both_ways(page: Page, server: str) -> None:
    show(page, server, panel="thresholds")
    chosen(page).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".say")).to_contain_text("knowing what one knows, P(True)")
    expect(page.locator(".say")).to_contain_text("52 billion parameters; its training took 2.6 × 10²³ operations")
    before = page.locator("svg.scene").inner_html()
    page.get_by_role("button", name="By operations of the training").click()
    page.wait_for_function("before => document.querySelector('svg.scene').innerHTML !== before", arg=before)
    expect(chosen(page)).to_have_attribute("aria-label", re.compile("^knowing what one knows"))


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, server, steps=4)
    for panel, title in TITLES.items():
        page.get_by_role("button", name=panel, exact=True).click()
        expect(page.locator("svg.scene")).to_have_attribute("aria-label", re.compile(title))
        page.wait_for_timeout(150)
        axe_finds_nothing(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        no_word_leaves_the_picture(page)
