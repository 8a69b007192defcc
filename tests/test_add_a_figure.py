"""docs/add-a-figure.md is true: its two files, and nothing else, make a figure that every door has."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import build_page
from serving import ROOT, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = "The capital of France is Paris"
FILE = re.compile(r"^`((?:src|web)/\S+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "node_modules", "build", "dist", "__pycache__", "page", ".*_cache", ".hypothesis", "generated.ts"
)


def run(tree: Path, *arguments: str) -> str:
    """Python in the copied tree; what it printed."""
    env = {**os.environ, "PYTHONPATH": str(tree / "src")}
    done = subprocess.run([sys.executable, *arguments], cwd=tree, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the document's files added, its types written and its page built."""
    assert build_page.has_modules(ROOT), "web/node_modules is out of date; `make test` installs it"
    tree = tmp_path_factory.mktemp("added") / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    files = dict(FILE.findall((ROOT / "docs" / "add-a-figure.md").read_text(encoding="utf-8")))
    assert set(files) == {"src/unrolled/figures/unexpected.py", "web/src/views/unexpected.svelte"}
    for name, code in files.items():
        assert not (tree / name).exists(), f"{name} is in the project already; the document should add another figure"
        (tree / name).write_text(code, encoding="utf-8")
    (tree / "web" / "node_modules").symlink_to(ROOT / "web" / "node_modules", target_is_directory=True)
    run(tree, "-m", "unrolled.schema")
    run(tree, "scripts/build_page.py")
    return tree


@pytest.fixture(scope="module")
def address(tree: Path, smollm2_path: Path) -> Iterator[str]:
    with serving(root=tree) as address:
        yield address


def get(url: str, body: dict[str, Any] | None = None) -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(url, data=json.dumps(body).encode() if body else None, headers=headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def answered(tree: Path, smollm2_path: Path) -> Any:
    """What the command line says."""
    asked = ("figure", "unexpected", "--model", "smollm2", "--text", TEXT, "--json")
    return json.loads(run(tree, "-m", "unrolled", *asked))


def test_the_document_passes_the_linter(tree: Path) -> None:
    name = "src/unrolled/figures/unexpected.py"
    run(tree, "-m", "ruff", "check", "--no-cache", name)
    run(tree, "-m", "ruff", "format", "--no-cache", "--check", name)


def test_types_are_generated(tree: Path) -> None:
    generated = (tree / "web" / "src" / "generated.ts").read_text(encoding="utf-8")
    assert "export interface UnexpectedBits" in generated


def test_command_line_has_it_and_its_numbers_are_next_token_s(tree: Path, answered: Any) -> None:
    """The last token's surprise is −log₂ of what `next_token` gives it after the same text."""
    prefix = TEXT.removesuffix(" Paris")
    asked = ("figure", "next_token", "--model", "smollm2", "--text", prefix, "--json")
    following = json.loads(run(tree, "-m", "unrolled", *asked))["data"]
    paris = following["top_probabilities"][0][following["top_strings"][0].index(" Paris")]
    data = answered["data"]
    assert data["strings"] == [" capital", " of", " France", " is", " Paris"]
    assert data["bits"][-1] == pytest.approx(-math.log2(paris), abs=1e-4)
    assert data["mean_bits"] == pytest.approx(sum(data["bits"]) / 5)


def test_server_has_it_and_says_the_same(address: str, answered: Any) -> None:
    assert "unexpected" in [figure["name"] for figure in get(f"{address}/api/catalogue")["figures"]]
    said = get(f"{address}/api/figures/unexpected/bits", {"models": ["smollm2"], "text": TEXT, "knobs": {}})
    assert said["data"]["strings"] == answered["data"]["strings"]
    assert said["data"]["bits"] == pytest.approx(answered["data"]["bits"], abs=1e-4)


def test_page_draws_it(address: str, page: Page, answered: Any) -> None:
    page.goto(f"{address}/figures/unexpected#v1&text={TEXT.replace(' ', '%20')}")
    rows = page.locator("svg.scene [data-token]")
    rows.nth(4).wait_for(timeout=60_000)
    assert [row.get_attribute("data-token") for row in rows.all()] == answered["data"]["strings"]
    rows.nth(4).hover()
    page.get_by_text(f"= {answered['data']['bits'][-1]:.2f} bits").wait_for()
    assert page.get_by_role("heading", name="Which words did the model not see coming?").count() == 1
    assert page.get_by_label("temperature").count() >= 1
