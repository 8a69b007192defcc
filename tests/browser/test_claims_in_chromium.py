"""The claims and the report in a real Chromium: rows lead to claims, what is drawn stands where the numbers say, keys,
links, files, own results, axe, small and dark, paper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import expect

import planted_report
from looking import axe_finds_nothing, no_word_leaves_the_picture, the_file_opens
from serving import serving
from unrolled.experiments._catalogue import claims
from unrolled.experiments._results import keep_result, own_folder, recorded
from unrolled.experiments._told import told
from unrolled.figures import answer, figure
from unrolled.progress import finish
from unrolled.reporting import _page

if TYPE_CHECKING:
    from playwright.sync_api import Page


def show(page: Page, server: str, claim: str = "", **state: str) -> None:
    said = {"panel": "claim", "claim": claim} if claim else {}
    said |= {key.replace("__", "."): value for key, value in state.items()}
    page.goto(f"{server}/figures/claims#{'&'.join(['v1', *(f'claims.{k}={v}' for k, v in said.items())])}")
    expect(page.locator(f"svg.scene.{'claim' if claim else 'verdicts'}")).to_be_visible()


def test_a_row_leads_to_its_claim_and_back(page: Page, server: str) -> None:
    show(page, server)
    rows = page.locator("svg.scene.verdicts [data-pick]")
    expect(rows).to_have_count(len(claims()))
    page.locator("[data-pick=root_d_k]").hover()
    expect(page.locator(".say")).to_contain_text("7. Without √d")
    page.locator("[data-pick=root_d_k]").click()
    expect(page.locator("svg.scene.claim")).to_contain_text("What would change the verdict")
    expect(page.locator("svg.scene.claim")).to_contain_text("unrolled reproduce --only root_d_k")
    expect(page.get_by_label("claim", exact=True)).to_have_value("root_d_k")
    expect(page).to_have_url(re.compile("claims.panel=claim.*root_d_k|root_d_k.*claims.panel=claim"))
    page.get_by_role("button", name="All verdicts").click()
    expect(page.locator("[data-pick=root_d_k]")).to_have_attribute("tabindex", "0")


def test_keys_walk_the_rows_and_open_one(page: Page, server: str) -> None:
    show(page, server)
    page.locator("[data-pick]").first.focus()
    page.keyboard.press("ArrowDown")
    second = list(claims().values())[1]
    expect(page.locator(f"[data-pick={second.name}]")).to_be_focused()
    expect(page.locator(".say")).to_contain_text(f"{second.number}. {second.says[:20]}")
    page.keyboard.press("Enter")
    expect(page.locator("svg.scene.claim")).to_contain_text(f"unrolled reproduce --only {second.name}")


def test_points_and_intervals_stand_where_the_numbers_say(page: Page, server: str) -> None:
    show(page, server, "root_d_k")
    found = finish(answer(figure("claims").panel("claim"), {"claim": "root_d_k"})).result
    series = np.array(found.series_plot)[found.point_series]
    for plot in (0, 1):
        mine = series == plot
        drawn = page.locator(f'[data-pick^="{plot}."]').evaluate_all(
            "all => all.map(p => ['x', 'y', 'low', 'high'].map(k => +p.dataset[k]))"
        )
        x, y, low, high = np.array(drawn).T
        for place, values in ((x, found.point_x), (y, found.point_mean)):
            logs = np.log(values[mine])
            fit = np.polyfit(logs, place, 1)
            np.testing.assert_allclose(np.polyval(fit, logs), place, atol=0.1)
        np.testing.assert_allclose(np.polyval(fit, np.log(found.point_low[mine])), low, atol=0.1)
        np.testing.assert_allclose(np.polyval(fit, np.log(found.point_high[mine])), high, atol=0.1)
    page.locator('[data-pick="0.0.0"]').focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".say")).to_contain_text("16: variance 16.03 (15.95 to 16.1, 5 values)")
    expect(page).to_have_url(re.compile(r"view\.point=0\.0\.1"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".say")).to_contain_text("16: variance 16.03")
    for ending in ("SVG", "PNG", "CSV"):
        the_file_opens(page, ending)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light"), (360, "light"), (1280, "dark")])
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, server: str, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for claim in ("", "path_lengths", "vanishing_gradient", "perplexity"):
        show(page, server, claim)
        axe_finds_nothing(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        no_word_leaves_the_picture(page)


def test_an_own_result_is_shown_and_a_damaged_one_is_told(page: Page, cache: Path) -> None:
    ours = recorded("root_d_k")
    assert ours is not None
    keep_result(ours, own_folder())
    with serving(env={"UNROLLED_CACHE": str(cache)}) as address:
        show(page, address)
        expect(page.locator(".verdicts .own")).to_have_count(1)
        expect(page.locator("[data-pick=root_d_k]")).to_have_accessible_name(re.compile("Run on this machine"))
        show(page, address, "root_d_k")
        expect(page.locator("svg.scene.claim")).to_contain_text("run on this machine")


@pytest.fixture(scope="module")
def report() -> str:
    """The report on planted claims, one of each verdict, and a real one."""
    shown = (*planted_report.told(), told("path_lengths"))
    pictures = {
        (each.claim.name, i): _page.picture(plot, f"{each.claim.name}-{i}")
        for each in shown
        for i, plot in enumerate(each.plots)
    }
    return _page.page(shown, pictures)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light"), (360, "light"), (1280, "dark")])
def test_the_report_on_every_screen(page: Page, report: str, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.set_content(report)
    assert page.evaluate(
        "document.fonts.ready.then(() => [...document.fonts].filter(f => f.status === 'loaded').length)"
    )
    kind, other = ("narrow", "wide") if width == 360 else ("wide", "narrow")
    expect(page.locator(f"figure svg.{kind}").first).to_be_visible()
    expect(page.locator(f"figure svg.{other}").first).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.querySelector('td')).borderBottomStyle") in ("solid", "none")
    axe_finds_nothing(page)


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_report_on_paper(page: Page, report: str, paper: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_content(report)
    assert page.pdf(format=paper).count(b"/Type /Page\n") in range(5, 14)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(29, 28, 26)"
    expect(page.locator("figure svg.wide").first).to_be_visible()


def test_powers_of_ten_have_their_exponents_raised(page: Page, server: str) -> None:
    show(page, server, "vanishing_gradient")
    raised = page.locator("svg.scene.claim .mono tspan").all_text_contents()
    assert {"12", "−12"} <= set(raised)
    shown = page.locator("svg.scene.claim .mono:has(tspan)").first.text_content()
    assert shown is not None
    assert re.fullmatch(r"10−?\d+", shown)
