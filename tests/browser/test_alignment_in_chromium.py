"""Where a decoder looks back, in a real Chromium: squares as bright as the weights, rows, links, scores by length."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from looking import axe_finds_nothing
from serving import serving
from tiny_pairs import ours, tokenizer
from unrolled.checkpoints import open_model
from unrolled.checkpoints.run_folder import RunConfig, write_run_folder
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

TEXT, TARGET = "the cat", "le chat"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A tiny model that looks back, and one that cannot."""
    made, tk = [], tokenizer()
    for kind in ("additive", "none"):
        folder = tmp_path_factory.mktemp("pairs") / kind
        folder.mkdir()
        module = ours(kind)
        run = RunConfig(config=module.config, architecture=kind, source_sha256=None, tokenizer={"eos_ids": tk.eos_ids})
        finish(write_run_folder(folder, run, tk, torch.float32, module.state_dict().items()))
        made.append(str(folder))
    return made


@pytest.fixture(scope="module")
def place(folders: list[str]) -> Iterator[str]:
    with serving(*(word for folder in folders for word in ("--model", folder))) as address:
        yield address


def show(page: Page, place: str, folders: list[str], *, target: str = TARGET, **state: Any) -> None:
    parts = ["v1", f"text={quote_plus(TEXT)}", f"models={quote_plus(','.join(folders))}"]
    parts += [f"target={quote_plus(target)}"] if target else []
    parts += [f"alignment.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{place}/figures/alignment#{'&'.join(parts)}")
    expect(page.locator("svg.scene")).to_be_visible()


def ask(folders: list[str], panel: str = "alignment", target: str = TARGET, **knobs: Any) -> Any:
    models = [open_model(folder) for folder in (folders if panel == "alignment" else folders[:1])]
    return finish(answer(figure("alignment").panel(panel), knobs, models=models, text=TEXT, target=target)).result


def entry(page: Page, source: int) -> Locator:
    return page.locator(f"[role=option][data-source='{source}']")


def test_squares_are_as_dark_as_the_weights(page: Page, place: str, folders: list[str]) -> None:
    show(page, place, folders)
    found = ask(folders)
    expect(page.locator("image.weights")).to_have_count(1)  # the other model has none
    grey = page.evaluate(
        """async () => {
          const image = new Image();
          image.src = document.querySelector("image.weights").getAttribute("href");
          await image.decode();
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.width, image.height];
          const paint = canvas.getContext("2d");
          paint.drawImage(image, 0, 0);
          const { data } = paint.getImageData(0, 0, image.width, image.height);
          return { width: image.width, red: Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]) };
        }"""
    )
    drawn = np.array(grey["red"]).reshape(-1, grey["width"])
    assert drawn.shape == found.weights[0].shape
    expected = 0xF7 + (0x0D - 0xF7) * np.sqrt(found.weights[0])
    np.testing.assert_allclose(drawn, expected, atol=1.6)
    expect(page.locator(".bottleneck")).to_contain_text("all that passes: 2 vectors of 8 numbers")


def test_a_row_is_walked_and_its_link_reopens(page: Page, place: str, folders: list[str]) -> None:
    show(page, place, folders)
    field = page.locator("[data-model='0'] [data-field]")
    expect(entry(page, 0)).to_have_attribute("aria-selected", "true")
    field.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    step = ask(folders, "step", step=2, source=1)
    weight = f"“h” gets {step.weights[1]:.4f}"
    expect(page.locator(".say")).to_contain_text(weight)
    expect(page.locator(".say")).to_contain_text("Step 3 of 8")
    expect(page).to_have_url(re.compile(r"alignment\.step=2"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".say")).to_contain_text(weight)
    expect(entry(page, 1)).to_have_attribute("aria-selected", "true")
    entry(page, 1).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".say")).to_contain_text("“e” gets")
    page.get_by_role("button", name="Step: one more").click()
    expect(page.locator(".say")).to_contain_text("Step 4 of 8")


def test_the_beam_and_an_empty_target(page: Page, place: str, folders: list[str]) -> None:
    show(page, place, folders, target="", beam=1)
    greedy = ask(folders, target="", beam=1).translation[0].split()[0]
    expect(page.locator("[data-model='0'] text.words").first).to_contain_text(greedy[:6])
    before = page.locator("svg.scene").inner_html()
    page.get_by_label("beam", exact=True).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("before => document.querySelector('svg.scene').innerHTML !== before", arg=before)


def test_scores_by_length_say_whose_they_are(page: Page, place: str, folders: list[str]) -> None:
    show(page, place, folders, panel="by_length")
    expect(page.locator("svg.scene")).to_contain_text("chrF by length of the source")
    expect(page.locator("svg.scene")).to_contain_text("were recorded")
    page.locator("[role=option][data-index='0']").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".say")).to_contain_text("pairs:")
    page.get_by_label("measure", exact=True).select_option("BLEU")
    expect(page.locator("svg.scene")).to_contain_text("BLEU by length of the source")
    expect(page.locator(".provenance")).to_contain_text("recorded earlier")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_runs_off(
    page: Page, place: str, folders: list[str], width: int, scheme: Any
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, place, folders)
    for panel in ("alignment", "step", "by length"):
        page.get_by_role("button", name=panel, exact=True).click()
        expect(page.locator("svg.scene")).to_be_visible()
        page.wait_for_timeout(300)
        axe_finds_nothing(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_without_those_models_says_what_is_missing(page: Page, place: str, folders: list[str]) -> None:
    show(page, place, [folders[1]])
    expect(page.locator(".say")).to_contain_text("cannot look back")
    assert Path(folders[1]).is_dir()
