"""How well a text is predicted, in a real Chromium: bars are the model's bits, knobs and keys change them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import numpy as np
import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing, no_word_leaves_the_picture, the_file_opens
from unrolled.checkpoints import open_model
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TEXT = "The old man sat by the window and looked out at the elephant."


def show(page: Page, server: str, *, models: str = "gpt,gru", text: str = TEXT, **state: Any) -> None:
    parts = ["v1", f"text={quote_plus(text)}", f"models={models}"]
    parts += [f"surprise.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{server}/figures/surprise#{'&'.join(parts)}")


def spot(page: Page, name: str) -> Locator:
    return page.locator(f'[data-spot="{name}"]')


def ask(panel: str, *models: str, text: str | None = TEXT, **knobs: Any) -> Any:
    opened = [open_model(name) for name in models]
    return finish(answer(figure("surprise").panel(panel), knobs, models=opened, text=text)).result


def reopened(page: Page) -> None:
    address = page.url
    page.goto("about:blank")
    page.goto(address)


def test_every_bar_is_its_token_s_bits(page: Page, server: str) -> None:
    show(page, server)
    found = ask("surprisal", "gpt", "gru")
    for model in (0, 1):
        bars = page.locator(f'[data-spot^="t.{model}."]')
        expect(bars).to_have_count(found.n_token[model])
        drawn = page.locator("svg.scene > g > g", has=bars).locator("rect.fill")
        heights = drawn.evaluate_all("all => all.map(one => Number(one.getAttribute('height')))")
        largest = max(*found.uniform_bits, *(bits.max() for bits in found.bits))
        np.testing.assert_allclose(heights, np.maximum(1, 60 * found.bits[model] / largest), rtol=1e-4)
    spot(page, "t.0.3").hover()
    expect(page.locator(".say")).to_contain_text(f"= {found.bits[0][3]:.2f} bits")
    spot(page, "p.1").hover()
    expect(page.locator(".say")).to_contain_text(found.perplexity_arithmetic[1])
    spot(page, "t.0.2").click()
    page.keyboard.press("ArrowRight")
    expect(spot(page, "t.0.3")).to_be_focused()
    expect(page.locator("[data-spot^='t.1.'].linked")).not_to_have_count(0)  # the other model's tokens at that place
    expect(page).to_have_url(re.compile(r"surprise\.view\.spot"))
    reopened(page)
    expect(spot(page, "t.0.3")).to_have_attribute("aria-selected", "true")
    the_file_opens(page, "SVG")
    the_file_opens(page, "CSV")


def test_the_window_and_the_first_token_are_knobs(page: Page, server: str) -> None:
    show(page, server, models="gpt")
    read = page.locator("svg.scene")
    expect(read).to_contain_text("read in one window")
    page.get_by_role("spinbutton", name="window, typed").fill("8")
    expect(read).to_contain_text("windows of 8, stride 4")
    page.get_by_role("spinbutton", name="stride, typed").fill("7")
    expect(read).to_contain_text("windows of 8, stride 7")
    page.get_by_role("checkbox", name="bos").focus()
    page.keyboard.press("Space")
    expect(read).not_to_contain_text("has nothing before it")


def test_a_long_text_comes_in_parts(page: Page, server: str) -> None:
    show(page, server, models="rnn", text="the cat saw the dog. " * 60)
    bars = page.locator("[data-spot^='t.0.']")
    expect(bars).to_have_count(200)
    page.get_by_role("button", name="part of the text: one more").click()
    expect(bars.first).to_have_attribute("data-spot", "t.0.200")


def test_the_branches_are_as_wide_as_they_are_likely(page: Page, server: str) -> None:
    show(page, server, models="gpt", text="In the garden", panel="chain")
    found = ask("chain", "gpt", text="In the garden")
    branches = page.get_by_role("treeitem")
    expect(branches).to_have_count(len(found.joint))
    total = float(page.locator("svg.scene").get_attribute("width") or 0)
    for k in (0, len(found.joint) // 2):
        width = float(spot(page, f"c.{k}").get_attribute("width") or 0)
        assert width == pytest.approx(max(0.4, total * found.joint[k] - 1), abs=0.05)
    expect(page.locator("svg.scene")).to_contain_text("All 27 texts together: 1.000000")
    spot(page, "c.0").focus()
    page.keyboard.press("ArrowDown")
    expect(spot(page, "c.1")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(spot(page, "c.0")).to_be_focused()
    expect(page.locator(".say")).to_contain_text("Surprise −log₂")
    page.get_by_role("checkbox", name="others").focus()
    page.keyboard.press("Space")
    expect(page.locator("svg.scene")).to_contain_text("anything else")
    page.get_by_role("textbox", name="words").fill("the cat")
    expect(page.locator("svg.scene")).to_contain_text("All 15 texts together: 1.000000")
    expect(page).to_have_url(re.compile(r"surprise\.words=the[+%]"))
    reopened(page)
    expect(page.locator("svg.scene")).to_contain_text("All 15 texts together: 1.000000")


def test_pairs_lean_to_the_side_of_the_likelier_text(page: Page, server: str) -> None:
    show(page, server, models="gpt,gru", panel="pairs")
    found = ask("pairs", "gpt", "gru", text=None)
    expect(page.locator("[data-spot^='q.']")).to_have_count(12)
    for model in (0, 1):
        sides = page.locator("svg.scene .pair").evaluate_all(
            f"all => all.map(one => one.querySelectorAll('rect.bar')[{model}].classList.contains('plus'))"
        )
        np.testing.assert_array_equal(sides, found.preference[model] >= 0)
    expect(page.locator("svg.scene")).to_contain_text(f"right in {found.n_right[1]} of 12")
    spot(page, "q.0").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".say")).to_contain_text(f"gru: {found.arithmetic[1][1]}")
    page.get_by_role("combobox", name="kind").select_option("grammar")
    expect(page.locator("svg.scene")).to_contain_text("word forms")
    page.get_by_role("textbox", name="own").fill("The dog [barks|bark] at night.")
    expect(page.locator("[data-spot^='q.']")).to_have_count(13)
    the_file_opens(page, "PNG")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, server)
    for panel in ("surprisal", "chain", "pairs"):
        page.get_by_role("button", name=panel, exact=True).click()
        expect(page.locator(f".frame[data-panel={panel}] [data-spot]").first).to_be_visible()
        page.wait_for_timeout(300)
        axe_finds_nothing(page)
        no_word_leaves_the_picture(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
