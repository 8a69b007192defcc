"""The ladder in a real Chromium: points at the recorded values, two switches, the reader's own prompt, links, axe."""

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
    from playwright.sync_api import Page


def show(page: Page, server: str, **state: Any) -> None:
    said = {"panel": "measured"} | {key.replace("__", "."): value for key, value in state.items()}
    parts = ["v1", *(f"emergence.{key}={quote(str(value))}" for key, value in said.items())]
    page.goto(f"{server}/figures/emergence#{'&'.join(parts)}")
    expect(page.locator("svg.scene.measured")).to_be_visible()


def places(page: Page) -> np.ndarray:
    found = page.locator("[data-pick]").evaluate_all("all => all.map(p => [+p.dataset.x, +p.dataset.y])")
    return np.array(found).T


def test_points_switches_and_prompts(page: Page, server: str) -> None:
    show(page, server)
    found = finish(answer(figure("emergence").panel("measured"), {})).result
    x, y = places(page)
    exact = found.exact_match[:, -1]
    np.testing.assert_allclose(np.polyval(np.polyfit(exact, y, 1), exact), y, atol=0.1)
    logs = np.log(found.parameters)
    np.testing.assert_allclose(np.polyval(np.polyfit(logs, x, 1), logs), x, atol=0.1)
    say = page.locator(".say")
    page.locator("[data-pick][aria-selected=true]").focus()
    page.keyboard.press("ArrowLeft")
    expect(say).to_contain_text(f"9k, 9,216 parameters in one layer: exact match {100 * exact[1]:.3g} %")
    expect(say).to_contain_text("not “horse”")
    page.get_by_role("button", name="Log-likelihood instead of exact match").click()
    expect(say).to_contain_text("log-likelihood −2.7")
    _, y = places(page)
    likelihood = found.log_likelihood[:, -1]
    np.testing.assert_allclose(np.polyval(np.polyfit(likelihood, y, 1), likelihood), y, atol=0.1)
    page.get_by_role("button", name="Over training instead of size").click()
    expect(page.locator("[data-pick]")).to_have_count(found.log_likelihood.size)
    expect(page).to_have_url(
        re.compile("view.measure=likelihood.*view.over=training|over=training.*measure=likelihood")
    )
    page.get_by_role("button", name="Over training instead of size").click()
    page.locator(".knobs").get_by_label("prompt", exact=True).fill("jumpingfoxjump")
    expect(page.locator("svg.scene")).to_contain_text("right: ingfo")
    expect(page).to_have_url(re.compile("jumpingfoxjump"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("svg.scene")).to_contain_text("right: ingfo")
    expect(say).to_contain_text("9k, 9,216 parameters")
    page.locator(".knobs").get_by_label("prompt", exact=True).fill("")
    expect(page.locator("svg.scene")).to_contain_text("right: horse")
    for ending in ("SVG", "PNG", "CSV"):
        the_file_opens(page, ending)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, server, problem="scratchpad", view__over="training")
    axe_finds_nothing(page)
    page.get_by_role("button", name="Over training instead of size").click()
    axe_finds_nothing(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    no_word_leaves_the_picture(page)
