"""Lighthouse on three chapters, desktop preset: performance and accessibility, of 100.

`make bench` installs it beside .venv (scripts/environment.py); where that cannot be, this part says so and is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from run import Row

import chromium
from picture import served

CHAPTERS = ("order_matters", "asking_and_answering", "what_comes_next")
"""A chapter of many models and figures, one of arithmetic only, one with SmolLM2."""
CATEGORIES = ("performance", "accessibility")
FLAGS = " ".join(["--headless=new", *chromium.FLAGS])
PATIENCE = 300  # seconds


def report(node: str, script: Path, address: str, into: Path) -> dict[str, Any]:
    """What Lighthouse says of one page."""
    command = [
        node, str(script), address, "--preset=desktop", f"--only-categories={','.join(CATEGORIES)}",
        "--output=json", f"--output-path={into}", "--quiet", f"--chrome-flags={FLAGS}",
    ]  # fmt: skip
    env = {**os.environ, "CHROME_PATH": chromium.find() or os.environ.get("CHROME_PATH", "")}
    subprocess.run(command, env=env, check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL)
    return dict(json.loads(into.read_text("utf-8")))


def rows() -> list[Row]:
    told = os.environ.get("UNROLLED_LIGHTHOUSE", "")
    if not told:
        print("  left out: Lighthouse is not here and could not be installed")
        return []
    node, script = told.split(os.pathsep)
    found = []
    with served() as address, tempfile.TemporaryDirectory() as folder:
        for chapter in CHAPTERS:
            said = report(node, Path(script), f"{address}/guide/{chapter}", Path(folder) / f"{chapter}.json")
            for category in CATEGORIES:
                score = 100 * said["categories"][category]["score"]
                name = f"Lighthouse, {category} of {chapter}"
                found.append(Row(name=name, ours=score, unit="of 100", target="95 and up"))
    return found
