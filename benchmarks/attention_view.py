"""All heads of a text, from the end of the forward pass to a picture in Chromium, against BertViz on the same model.

Ours is the figure `heads` through the server: the overview of 144 heads and one head large. Theirs is the html file
of `head_view`, which draws one layer, written and opened from disk; scripts that it wants from a CDN are given to it at
once. BertViz' `model_view`, which draws all heads as ours does, is measured at 64 tokens only.

Ours is opened three times and the median counts; loading the page is part of it. Bytes: all that the browser received,
scripts and fonts too. Memory: the most that the process held which makes the view, with torch and the model in it; the
browser's comes on top and is not counted. Four minutes, half of them for the last of the three lengths.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import peers
import psutil
import random_gpt2
from playwright.sync_api import Error, sync_playwright
from run import Row

import chromium
from picture import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

LENGTHS = (64, 256, 512)
PATIENCE = 120  # seconds until there is a picture
LARGE = "image.weights, image.navigation"  # one head large: every weight, or of a long text all of it in small

PAINTED = """
([selectors, patience]) => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error("no picture")), 1000 * patience);
  const decoded = async (href) => {
    const image = new Image();
    image.src = href;
    await image.decode();
  };
  const look = async () => {
    const found = selectors.map((selector) => document.querySelector(selector));
    if (found.includes(null)) return requestAnimationFrame(look);
    await Promise.all(found.map((one) => one.getAttribute("href")).filter(Boolean).map(decoded));
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() / 1000)));
  };
  look();
})
"""
"""Seconds from the beginning of navigation to the end of the frame in which all of these are on the page."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What one view cost."""

    seconds: float
    sent: int
    peak: int


def rows() -> list[Row]:
    with random_gpt2.folder() as folder, browser() as chrome, server("--model", str(folder)) as (address, process):
        return [row for n in LENGTHS for row in compared(chrome, address, process, folder, n)]


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS)
        yield launched
        launched.close()


@contextmanager
def server(*arguments: str) -> Iterator[tuple[str, psutil.Process]]:
    """Our guide: its address, and its process."""
    with served(*arguments) as address:
        yield address, next(each for each in psutil.Process().children() if "unrolled" in each.cmdline())


def compared(chrome: Browser, address: str, process: psutil.Process, folder: Path, n: int) -> list[Row]:
    words = random_gpt2.text(n)
    read(address, str(folder), words)
    with peak_of(process) as peak:
        views = [view(chrome, address, str(folder), words, peak) for _ in range(3)]
    ours = sorted(views, key=lambda each: each.seconds)[1]
    found = rows_of(f"12 × 12 heads, {n} tokens", ours, "BertViz head_view", theirs(chrome, folder, n, "head_view"))
    if n == LENGTHS[0]:
        found += rows_of("the same", ours, "BertViz model_view", theirs(chrome, folder, n, "model_view"))
    return found


def rows_of(name: str, ours: View, rival: str, theirs: View | str) -> list[Row]:
    """Time, bytes and memory; of a rival that died, what became of it."""
    if isinstance(theirs, str):
        rival, theirs_ = f"{rival}: {theirs}", None
    else:
        theirs_ = theirs
    rows = []
    for what, field, unit, size, target in MEASURED:
        ours_value, value = getattr(ours, field) / size, getattr(theirs_, field) / size if theirs_ else None
        rows.append(Row(name=f"{name}: {what}", ours=ours_value, unit=unit, rival=rival, theirs=value, target=target))
    return rows


MEASURED = (
    ("to the picture", "seconds", "s", 1, "under 1 s"),
    ("sent", "sent", "MB", 1e6, "under 1 MB"),
    ("memory", "peak", "GB", 1e9, ""),
)


def read(address: str, model: str, text: str) -> float:
    """Has the model read a text, by asking for one weight of it; gives the seconds. What was recorded is kept."""
    body = {"models": [model], "text": text, "knobs": {"size": 1}}
    headers = {"Content-Type": "application/json"}
    begun = time.perf_counter()
    request = urllib.request.Request(f"{address}/api/figures/heads/map", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=900) as answer:
        answer.read()
    return time.perf_counter() - begun


def view(chrome: Browser, address: str, model: str, text: str, peak: Peak) -> View:
    """Ours, of a text that the model has read."""
    page = chrome.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    received = received_by(page)
    state = f"v1&text={quote_plus(text)}&models={quote_plus(model)}"
    seconds = painted(page, f"{address}/figures/heads#{state}", ["image.thumbnails", LARGE])
    highest = peak.bytes
    page.wait_for_timeout(200)  # the last of what is told arrives
    page.close()
    return View(seconds=seconds, sent=sum(received.values()), peak=highest)


def received_by(page: Page) -> dict[str, float]:
    """Request -> bytes that came over the wire; of an answer that has not ended, what was read of it so far."""
    received: dict[str, float] = {}
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")

    def more(event: dict[str, Any]) -> None:
        received[event["requestId"]] = received.get(event["requestId"], 0) + event["dataLength"]

    wire.on("Network.dataReceived", more)
    wire.on("Network.loadingFinished", lambda event: received.update({event["requestId"]: event["encodedDataLength"]}))
    return received


def theirs(chrome: Browser, folder: Path, n: int, name: str) -> View | str:
    """BertViz' view, or what became of it."""
    with tempfile.TemporaryDirectory(prefix="unrolled-bench-") as where:
        file = Path(where) / "view.html"
        try:
            made = peers.ask(
                "bertviz_page.py",
                model=str(folder),
                ids=random_gpt2.ids(n),
                tokens=random_gpt2.text(n).split(),
                view=name,
                into=str(file),
            )
        except peers.Died as fate:
            return str(fate)
        page = chrome.new_page(viewport={"width": 1280, "height": 900})
        page.route("https://cdnjs.cloudflare.com/**", from_npm)
        try:
            seconds = made["seconds"] + painted(page, file.as_uri(), ["#vis svg line"])
        except Error:
            size = made["bytes"] / 1e6
            return f"{size:.0f} MB in {made['seconds']:.0f} s, {made['peak'] / 1e9:.1f} GB, then no picture"
        finally:
            page.close()
        return View(seconds=seconds, sent=made["bytes"], peak=made["peak"])


def from_npm(route: Route) -> None:
    """What the CDN would give."""
    files = {"d3": "d3/dist/d3.min.js", "jquery": "jquery/dist/jquery.min.js", "require.js": "requirejs/require.js"}
    name = route.request.url.split("/")[5]
    route.fulfill(path=peers.folder() / "js" / "node_modules" / files[name], content_type="text/javascript")


def painted(page: Page, address: str, selectors: list[str]) -> float:
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(address, wait_until="commit")
    page.wait_for_selector(selectors[0], state="attached")
    return float(page.evaluate(PAINTED, [selectors, PATIENCE]))


class Peak:
    """The most memory that a process has held, looked at every few milliseconds."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._stop = process, threading.Event()
        self.bytes = self.first = process.memory_info().rss

    def look(self) -> None:
        while not self._stop.wait(0.005):
            self.bytes = max(self.bytes, self._process.memory_info().rss)

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def peak_of(process: psutil.Process) -> Iterator[Peak]:
    peak = Peak(process)
    looking = threading.Thread(target=peak.look)
    looking.start()
    try:
        yield peak
    finally:
        peak.stop()
        looking.join()
