"""The parts of the page in a real Chromium: stages, cells, knobs, samples, trees, chat, exports, what is kept.

The last tests compile the scenes for the server, as an export without a browser needs them.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from playwright.sync_api import expect

from build_page import any_node
from serving import ROOT
from unrolled.figures import answer, attention_calculator, figure
from unrolled.figures._arithmetic import number
from unrolled.progress import finish

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Locator, Page

    from unrolled.checkpoints import Model

CALCULATOR, NEXT = "/figures/attention_calculator", "/figures/next_token"
WEB = ROOT / "web"


def cell(page: Page, name: str) -> Locator:
    return page.get_by_role("gridcell", name=re.compile(f"^{re.escape(name)}:"))


def bars(page: Page) -> Locator:
    return page.get_by_role("group", name="next tokens").get_by_role("button")


def text_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Text that the models read")


def said(page: Page) -> Locator:
    return page.locator(".frame .say").first


def stage(page: Page) -> Locator:
    return page.locator("[aria-current=step]")


# ---- the calculator


def test_stages_step_by_button_and_by_arrow(page: Page, server: str) -> None:
    page.goto(server + CALCULATOR)
    expect(stage(page)).to_have_accessible_name(re.compile("^All"))
    page.get_by_role("button", name="Next", exact=True).click()
    expect(stage(page)).to_have_accessible_name(re.compile("^X"))
    stage(page).focus()
    page.keyboard.press("ArrowRight")
    expect(stage(page)).to_have_accessible_name(re.compile("queries, keys and values"))
    expect(said(page)).to_contain_text(attention_calculator.steps().query_arithmetic[0][0])


def test_a_cell_is_typed_and_escape_takes_it_back(page: Page, server: str) -> None:
    page.goto(f"{server}{CALCULATOR}#v1&attention_calculator.view.stage=input")
    cell(page, "X of t2, dimension 2").click()
    page.keyboard.type("-1.25")
    page.keyboard.press("Enter")
    expect(cell(page, "X of t2, dimension 2")).to_have_accessible_name(re.compile(r": −1\.25"))
    expect(cell(page, "X of t2, dimension 2")).to_be_focused()
    page.keyboard.type("9")
    page.keyboard.press("Escape")
    expect(cell(page, "X of t2, dimension 2")).to_have_accessible_name(re.compile(r": −1\.25"))
    page.get_by_role("button", name="Reset X").click()
    expect(cell(page, "X of t2, dimension 2")).to_have_accessible_name(re.compile(r": 0\.90"))


def test_d_k_cuts_an_edited_matrix_and_gives_it_back(page: Page, server: str) -> None:
    page.goto(f"{server}{CALCULATOR}#v1&attention_calculator.view.stage=projections")
    edited = page.locator('[data-matrix="w_query"][data-row="0"][data-column="3"]')
    edited.click()
    page.keyboard.type("0.7")
    page.keyboard.press("Enter")
    expect(edited).to_have_accessible_name(re.compile(r": 0\.70"))
    slider = page.get_by_role("slider", name=re.compile("^d ?k$"))
    slider.fill("2")
    expect(page.locator('[data-matrix="w_query"]')).to_have_count(8)
    expect(page.get_by_role("alert")).to_have_count(0)
    slider.fill("6")
    expect(page.locator('[data-matrix="w_query"]')).to_have_count(24)
    expect(edited).to_have_accessible_name(re.compile(r": 0\.70"))


def test_what_is_read_out_stands_under_the_picture_on_a_phone(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{server}{CALCULATOR}#v1&attention_calculator.view.stage=weights")
    expect(page.locator("svg.scene").first).to_be_visible()
    picture, line, editor = (page.locator(one).first.bounding_box() for one in ("svg.scene", ".say", ".cell-editor"))
    assert picture
    assert line
    assert editor
    assert picture["y"] + picture["height"] <= line["y"] <= editor["y"]
    assert line["y"] - picture["y"] - picture["height"] < 60


def test_symbols_are_set_as_symbols_and_a_choice_has_one_control(page: Page, server: str) -> None:
    page.goto(f"{server}{CALCULATOR}#v1&attention_calculator.panel=variance")
    samples = page.get_by_role("combobox")
    expect(samples).to_have_value("512")
    assert page.locator(".knob", has=samples).locator("input").count() == 0
    description = page.locator(".knob", has=samples).locator("p")
    expect(description.locator("sub")).to_have_text("k")
    expect(description).not_to_contain_text("_")
    expect(said(page)).to_contain_text("Point at")
    page.get_by_role("tab", name="Table").click()
    names = page.locator(".sheet thead th code")
    expect(names.first).to_have_text("d_k")  # a field's name is code, as in Python and in the files
    assert "scaled_variance" in names.all_inner_texts()
    plain = "one => [...one.childNodes].filter(it => it.nodeName !== 'CODE').map(it => it.textContent).join('')"
    words = page.locator(".sheet caption, .sheet th").evaluate_all(f"all => all.map({plain})")
    assert not [said for said in words if "_" in said]


# ---- next_token


def test_a_sample_streams_and_is_stopped(context: BrowserContext, server: str) -> None:
    page = context.new_page()
    page.goto(f"{server}{NEXT}#v1&next_token.panel=sample&next_token.n_tokens=64&next_token.seed=3")
    running = page.locator(".running")
    expect(running).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("alert")).to_contain_text("Stopped before it was done.")
    expect(running).to_be_hidden()
    page.get_by_role("slider", name=re.compile("^n ?tokens$")).fill("4")
    expect(page.get_by_role("group", name="the tokens drawn").get_by_role("img")).to_have_count(4)
    page.get_by_role("button", name="Go on with this").click()
    expect(text_box(page)).not_to_have_value("The capital of France is")
    page.get_by_role("button", name="Take back").click()
    expect(text_box(page)).to_have_value("The capital of France is")


def test_a_tree_s_node_takes_its_whole_path(page: Page, server: str, smollm2: Model) -> None:
    page.goto(f"{server}{NEXT}#v1&next_token.panel=tree&next_token.width=2&next_token.depth=2")
    nodes = page.get_by_role("group", name="ways on").get_by_role("button")
    expect(nodes).to_have_count(6)
    asked = answer(
        figure("next_token").panel("tree"), {"width": 2, "depth": 2}, models=[smollm2], text="The capital of France is"
    )
    found = finish(asked).result
    last = int(np.flatnonzero(found.depth[0] == 2)[0])
    path = found.strings[0][int(found.parent[0][last])] + found.strings[0][last]
    nodes.filter(has_text=re.compile(re.escape(found.strings[0][last].strip()))).first.hover()
    expect(said(page)).to_contain_text("Choose it to take the whole path")
    page.locator(f"svg.scene .node >> nth={last}").click()
    expect(text_box(page)).to_have_value("The capital of France is" + path)


def test_a_chat_s_reply_grows_and_empties(page: Page, server: str) -> None:
    page.goto(f"{server}{NEXT}#v1&text=Say+hello.&next_token.chat=true")
    reply = page.locator(".chat p", has_text="Reply")
    expect(bars(page).first).to_be_visible()
    for _ in range(2):
        before = reply.text_content()
        bars(page).first.click()
        expect(reply).not_to_have_text(before or "")
    expect(text_box(page)).to_have_value("Say hello.")
    page.get_by_role("button", name="Empty the reply").click()
    expect(reply).to_have_text(re.compile(r"^Reply\s*▍$"))


def test_half_a_character_says_why_it_cannot_be_taken(page: Page, server: str) -> None:
    page.goto(f"{server}{NEXT}#v1&text=%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80&next_token.top_n=50")
    half = page.get_by_role("group", name="next tokens").locator(".bar:not(.takes):not(.rest)").first
    expect(half).to_contain_text(re.compile("‹[0-9A-F]{2}"))
    before = text_box(page).input_value()
    half.hover()
    expect(said(page)).to_contain_text("It is not whole text, so it cannot be appended.")
    half.click()
    assert text_box(page).input_value() == before


def test_a_long_text_shows_progress_and_is_stopped(context: BrowserContext, server: str) -> None:
    page = context.new_page()
    page.goto(server + NEXT)
    expect(bars(page).first).to_be_visible()
    text_box(page).fill("one two three four five six seven " * 700)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("alert")).to_contain_text("Stopped before it was done.")
    text_box(page).fill("The capital of Spain is")
    expect(bars(page).first).to_contain_text("Madrid")
    expect(page.get_by_role("alert")).to_have_count(0)


# ---- what is kept, and where it goes


def test_the_text_comes_along_until_it_is_forgotten(page: Page, server: str) -> None:
    page.goto(f"{server}/guide/what_comes_next")
    expect(bars(page).first).to_contain_text("Paris")
    text_box(page).fill("The capital of Italy is")
    expect(bars(page).first).to_contain_text("Rome")
    page.goto(f"{server}/")
    expect(text_box(page)).to_have_value("The capital of Italy is")
    expect(bars(page).first).to_contain_text("Rome")
    expect(page).to_have_url(re.compile("Italy"))  # so that the address can be passed on
    page.goto("about:blank")
    page.goto(f"{server}/#v1&text=The+capital+of+Spain+is")
    expect(bars(page).first).to_contain_text("Madrid")
    page.goto("about:blank")
    page.goto(f"{server}/#v1&next_token.temperature=0.5")  # a link that leaves the text out means the page's own
    expect(text_box(page)).to_have_value("The capital of France is")
    page.goto("about:blank")
    page.goto(f"{server}/")
    expect(text_box(page)).to_have_value("The capital of Italy is")
    page.keyboard.press("?")
    page.get_by_role("button", name="Forget all this").click()
    expect(text_box(page)).to_have_value("The capital of France is")
    page.goto("about:blank")
    page.goto(f"{server}/guide/what_comes_next")
    expect(text_box(page)).to_have_value("The capital of France is")


@pytest.mark.parametrize(
    "storage",
    [
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})",
        'localStorage.setItem(\'unrolled.chosen\', \'{"text": 7, "models": [null, "nope"\')',
        'localStorage.setItem(\'unrolled.chosen\', \'{"text": 7, "models": [null, "nope"]}\')',
    ],
)
def test_storage_that_is_denied_or_spoilt_breaks_nothing(page: Page, server: str, storage: str) -> None:
    page.add_init_script(storage)
    page.goto(f"{server}/guide/what_comes_next")
    expect(bars(page).first).to_contain_text("Paris")
    text_box(page).fill("The capital of Italy is")
    expect(bars(page).first).to_contain_text("Rome")
    page.get_by_role("button", name="Colours").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_as_files(page: Page, server: str, tmp_path: Path, scheme: Any) -> None:
    """The SVG is XML that needs no stylesheet, the PNG has twice its size and more than one colour."""
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server}{NEXT}#v1&text=%07+%E2%80%8D+a")
    expect(bars(page).first).to_be_visible()
    for name in ("SVG", "PNG"):
        with page.expect_download() as download:
            page.get_by_role("group", name="Take along").get_by_role("button", name=name).click()
        download.value.save_as(tmp_path / name)
    drawn = ET.parse(tmp_path / "SVG").getroot()
    markup = (tmp_path / "SVG").read_text("utf-8")
    markup = markup.replace(' style="font-variant-ligatures:none"', "")  # a property that has no attribute
    assert not re.search(r'\s(class|style|tabindex)="|var\(|color-mix|light-dark|foreignObject', markup)
    assert drawn.get("font-family"), "what is not said further down is said at the top"
    fonts = {each.attrib["font-family"] for each in drawn.iter() if "font-family" in each.attrib}
    assert all(font.rstrip().endswith(("serif", "monospace")) for font in fonts)
    head = (tmp_path / "PNG").read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:24])
    assert (width, height) == (2 * int(drawn.attrib["width"]), 2 * int(drawn.attrib["height"]))
    assert (tmp_path / "PNG").stat().st_size > 10_000


def test_focus_is_never_under_the_bar(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 640, "height": 400})  # what 200 % zoom leaves of a laptop
    page.goto(f"{server}/guide/what_comes_next")
    expect(bars(page).first).to_be_visible()
    page.evaluate("document.querySelector('.teacher summary').focus()")
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        assert page.evaluate(
            "(bar => bar.contains(document.activeElement) || document.activeElement.getBoundingClientRect().bottom"
            " > bar.getBoundingClientRect().bottom)(document.querySelector('.top'))"
        )


def test_code_in_a_chapter_is_a_region_that_scrolls(page: Page, server: str) -> None:
    page.goto(f"{server}/guide/asking_and_answering")
    code = page.get_by_role("region", name="The code that ran")
    expect(code).to_be_attached()
    code.focus()
    expect(code).to_be_focused()
    box = code.bounding_box()
    assert box
    assert box["height"] < 600 < code.evaluate("it => it.scrollHeight")


@pytest.mark.parametrize(
    "state",
    [
        "attention_calculator#v1&attention_calculator.view.stage=projections&attention_calculator.view.cell=query.1.1",
        "attention_calculator#v1&attention_calculator.view.stage=masked&attention_calculator.causal=true",
        "attention_calculator#v1&attention_calculator.panel=variance&attention_calculator.view.tab=Table",
        "attention_calculator#v1&attention_calculator.view.tab=Code",
        "next_token#v1&next_token.panel=sample&next_token.n_tokens=4",
        "next_token#v1&next_token.panel=tree",
        "next_token#v1&next_token.chat=true&next_token.view.tab=Table",
    ],
)
def test_axe_finds_nothing_in_other_states(page: Page, server: str, state: str) -> None:
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.goto(f"{server}/figures/{state}")
    expect(page.locator("svg.scene, .sheet table, .sheet pre").first).to_be_attached()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.evaluate((WEB / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    told = [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in found]
    assert not told, json.dumps(told, indent=1)


LOOKS = """
const ts = require("typescript"), exported = {};
const options = {compilerOptions: {module: "commonjs", target: "es2022"}};
const read = place => require("fs").readFileSync(place, "utf8");
new Function("exports", ts.transpileModule(read("src/looks.ts"), options).outputText)(exported);
console.log(JSON.stringify(JSON.parse(read(0)).map(models => exported.looksOf(models))));
"""


def test_no_two_models_look_alike_and_a_family_keeps_its_hue() -> None:
    family = [{"name": f"llama {i}", "architecture": "llama"} for i in range(3)]
    others = [{"name": kind, "architecture": kind} for kind in ("gpt2", "bert", "mistral", "rnn", "lstm", "new one")]
    pickers = [family, [*others, *family], [family[2]], family * 2]
    with any_node() as node:
        done = subprocess.run(
            [str(node.folder / "node"), "-e", LOOKS], cwd=WEB, input=json.dumps(pickers), capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for looks in found:
        pairs = [(look["hue"], look["line"]) for look in looks.values()]
        assert len(set(pairs)) == len(pairs)
    assert {found[0][one["name"]]["hue"] for one in family} == {found[1][family[0]["name"]]["hue"]}
    assert found[2]["llama 2"]["hue"] == found[0]["llama 0"]["hue"]


# ---- scenes without a browser


RENDER = """
const {mkdtempSync, rmSync, writeFileSync, readFileSync} = require("fs"), {join, resolve} = require("path");
(async () => {
  const web = process.cwd(), folder = mkdtempSync(join(web, "node_modules", ".scenes-"));
  try {
    const scene = name => JSON.stringify(resolve(web, "src/scenes", name));
    writeFileSync(join(folder, "entry.ts"), `export {render} from "svelte/server";
      export {default as Steps} from ${scene("attention_calculator.svelte")};
      export {default as Variance} from ${scene("attention_variance.svelte")};
      export {default as Next} from ${scene("next_token.svelte")};`);
    const vite = await import("vite"), {svelte} = await import("@sveltejs/vite-plugin-svelte");
    await vite.build({root: web, configFile: false, logLevel: "error", plugins: [svelte()], ssr: {noExternal: true},
      build: {ssr: join(folder, "entry.ts"), outDir: join(folder, "out"),
              rollupOptions: {output: {entryFileNames: "out.mjs"}}}});
    const built = await import(join(folder, "out", "out.mjs"));
    const number = x => Array.isArray(x) ? x.map(number) : x === "-inf" ? -Infinity : x;
    const cases = JSON.parse(readFileSync(0, "utf8"));
    console.log(JSON.stringify(cases.map(([name, props]) => built.render(built[name], {props:
      Object.fromEntries(Object.entries(props).map(([key, value]) => [key, key === "matrices" ?
        Object.fromEntries(Object.entries(value).map(([k, v]) => [k, number(v)])) : value]))}).body)));
  } finally { rmSync(folder, {recursive: true}); }
})().catch(error => { console.error(error); process.exit(1); });
"""


def rendered(cases: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """The scenes, compiled for the server and drawn by Node."""
    with any_node() as node:
        done = subprocess.run(
            [str(node.folder / "node"), "-e", RENDER], cwd=WEB, input=json.dumps(cases), capture_output=True,
            text=True, encoding="utf-8", timeout=180,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return list(json.loads(done.stdout.splitlines()[-1]))


def _lists(found: Any) -> dict[str, Any]:
    fields = {name: value for name, value in vars(found).items() if isinstance(value, np.ndarray)}
    return {name: _plain(value.tolist()) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return "-inf" if value == -np.inf else value


def test_scenes_compile_for_the_server_and_are_valid_xml() -> None:
    stages = ("overview", "input", "projections", "scores", "scaled", "masked", "weights", "output")
    found = attention_calculator.steps(causal=True)
    measured = finish(attention_calculator.variance(n_samples=128))
    bar = {"label": "‹80›&<", "probability": 0.4, "ghost": 0.2, "id": 1, "takes": True, "spoken": 'a "word"'}
    column = {"name": "a", "line": "entropy", "note": "top 1", "bars": [bar, {**bar, "id": -1, "probability": 0.6}]}
    node = {"label": "a", "parent": -1, "depth": 1, "probability": 0.5, "joint": 0.5, "takes": True, "spoken": "a"}
    cases: list[tuple[str, dict[str, Any]]] = [
        ("Steps", {"stage": stage, "matrices": _lists(found), "width": width, "causal": True,
                   "pointed": {"matrix": "output", "row": 1, "column": 2}})
        for stage in stages for width in (320, 860)
    ]  # fmt: skip
    cases += [("Variance", {"measured": _lists(measured), "width": width, "pointed": 3}) for width in (320, 860)]
    looks = [{"hue": 0, "line": 0}, {"hue": 0, "line": 1}]
    for parts in ({"columns": [column] * 2}, {"passages": [{"name": "a", "line": "", "words": [bar] * 3}] * 2},
                  {"groves": [{"name": "a", "nodes": [node], "more": ""}] * 2}):  # fmt: skip
        cases.append(("Next", {**parts, "looks": looks, "width": 860, "title": "what comes next"}))
    drawn = rendered(cases)
    for (name, props), markup in zip(cases, drawn, strict=True):
        svg = re.sub(r"<!--.*?-->", "", markup, flags=re.DOTALL)
        assert ET.fromstring(svg).tag.endswith("svg"), (name, props["width"])
        assert not re.search(r'\sstyle="|foreignObject|NaN|undefined', svg), (name, svg[:300])
    assert f">{number(found.output[1, 2], 2)}<" in drawn[2 * stages.index("output") + 1]
