"""The widget in JupyterLab and in marimo, in a real Chromium that reaches nothing but 127.0.0.1.

`make notebooks` installs both into an environment of their own and runs this; other runs leave it out.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from serving import ROOT, process

if TYPE_CHECKING:
    import subprocess

    from playwright.sync_api import BrowserContext, Locator, Page

pytestmark = [pytest.mark.notebook, pytest.mark.usefixtures("smollm2_path")]
SHOW = 'unrolled.show("next_token", models=["smollm2"], text="The capital of France is", temperature=0.7)'
CELLS = (
    f"import unrolled\nw = {SHOW}\nw",
    'w.text = "The capital of Italy is"',
    'print("seen:", w.knobs["temperature"], w.text, w.answer().result.top_strings[0][0])',
)
MARIMO = f"""
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import unrolled
    return mo, unrolled


@app.cell
def _(mo, unrolled):
    w = mo.ui.anywidget({SHOW})
    w
    return (w,)


@app.cell
def _(mo, w):
    mo.md(f"seen: {{w.value['knobs']['temperature']}} {{w.value['text']}}")
    return


if __name__ == "__main__":
    app.run()
"""


@contextmanager
def running(folder: Path, module: str, *arguments: str) -> Iterator[str]:
    """A notebook server of the tests' environment, in a folder and with settings of its own; gives its address."""
    python = os.environ.get("UNROLLED_NOTEBOOKS", sys.executable)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = {name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "XDG_CONFIG_HOME")}
    command = [python, "-m", module, *(word.replace("PORT", str(port)) for word in arguments)]
    with (
        (folder / "log").open("w", encoding="utf-8") as log,
        process(command, cwd=folder, env={**home, "PYTHONPATH": str(ROOT / "src")}, output=log) as started,
    ):
        address = f"http://127.0.0.1:{port}"
        wait_for(address, started, folder / "log")
        yield address


def wait_for(address: str, started: subprocess.Popen[str], log: Path) -> None:
    for _ in range(600):
        if started.poll() is not None:
            pytest.fail(f"the notebook server ended: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the notebook server does not answer: {log.read_text()[-2000:]}")


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Notebooks have errors of their own on the console; ours would leave the picture out. `context` sees requests."""
    return context.new_page()


def first_bar(page: Page) -> Locator:
    return page.get_by_role("group", name="next tokens").get_by_role("button").first


def turn_temperature(page: Page, value: str) -> None:
    box = page.get_by_role("spinbutton", name=re.compile("temperature")).first
    box.fill(value)
    box.press("Enter")


def test_jupyterlab(page: Page, tmp_path: Path) -> None:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**cell, "id": f"c{number}", "source": source} for number, source in enumerate(CELLS)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (tmp_path / "demo.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
    )
    server = (
        "--no-browser",
        "--ServerApp.token=",
        "--ServerApp.password=",
        "--ServerApp.allow_root=True",
        "--ServerApp.port=PORT",
    )
    with running(
        tmp_path,
        "jupyterlab",
        *server,
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ) as address:
        page.goto(f"{address}/lab/tree/demo.ipynb")
        page.locator(".jp-Notebook .jp-Cell").first.click()
        expect(page.get_by_role("button", name=re.compile("Idle"))).to_be_visible()
        page.keyboard.press("Shift+Enter")
        expect(first_bar(page)).to_contain_text("Paris")
        page.keyboard.press("Shift+Enter")  # Python sets the text: the picture follows
        expect(first_bar(page)).to_contain_text("Rome")
        turn_temperature(page, "0.25")  # the reader turns a knob: Python sees it
        page.wait_for_timeout(800)
        page.locator(".jp-Notebook .jp-Cell").nth(2).click()
        page.keyboard.press("Shift+Enter")
        expect(page.get_by_text("seen: 0.25 The capital of Italy is Rome")).to_be_visible()
        page.get_by_role("textbox", name="Text").last.fill("The capital of Spain is")
        expect(first_bar(page)).to_contain_text("Madrid")


def test_marimo(page: Page, tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(MARIMO)
    command = ("run", "demo.py", "--headless", "--no-token", "--host", "127.0.0.1", "--port", "PORT")
    with running(tmp_path, "marimo", *command) as address:
        page.goto(address)
        expect(first_bar(page)).to_contain_text("Paris")
        turn_temperature(page, "0.25")
        page.get_by_role("textbox", name="Text").fill("The capital of Italy is")
        expect(first_bar(page)).to_contain_text("Rome")
        expect(page.get_by_text("seen: 0.25 The capital of Italy is")).to_be_visible()
