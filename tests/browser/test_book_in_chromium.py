"""The guide as one, in a real Chromium: search, progress, neighbours, the projector, paper, all without a network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing
from unrolled import guide

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

FIRST, SECOND, *_, LAST = guide.chapters()
PAGES = ("/search", "/bibliography", "/glossary", "/reference", "/reference/python", "/reference/cli")
SIZES = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
SMALL = """() => [...document.querySelectorAll("a, button, input, summary")].filter(it => {
  const box = it.getBoundingClientRect();
  const inline = getComputedStyle(it).display === "inline";
  return box.width && box.height < 24 && !inline && !it.closest(".frame, dialog, .skip");
}).map(it => it.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("path", PAGES)
def test_a_page_beside_the_chapters_is_sound(page: Page, server: str, path: str) -> None:
    page.goto(server + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for width, height, scheme in ((360, 740, "light"), (360, 740, "dark"), (1280, 800, "dark"), (1280, 800, "light")):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        axe_finds_nothing(page)
        wide, shown = page.evaluate(SIZES)
        assert wide <= shown
        assert page.evaluate(SMALL) == []


def test_search_finds_ranks_and_keeps_its_address(page: Page, server: str) -> None:
    page.goto(f"{server}/bibliography")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("jacobian")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{server}/search?q=jacobian")
    shown = page.locator(".finding li:visible")
    expect(page.locator(".count")).to_have_text(re.compile(r"^\d+ found$"))
    assert all("acobian" in (each.get_attribute("data-words") or "") + each.inner_text() for each in shown.all())
    box = page.get_by_role("searchbox")
    box.fill("VANISHING gradIENT")
    expect(page.locator(".finding section:visible").first.get_by_role("link").first).to_have_text(
        re.compile("vanishing gradient", re.IGNORECASE)
    )
    box.fill("induction head")
    expect(shown.first.get_by_role("link")).to_have_text("induction head")
    box.fill("zzzz")
    expect(page.locator(".count")).to_have_text("Nothing has all of these words.")
    assert shown.count() == 0
    page.goto(f"{server}/search?q=merrienboer+properties")
    expect(shown.first).to_contain_text("On the properties of neural machine translation")
    shown.first.get_by_role("link").click()
    expect(page).to_have_url(f"{server}/bibliography#cho2014properties")


def test_progress_is_kept_shown_and_forgotten(page: Page, server: str) -> None:
    page.goto(server)
    expect(page.locator(".go-on")).to_be_hidden()
    page.goto(f"{server}/guide/{FIRST.name}")
    mark = page.locator(f'nav.contents li[data-chapter="{FIRST.name}"]')
    expect(mark).not_to_have_class(re.compile("read"))
    page.goto(server)
    expect(page.locator(".go-on")).to_contain_text(
        f"Go on with {FIRST.title}. 0 of {len(guide.chapters())} chapters read"
    )
    page.locator(".go-on a").click()
    page.locator("nav.turn").scroll_into_view_if_needed()
    expect(mark).to_have_class(re.compile("read"))
    expect(mark.get_by_role("link")).to_have_accessible_name(f"{FIRST.title} (read)")
    axe_finds_nothing(page)
    page.goto(server)
    expect(page.locator(".go-on")).to_contain_text(f"Go on with {SECOND.title}. 1 of")
    page.get_by_role("button", name=re.compile("^Help")).click()
    page.get_by_role("button", name="Forget all this").click()
    expect(page.locator(".go-on")).to_be_hidden()
    expect(page.locator("li.read")).to_have_count(0)


def test_brackets_go_from_chapter_to_chapter(page: Page, server: str) -> None:
    page.goto(f"{server}/glossary")
    for key, name in (("]", FIRST.name), ("]", SECOND.name), ("[", FIRST.name), ("[", FIRST.name)):
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(f"/guide/{name}$|/guide/{name}#"))
        page.wait_for_load_state()  # only then does the page hear keys
    page.goto(f"{server}/guide/{LAST.name}")
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile(f"/guide/{LAST.name}"))


def test_the_projector_shows_one_thing_a_screen(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{server}/guide/how_far")
    page.get_by_role("button", name=re.compile("^Help")).click()
    page.get_by_role("link", name="Large type").click()
    expect(page).to_have_url(re.compile(r"/guide/how_far\?present"))
    figure = page.locator(".prose > .figure").first
    expect(figure.locator("svg").first).to_be_visible()
    tops = []
    for _ in range(3):
        page.keyboard.press("PageDown")
        page.wait_for_timeout(100)
        tops.append(page.evaluate("scrollY"))
    assert tops == sorted(set(tops))
    box = figure.bounding_box()
    assert box is not None
    assert box["height"] <= 1080
    page.keyboard.press("PageUp")
    page.wait_for_timeout(100)
    assert page.evaluate("scrollY") == tops[1]
    axe_finds_nothing(page)
    wide, shown = page.evaluate(SIZES)
    assert wide <= shown
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile(r"/guide/(?!how_far)\w+\?present"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/guide/\w+$|/guide/\w+#"))


def test_on_the_projector_what_is_long_is_read_over_several_screens(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{server}/guide/scale?present")
    figure = page.locator(".prose > .figure").first
    expect(figure.locator("svg.published")).to_be_visible()
    figure.evaluate("it => it.scrollIntoView()")
    written = figure.locator(".entry text").last.evaluate("it => it.getBoundingClientRect().height")
    assert written > 15  # 9 px on 1080 lines before
    screens = 0
    while figure.evaluate("it => it.getBoundingClientRect().bottom") > 1080:
        page.keyboard.press("PageDown")
        page.wait_for_timeout(100)
        screens += 1
        assert screens < 5
    assert screens > 1
    page.keyboard.press("PageUp")
    expect(figure).to_be_in_viewport()
    assert abs(figure.evaluate("it => it.getBoundingClientRect().top") - 76) < 4


def test_paper_has_the_article_and_its_figures_and_nothing_to_press(page: Page, server: str) -> None:
    page.goto(f"{server}/guide/how_far")
    expect(page.locator(".figure svg.scene").first).to_be_visible()
    page.emulate_media(media="print", color_scheme="dark")
    for gone in (".top", "nav.contents", "nav.turn", ".tabs", ".provenance .out", ".guess .reveal"):
        expect(page.locator(gone).first).to_be_hidden()
    for kept in ("h1", ".figure svg.scene", ".sources", ".mathematics math"):
        expect(page.locator(kept).first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").count(b"/Type /Page\n") in range(3, 12)


@pytest.mark.parametrize("path", ["/search", "/glossary", f"/guide/{SECOND.name}"])
def test_without_script_there_is_the_whole_text(context: BrowserContext, server: str, path: str) -> None:
    browser: Any = context.browser
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(server + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if path == "/search":
        assert page.locator("li[data-words]:visible").count() > 100
    if path.startswith("/guide"):
        page.locator('a[rel="next"]').click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.context.close()
