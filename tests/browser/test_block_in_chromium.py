"""The block's panels in a real Chromium: lines and bars where the numbers are, knobs, words, links, files."""

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
    from playwright.sync_api import BrowserContext, Page

TEXT = "She opened the old book"
PANELS = ("stream", "feed_forward", "depth", "without", "each_layer")
DRAWN = "document.querySelector('svg.scene').outerHTML"
SETTLED = """() => new Promise(done => {
  let before = "", calm = 0;
  const look = () => {
    const now = document.querySelector("svg.scene")?.outerHTML ?? "";
    calm = now === before && now ? calm + 1 : 0;
    before = now;
    calm > 4 ? done() : setTimeout(look, 50);
  };
  look();
})"""


def show(page: Page, server: str, panel: str, *, models: str = "gpt", text: str = TEXT, **state: Any) -> None:
    parts = ["v1", f"text={quote_plus(text)}", f"models={models}", f"block.panel={panel}"]
    parts += [f"block.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{server}/figures/block#{'&'.join(parts)}")
    expect(page.locator("svg.scene")).to_be_visible()


def ask(panel: str, **knobs: Any) -> Any:
    models, text = ([], None) if panel == "depth" else ([open_model("gpt")], TEXT)
    return finish(answer(figure("block").panel(panel), knobs, models=models, text=text)).result


def heights(page: Page, name: str) -> np.ndarray:
    """Of a line's points, from the left."""
    d = page.locator(f"svg.scene path.line[data-line='{name}']").get_attribute("d") or ""
    return np.array([float(one.split()[1]) for one in re.split("[ML]", d)[1:]])[::-1]  # drawn from the right


def lie_on_a_logarithmic_scale(heights: np.ndarray, values: np.ndarray) -> None:
    logs = np.log(values)
    slope = (heights.max() - heights.min()) / (logs.max() - logs.min())
    np.testing.assert_allclose(heights - heights[0], -slope * (logs - logs[0]), atol=0.05)


def changes(page: Page, knob: str, key: str = "ArrowRight") -> None:
    """A knob turned by keyboard changes the picture."""
    page.evaluate(SETTLED)
    before = page.evaluate(DRAWN)
    page.get_by_label(knob, exact=True).press(key)
    page.wait_for_function(f"before => {DRAWN} !== before", arg=before)


def chosen(page: Page, knob: str, choice: str) -> None:
    page.evaluate(SETTLED)
    before = page.evaluate(DRAWN)
    page.get_by_label(knob, exact=True).select_option(choice)
    page.wait_for_function(f"before => {DRAWN} !== before", arg=before)


def test_the_stream_its_bars_and_its_words(page: Page, server: str) -> None:
    show(page, server, "stream")
    found = ask("stream")
    lie_on_a_logarithmic_scale(heights(page, "stream"), found.stream[[0, 2, 4, 6, 8], -1])
    lie_on_a_logarithmic_scale(heights(page, "FFN"), found.written[[2, 4, 6, 8], -1])
    tall = page.locator("rect[data-part]").evaluate_all("all => all.map(one => +one.getAttribute('height'))")
    along = found.along[:, -1]
    scale = max(tall) / np.abs(along).max()
    np.testing.assert_allclose(tall, np.maximum(0.5, scale * np.abs(along)), atol=0.01)
    expect(page.locator(".sum")).to_have_text(found.shared)
    page.locator("[role=slider].slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".say")).to_contain_text(f"block 2, attention: {found.arithmetic[5]}.")
    expect(page.locator(".say")).to_contain_text(f"FFN: {found.arithmetic[6]}.")
    changes(page, "back")
    expect(page.locator(".sum")).to_have_text(ask("stream", back=1).shared)
    expect(page).to_have_url(re.compile(r"block\.back=1.*view\.step=1"))
    said = page.locator(".say").inner_text()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".say")).to_have_text(said)


def test_inside_the_ffn(page: Page, server: str) -> None:
    show(page, server, "feed_forward")
    found = ask("feed_forward")
    expect(page.locator("[data-curve]")).to_have_count(3)
    expect(page.locator("path.own")).to_have_attribute("data-curve", "GELU")
    expect(page.locator("rect.bin")).to_have_count(len(found.histogram))
    long = page.locator(".unit rect.fill").evaluate_all("all => all.map(one => +one.getAttribute('width'))")
    np.testing.assert_allclose(long, found.writes / found.writes[0] * long[0], rtol=1e-6)
    page.locator("[data-spot='unit.0']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".say")).to_contain_text(f"unit {found.units[1]}: {found.arithmetic[1]}")
    expect(page).to_have_url(re.compile(r"view\.spot=unit\.1"))
    page.locator("[data-spot='layer.0']").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"block\.layer=1"))
    expect(page.locator(".say")).to_contain_text(f"FFN 1: {100 * found.negative[1]:.1f} % of the sums are below 0")
    for knob, key in (("layer", "ArrowRight"), ("back", "ArrowRight"), ("below", "ArrowRight"), ("carry", "ArrowLeft")):
        changes(page, knob, key)
    expect(page).to_have_url(re.compile(r"carry=0\.89"))
    address = page.url
    page.evaluate(SETTLED)
    before = page.locator("svg.scene").text_content()
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("svg.scene")).to_have_text(before or "")


def test_depth(page: Page, server: str) -> None:
    show(page, server, "depth", n_layer=6)
    found = ask("depth", n_layer=6)
    for name, gradient in zip(found.arrangements, found.gradient, strict=True):
        lie_on_a_logarithmic_scale(heights(page, name), gradient)
    page.locator("[role=slider].slider").focus()
    page.keyboard.press("End")
    expect(page.locator(".say")).to_contain_text(
        "Before the first block, 6 blocks before the end, gradient of the stream"
    )
    for a, b, c in re.findall(r"([\d.]+) ÷ ([\d.]+) = (\d[\d.]*\d)", page.locator(".say").inner_text()):
        assert float(a) / float(b) == pytest.approx(float(c), rel=5.1e-3)
    chosen(page, "Show", "weights")
    lie_on_a_logarithmic_scale(heights(page, "pre-norm"), found.weights[1])
    chosen(page, "Show", "apart")
    changes(page, "nlayer", "ArrowLeft")
    chosen(page, "start", "gpt-2")
    chosen(page, "dmodel", "32")
    changes(page, "seed", "ArrowUp")
    assert page.url.count("block.view.measure=apart") == 1


def test_without_and_each_layer(page: Page, server: str) -> None:
    show(page, server, "without", off="FFN", layer=0)
    found = ask("without", off="FFN", layer=0)
    expect(page.locator("svg.scene")).to_contain_text(f"Loss {found.loss_before:.2f} → {found.loss_after:.2f}")
    lie_on_a_logarithmic_scale(heights(page, "off"), found.stream_after)
    page.locator("g.token").nth(1).focus()
    expect(page.locator(".say")).to_contain_text(
        f"{found.surprisal_before[1]:.2f} bits of surprise with everything on, {found.surprisal_after[1]:.2f} without"
    )
    chosen(page, "off", "residuals")
    chosen(page, "part", "attention")
    changes(page, "layer")
    changes(page, "blocks")
    page.get_by_role("button", name="each layer").click()
    each = ask("each_layer")
    expect(page.locator("path.line")).to_have_count(4)
    for name, loss in zip(each.kinds, each.loss, strict=True):
        lie_on_a_logarithmic_scale(heights(page, name), loss)
    expect(page.locator("svg.scene")).to_contain_text(f"everything on, {each.loss_before:.2f}")
    page.locator("[role=slider].slider").focus()
    page.keyboard.press("Home")
    expect(page.locator(".say")).to_contain_text(
        f"Off in block 3 alone, bits a token: attention {each.loss[0, 3]:.2f} ("
    )


def test_the_chapters_encoder_gives_way_to_the_pages_model(page: Page, server: str) -> None:
    show(page, server, "feed_forward", view__models='["en-fr-transformer"]')
    expect(page.locator("path.own")).to_have_attribute("data-curve", "ReLU")
    page.get_by_role("button", name="Take the page’s model").click()
    expect(page.locator("path.own")).to_have_attribute("data-curve", "GELU")


def test_models_without_the_probe_and_a_text_of_one_token_are_told_so(context: BrowserContext, server: str) -> None:
    page = context.new_page()  # the browser notes the refusals in its console
    page.goto(f"{server}/figures/block#v1&text=Hello&models=lstm&block.panel=stream")
    expect(page.get_by_role("alert")).to_contain_text("it needs resid, and lstm has no such probe")
    page.goto("about:blank")
    page.goto(f"{server}/figures/block#v1&text=a&models=gpt&block.panel=each_layer")
    expect(page.get_by_role("alert")).to_contain_text("is one token for gpt; a loss needs a second one")


STATES: dict[str, dict[str, Any]] = {
    "stream": {"view__step": 2},
    "feed_forward": {"models": "en-fr-transformer", "text": "Open the file."},
    "depth": {"n_layer": 8, "view__measure": "apart", "view__step": 3},
    "without": {"off": "norms", "blocks": 4},
    "each_layer": {"view__step": 1},
}


@pytest.mark.parametrize("panel", PANELS)
def test_axe_finds_nothing_nothing_runs_off_and_files_open(page: Page, server: str, panel: str) -> None:
    show(page, server, panel, **STATES[panel])
    for width, scheme in ((360, "dark"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.evaluate(SETTLED)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        no_word_leaves_the_picture(page)
        axe_finds_nothing(page)
    for kind in ("SVG", "PNG", "CSV", "npz"):
        the_file_opens(page, kind)
