"""Every page as four readers see it: on a phone and on a laptop, light and dark. Says what is wrong with it.

    make look                            the guide, a lesson, and the exported site from disk with the network off
    make look ARGS="guide --only scale"  of the served guide only pages whose address has this word
    make look ARGS="--into looks"        and a picture of each page in each view

Looked for: what axe-core complains of, anything wider than its page, words that leave their picture, figures that say
that they cannot, errors on the console, requests that leave this machine. A test does so for a few pages; this does it
for all of them, which takes a quarter of an hour.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

import chromium
from picture import served

ROOT = Path(__file__).resolve().parents[1]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
LAPTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
SIZES = {"phone": PHONE, "laptop": LAPTOP}
HERE = ("http://127.0.0.1:", "file:", "data:", "blob:")

SETTLED = """() => {
  const places = [...document.querySelectorAll(".figure[data-figure]")];
  const drawn = place => place.querySelector("svg.scene, [role=alert], .sheet table");
  return places.every(drawn) && !document.querySelector(".picture[aria-busy=true], div.waits");
}"""
"""Every figure shows something, and nothing is under way."""

WIDE = """() => {
  const page = document.documentElement;
  return page.scrollWidth > page.clientWidth ? [`${page.scrollWidth} wide on a page of ${page.clientWidth}`] : [];
}"""

OUTSIDE = """() => [...document.querySelectorAll("svg.scene")].flatMap(scene => {
  const box = scene.getBoundingClientRect();
  const out = own => own.width && (own.right > box.right + 1 || own.left < box.left - 1 || own.bottom > box.bottom + 2);
  const words = [...scene.querySelectorAll("text")].filter(it => out(it.getBoundingClientRect()));
  return words.map(it => `${scene.closest(".figure")?.dataset.id}: “${it.textContent}” leaves the picture`);
})"""

UNSAID = """() => [...document.querySelectorAll(".figure[data-figure]")]
  .filter(it => !/recorded earlier|published/.test(it.querySelector(".provenance")?.textContent))
  .map(it => `${it.dataset.id}: does not say that it is recorded`)"""
"""On an exported page, but for what others published."""

ALERTS = """() => [...document.querySelectorAll(".figure [role=alert]")].map(it =>
  `${it.closest(".figure").dataset.id}: ${it.textContent.trim()}`)"""

COMPLAINTS = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(each =>
  `axe, ${each.id}: ${each.nodes.slice(0, 3).map(node => node.html.slice(0, 140)).join(" | ")}`)"""


@dataclass
class Looking:
    """What was found on pages under `root`. `into`: where pictures of them go, if they are wanted."""

    root: str
    into: Path | None = None
    found: list[str] = field(default_factory=list)

    def at(self, browser: Browser, paths: list[str]) -> None:
        """All of these pages in the four views; from disk the network is off."""
        for size, settings in SIZES.items():
            context = browser.new_context(**settings, offline=self.root.startswith("file:"), reduced_motion="reduce")
            for path in paths:
                self.page(context, path, size)
            context.close()

    def page(self, context: BrowserContext, path: str, size: str) -> None:
        """One page on one device: light, then dark."""
        page = context.new_page()
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("console", lambda told: said.append(f"console: {told.text}") if told.type == "error" else None)
        page.on("request", lambda it: None if it.url.startswith(HERE) else said.append(f"asks {it.url}"))
        begun = time.perf_counter()
        try:
            page.goto(f"{self.root}{path}")
            page.wait_for_function(SETTLED, timeout=120_000)
        except Error as error:
            said.append(f"never at rest: {str(error).splitlines()[0]}")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(300)
            said += [complaint for script in self.looked_for() for complaint in page.evaluate(script)]
            self.photograph(page, path, size, scheme)
            told = list(said)
            told += complaints(page)
            said.clear()  # axe asks for style sheets, which a page from disk refuses
            self.found += [f"{path}, {size}, {scheme}: {each}" for each in told]
        print(f"  {path} on a {size}: {time.perf_counter() - begun:.0f} s", flush=True)
        page.close()

    def looked_for(self) -> tuple[str, ...]:
        return (WIDE, OUTSIDE, ALERTS, *([UNSAID] if self.root.startswith("file:") else []))

    def photograph(self, page: Page, path: str, size: str, scheme: str) -> None:
        if self.into:
            name = path.strip("/").removesuffix(".html").replace("/", ".") or "index"
            page.screenshot(path=self.into / f"{name}.{size}.{scheme}.png", full_page=True, animations="disabled")


def complaints(page: Page) -> list[str]:
    """What axe-core says."""
    page.evaluate(AXE.read_text("utf-8"))
    return list(page.evaluate(COMPLAINTS))


def guide_paths() -> list[str]:
    """All pages that a served guide has."""
    from unrolled import guide, pages

    return [*(page.path for page in pages.every(guide.book())), "/reference/cli"]


def files_of(site: Path) -> list[str]:
    return [f"/{path.relative_to(site).as_posix()}" for path in sorted(site.rglob("*.html"))]


def unrolled(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "unrolled", *map(str, arguments)], cwd=ROOT, check=True)


@contextmanager
def the_guide(_: Path) -> Iterator[tuple[str, list[str]]]:
    with served() as address:
        yield address, guide_paths()


@contextmanager
def a_lesson(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The lesson that a teacher begins with, served."""
    unrolled("new-lesson", folder / "lessons" / "lesson.md")
    with served(str(folder / "lessons")) as address:
        yield address, ["/", "/guide/lesson"]


@contextmanager
def the_site(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The whole guide as files: exported now, unless it lies there."""
    if not (folder / "index.html").is_file():
        unrolled("export", folder / "site")
        folder /= "site"
    yield folder.resolve().as_uri(), files_of(folder)


PLACES = {"guide": the_guide, "lessons": a_lesson, "site": the_site}


def main() -> None:
    asked = _arguments()
    if asked.into:
        asked.into.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    executable = chromium.find()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=executable, args=chromium.FLAGS)
        for name in asked.what or PLACES:
            print(f"{name}:", flush=True)
            with PLACES[name](asked.site if name == "site" and asked.site else Path(folder)) as (root, paths):
                wanted = [path for path in paths if not asked.only or any(word in path for word in asked.only)]
                looking = Looking(root, asked.into)
                looking.at(browser, wanted)
                found += looking.found
        browser.close()
    print("\n".join(found) or "Nothing to complain of.")
    sys.exit(1 if found else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make look", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", nargs="*", help="all of them, if none is named")
    parser.add_argument("--only", action="append", help="pages whose address has this word")
    parser.add_argument("--into", type=Path, help="a folder for pictures")
    parser.add_argument("--site", type=Path, help="a site that was exported before")
    return parser.parse_args()


if __name__ == "__main__":
    main()
