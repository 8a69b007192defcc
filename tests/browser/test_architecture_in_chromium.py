"""A model part by part in a real Chromium: rows, numbers, the keyboard, links into other figures, files."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Locator, Page, expect

from looking import axe_finds_nothing, no_word_leaves_the_picture, the_file_opens
from unrolled.checkpoints import open_model
from unrolled.figures import answer, figure
from unrolled.models.presets import PRESETS
from unrolled.progress import finish

TEXT = "The capital of France is"


def show(page: Page, server: str, *, model: str = "gpt", text: str = TEXT, **state: Any) -> None:
    parts = ["v1", f"text={quote_plus(text)}", f"models={model}"]
    parts += [f"architecture.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{server}/figures/architecture#{'&'.join(parts)}")
    expect(page.locator("svg.scene")).to_be_visible()


def ask(panel: str, **knobs: Any) -> Any:
    models = [] if panel == "published" else [open_model("gpt")]
    text = TEXT if panel == "model" else None
    return finish(answer(figure("architecture").panel(panel), knobs, models=models, text=text)).result


def part(page: Page, at: int) -> Locator:
    return page.locator(f'[role=option][data-part="{at}"]')


def test_rows_keyboard_and_doors(page: Page, server: str) -> None:
    show(page, server)
    found = ask("model")
    n = len(found.names)
    expect(page.locator("[data-part]")).to_have_count(n + 4)
    assert page.locator("[data-part] .name").all_text_contents() == list(found.names)
    expect(page.locator("circle.sum")).to_have_count(int((found.joins >= 0).sum()))
    cells = page.locator("rect.size").count()
    assert cells == int((found.sizes[:, : len(found.read)] > 0).sum())
    at = found.names.index("mlp.down")
    part(page, at).locator(".name").click()
    expect(page.locator(".say")).to_contain_text(found.operations_said[at])
    page.keyboard.press("ArrowUp")
    expect(part(page, at - 1)).to_be_focused()
    expect(page.locator(".say")).to_contain_text(found.parameters_said[at - 1])
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".say")).to_contain_text(f"After “{found.read[-2].replace(' ', '·')}”")
    page.keyboard.press("End")
    expect(page.locator(".say")).to_contain_text(found.kept_said)
    part(page, found.names.index("attn.query")).locator(".name").click()
    expect(page).to_have_url(re.compile(r"view\.part=2"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(part(page, 2)).to_have_attribute("aria-selected", "true")
    page.get_by_role("link", name="heads, layer 0").click()
    expect(page).to_have_url(re.compile(r"/figures/heads#v1.*heads\.panel=map"))
    expect(page.locator("svg.scene")).to_be_visible()


def test_knobs_turn_by_keyboard_and_files_open(page: Page, server: str) -> None:
    show(page, server)
    found = ask("model", block=1)
    block = page.get_by_role("slider", name="block")
    block.focus()
    block.press("ArrowRight")
    expect(page.locator("svg.scene")).to_contain_text("this is block 1")
    part(page, found.names.index("mlp.up")).locator(".name").click()
    expect(page.locator(".say")).to_contain_text("blocks.1.mlp.up")
    context = page.get_by_role("slider", name="context")
    before = page.locator(".total").last.text_content()
    context.focus()
    context.press("PageUp")
    expect(page.locator(".total").last).not_to_have_text(str(before))
    for kind in ("SVG", "CSV", "npz"):
        the_file_opens(page, kind)


def test_published_and_side_by_side(page: Page, server: str) -> None:
    show(page, server, panel="sizes")
    expect(page.locator("[data-model]")).to_have_count(len(PRESETS) + 1)
    row = list(PRESETS).index("gpt-3")
    page.locator(f'[data-model="{row}"] text').first.click()
    expect(page.locator(".say")).to_contain_text("174,604,259,328")
    page.get_by_role("button", name="Take GPT-3 175B apart").click()
    expect(page.locator("svg.scene")).to_contain_text("blocks × 96")
    bits = page.get_by_role("combobox", name="bits")
    bits.select_option("4")
    expect(page.locator("svg.scene")).to_contain_text("87.3 GB")
    no_word_leaves_the_picture(page)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for state in ({}, {"panel": "sizes"}):
        show(page, server, text="I like cats and dogs, and they like me.", **state)
        page.wait_for_timeout(300)
        axe_finds_nothing(page)
        no_word_leaves_the_picture(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
