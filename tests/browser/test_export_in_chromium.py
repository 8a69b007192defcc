"""Pictures and pages that leave the guide: the command line's SVG is the page's own, byte for byte, and a file of a
figure opens from disk with the network off.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from unrolled.cli import main

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect.set_options(timeout=20_000)
TEXT = "The capital of France is"
Case = tuple[str, list[str], dict[str, str]]
CASES: dict[str, Case] = {
    "overview": ("attention_calculator", [], {}),
    "scores": (
        "attention_calculator",
        ["--view", "stage=scores", "--view", "cell=scores.2.1", "--causal"],
        {"view.stage": "scores", "view.cell": "scores.2.1", "causal": "true"},
    ),
    "weights": (
        "attention_calculator",
        ["--view", "stage=weights", "--x", "[[1,-2],[0.25,3]]"],
        {"view.stage": "weights", "x": "[[1,-2],[0.25,3]]"},
    ),
    "variance": (
        "attention_calculator",
        ["--panel", "variance", "--view", "size=3", "--n-samples", "128"],
        {"panel": "variance", "view.size": "3", "n_samples": "128"},
    ),
    "distribution": ("next_token", ["--temperature", "0.7", "--top-k", "6"], {"temperature": "0.7", "top_k": "6"}),
    "sample": ("next_token", ["--panel", "sample", "--n-tokens", "5"], {"panel": "sample", "n_tokens": "5"}),
    "tree": ("next_token", ["--panel", "tree", "--depth", "3"], {"panel": "tree", "depth": "3"}),
}


def written(folder: Path, *arguments: str) -> Path:
    """The file that the command line writes."""
    with pytest.raises(SystemExit) as end:
        main(["figure", *arguments, "--out", str(folder)])
    assert end.value.code == 0
    return folder


def saved(page: Page, address: str, figure: str, knobs: dict[str, str]) -> str:
    """What the page's own SVG button gives, for the same state."""
    parts = [f"{figure}.{name}={quote(value)}" for name, value in knobs.items()]
    page.goto(f"{address}/figures/{figure}#v1&{'&'.join([f'text={quote(TEXT)}', 'models=smollm2', *parts])}")
    expect(page.locator("svg.scene").last).to_be_visible()
    expect(page.locator(".provenance li").first).to_contain_text("unrolled")
    page.wait_for_timeout(900)  # what moves has come to rest
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG").click()
    return Path(download.value.path()).read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("case", CASES)
def test_the_command_line_draws_what_the_page_draws(
    page: Page, server: str, tmp_path: Path, case: str, scheme: Any
) -> None:
    """Both the geometry (one scene, compiled twice) and every colour and font (Chromium's cascade, and ours)."""
    figure, flags, knobs = CASES[case]
    page.emulate_media(color_scheme=scheme)
    theirs = saved(page, server, figure, knobs)
    scene = page.locator("svg.scene").last.locator("xpath=..")
    width = scene.evaluate("it => Math.round(it.closest('.view').clientWidth)")
    text = ["--text", TEXT, "--model", "smollm2"] if figure == "next_token" else []
    ours = written(tmp_path / "o.svg", figure, *flags, *text, "--width", str(width), "--scheme", scheme).read_text(
        "utf-8"
    )
    assert "var(" not in ours
    for left, right in zip(pieces(ours), pieces(theirs), strict=True):
        assert left == right
    assert ours == theirs


def pieces(svg: str) -> list[str]:
    """Tag by tag, so that a difference can be read."""
    return re.sub(r"<!--.*?-->", "", svg).replace("><", ">\n<").split("\n")
