"""The gradient's way back, in a real Chromium: lines where the numbers are, every knob, words that add up, the link."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import numpy as np
import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing, no_word_leaves_the_picture
from unrolled.figures import gradient_flow

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

TEXT = "The keeper of the lighthouse had a daughter, and when the storm came he called her"
PANELS = {"factor": "", "network": "rnn,lstm,gru,gpt", "jacobians": "gru", "two_units": ""}


def show(page: Page, server: str, panel: str, *, text: str = TEXT, models: str | None = None, **state: Any) -> None:
    parts = ["v1", f"text={quote_plus(text)}", f"gradient_flow.panel={panel}"]
    named = PANELS[panel] if models is None else models
    parts += [f"models={named}"] if named else []
    parts += [f"gradient_flow.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{server}/figures/gradient_flow#{'&'.join(parts)}")
    expect(page.locator("svg.scene")).to_be_visible()


def slider(page: Page) -> Locator:
    return page.locator("svg.scene [role=slider]")


def said(page: Page) -> str:
    return page.locator(".say").inner_text()


WITHOUT_FOCUS = "document.querySelector('svg.scene').outerHTML.replace(/<g class=.slider[^]*?<\\/g>/, '')"


def drawn(page: Page) -> str:
    return str(page.evaluate(WITHOUT_FOCUS))


def wait_for_another(page: Page, before: str) -> None:
    page.wait_for_function(f"before => {WITHOUT_FOCUS} !== before", arg=before)


def value(text: str) -> float:
    """0.0123, 1.23×10⁻⁷, ∞."""
    mantissa, _, power = text.partition("×10")
    raised = power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
    return float(mantissa.replace("−", "-")) * 10.0 ** int(raised or 0)


def figures(x: float, digits: int = 3) -> float:
    return float(f"{x:.{digits - 1}e}")


NUMBER = r"[\d.]+(?:×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"


def points(page: Page, line: int) -> np.ndarray:
    """Of the n-th line: (x, y) of the scene."""
    d = page.locator("svg.scene path.line").nth(line).get_attribute("d") or ""
    return np.array([[float(x) for x in one.split()] for one in re.split("[ML]", d)[1:]])


def test_the_factor_is_drawn_from_the_knobs_alone(page: Page, server: str) -> None:
    show(page, server, "factor")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    knob = page.get_by_role("slider", name="factor", exact=True)
    knob.focus()
    for factor in (0.91, 0.92):
        page.keyboard.press("ArrowRight")
        k = np.arange(101)
        expected = gradient_flow.power(factor, 100)
        place = points(page, 0)
        height = place[:, 1]
        np.testing.assert_allclose(np.diff(height), np.diff(height).mean(), atol=0.03)  # a straight line: exponential
        slope = (height[-1] - height[0]) / 100
        per_decade = slope / -math.log10(factor)
        assert len(place) == len(k) == len(expected)
        assert per_decade == pytest.approx(300 / 12, abs=0.1)  # 12 decades on 300 px
    assert page.locator("text.marked").all_text_contents() == ["83 steps"]
    knob.evaluate("it => { it.value = 1.2; it.dispatchEvent(new Event('input', {bubbles: true})); }")
    assert page.locator("text.marked").all_text_contents() == ["38 steps"]
    assert asked == []


@pytest.mark.parametrize("factor", [0.63, 1.07])
def test_what_is_said_of_a_power_adds_up(page: Page, server: str, factor: float) -> None:
    show(page, server, "factor", factor=factor)
    slider(page).focus()
    for k in range(1, 13):
        page.keyboard.press("ArrowLeft")
        match = re.search(rf"{k} steps? back: .*?({NUMBER}) × ({NUMBER}) = ({NUMBER})", said(page))
        assert match, said(page)
        a, b, c = map(value, match.groups())
        assert figures(a * b) == pytest.approx(c)
        assert c == pytest.approx(factor**k, rel=5.1e-3)


def ask(panel: str, models: str, **knobs: Any) -> Any:
    from unrolled.checkpoints import open_model
    from unrolled.figures import answer, figure
    from unrolled.progress import finish

    opened = [open_model(name) for name in models.split(",")]
    return finish(answer(figure("gradient_flow").panel(panel), knobs, models=opened, text=TEXT)).result


def test_lines_lie_where_the_gradients_are(page: Page, server: str) -> None:
    show(page, server, "network", view__layer=1)
    expect(page.locator("path.line")).to_have_count(6)
    result = ask("network", PANELS["network"])
    names = ["rnn", "lstm h", "lstm c", "lstm (h, c)", "gru", "gpt"]
    assert page.locator("path.line").evaluate_all("all => all.map(one => one.dataset.line)") == names
    places = [(0, "h 1"), (1, "h 1"), (1, "c 1"), (1, "h,c 1"), (2, "h 1"), (3, "stream 1")]
    scale = None
    for line, (model, name) in enumerate(places):
        shares = result.relative[model][result.places[model].index(name)][::-1]
        height = points(page, line)[:, 1]
        assert len(height) == len(shares)
        logs = np.log10(shares)
        here = (height[-1] - height[0]) / (logs[-1] - logs[0])
        scale = scale or here
        assert here == pytest.approx(scale, rel=1e-2)
        np.testing.assert_allclose(height, height[0] + scale * (logs - logs[0]), atol=0.2)


@pytest.mark.parametrize("scale", ["relative", "absolute"])
def test_what_is_said_of_a_step_adds_up(page: Page, server: str, scale: str) -> None:
    show(page, server, "network", models="rnn,lstm", view__scale=scale)
    expect(page.locator("path.line")).to_have_count(4)
    slider(page).focus()
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
        if scale == "relative":
            found = re.findall(rf"({NUMBER}) ÷ ({NUMBER}) = ({NUMBER})", said(page))
            for a, b, c in found:
                assert figures(value(a) / value(b)) == pytest.approx(value(c))
        else:
            found = re.findall(rf"√\(({NUMBER})\) = ({NUMBER})", said(page))
            for a, b in found:
                assert figures(math.sqrt(value(a))) == pytest.approx(value(b))
        assert len(found) == 4


def test_clipping_adds_up_and_follows_the_knob_at_once(page: Page, server: str) -> None:
    show(page, server, "network", models="rnn,gru")
    norms = ask("network", "rnn,gru").parameter_norm
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    page.get_by_role("spinbutton", name="clip, typed").fill("0.5")
    for name, norm in zip(("rnn", "gru"), norms, strict=True):
        words = page.locator(f"[data-clip={name}] text").text_content() or ""
        a, b, c = map(value, re.search(rf"({NUMBER}) × ({NUMBER}) = ({NUMBER})", words).groups())  # type: ignore[union-attr]
        assert a == pytest.approx(norm, rel=5.1e-3)
        assert figures(a * b) == pytest.approx(c) == 0.5
    assert asked == []


KNOBS = {
    "network": ["radius"],
    "jacobians": ["layer", "last"],
    "two_units": ["w_11", "w_12", "w_21", "w_22", "e_1", "e_2", "back"],
}


@pytest.mark.parametrize("panel", KNOBS)
def test_every_slider_changes_the_picture(page: Page, server: str, panel: str) -> None:
    more = {"last": 3} if panel == "jacobians" else {}
    show(page, server, panel, **({"models": "rnn"} if panel == "network" else {}), **more)
    for name in KNOBS[panel]:
        before = drawn(page)
        knob = page.locator(".knob", has=page.get_by_text(name.replace("_", ""), exact=True)).locator("[type=range]")
        if not knob.count():
            knob = page.get_by_role("slider", name=name, exact=True)
        knob.focus()
        page.keyboard.press("ArrowLeft" if name in ("w_12", "back") else "ArrowRight")
        wait_for_another(page, before)


@pytest.mark.parametrize(
    ("panel", "label", "choice"),
    [
        ("network", "weights", "start"),
        ("network", "target", "model"),
        ("network", "Where", "input"),
        ("network", "Of an LSTM", "c"),
        ("network", "Scale", "absolute"),
        ("jacobians", "weights", "start"),
        ("two_units", "squash", "tanh"),
    ],
)
def test_every_choice_changes_the_picture(page: Page, server: str, panel: str, label: str, choice: str) -> None:
    more: dict[str, Any] = {"last": 3} if panel == "jacobians" else {"models": "lstm"} if panel == "network" else {}
    show(page, server, panel, **more)
    before = drawn(page)
    page.get_by_label(label, exact=True).select_option(choice)
    wait_for_another(page, before)


def test_the_start_says_that_nothing_was_trained(page: Page, server: str) -> None:
    show(page, server, "network", models="gru", weights="start")
    expect(page.locator(".provenance li").first).to_contain_text(
        "computed now by gru, as its training began: family gru"
    )
    page.get_by_label("weights", exact=True).select_option("trained")
    expect(page.locator(".provenance li").first).to_contain_text("by gru, trained by this project: recipe gru, seed")


@pytest.mark.parametrize("panel", PANELS)
def test_a_link_reopens_the_state(page: Page, server: str, panel: str) -> None:
    more = {"last": 3} if panel == "jacobians" else {}
    show(page, server, panel, **more)
    slider(page).focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    if panel == "network":
        page.get_by_label("Where").select_option("input")
        expect(page).to_have_url(re.compile("layer"))
    expect(page).to_have_url(re.compile(r"view\.step"))
    page.wait_for_timeout(400)
    words, picture, address = said(page), drawn(page), page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".say")).to_have_text(words)
    assert drawn(page) == picture


def test_the_pointer_points_and_a_click_keeps(page: Page, server: str) -> None:
    show(page, server, "two_units")
    box = page.locator("svg.scene .slider rect").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    expect(page.locator(".say")).to_contain_text("20 steps back: ")
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 40)
    page.mouse.move(5, 5)
    expect(page.locator(".say")).to_contain_text("10 steps back: ")


def test_presets_set_all_knobs(page: Page, server: str) -> None:
    show(page, server, "two_units")
    page.get_by_role("button", name="Radius 1.5 under a tanh").click()
    expect(page.locator("svg.scene")).to_contain_text("W: radius 1.50, largest singular value 1.50")
    page.get_by_role("button", name="Grows first").click()
    expect(page.locator("svg.scene")).to_contain_text("longest 6 steps back")


def test_a_word_alone_and_a_model_of_unknown_start_are_told_so(context: BrowserContext, server: str) -> None:
    page = context.new_page()  # the browser notes the refusals in its console
    address = f"{server}/figures/gradient_flow#v1&text=a&models=rnn&gradient_flow.panel=network"
    page.goto(address)
    expect(page.get_by_role("alert")).to_contain_text("is one token for rnn")
    page.goto("about:blank")
    page.goto(address.replace("models=rnn", "models=smollm2") + "&gradient_flow.weights=start")
    expect(page.get_by_role("alert")).to_contain_text("How smollm2 started is not known")


@pytest.mark.parametrize("panel", PANELS)
def test_exports_open(page: Page, server: str, panel: str) -> None:
    show(page, server, panel, **({"last": 3} if panel == "jacobians" else {}))
    for name in ("CSV", "JSON", "npz", "SVG", "PNG"):
        with page.expect_download() as file:
            page.get_by_role("button", name=name, exact=True).click()
        content = file.value.path().read_bytes()
        begins = {"JSON": b"{", "npz": b"PK", "SVG": b"<", "PNG": b"\x89PNG"}.get(name, b"")
        assert content.startswith(begins)
        assert len(content) > 100


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, panel: str, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    more: dict[str, Any] = {
        "network": {"weights": "start", "radius": 1.5},
        "jacobians": {"last": 3, "weights": "start"},
    }
    show(page, server, panel, **more.get(panel, {}))
    page.wait_for_timeout(200)
    axe_finds_nothing(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    no_word_leaves_the_picture(page)
