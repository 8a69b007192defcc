"""What browser tests look at on every page: axe's complaints, words that leave the picture, pixels, files."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import numpy as np

from serving import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PIXELS = """async image => {
  const drawn = new Image();
  drawn.src = image.getAttribute("href");
  await drawn.decode();
  const canvas = new OffscreenCanvas(drawn.naturalWidth, drawn.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(drawn, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  return { width, height, data: Array.from(data) };
}"""
OUTSIDE = """() => {
  const scene = document.querySelector("svg.scene"), box = scene.getBoundingClientRect();
  const over = own => own.right > box.right + 1 || own.left < box.left - 1;
  return [...scene.querySelectorAll("text")].filter(it => over(it.getBoundingClientRect())).map(it => it.textContent);
}"""


def axe_finds_nothing(page: Page) -> None:
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    told = [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in found]
    assert not told, json.dumps(told, indent=1)


def no_word_leaves_the_picture(page: Page) -> None:
    assert page.evaluate(OUTSIDE) == []


def pixels(image: Locator) -> np.ndarray:
    """(row, column, RGBA) of an `<image>`, as the browser decodes it."""
    read = image.evaluate(PIXELS)
    return np.array(read["data"], dtype=np.int64).reshape(read["height"], read["width"], 4)


def the_file_opens(page: Page, kind: str) -> None:
    """Takes a figure along as SVG, PNG, CSV or npz."""
    with page.expect_download() as download:
        page.get_by_role("button", name=kind, exact=True).click()
    data = download.value.path().read_bytes()
    if kind == "SVG":
        assert ET.fromstring(data).tag.endswith("svg")
    elif kind == "PNG":
        assert data.startswith(b"\x89PNG")
    elif kind == "CSV":
        assert data.startswith(b"# ")
    else:
        assert len(np.load(io.BytesIO(data)).files) > 5
