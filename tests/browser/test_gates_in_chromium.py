"""What an LSTM or GRU keeps, in a real Chromium: pixels against gates, what is left, the keyboard, the link."""

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
    from playwright.sync_api import BrowserContext, Page

TEXT = "The old man sat by the window. He"
RAMP = ((0xF7, 0xF4, 0xEE), (0x0D, 0x3F, 0x66))


def ask(panel: str, *models: str, **knobs: Any) -> Any:
    opened = [open_model(name) for name in models]
    return finish(answer(figure("gates").panel(panel), knobs, models=opened, text=TEXT)).result


def show(page: Page, server: str, *, models: str = "lstm,gru", text: str = TEXT, **state: Any) -> None:
    parts = ["v1", f"text={quote_plus(text)}", f"models={models}"]
    parts += [f"gates.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{server}/figures/gates#{'&'.join(parts)}")


def test_pixels_are_the_gates(page: Page, server: str) -> None:
    page.emulate_media(color_scheme="light")
    show(page, server)
    expect(page.locator("image.values")).to_have_count(2)
    found = ask("gates", "lstm", "gru")
    low, high = (np.array(end, dtype=np.float64) for end in RAMP)
    for number, values in enumerate(found.values):
        drawn = pixels(page.locator("image.values").nth(number))[..., :3]
        step = np.floor(254 * values.astype(np.float64) + 0.5)[..., None]
        np.testing.assert_array_equal(drawn, np.floor(low + (high - low) * step / 254 + 0.5))


def test_a_gate_that_one_model_lacks(page: Page, server: str) -> None:
    show(page, server)
    page.get_by_label("gate", exact=True).select_option("forget")
    expect(page.locator("svg.scene")).to_contain_text("gru has no forget: it has candidate, reset, update, h.")
    expect(page.locator("image.values")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"gates\.gate=forget"))


def test_a_cell_opens_its_sums_and_the_link_reopens_it(page: Page, server: str) -> None:
    show(page, server)
    page.locator("[data-map='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    unit = int(ask("gates", "lstm", "gru").units[0][0])
    expect(page.locator(".say")).to_contain_text(re.compile(rf"lstm, unit {unit}, .*forget gate .* stays"))
    wanted = ask("unit", "lstm", "gru", unit=unit, token=1)
    expect(page.locator(".arithmetic dd")).to_have_text(list(wanted.lines))
    expect(page).to_have_url(re.compile(r"gates\.view\.open=true"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".arithmetic dd").last).to_have_text(wanted.lines[-1])


def test_the_lines_are_what_is_left(page: Page, server: str) -> None:
    show(page, server, panel="survival")
    found = ask("survival", "lstm", "gru")
    path = page.locator("path.median").first.get_attribute("d") or ""
    y = np.array([float(point.split(" ")[1]) for point in re.split("[ML]", path)[1:]])
    left = np.maximum(found.left[0][2], 1e-6)
    np.testing.assert_allclose(y, 46 + 260 * np.log(left) / np.log(1e-6), atol=0.06)
    page.locator("[data-spot='0.0']").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".say")).to_contain_text(f"{len(found.columns[0]) - 2} tokens before the end")
    expect(page.locator("path.unit")).to_have_count(8)
    page.get_by_label("longest", exact=True).press("ArrowLeft")
    expect(page.locator("path.unit")).to_have_count(6)
    page.get_by_label("unit", exact=True).press("End")
    expect(page.locator("path.unit")).not_to_have_count(6)


@pytest.mark.parametrize(
    ("panel", "knob"), [("gates", "layer"), ("gates", "units"), ("survival", "layer"), ("unit", "unit")]
)
def test_knobs_turned_by_keyboard_change_the_picture(page: Page, server: str, panel: str, knob: str) -> None:
    show(page, server, panel=panel)
    scene = page.locator("svg.scene")
    expect(scene).to_be_visible()
    before = scene.evaluate("it => it.outerHTML")
    page.get_by_label(knob, exact=True).press("ArrowRight")
    page.get_by_label(knob, exact=True).press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('svg.scene')?.outerHTML !== before", arg=before, timeout=60_000
    )


def test_a_simple_network_is_told_why_not(context: BrowserContext, server: str) -> None:
    page = context.new_page()  # the browser notes the refusal in its console
    show(page, server, models="rnn")
    expect(page.get_by_role("alert")).to_contain_text("it needs gate.candidate, and rnn has no such probe")


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
@pytest.mark.parametrize("panel", ["gates", "survival", "unit"])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, width: int, scheme: Any, panel: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, server, panel=panel)
    expect(page.locator("svg.scene")).to_be_visible()
    page.wait_for_timeout(300)
    axe_finds_nothing(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    no_word_leaves_the_picture(page)


@pytest.mark.parametrize("kind", ["SVG", "PNG", "CSV", "npz"])
def test_every_file_opens(page: Page, server: str, kind: str) -> None:
    show(page, server, panel="survival")
    expect(page.locator("svg.scene")).to_be_visible()
    the_file_opens(page, kind)
