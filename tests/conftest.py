"""What tests share: the model under test, a served guide, a real Chromium that reaches 127.0.0.1 and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING

import pytest

import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from unrolled.checkpoints import Model

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
START_LIMIT_S = 60.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, then the browser's, then those that build distributions."""
    order = {"browser": 1, "packaging": 2}
    items.sort(key=lambda item: max((order.get(mark.name, 0) for mark in item.iter_markers()), default=0))
    for item in items:
        if {"smollm2", "smollm2_path"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("smollm2")
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def smollm2_path() -> Path:
    """The SmolLM2 weights in the cache. The set-up step puts them there; nothing is fetched while tests run."""
    from unrolled.checkpoints import entry

    known = entry("smollm2")
    if not known.here or known.path is None:
        pytest.fail("SmolLM2 is not in the cache; get it with `unrolled models get smollm2` (`make test` does).")
    return known.path


@pytest.fixture(scope="session")
def smollm2(smollm2_path: Path) -> Model:
    """SmolLM2-135M-Instruct in float32 on the CPU, opened once."""
    from unrolled.checkpoints import open_model

    return open_model("smollm2")


@contextmanager
def serving(*arguments: str, root: Path = ROOT, env: dict[str, str] | None = None) -> Iterator[str]:
    """`python -m unrolled serve` of the tree at `root` on a free port of 127.0.0.1; gives its address."""
    command = [sys.executable, "-m", "unrolled", "serve", "--port", "0", "--no-browser", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONUNBUFFERED": "1", **(env or {})}
    process = subprocess.Popen(
        command, cwd=root, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    )  # fmt: skip
    said: list[str] = []
    reader, address = _address(process, said)
    try:
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(timeout=20)
        assert process.stdout
        process.stdout.close()


def _address(process: subprocess.Popen[str], said: list[str]) -> tuple[threading.Thread, str]:
    """The address that the server prints once it listens; its later output is read on, so that it never blocks."""
    found: Queue[str | None] = Queue()

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            said.append(line)
            if match := ADDRESS.search(line):
                found.put(match[0])
        found.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        address = found.get(timeout=START_LIMIT_S)
    except Empty:
        address = None
    if address is None:
        process.kill()
        process.wait()
        pytest.fail(f"`unrolled serve` did not say within {START_LIMIT_S:.0f} s where it listens:\n{''.join(said)}")
    return reader, address


@pytest.fixture(scope="session")
def server(smollm2_path: Path) -> Iterator[str]:
    """The address of a served guide, shared by the whole session."""
    with serving() as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium. `make test` finds or installs one."""
    from playwright.sync_api import sync_playwright

    try:
        executable = chromium.find()
    except LookupError as error:
        pytest.fail(str(error))
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=chromium.FLAGS)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile. Fails the test if any request went elsewhere than to 127.0.0.1."""
    elsewhere: list[str] = []
    fresh = browser.new_context(viewport={"width": 1280, "height": 900})
    local = ("http://127.0.0.1:", "data:", "blob:")
    fresh.on("request", lambda request: None if request.url.startswith(local) else elsewhere.append(request.url))
    yield fresh
    fresh.close()
    assert not elsewhere, f"requests left 127.0.0.1: {elsewhere}"


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A blank page. Fails the test if a script failed or the console showed an error."""
    complaints: list[str] = []
    blank = context.new_page()
    blank.on("pageerror", lambda error: complaints.append(str(error)))
    blank.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield blank
    assert not complaints, f"the page complained: {complaints}"
