"""What tests share: the model under test, a served guide, a real Chromium that reaches 127.0.0.1 and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import chromium
from serving import serving

pytest.register_assert_rewrite("looking")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from unrolled.checkpoints import Model


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, then the browser's, then those that build distributions; a file's tests in one process."""
    for item in items:
        wanted = set(getattr(item, "fixturenames", ()))
        if wanted & {"smollm2", "smollm2_path"}:
            item.add_marker("smollm2")
        if "browser" in wanted:
            item.add_marker("browser")
    order = {"browser": 1, "packaging": 2}
    late = {item: max((order.get(mark.name, 0) for mark in item.iter_markers()), default=0) for item in items}
    items.sort(key=late.__getitem__)
    for item in items:  # Playwright's loop goes on in its process, where asyncio's own can then not start
        item.add_marker(pytest.mark.xdist_group(f"{item.path.stem} {late[item]}"))


@pytest.fixture(scope="session", autouse=True)
def own_list_of_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Trainings of tests do not show up in the guide of whoever runs them, nor theirs in the tests."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("list-of-runs")
        patch.setenv("UNROLLED_RUNS", str(folder))
        yield folder


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


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache: nothing was fetched, unpacked or remembered."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("UNROLLED_CACHE", str(folder))
    return folder
