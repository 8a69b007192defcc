"""What each layer would say next, in a real Chromium: words, colours, the line, the keyboard, the link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import numpy as np
import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing, no_word_leaves_the_picture
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

    from unrolled.checkpoints import Model

TEXT = "The capital of France is"


def show(page: Page, server: str, *, model: str = "smollm2", text: str = TEXT, **state: Any) -> None:
    parts = ["v1", f"text={quote_plus(text)}", f"models={model}"]
    parts += [f"lens.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{server}/figures/lens#{'&'.join(parts)}")


def cell(page: Page, layer: int, position: int) -> Locator:
    return page.locator(f'[role=gridcell][data-at="{layer}"][data-position="{position}"]')


def ask(model: Model) -> Any:
    return finish(answer(figure("lens").panel(), {}, models=[model], text=TEXT)).result


def test_every_cell_is_the_layers_choice(page: Page, server: str, smollm2: Model) -> None:
    show(page, server)
    result = ask(smollm2)
    n_layer, n_token = result.top_probabilities.shape
    expect(page.locator("[role=gridcell]")).to_have_count(n_layer * n_token)
    shades = page.locator("[role=gridcell] rect.fill").evaluate_all(
        "all => all.map(one => Number(one.getAttribute('fill-opacity')))"
    )
    np.testing.assert_allclose(np.array(shades).reshape(n_layer, n_token), result.top_probabilities, atol=5.1e-4)
    bold = page.locator("[role=gridcell] text").evaluate_all(
        "all => all.map(one => one.getAttribute('font-weight') === '600')"
    )
    np.testing.assert_array_equal(np.array(bold).reshape(n_layer, n_token), result.final_rank == 1)
    expect(cell(page, n_layer - 1, n_token - 1)).to_have_attribute("aria-label", re.compile("“·Paris”"))


def test_point_walk_and_reopen(page: Page, server: str, smollm2: Model) -> None:
    show(page, server)
    result = ask(smollm2)
    last = len(result.tokens) - 1
    cell(page, 3, last).click()
    rank = int(result.final_rank[3, last])
    expect(page.locator(".say")).to_contain_text(f"The final answer “·Paris” is number {rank:,} here")
    page.keyboard.press("ArrowUp")
    expect(cell(page, 2, last)).to_be_focused()
    expect(page.locator(".say")).to_contain_text(f"is number {int(result.final_rank[2, last]):,} here")
    expect(page).to_have_url(re.compile(r"lens\.view\.cell"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(cell(page, 2, last)).to_have_attribute("aria-selected", "true")


def test_the_line_is_the_rank(page: Page, server: str, smollm2: Model) -> None:
    show(page, server)
    result = ask(smollm2)
    ranks = result.final_rank[:, -1].astype(np.float64)
    expect(page.locator("circle.dot")).to_have_count(len(ranks))
    y = np.array(page.locator("circle.dot").evaluate_all("all => all.map(one => Number(one.getAttribute('cy')))"))
    expected = 8 + (120 - 8) * np.log(ranks) / np.log(max(10, ranks.max()))
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_an_encoder_says_why_not(context: BrowserContext, server: str) -> None:
    page = context.new_page()  # the browser notes the refusal in its console
    show(page, server, model="minilm")
    expect(page.get_by_role("alert")).to_contain_text("it needs resid, and minilm has no such probe")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, server)
    expect(page.locator("svg.scene")).to_be_visible()
    page.wait_for_timeout(300)
    axe_finds_nothing(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("text", ["Hello", TEXT])
def test_no_word_is_cut_off_by_the_pictures_edge(page: Page, server: str, width: int, text: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    show(page, server, text=text)
    expect(cell(page, 0, 0)).to_be_visible()
    no_word_leaves_the_picture(page)
