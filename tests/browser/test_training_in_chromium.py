"""Training runs in a real Chromium: the curves, the sums read out, the samples, and a run followed while it trains."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from looking import axe_finds_nothing, no_word_leaves_the_picture
from serving import ROOT, process, serving
from small_runs import recipe_file, small, text_file, trained
from unrolled.checkpoints.run_names import note_run
from unrolled.cli import main

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NAMES = ("runs/one", "runs/two")


@dataclass(frozen=True)
class Place:
    """A served guide with two finished runs."""

    address: str
    folder: Path
    list_of_runs: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("watched")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLLED_RUNS", str(folder / "list"))
        changes = ("report_tokens=64", "reports=4", "keep=[0.0, 0.5]")
        for name, seed in zip(NAMES, (3, 4), strict=True):
            trained(small(text_file(folder), f"seed={seed}", *changes), folder / name)
            assert note_run(folder / name) == name
        with serving(env={"UNROLLED_RUNS": str(folder / "list")}) as address:
            yield Place(address, folder, str(folder / "list"))


def show(page: Page, place: Place, *, runs: str = ",".join(NAMES), **state: Any) -> None:
    parts = ["v1", f"runs={runs}"]
    parts += [f"training.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{place.address}/figures/training#{'&'.join(parts)}")
    expect(page.locator("svg.scene")).to_be_visible()


def reopened(page: Page) -> None:
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("svg.scene")).to_be_visible()


def events(place: Place, name: str, kind: str) -> list[dict[str, Any]]:
    lines = (place.folder / name / "log.jsonl").read_text("utf-8").split("\n")
    return [event for event in map(json.loads, filter(None, lines)) if event["event"] == kind]


def learnt(page: Page) -> Locator:
    return page.locator("path.learnt").first


def dot(page: Page, run: int, report: int) -> Locator:
    return page.locator(f'[role=option][data-run="{run}"][data-report="{report}"]')


def test_dots_stand_where_the_log_says(page: Page, place: Place) -> None:
    show(page, place)
    expect(page.locator("[role=option]")).to_have_count(8)
    at = page.locator("[role=option] .dot").evaluate_all(
        "all => all.map(one => [Number(one.getAttribute('cx')), Number(one.getAttribute('cy'))])"
    )
    reports = [event for name in NAMES for event in events(place, name, "heldout")]
    for column, key in enumerate(("tokens", "loss")):  # linear axes: places are a straight line over the numbers
        numbers, places = np.array([each[key] for each in reports]), np.array(at)[:, column]
        line = np.polynomial.Polynomial.fit(numbers, places, 1)
        np.testing.assert_allclose(places, line(numbers), atol=1e-6)
    expect(page.locator("path.kept")).to_have_count(4)
    expect(page.locator("svg.scene")).to_contain_text("unigram entropy")


def test_what_is_read_out_adds_up(page: Page, place: Place) -> None:
    show(page, place, view__at="1-3")
    said = page.locator(".say")
    expect(said).to_contain_text("bits a byte")
    text = (said.text_content() or "").replace(",", "")
    report = events(place, NAMES[1], "heldout")[3]
    loss, power, perplexity = map(
        float, re.findall(r"([\d.]+) nats a token perplexity e\^([\d.]+) = ([\d.]+\d)", text)[0]
    )
    assert loss == power == pytest.approx(report["loss"], abs=1e-4)
    assert f"{math.exp(power):.{len(str(perplexity).partition('.')[2])}f}" == str(perplexity)
    nats, tokens, mean = re.findall(r"([\d.]+) nats ÷ (\d+) tokens = ([\d.]+) nats a token", text)[0]
    assert f"{float(nats) / int(tokens):.4f}" == mean
    per_token, predicted, size, bits = re.findall(
        r"([\d.]+) × (\d+) tokens ÷ (\d+) bytes ÷ ln 2 = ([\d.]+) bits", text
    )[0]
    assert f"{float(per_token) * int(predicted) / int(size) / math.log(2):.4f}" == bits
    assert float(bits) == pytest.approx(report["bits_per_byte"], abs=1e-4)


def test_reports_are_walked_by_keyboard_and_reopen(page: Page, place: Place) -> None:
    show(page, place)
    dot(page, 0, 1).dispatch_event("click")  # dots of two runs may lie on one another
    dot(page, 0, 1).focus()
    expect(page.locator(".say")).to_contain_text("runs/one after")
    page.keyboard.press("ArrowRight")
    expect(dot(page, 0, 2)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(dot(page, 1, 2)).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator(".say")).to_contain_text(f"runs/two after {events(place, NAMES[1], 'heldout')[0]['tokens']:,}")
    expect(page).to_have_url(re.compile(r"training\.view\.at=1-0"))
    reopened(page)
    expect(dot(page, 1, 0)).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(
    ("button", "fragment"),
    [("Perplexity", "view.y=perplexity"), ("Over seconds", "view.x=seconds"), ("Logarithmic axis", "view.log=true")],
)
def test_each_axis_turns_by_keyboard_and_reopens(page: Page, place: Place, button: str, fragment: str) -> None:
    show(page, place)
    before = learnt(page).get_attribute("d")
    page.get_by_role("button", name=button).focus()
    page.keyboard.press("Enter")
    expect(learnt(page)).not_to_have_attribute("d", before or "")
    expect(page).to_have_url(re.compile(re.escape(fragment)))
    turned = learnt(page).get_attribute("d")
    reopened(page)
    expect(page.get_by_role("button", name=button)).to_have_attribute("aria-pressed", "true")
    expect(learnt(page)).to_have_attribute("d", turned or "")


def test_the_window_smooths(page: Page, place: Place) -> None:
    show(page, place, window=1)
    raw = learnt(page).get_attribute("d")
    page.get_by_role("slider", name="window").press("ArrowRight")
    expect(learnt(page)).not_to_have_attribute("d", raw or "")
    expect(page.locator("svg.scene")).to_contain_text("mean of the last 2 measurements")


def test_what_was_written_step_by_step(page: Page, place: Place) -> None:
    show(page, place, panel="samples")
    knob = page.get_by_role("slider", name="Report")
    expect(knob).to_have_attribute("aria-valuetext", "4 of 4")
    knob.press("Home")
    expect(knob).to_have_attribute("aria-valuetext", "1 of 4")
    sample, held_out = events(place, NAMES[0], "sampled")[0], events(place, NAMES[0], "heldout")[0]
    scene = page.locator("svg.scene")
    expect(scene).to_contain_text(f"after {held_out['tokens']:,} tokens, held out {held_out['loss']:.2f} nats a token")
    shown = "".join(page.locator("svg.scene g").first.locator("text.mono").all_text_contents())
    assert squeezed(sample["prompt"] + sample["text"]) == squeezed(shown)
    expect(page).to_have_url(re.compile(r"view\.report=1"))
    reopened(page)
    expect(page.get_by_role("slider", name="Report")).to_have_attribute("aria-valuetext", "1 of 4")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_runs_are_chosen_by_name(page: Page, place: Place) -> None:
    show(page, place, runs=NAMES[0])
    page.get_by_role("button", name="runs/one").click()
    page.get_by_role("checkbox", name="runs/two").check()
    expect(page.get_by_role("listbox")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"runs=runs%2Fone,runs%2Ftwo"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("checkbox", name="runs/two")).to_be_hidden()
    page.get_by_role("tab", name="Table").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("runs/two")


def test_a_name_that_is_not_here_gets_a_sentence(browser: Browser, place: Place) -> None:
    page = browser.new_page()  # the browser notes the refusal in its console
    page.goto(f"{place.address}/figures/training#v1&runs=..%2F..%2Fetc%2Fpasswd")
    expect(page.get_by_role("alert")).to_contain_text("There is no run “../../etc/passwd” here; there are")
    page.close()


def test_a_run_at_work_is_followed(page: Page, place: Place) -> None:
    """Begun by the command; the page shows how it goes on, rests when nobody looks, and says when it is dead."""
    text = text_file(place.folder)
    command = [sys.executable, "-m", "unrolled", "train", "--recipe", str(recipe_file(text)), "--steps", "200000"]
    out = place.folder / "runs" / "live"
    env = {"PYTHONPATH": str(ROOT / "src"), "UNROLLED_RUNS": place.list_of_runs, "OMP_NUM_THREADS": "1"}
    said = (place.folder / "said.txt").open("w", encoding="utf-8")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    with said, process([*command, "--out", str(out)], cwd=place.folder, env=env, output=said) as running:
        while not list((place.folder / "list").glob("runs--live.json")) or not (out / "log.jsonl").exists():
            assert running.poll() is None
            page.wait_for_timeout(100)
        page.goto(f"{place.address}/figures/training")  # what is at work is what the page starts with
        status = page.locator(".status li")
        expect(status).to_contain_text(re.compile(r"runs/live at work: step [\d,]+ of 200,000, .* tokens a second"))
        first = step_of(status)
        expect(status).not_to_contain_text(f"step {first:,} of")
        assert step_of(status) > first
        expect(status).to_contain_text(re.compile(r"last heard of \d+ s ago"))
        page.get_by_role("button", name="Stop following").click()
        rests(page, asked)
        page.get_by_role("button", name="Follow", exact=True).click()
        pretend(page, hidden=True)
        rests(page, asked)
        pretend(page, hidden=False)
        there = step_of(status)
        expect(status).not_to_contain_text(f"step {there:,} of")
        running.kill()
        running.wait()
        expect(status).to_contain_text("stopped at step")
        expect(status).to_contain_text("live --resume")
        expect(page.get_by_role("button", name="Stop following")).to_have_count(0)
        rests(page, asked)
    shutil.rmtree(out)


def step_of(status: Locator) -> int:
    found = re.search(r"step ([\d,]+) of", status.text_content() or "")
    assert found
    return int(found[1].replace(",", ""))


def rests(page: Page, asked: list[str]) -> None:
    """Nothing is asked for longer than the page waits between two questions; one may have been under way."""
    page.wait_for_timeout(400)
    before = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == before


def pretend(page: Page, *, hidden: bool) -> None:
    """As if another tab were in front."""
    page.evaluate(
        """hidden => { Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange")); }""",
        hidden,
    )


@pytest.mark.parametrize("panel", ["curves", "samples"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_command_line_draws_what_the_page_draws(
    page: Page, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, panel: str, scheme: Any
) -> None:
    monkeypatch.setenv("UNROLLED_RUNS", place.list_of_runs)
    page.emulate_media(color_scheme=scheme)
    show(page, place, panel=panel)
    expect(page.locator(".provenance li").first).to_contain_text(
        "recorded earlier by runs/one, trained by unrolled train"
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG").click()
    theirs = Path(download.value.path()).read_text("utf-8")
    width = page.locator(".view").evaluate("it => Math.round(it.clientWidth)")
    words = ["figure", "training", "--panel", panel, "--run", NAMES[0], "--run", NAMES[1]]
    with pytest.raises(SystemExit):
        main([*words, "--out", str(tmp_path / "a.svg"), "--width", str(width), "--scheme", scheme])
    assert (tmp_path / "a.svg").read_text("utf-8") == theirs


def test_a_file_of_it_opens_from_disk(
    browser: Browser, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLLED_RUNS", place.list_of_runs)
    with pytest.raises(SystemExit):
        main(["figure", "training", "--run", NAMES[0], "--out", str(tmp_path / "a.html")])
    context = browser.new_context(offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((tmp_path / "a.html").as_uri())
    expect(page.locator("[role=option]")).to_have_count(4)
    page.get_by_role("button", name="Perplexity").click()  # nothing new is asked for that
    expect(page.locator("svg.scene")).to_contain_text("perplexity")
    page.get_by_role("button", name="samples").click()
    expect(page.get_by_role("slider", name="Report")).to_be_visible()
    page.get_by_role("button", name="curves").click()
    page.get_by_role("slider", name="window").press("ArrowRight")  # to the next value that is recorded
    typed = page.get_by_role("spinbutton", name="window, typed")
    expect(typed).not_to_have_value("4")
    typed.fill("5")
    expect(page.get_by_role("alert")).to_contain_text("unrolled figure training --run runs/one --window 5")
    assert complaints == []
    context.close()


@pytest.mark.parametrize(
    ("width", "scheme", "panel"),
    [(360, "dark", "curves"), (1280, "light", "curves"), (360, "light", "samples"), (1280, "dark", "samples")],
)
def test_axe_finds_nothing_and_nothing_runs_off(page: Page, place: Place, width: int, scheme: Any, panel: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, place, panel=panel)
    page.get_by_role("button", name="runs/one, runs/two").click()
    page.wait_for_timeout(300)
    axe_finds_nothing(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    no_word_leaves_the_picture(page)
