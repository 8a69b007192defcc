"""The first paint is the last: no flash of other colours, and nothing jumps when the fonts come late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

GROUND = {"light": "rgb(252, 251, 248)", "dark": "rgb(21, 23, 26)"}
JUMPS = (
    "window.shift = 0; new PerformanceObserver(l => l.getEntries().forEach(e => window.shift += e.value))"
    ".observe({type: 'layout-shift', buffered: true})"
)


class Gate:
    """Holds a page's requests for some files until it is opened."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.held: list[Route] = []
        self.is_open = False
        page.route(pattern, self.take)

    def take(self, route: Route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.held.append(route)

    def open(self) -> None:
        self.is_open = True
        for route in self.held:
            route.continue_()


@pytest.mark.parametrize(("system", "chosen"), [("light", "dark"), ("dark", "light"), ("dark", None)])
def test_the_colours_are_there_before_the_page_s_script(
    page: Page, server: str, system: Any, chosen: str | None
) -> None:
    page.goto(f"{server}/figures")
    if chosen:
        page.evaluate("theme => localStorage.setItem('unrolled.theme', theme)", chosen)
    gate = Gate(page, "**/assets/index-*.js")
    page.emulate_media(color_scheme=system)
    page.goto(f"{server}/figures?present", wait_until="commit")
    expect(page.get_by_role("heading", name="All figures")).to_be_visible()
    assert page.get_by_role("button", name="Copy link").count() == 0  # its script has not run
    expect(page.locator("body")).to_have_css("background-color", GROUND[chosen or system])
    expect(page.locator("html.present")).to_have_count(1)
    gate.open()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()
    expect(page.get_by_role("button", name=chosen or "auto")).to_be_visible()
    expect(page.locator("body")).to_have_css("background-color", GROUND[chosen or system])


@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (1280, 800)])
@pytest.mark.parametrize("chapter", ["what_comes_next", "many_heads"])
def test_fonts_that_come_late_move_nothing(page: Page, server: str, chapter: str, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.add_init_script(JUMPS)
    gate = Gate(page, "**/*.woff2")
    page.goto(f"{server}/guide/{chapter}", wait_until="commit")
    expect(page.locator("svg.scene").first).to_be_visible()
    assert gate.held
    gate.open()
    page.evaluate("Promise.all(['16px Inter', '18px \"Source Serif 4\"'].map(font => document.fonts.load(font)))")
    page.wait_for_timeout(400)
    assert page.evaluate("window.shift") < 0.02
