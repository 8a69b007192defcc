"""A head of a loaded model in the calculator, in a real Chromium: its numbers and its arithmetic are Python's, a pair
is pointed at by hand and by key, and an address gives the same picture again.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import expect

from serving import ROOT
from unrolled.cli import main
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from unrolled.checkpoints import Model

TEXT = "The animal didn't cross the street because it was too tired to go on"
HEAD = {"layer": 13, "head": 8}
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"


def address(server: str, **state: object) -> str:
    parts = {"panel": "head", **HEAD, **state}
    own = [f"attention_calculator.{name.replace('__', '.')}={value}" for name, value in parts.items()]
    return f"{server}/figures/attention_calculator#v1&models=smollm2&text={quote(TEXT)}&{'&'.join(own)}"


def computed(model: Model, **knobs: int) -> Any:
    asked = answer(figure("attention_calculator").panel("head"), {**HEAD, **knobs}, models=[model], text=TEXT)
    return finish(asked).result


def cell(page: Page, matrix: str, row: int, column: int) -> Locator:
    return page.locator(f'[data-matrix="{matrix}"][data-row="{row}"][data-column="{column}"]')


def arithmetic(page: Page) -> Locator:
    return page.get_by_role("region", name="The arithmetic of this score")


def said(page: Page) -> Locator:
    return page.locator(".frame .say").first


def test_the_weights_printed_are_those_of_python(page: Page, server: str, smollm2: Model) -> None:
    page.goto(address(server, view__stage="weights"))
    found = computed(smollm2)
    for row in range(8):
        expect(cell(page, "elsewhere", row, 0)).to_have_text(f"{found.elsewhere[row]:.2f}")
        for column in range(8):
            expect(cell(page, "weights", row, column)).to_have_text(f"{found.weights[row, column]:.2f}")
    cell(page, "elsewhere", 3, 0).hover()
    expect(said(page)).to_contain_text(f"weight {found.elsewhere[3]:.4f} on the {found.first} keys before")


def test_pointing_at_a_score_reads_the_sentence_of_python(page: Page, server: str, smollm2: Model) -> None:
    page.goto(address(server))
    expect(arithmetic(page)).to_have_text(computed(smollm2).sentence)
    for row, column in ((7, 3), (2, 6)):
        found = computed(smollm2, row=row, column=column)
        cell(page, "scores", row, column).hover()
        expect(arithmetic(page)).to_have_text(found.sentence)
        expect(page.locator(".arithmetic .sum")).to_contain_text(f"= {found.sentence.rsplit(' = ', 1)[1]}")
        expect(page.locator("svg.scene .name[font-weight='700']")).to_have_count(2)
        names = [found.tokens[at].replace(" ", "·") for at in (row, column)]
        for tone, name in zip(("query", "key"), names, strict=True):
            expect(page.locator(f"svg.scene .name.{tone}[font-weight='700']")).to_have_text(name)
    box = arithmetic(page).bounding_box()
    assert box
    assert box["height"] < 160 < arithmetic(page).evaluate("it => it.scrollHeight")


def test_only_the_newest_pair_is_asked_for(page: Page, server: str) -> None:
    page.goto(address(server))
    expect(cell(page, "scores", 0, 0)).to_be_visible()
    expect(arithmetic(page)).to_contain_text("=")
    asked: list[tuple[int, int]] = []

    def note(request: Any) -> None:
        if request.url.endswith("/attention_calculator/head"):
            knobs = json.loads(request.post_data)["knobs"]
            asked.append((knobs["row"], knobs["column"]))

    page.on("request", note)
    page.evaluate(
        "[1, 2, 3, 4, 5, 6, 7].forEach(column => document.querySelector("
        "`[data-matrix=scores][data-row='4'][data-column='${column}']`)"
        ".dispatchEvent(new PointerEvent('pointerover', {bubbles: true, pointerType: 'mouse'})))"
    )
    expect(page.locator(".arithmetic:not(.waiting)")).to_be_visible()
    page.wait_for_timeout(600)  # long enough for more, if there were more
    assert asked == [(4, 7)]


def test_arrows_walk_the_pairs_and_the_stages(page: Page, server: str, smollm2: Model) -> None:
    page.goto(address(server, view__stage="weights"))
    cell(page, "weights", 0, 0).focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(cell(page, "weights", 2, 1)).to_be_focused()
    expect(arithmetic(page)).to_have_text(computed(smollm2, row=2, column=1).sentence)
    expect(said(page)).to_contain_text(f"weight {computed(smollm2).weights[2, 1]:.4f}")
    page.keyboard.press("End")
    expect(cell(page, "elsewhere", 2, 0)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(cell(page, "weights", 2, 7)).to_be_focused()
    page.locator("[aria-current=step]").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[aria-current=step]")).to_have_accessible_name("mask")
    expect(cell(page, "masked", 2, 7)).to_have_text("−∞")
    expect(said(page)).to_contain_text("may not look")
    page.keyboard.press("Home")
    expect(cell(page, "scores", 2, 7)).to_be_visible()


def test_a_link_opens_the_same_picture(page: Page, server: str) -> None:
    page.goto(address(server, last=6))
    cell(page, "scores", 4, 2).click()
    page.get_by_role("button", name=re.compile("^softmax")).click()
    expect(page).to_have_url(re.compile(r"row=4.*column=2|column=2.*row=4"))
    expect(page.locator(".arithmetic:not(.waiting)")).to_be_visible()
    page.mouse.move(0, 0)
    link, drawn, told = page.url, page.locator("svg.scene").first.inner_html(), arithmetic(page).text_content()
    page.goto("about:blank")
    page.goto(link)
    expect(arithmetic(page)).to_have_text(told or "")
    assert page.locator("svg.scene").first.inner_html() == drawn


def test_what_the_model_lacks_is_said_in_the_figure(page: Page, server: str) -> None:
    page.goto(address(server, layer=30))  # as from a link to a picture of a deeper model
    expect(page.get_by_role("alert")).to_contain_text("layers 0 to 29")


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_it_fits(page: Page, server: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(address(server, view__stage="weights", last=14))
    expect(cell(page, "weights", 0, 0)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        """() => { const scene = document.querySelector("svg.scene"), box = scene.getBoundingClientRect();
        return [...scene.querySelectorAll("text, rect")].filter(it => { const own = it.getBoundingClientRect();
            return own.right > box.right + 1 || own.left < box.left - 1
                || own.top < box.top - 1 || own.bottom > box.bottom + 1;
        }).map(it => it.outerHTML.slice(0, 120)); }"""
    )
    assert outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("stage", ["masked", "weights"])
def test_axe_finds_nothing(page: Page, server: str, stage: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(address(server, view__stage=stage))
    expect(cell(page, stage, 0, 0)).to_be_visible()
    expect(page.locator(".arithmetic:not(.waiting)")).to_be_visible()
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    told = [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in found]
    assert not told, json.dumps(told, indent=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_command_line_draws_what_the_page_draws(page: Page, server: str, tmp_path: Path, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(address(server, view__stage="weights", row=5, column=1))
    expect(page.locator(".arithmetic:not(.waiting)")).to_be_visible()
    expect(page.locator(".provenance li").first).to_contain_text("unrolled")
    width = page.locator(".view").first.evaluate("it => Math.round(it.clientWidth)")
    with page.expect_download() as download:
        page.get_by_role("group", name="Take along").get_by_role("button", name="SVG").click()
    download.value.save_as(tmp_path / "page.svg")
    asked = ["--panel", "head", "--model", "smollm2", "--text", TEXT]
    knobs = ["--layer", "13", "--head", "8", "--row", "5", "--column", "1", "--view", "stage=weights"]
    sizes = ["--width", str(width), "--scheme", scheme, "--out", str(tmp_path / "ours.svg")]
    with pytest.raises(SystemExit) as end:
        main(["figure", "attention_calculator", *asked, *knobs, *sizes])
    assert end.value.code == 0
    ours = (tmp_path / "ours.svg").read_text("utf-8")
    assert ET.fromstring(ours.encode()).tag.endswith("svg")
    assert ours == (tmp_path / "page.svg").read_text("utf-8")


def test_layer_and_head_end_where_the_model_does(page: Page, server: str, smollm2: Model) -> None:
    page.goto(address(server))
    expect(arithmetic(page)).to_have_text(computed(smollm2).sentence)
    for name, most in (("layer", 29), ("head", 8)):
        slider = page.get_by_role("slider", name=name, exact=True)
        expect(slider).to_have_attribute("max", str(most))
        slider.press("End")
        expect(page.get_by_role("spinbutton", name=f"{name}, typed")).to_have_value(str(most))
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_token_says_where_it_stands(page: Page, server: str, smollm2: Model) -> None:
    page.goto(address(server))
    expect(arithmetic(page)).to_have_text(computed(smollm2).sentence)
    found = computed(smollm2)
    strip = page.get_by_role("group", name="The last tokens that the model reads")
    strip.locator(".token").nth(2).hover()
    expect(said(page)).to_contain_text(f"is token {found.first + 3} of the text: 3 of the 8 shown.")
