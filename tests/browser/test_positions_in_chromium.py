"""How a model knows where, in a real Chromium: words exchanged, pixels and numbers, sums, knobs, links, files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import numpy as np
import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing, no_word_leaves_the_picture, pixels, the_file_opens
from unrolled.checkpoints import open_model
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TEXT = "Dog bites man"
MODELS = ("gpt", "en-fr-transformer")
PANELS = {
    "shuffle": "The same words",
    "sinusoids": "Sinusoids of",
    "pairs": "Dot products",
    "shift": "The matrix that moves",
    "schemes": "One query word",
    "loaded": "What loaded models",
}
KNOBS = {
    "sinusoids": ("n",),
    "shift": ("k", "position"),
    "schemes": ("query", "key", "places", "head", "seed"),
    "loaded": ("n", "move"),
}


def ask(panel: str, *models: str, **knobs: Any) -> Any:
    opened = [open_model(name) for name in models]
    text = TEXT if models else None
    return finish(answer(figure("positions").panel(panel), knobs, models=opened, text=text)).result


def show(page: Page, server: str, **state: Any) -> None:
    parts = ["v1", f"text={quote_plus(TEXT)}", f"models={','.join(MODELS)}"]
    parts += [f"positions.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{server}/figures/positions#{'&'.join(parts)}")
    expect(page.locator("svg.scene")).to_be_visible()


def said(page: Page) -> Locator:
    return page.locator(".say")


def spot(page: Page, name: str) -> Locator:
    return page.locator(f'[data-spot="{name}"]')


def test_words_change_places_and_the_cells_say_what_came_of_it(page: Page, server: str) -> None:
    show(page, server)
    found = ask("shuffle", *MODELS)
    for model in range(2):
        for way in range(4):
            for token, value in enumerate(found.difference[model][way].tolist()):
                shown = "0" if value <= found.rounding else "<.01" if value < 0.01 else f"{value:.2f}".removeprefix("0")
                expect(page.locator(f'text[data-of="{model}.{way}.{token}"]')).to_have_text(shown)
    expect(page.locator("path.way.moved")).to_have_count(
        sum(int((np.arange(len(each)) != each).sum()) for each in found.came_from)
    )
    spot(page, "0.0.0").focus()
    page.keyboard.press("ArrowDown")
    expect(said(page)).to_contain_text("gpt, no positions, sees everything: “D” goes from place 0 to place 3")
    expect(said(page)).to_contain_text("the same vector")
    expect(page).to_have_url(re.compile(r"positions\.view\.shuffle_spot=0\.1\.0"))
    page.get_by_label("order", exact=True).select_option("reversed")
    page.get_by_label("first", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"positions\.first=1"))
    page.get_by_label("order", exact=True).select_option("exchanged")
    expect(said(page)).to_contain_text("“D” stays in place 0")
    expect(page).not_to_have_url(re.compile("reversed"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(said(page)).to_contain_text("gpt, no positions, sees everything: “D” stays in place 0")


def test_the_maps_are_the_numbers_and_say_how_they_came_about(page: Page, server: str) -> None:
    show(page, server, panel="sinusoids", n=20)
    found = ask("sinusoids", n=20)
    drawn = pixels(page.locator("image.values"))[..., :3].sum(axis=-1)
    assert drawn.shape == (20, 64)
    column = np.abs(found.encoding[:, 6])  # light at 0, darker towards both ends
    assert column[drawn[:, 6].argmax()] == pytest.approx(column.min(), abs=0.01)
    assert column[drawn[:, 6].argmin()] > 0.95
    field = page.locator("[data-map='0']")
    field.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(said(page)).to_contain_text(f"PE(8, 9) = {found.rule[9].replace('pos', '8')}")
    expect(said(page)).to_contain_text(f"= {found.encoding[8, 9]:.4f}".replace("-", "−"))
    page.get_by_role("button", name="pairs", exact=True).click()
    pairs = ask("pairs", n=20)
    expect(said(page)).to_contain_text(f"PE(12) · PE(19), 7 apart: {pairs.arithmetic[7]}")
    expect(page.locator("svg.scene")).to_contain_text(pairs.unique)
    page.get_by_role("button", name="shift", exact=True).click()
    shift = ask("shift")
    expect(said(page)).to_contain_text(shift.arithmetic[2])
    assert pixels(page.locator("image.values")).shape[:2] == (64, 64)


def test_one_pair_of_places_is_worked_out_in_four_schemes(page: Page, server: str) -> None:
    show(page, server, panel="schemes")
    page.locator("[data-map='2']").focus()
    page.keyboard.press("ArrowUp")
    found = ask("schemes", query=11, key=8)
    expect(page.locator(".positions-sums dd")).to_have_count(4)
    for scheme, sentence in enumerate(found.arithmetic):
        expect(page.locator(".positions-sums dd").nth(scheme)).to_contain_text(sentence)
    expect(page).to_have_url(re.compile(r"positions\.query=11"))
    expect(page.locator("svg.scene")).to_contain_text("distance alone decides")
    box = page.locator("[data-map='1']").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 20.5 / 24, box["y"] + box["height"] * 5.5 / 24)
    expect(said(page)).to_contain_text("Key 20 stands after query 5")
    page.mouse.click(box["x"] + box["width"] * 2.5 / 24, box["y"] + box["height"] * 20.5 / 24)
    expect(page).to_have_url(re.compile(r"positions\.query=20&positions\.key=2"))
    for kind in ("SVG", "PNG", "CSV", "npz"):
        the_file_opens(page, kind)


def test_every_knob_changes_the_picture_and_nothing_runs_off(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    show(page, server)
    for panel, title in PANELS.items():
        page.get_by_role("button", name=panel, exact=True).click()
        expect(page.locator("svg.scene")).to_have_attribute("aria-label", re.compile(title))
        for knob in KNOBS.get(panel, ()):
            before = page.locator(".picture svg.scene").inner_html()
            page.locator(".knobs").get_by_label(knob, exact=True).focus()
            page.keyboard.press("ArrowUp")
            page.keyboard.press("ArrowUp")
            page.wait_for_function("before => document.querySelector('svg.scene').innerHTML !== before", arg=before)
        axe_finds_nothing(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        no_word_leaves_the_picture(page)


def test_on_a_laptop_too(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    show(page, server)
    for panel, title in PANELS.items():
        page.get_by_role("button", name=panel, exact=True).click()
        expect(page.locator("svg.scene")).to_have_attribute("aria-label", re.compile(title))
        axe_finds_nothing(page)
        no_word_leaves_the_picture(page)
