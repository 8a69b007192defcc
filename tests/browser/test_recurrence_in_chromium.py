"""What is in the state, in a real Chromium: pixels and numbers, the sum under a cell, words exchanged, steps taken."""

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

TEXT = "The dog bit the man, and"
PAPER = {"light": (0xF7, 0xF4, 0xEE), "dark": (0x1F, 0x23, 0x29)}
ENDS = {
    "light": ((0x8F, 0x20, 0x4F), (0x1B, 0x5E, 0x8C)),
    "dark": ((0xE0, 0x6C, 0x94), (0x79, 0xB8, 0xE4)),
}


def ask(panel: str, *models: str, text: str = TEXT, **knobs: Any) -> Any:
    opened = [open_model(name) for name in models]
    return finish(answer(figure("recurrence").panel(panel), knobs, models=opened, text=text)).result


def show(page: Page, server: str, *, models: str = "rnn,gru", text: str = TEXT, **state: Any) -> None:
    parts = ["v1", f"text={quote_plus(text)}", f"models={models}"]
    parts += [f"recurrence.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{server}/figures/recurrence#{'&'.join(parts)}")


def said(page: Page) -> Locator:
    return page.locator(".say")


def painted(values: np.ndarray, scheme: str) -> np.ndarray:
    """Zero is paper; each sign goes to its own colour in 127 steps; 1 has all of it."""
    step = np.floor(127 * values.astype(np.float64) + 0.5)[..., None]
    paper = np.array(PAPER[scheme], dtype=np.float64)
    low, high = (np.array(end, dtype=np.float64) for end in ENDS[scheme])
    mixed = paper + (np.where(step < 0, low, high) - paper) * np.abs(step) / 127
    return np.floor(mixed + 0.5).astype(np.int64)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pixels_are_the_states(page: Page, server: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    show(page, server)
    expect(page.locator("image.values")).to_have_count(2)
    found = ask("states", "rnn", "gru")
    for number, h in enumerate(found.h):
        drawn = pixels(page.locator("image.values").nth(number))[..., :3]
        assert np.abs(h).max() <= 1
        np.testing.assert_array_equal(drawn, painted(h, scheme))


def test_a_cell_opens_its_sum_and_the_link_reopens_it(page: Page, server: str) -> None:
    show(page, server)
    field = page.locator("[data-map='1']")
    field.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    found = ask("states", "rnn", "gru")
    unit = int(found.units[1][1])
    wanted = ask("unit", "rnn", "gru", which=1, unit=unit, token=1)
    expect(said(page)).to_contain_text(f"gru, unit {unit}")
    expect(page.locator(".arithmetic dd")).to_have_text(list(wanted.lines))
    expect(page).to_have_url(re.compile(r"recurrence\.view\.open=true"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".arithmetic dd").last).to_have_text(wanted.lines[-1])
    expect(page.locator("rect.ring.chosen")).to_have_count(1)


def test_pointing_reads_a_number_out(page: Page, server: str) -> None:
    show(page, server)
    found = ask("states", "rnn", "gru")
    box = page.locator("[data-map='0']").bounding_box()
    assert box
    rows, columns = found.h[0].shape
    page.mouse.move(box["x"] + box["width"] * 2.5 / columns, box["y"] + box["height"] * 4.5 / rows)
    value = f"{found.h[0][4, 2]:.4f}".replace("-", "−")
    expect(said(page)).to_contain_text(re.compile(f"unit {found.units[0][4]}, after .*h = {re.escape(value)}"))


def test_words_are_chosen_and_exchanged(page: Page, server: str) -> None:
    show(page, server, panel="order", first=1, second=4)
    expect(page.locator("svg.scene")).to_contain_text(re.compile(r"man\s*bit\s*the\s*dog"))
    page.get_by_role("group", name="The two words").get_by_role("button", name="bit").press("Enter")
    expect(page.locator("[data-spot='0.apart.0']")).to_have_attribute("aria-label", re.compile("the states differ by"))
    wanted = ask("order", "rnn", "gru", first=4, second=2)
    expect(page.locator("[data-spot='0.apart.0']")).to_have_attribute(
        "aria-label", re.compile(re.escape(f"differ by {wanted.distance[0]:.3f}"))
    )
    page.locator("[data-spot='0.apart.0']").focus()
    page.keyboard.press("ArrowDown")
    expect(said(page)).to_contain_text("the means of the embeddings are the same")


def test_every_step_is_drawn_and_taken_by_keyboard(page: Page, server: str) -> None:
    show(page, server, models="lstm,gpt", panel="wavefront")
    wanted = ask("wavefront", "lstm", "gpt")
    cells = page.locator("[role=gridcell]")
    expect(cells).to_have_count(sum(wanted.cells))
    expect(page.locator("g.cell.now")).to_have_count(int(sum((steps == 1).sum() for steps in wanted.steps)))
    page.get_by_role("button", name="step: one more").press("Enter")
    expect(page.locator("g.cell.now")).to_have_count(int(sum((steps == 2).sum() for steps in wanted.steps)))
    expect(page.locator("svg.scene")).to_contain_text(
        f"{wanted.n_steps[0]} steps in a row; 3 of {wanted.cells[0]} cells"
    )
    expect(page.locator(".provenance")).to_contain_text("recorded")
    expect(page).to_have_url(re.compile(r"recurrence\.step=2"))


def test_tokens_are_read_back(page: Page, server: str) -> None:
    show(page, server, models="gru", panel="readback", furthest=4)
    expect(page.locator("[data-spot='d.4']")).to_be_attached()
    page.locator("[data-spot='d.0']").focus()
    page.keyboard.press("ArrowRight")
    expect(said(page)).to_contain_text(re.compile(r"1 back: gru \d+(\.\d)? % \(.* shuffled"))
    expect(page.locator("[data-spot='t.0']")).to_have_attribute("aria-label", re.compile("The last token was “·and”"))
    page.get_by_label("furthest", exact=True).press("ArrowLeft")
    expect(page.locator("[data-spot='d.4']")).to_have_count(0)


@pytest.mark.parametrize(
    ("panel", "knob", "key"),
    [
        ("states", "layer", "ArrowRight"),
        ("states", "units", "ArrowLeft"),
        ("states", "last", "Home"),
        ("unit", "unit", "ArrowRight"),
        ("unit", "token", "ArrowRight"),
        ("order", "first", "ArrowRight"),
        ("order", "top n", "ArrowRight"),
    ],
)
def test_knobs_turned_by_keyboard_change_the_picture(page: Page, server: str, panel: str, knob: str, key: str) -> None:
    show(page, server, panel=panel, second=4)
    scene = page.locator("svg.scene")
    expect(scene).to_be_visible()
    before = scene.evaluate("it => it.outerHTML")
    page.get_by_label(knob, exact=True).press(key)
    page.wait_for_function(
        "before => document.querySelector('svg.scene')?.outerHTML !== before", arg=before, timeout=60_000
    )


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
@pytest.mark.parametrize("panel", ["states", "unit", "order", "readback", "wavefront"])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, width: int, scheme: Any, panel: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, server, panel=panel, view__open="true", second=4)
    expect(page.locator("svg.scene")).to_be_visible()
    page.wait_for_timeout(300)
    axe_finds_nothing(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    no_word_leaves_the_picture(page)


def test_the_chapter_compares_models_of_its_own(page: Page, server: str) -> None:
    page.goto(f"{server}/guide/order_matters")
    place = page.locator("[data-id='wavefront']")
    place.scroll_into_view_if_needed()
    expect(place.locator(".provenance")).to_contain_text("by gpt")
    expect(page.locator("[data-id='states'] .provenance")).to_contain_text("by lstm")
    place.get_by_role("button", name="Take the page’s models").click()
    expect(place.locator(".provenance")).not_to_contain_text("by gpt")


@pytest.mark.parametrize("kind", ["SVG", "PNG", "CSV", "npz"])
def test_every_file_opens(page: Page, server: str, kind: str) -> None:
    show(page, server, panel="order")
    expect(page.locator("svg.scene")).to_be_visible()
    the_file_opens(page, kind)
