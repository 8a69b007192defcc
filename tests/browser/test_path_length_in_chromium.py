"""How far it is from token to token, in a real Chromium: paths, ends moved by keyboard and by hand, knobs, links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing, no_word_leaves_the_picture
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TITLES = {"path": "Steps from token", "cost": "What a layer", "times": "Time of one layer"}


def show(page: Page, server: str, **state: Any) -> None:
    parts = ["v1", *(f"path_length.{key.replace('__', '.')}={value}" for key, value in state.items())]
    page.goto(f"{server}/figures/path_length#{'&'.join(parts)}")
    expect(page.locator("svg.scene")).to_be_visible()


def ask(panel: str = "path", **knobs: Any) -> Any:
    return finish(answer(figure("path_length").panel(panel), knobs)).result


def band(page: Page, network: int) -> Locator:
    return page.locator(f"[role=option][data-network='{network}']")


def test_each_path_stands_where_it_was_found(page: Page, server: str) -> None:
    show(page, server)
    found = ask()
    for network, length in enumerate(found.lengths.tolist()):
        unit = "transition" if network == 0 else "layer"
        expect(band(page, network).locator(".count")).to_have_text(f"{length} {unit}{'s' * (length != 1)}")
        expect(band(page, network).locator("circle.mark")).to_have_count(length + 1)
    ticks = page.locator("text.soft.mono").evaluate_all("all => all.map(t => [+t.textContent, +t.getAttribute('x')])")
    x_of = {int(token): x for token, x in ticks}
    marks = band(page, 2).locator("circle.mark").evaluate_all("all => all.map(c => +c.getAttribute('cx'))")
    tokens = found.node_token[found.node_network == 2].tolist()
    np.testing.assert_allclose(marks, [x_of[token] for token in tokens], atol=0.06)
    expect(page.locator(".say")).to_contain_text("19 transitions")
    expect(page.locator(".say")).to_contain_text("Found by nudging inputs and searching")


def test_both_ends_move_by_keyboard_and_the_link_reopens(page: Page, server: str) -> None:
    show(page, server)
    page.get_by_role("slider", name="token j").focus()
    page.keyboard.press("ArrowLeft")
    expect(band(page, 0).locator(".count")).to_have_text("18 transitions")
    page.get_by_role("slider", name="token i").focus()
    page.keyboard.press("PageUp")
    expect(band(page, 0).locator(".count")).to_have_text("8 transitions")
    expect(page).to_have_url(re.compile(r"path_length\.i=11&path_length\.j=19"))
    band(page, 0).focus()
    page.keyboard.press("ArrowDown")
    expect(band(page, 1)).to_be_focused()
    expect(page.locator(".say")).to_contain_text("attention: every token sees every earlier one: 1 layer")
    expect(page).to_have_url(re.compile(r"path_length\.view\.network=1"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(band(page, 0).locator(".count")).to_have_text("8 transitions")
    expect(band(page, 1)).to_have_attribute("aria-selected", "true")


def test_a_click_on_the_axis_moves_the_nearer_end_and_a_drag_the_one_held(page: Page, server: str) -> None:
    show(page, server)
    box = page.locator("svg.scene").bounding_box()
    assert box

    def x_of(token: int) -> float:
        return box["x"] + 16 + (box["width"] - 32) * (token - 1) / 19

    page.mouse.click(x_of(4), box["y"] + 8)
    expect(band(page, 0).locator(".count")).to_have_text("16 transitions")
    page.mouse.move(x_of(20), box["y"] + 24)
    page.mouse.down()
    page.mouse.move(x_of(15), box["y"] + 24, steps=3)
    page.mouse.up()
    expect(band(page, 0).locator(".count")).to_have_text("11 transitions")


@pytest.mark.parametrize("panel", ["path", "cost"])
def test_every_knob_changes_the_picture(page: Page, server: str, panel: str) -> None:
    show(page, server, panel=panel, n=40, i=5, j=30)
    for knob in ("n", "i", "j", "kernel", "window") if panel == "path" else ("n", "d", "kernel", "window"):
        before = page.locator("svg.scene").inner_html()
        page.locator(".knobs").get_by_label(knob, exact=True).focus()
        for _ in range(2):
            page.keyboard.press("ArrowRight")
        page.wait_for_function("before => document.querySelector('svg.scene').innerHTML !== before", arg=before)


def test_a_thousand_tokens_are_drawn_and_it_is_said_how(page: Page, server: str) -> None:
    show(page, server, n=1000, j=1000)
    expect(band(page, 0).locator(".count")).to_have_text("999 transitions")
    expect(page.locator("svg.scene")).to_contain_text("not drawn one by one")
    expect(page.locator(".say")).to_contain_text("By the formula, which a search confirms up to 64 tokens")
    assert page.locator("svg.scene *").count() < 200


def test_cost_and_times_are_read_out(page: Page, server: str) -> None:
    show(page, server, panel="cost")
    band(page, 0).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".say")).to_contain_text("attention: O(n²·d), here 20² × 512 = 204,800 operations a layer")
    expect(page.locator("svg.scene")).to_contain_text("n = 20 < d = 512")
    page.get_by_role("button", name="times").click()
    size = page.locator("[role=option][data-index='0']")
    size.focus()
    page.keyboard.press("ArrowRight")
    recorded = ask("times")
    expect(page.locator(".say")).to_contain_text(f"{recorded.n[1]} tokens: recurrent")
    expect(page.locator(".provenance")).to_contain_text("recorded earlier")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, server, n=100, view__length=2)
    for panel in ("path", "cost", "times"):
        page.get_by_role("button", name=panel, exact=True).click()
        expect(page.locator("svg.scene")).to_have_attribute("aria-label", re.compile(TITLES[panel]))
        page.wait_for_timeout(200)
        axe_finds_nothing(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        no_word_leaves_the_picture(page)
