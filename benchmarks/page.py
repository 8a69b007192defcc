"""What a reader feels, in a real Chromium: the first figure, from key to repaint, a dragged number, how much script."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import urllib.request
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.async_api import async_playwright
from playwright.sync_api import sync_playwright
from run import Row

import chromium
from picture import served

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.async_api import CDPSession
    from playwright.sync_api import Browser, Page, Response, ViewportSize

PROMPT = (
    "The keeper of the lighthouse wrote down every ship that passed, and when the winter came he read the names "
    "aloud to the empty room and to the cold and silent"
)
LETTERS = " sea, and it"
VIEW: ViewportSize = {"width": 1280, "height": 900}
DRAGGED, REPORT = 3000, 8  # ms of dragging, ms from one report of the mouse to the next

WATCH = """
addEventListener("DOMContentLoaded", () => {
  Object.assign(window, { changes: [], painted: [], pressed: 0 });
  new MutationObserver(() => changes.push(performance.now()))
    .observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  addEventListener("keydown", () => (pressed = performance.now()), true);
  performance.setResourceTimingBufferSize(10000);
  const frame = () => {
    setTimeout(() => painted.push(performance.now()));
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
});
"""
"""Notes every change of the page, the end of every frame, and the last key."""

REPAINTED = """
async () => {
  const answer = () => performance.getEntriesByType("resource")
    .filter((entry) => entry.name.includes("/api/figures/") && entry.startTime >= pressed).at(-1);
  for (const limit = performance.now() + 10000; performance.now() < limit; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [told, change] = [answer(), changes.at(-1)];
    if (told && change >= told.responseStart && performance.now() - change > 100) {
      return painted.find((end) => end >= change) - pressed;
    }
  }
  throw new Error("no repaint within ten seconds");
}
"""
"""Milliseconds from the last key to the end of the frame with the last change that its answer made."""

FRAMES = """
(milliseconds) => new Promise((resolve) => {
  const begun = performance.now();
  let seen = changes.length, painted = 0, frames = 0;
  const tick = () => {
    frames += 1;
    if (changes.length > seen) painted += 1;
    seen = changes.length;
    if (performance.now() - begun < milliseconds) requestAnimationFrame(tick);
    else resolve([1000 * painted / (performance.now() - begun), 1000 * frames / (performance.now() - begun)]);
  };
  requestAnimationFrame(tick);
})
"""
"""Frames a second in which something on the page changed, and frames a second at all."""


def keystrokes(page: Page, key: str) -> float:
    """Median milliseconds from key to repaint, typing at the text's end or (after Home) at its beginning."""
    field = page.locator("textarea").first
    times = []
    for letter in LETTERS:
        field.press(key)
        page.wait_for_timeout(400)  # what the last letter set off has come to rest
        field.press(letter if letter != " " else "Space")
        times.append(float(page.evaluate(REPAINTED)))
    return median(times)


def typing(page: Page, address: str) -> list[Row]:
    page.goto(f"{address}/figures/next_token#v1&text={quote(PROMPT)}")
    page.locator(".frame svg.scene").first.wait_for(timeout=120_000)
    page.locator("textarea").first.click()
    reused, again = keystrokes(page, "Control+End"), keystrokes(page, "Control+Home")
    name, rival = f"key to repaint, {tokens(address)} tokens", "typing at the text's beginning"
    return [Row(name=name, ours=reused, unit="ms", rival=rival, theirs=again, target="under 80 ms")]


def tokens(address: str) -> int:
    """How many tokens the prompt has, as the server says."""
    body = json.dumps({"models": ["smollm2"], "text": PROMPT, "knobs": {}}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(f"{address}/api/figures/next_token/distribution", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return len(json.load(answer)["data"]["tokens"][0])


async def dragging(address: str) -> list[Row]:
    """A number dragged by a hand that reports every 8 ms, as a mouse does, whether the page has kept up or not."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS)
        page = await browser.new_page(viewport=VIEW, reduced_motion="reduce")
        await page.add_init_script(WATCH)
        await page.goto(f"{address}/figures/attention_calculator")
        await page.get_by_role("gridcell").first.click()
        slider = page.locator(".cell-editor input[type=range]")
        await slider.scroll_into_view_if_needed()
        box = await slider.bounding_box()
        assert box
        middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        await page.mouse.move(middle, height)
        await page.mouse.down()
        counting = asyncio.ensure_future(page.evaluate(FRAMES, DRAGGED))
        hand = await page.context.new_cdp_session(page)
        swings = (middle + box["width"] / 3 * (abs(step % 120 - 60) / 60 - 0.5) for step in range(DRAGGED // REPORT))
        await move(hand, swings, height)
        painted, frames = await counting
        await browser.close()
    name = f"dragged matrix cell, repaints at {frames:.0f} frames/s"
    return [Row(name=name, ours=painted, unit="/s", target="30 /s")]


async def move(hand: CDPSession, places: Iterable[float], height: float) -> None:
    """Each report is sent at its time; Playwright's own mouse would wait for the page to have handled the last."""
    begun, sent = time.perf_counter(), []
    for step, x in enumerate(places, 1):
        moved = {"type": "mouseMoved", "x": x, "y": height, "button": "left", "buttons": 1}
        sent.append(asyncio.ensure_future(hand.send("Input.dispatchMouseEvent", moved)))
        await asyncio.sleep(max(0.0, begun + step * REPORT / 1000 - time.perf_counter()))
    await asyncio.gather(*sent)


def script_size(page: Page, address: str) -> list[Row]:
    """Compressed script that a chapter loads before the reader touches anything."""
    sizes: list[int] = []

    def weigh(response: Response) -> None:
        if response.url.endswith(".js"):
            sizes.append(len(gzip.compress(response.body(), 9)))

    page.on("response", weigh)
    page.goto(f"{address}/guide/what_comes_next", wait_until="networkidle")
    page.remove_listener("response", weigh)
    return [Row(name="script of a chapter, gzipped", ours=sum(sizes) / 1000, unit="kB", target="under 300 kB")]


def first_figure(browser: Browser, address: str) -> list[Row]:
    """From the click on a link until a chapter's first figure shows what its model computed; the model is open."""
    times = []
    for _ in range(4):
        page = browser.new_context(viewport=VIEW).new_page()
        page.goto(f"{address}/guide/what_comes_next", wait_until="commit")
        page.wait_for_selector(".figure svg.scene", timeout=120_000)
        times.append(float(page.evaluate("performance.now()")))
        page.context.close()
    return [Row(name="first figure live", ours=median(times[1:]), unit="ms", target="under 1,000 ms")]


def rows() -> list[Row]:
    with served() as address:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS)
            page = browser.new_page(viewport=VIEW, reduced_motion="reduce")
            page.add_init_script(WATCH)
            found = [*script_size(page, address), *first_figure(browser, address), *typing(page, address)]
            browser.close()
        return [*found, *asyncio.run(dragging(address))]
