"""What each head looks at, in a real Chromium: pixels against weights, choosing, finding, switching off, long texts."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import numpy as np
import pytest
from playwright.sync_api import expect

from looking import axe_finds_nothing, pixels
from serving import serving
from tiny_models import save
from unrolled.checkpoints import open_model
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Locator, Page, Route

    from unrolled.checkpoints import Model

ANIMAL = "The animal didn't cross the street because it was too tired."
LONG = " ".join(f"The {word} stood still because it was too tired." for word in ["animal", "river", "street"] * 13)
RAMP = {"light": ((0xF7, 0xF4, 0xEE), (0x0D, 0x3F, 0x66)), "dark": ((0x1F, 0x23, 0x29), (0xFF, 0xE2, 0xB0))}
STEPS = 254

MIDDLES = """async ([shot, n]) => {
  const image = await createImageBitmap(new Blob([Uint8Array.from(atob(shot), letter => letter.charCodeAt(0))]));
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const middle = (i, size) => Math.floor((i + 0.5) * size / n);
  const at = i => context.getImageData(middle(i % n, image.width), middle(Math.floor(i / n), image.height), 1, 1).data;
  return Array.from({length: n * n}, (_, i) => Array.from(at(i).slice(0, 3)));
}"""
"""The colour in the middle of each of n × n squares of a screenshot."""


@pytest.fixture(scope="module")
def minilm() -> Model:
    return open_model("minilm")


def ask(panel: str, model: Model, text: str = ANIMAL, **knobs: Any) -> Any:
    return finish(answer(figure("heads").panel(panel), knobs, models=[model], text=text)).result


def show(page: Page, server: str, *, model: str = "minilm", text: str = ANIMAL, **state: Any) -> None:
    """The figure alone, in this state: `view__cell` is view.cell."""
    parts = ["v1", f"text={quote_plus(text)}", f"models={model}"]
    parts += [f"heads.{key.replace('__', '.')}={quote_plus(str(value))}" for key, value in state.items()]
    page.goto(f"{server}/figures/heads#{'&'.join(parts)}")


def head(page: Page, layer: int, number: int) -> Locator:
    return page.locator(f'[role=gridcell][data-layer="{layer}"][data-head="{number}"]')


def said(page: Page) -> Locator:
    return page.locator(".say")


def painted(weights: np.ndarray, scheme: str) -> np.ndarray:
    """The ramp's colour of each weight: as far along as its square root, in 255 steps."""
    step = np.floor(STEPS * np.sqrt(weights.astype(np.float64)) + 0.5)[..., None]
    low, high = (np.array(end, dtype=np.float64) for end in RAMP[scheme])
    return np.floor(low + (high - low) * step / STEPS + 0.5).astype(np.int64)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pixels_are_the_weights(page: Page, server: str, minilm: Model, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    show(page, server, panel="map", layer=3, head=1)
    drawn = pixels(page.locator("image.weights"))
    weights = ask("map", minilm, layer=3, head=1).weights
    assert (drawn[..., 3] == 255).all()
    np.testing.assert_array_equal(drawn[..., :3], painted(weights, scheme))


def test_what_is_on_the_screen_is_that_image(page: Page, server: str, minilm: Model) -> None:
    show(page, server, panel="map", layer=3, head=1)
    weights = ask("map", minilm, layer=3, head=1).weights
    page.wait_for_timeout(500)
    shot = base64.b64encode(page.locator("image.weights").screenshot()).decode()
    seen = page.evaluate(MIDDLES, [shot, len(weights)])
    np.testing.assert_array_equal(np.array(seen).reshape(*weights.shape, 3), painted(weights, "light"))


def test_every_thumbnail_is_its_heads_weights(page: Page, server: str, minilm: Model) -> None:
    show(page, server)
    drawn = pixels(page.locator("image.thumbnails"))
    small = ask("overview", minilm, scoring=False).thumbnails
    n_layer, n_head, rows, blocks = small.shape
    across = (drawn.shape[1] + (drawn.shape[1] - n_head * blocks) // (n_head - 1)) // n_head
    down = (drawn.shape[0] + (drawn.shape[0] - n_layer * rows) // (n_layer - 1)) // n_layer
    for layer in range(n_layer):
        for number in range(n_head):
            part = drawn[layer * down : layer * down + rows, number * across : number * across + blocks]
            np.testing.assert_array_equal(part[..., :3], painted(small[layer, number] / 255, "light"))
    covered = n_layer * n_head * rows * blocks
    assert (drawn[..., 3] == 255).sum() == covered
    assert (drawn[..., 3] == 0).sum() == drawn[..., 3].size - covered


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ramp_is_the_stylesheets(page: Page, server: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    show(page, server)
    for end, colour in enumerate(RAMP[scheme]):
        said_ = page.evaluate(
            "end => { const one = document.body.appendChild(document.createElement('i'));"
            " one.style.color = `var(--ramp-${end})`; return getComputedStyle(one).color; }",
            end,
        )
        assert said_ == f"rgb({', '.join(map(str, colour))})"


def test_choose_a_head_copy_the_link_reopen(page: Page, server: str) -> None:
    show(page, server)
    head(page, 3, 1).click()
    expect(head(page, 3, 1)).to_have_attribute("aria-selected", "true")
    expect(page.locator("text.title")).to_have_text("Layer 3, head 1")
    page.locator("[data-token='10']").click()
    expect(said(page)).to_contain_text("it → animal .677, the largest of 16")
    expect(page.get_by_role("group", name="Show only heads of one name")).to_contain_text("unclassified")
    page.get_by_role("button", name=re.compile("^first token")).click()
    page.wait_for_timeout(600)
    before = state_of(page)
    page.goto("about:blank")
    page.goto(before["address"])
    expect(page.get_by_role("button", name=re.compile("^first token"))).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(600)
    assert state_of(page) == before


def state_of(page: Page) -> dict[str, str]:
    markup = page.locator("svg.scene").evaluate("it => it.outerHTML")
    markup = re.sub(r'<!---->|\s(tabindex|aria-selected)="[^"]*"', "", markup)
    return {"address": page.url, "picture": markup, "said": said(page).inner_text()}


def test_find_by_choosing_two_tokens(page: Page, server: str, minilm: Model) -> None:
    show(page, server, panel="find")
    page.locator("[data-token='10']").click()
    page.locator("[data-token='2']").click()
    best = page.get_by_role("group", name="Heads that look most from it at animal").get_by_role("button")
    found = ask("find", minilm, query="it", key="animal")
    expect(best).to_have_count(len(found.best_layers))
    names = [f"Head {layer}.{number}" for layer, number in zip(found.best_layers, found.best_heads, strict=True)]
    assert [str(one.get_attribute("aria-label")).partition(":")[0] for one in best.all()] == names
    best.first.click()
    expect(said(page)).to_contain_text("it → animal .677, the largest of 16")
    expect(page.get_by_role("button", name="map")).to_have_attribute("aria-pressed", "true")


def test_by_keyboard(page: Page, server: str) -> None:
    show(page, server)
    head(page, 0, 0).focus()
    for key in ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight"]:
        page.keyboard.press(key)
    expect(head(page, 3, 1)).to_be_focused()
    expect(page.locator("text.title")).to_have_text("Layer 3, head 1")
    page.keyboard.press("Enter")
    field = page.locator("[data-field]")
    expect(field).to_be_visible()
    field.focus()
    page.keyboard.press("ArrowDown")
    expect(said(page)).to_contain_text("[CLS] → [CLS]")
    page.keyboard.press("ArrowRight")
    expect(said(page)).to_contain_text("[CLS] → the")


def test_lines_are_the_weights(page: Page, server: str, minilm: Model) -> None:
    show(page, server, panel="map", layer=3, head=1, view__face="lines")
    weights = ask("map", minilm, layer=3, head=1).weights
    expect(page.locator("path.ray")).to_have_count(int((weights >= 0.02).sum()))
    strength = [float(ray.get_attribute("stroke-opacity") or 0) for ray in page.locator("path.ray").all()]
    np.testing.assert_allclose(strength, np.sqrt(weights[weights >= 0.02].astype(np.float64)), rtol=1e-6)


def test_switch_a_head_off(page: Page, server: str, smollm2: Model) -> None:
    show(page, server, model="smollm2", panel="ablate")
    expect(page.locator("svg.scene")).to_contain_text("no change")
    head(page, 0, 1).click()
    result = ask("ablate", smollm2, off="0.1")
    expect(page.locator("svg.scene")).to_contain_text(f"Loss {result.loss_before:.3f} → {result.loss_after:.3f}")
    page.mouse.move(2, 2)
    token = page.get_by_role("group", name="Surprisal of each token").get_by_role("img").nth(3)
    token.focus()
    bits = [each[3] / np.log(2) for each in (result.surprisal_before, result.surprisal_after)]
    expect(said(page)).to_contain_text(f"{bits[0]:.2f} bits of surprise with all heads, {bits[1]:.2f} without these")
    page.get_by_role("button", name="Switch head 0.1 on again").click()
    expect(page.locator("svg.scene")).to_contain_text("no change")


def test_an_encoder_says_why_nothing_can_be_switched_off(context: BrowserContext, server: str) -> None:
    page = context.new_page()  # the browser notes the refusal in its console
    show(page, server, panel="ablate")
    expect(page.get_by_role("alert")).to_contain_text("it needs logits, and minilm has no such probe")


def test_a_long_text_is_scrolled_in_exact_tiles(page: Page, server: str, minilm: Model) -> None:
    page.set_viewport_size({"width": 1280, "height": 1400})
    show(page, server, text=LONG, panel="map", layer=3, head=1)
    expect(page.locator("image.navigation")).to_be_visible()
    n = len(minilm.encode(LONG).ids)
    assert n > 256
    scroller = page.locator(".scroll")
    scroller.evaluate("it => it.scrollTo(it.scrollWidth, it.scrollHeight)")
    expect(page).to_have_url(re.compile(r"first_query=[1-9]"))
    first = int((re.search(r"first_query=(\d+)", page.url) or [0, 0])[1])
    tile = ask("map", minilm, text=LONG, layer=3, head=1, size=256, first_query=first, first_key=first)
    page.wait_for_timeout(800)
    drawn = pixels(page.locator("image.weights"))
    np.testing.assert_array_equal(drawn[..., :3], painted(tile.weights, "light"))
    small = pixels(page.locator("image.navigation"))
    np.testing.assert_array_equal(small[..., :3], painted(tile.navigation / 255, "light"))
    box = page.locator("[data-field]").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2)
    expect(said(page)).to_contain_text(f"(token {n}) → “[SEP]” (token {n})")
    before = scroller.evaluate("it => [it.scrollLeft, it.scrollTop]")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 38, box["y"] + box["height"] + 58, steps=8)
    page.mouse.up()
    after = scroller.evaluate("it => [it.scrollLeft, it.scrollTop]")
    assert (before[0] - after[0], before[1] - after[1]) == (40, 60)
    middle = after[1] / 4 + 70
    page.get_by_role("button", name="Larger squares").click()
    page.wait_for_timeout(600)
    after = scroller.evaluate("it => [it.scrollLeft, it.scrollTop]")
    assert abs(after[1] / 8 + 35 - middle) <= 1
    page.wait_for_timeout(600)
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("image.navigation")).to_be_visible()
    page.wait_for_timeout(600)
    assert scroller.evaluate("it => [it.scrollLeft, it.scrollTop]") == after


def test_tiles_arrive_while_the_small_picture_is_dragged(page: Page, server: str) -> None:
    """The newest place waits for the tile under way, however long that takes; none is given up for it."""
    show(page, server, text=LONG, panel="map", layer=3, head=1)
    small = page.locator("[data-small]")
    small.scroll_into_view_if_needed()
    box = small.bounding_box()
    assert box
    tile = page.locator("image.weights")
    before = tile.get_attribute("href")
    held: list[Route] = []
    page.route("**/api/figures/heads/map", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    page.wait_for_timeout(700)
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4, steps=4)
    page.wait_for_timeout(700)
    assert len(held) == 1
    with page.expect_request("**/api/figures/heads/map") as newest:
        held.pop().continue_()
    expect(tile).not_to_have_attribute("href", str(before))
    middle = tile.get_attribute("href")
    held.pop().continue_()
    expect(tile).not_to_have_attribute("href", str(middle))
    first = int((re.search(r"first_query=(\d+)", page.url) or [0, 0])[1])
    assert newest.value.post_data_json["knobs"]["first_query"] == first > 0
    page.mouse.up()


def test_stopping_the_scores_keeps_the_picture(page: Page, server: str) -> None:
    """And nothing scores the heads again until the reader asks for it."""
    scoring: list[Route] = []
    page.route(
        "**/api/figures/heads/overview",
        lambda route: scoring.append(route) if route.request.post_data_json["knobs"]["scoring"] else route.continue_(),
    )
    with page.expect_request(
        lambda one: one.url.endswith("/heads/overview") and one.post_data_json["knobs"]["scoring"], timeout=120_000
    ):
        show(page, server)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("alert")).to_contain_text("Stopped before it was done. What is shown is from before.")
    assert page.locator(".picture .view").evaluate("it => getComputedStyle(it).opacity") == "1"
    head(page, 3, 1).click()
    expect(page.locator("text.title")).to_have_text("Layer 3, head 1")
    expect(page.get_by_text("The heads are not scored: that was stopped.")).to_be_visible()
    page.wait_for_timeout(2500)
    assert len(scoring) == 1
    expect(page.get_by_role("alert")).to_contain_text("Stopped before it was done.")
    page.get_by_label("Text that the models read").fill(ANIMAL + " It slept.")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.wait_for_timeout(2500)
    assert len(scoring) == 1
    page.unroute("**/api/figures/heads/overview")
    page.get_by_role("button", name="Score them").click()
    expect(page.get_by_role("group", name="Show only heads of one name")).to_contain_text("unclassified")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A guide that knows an encoder-decoder, and the name of that."""
    folder = str(save(tmp_path_factory.mktemp("models") / "bart", "bart"))
    with serving("--model", folder) as address:
        yield address, folder


def test_an_encoder_decoder_reads_two_texts(context: BrowserContext, pairs: tuple[str, str]) -> None:
    server, bart = pairs
    page = context.new_page()  # the browser notes the first refusal in its console
    show(page, server, model=quote_plus(bart), text="the cat sat on the mat")
    expect(page.get_by_role("alert")).to_contain_text("it needs a target, what its decoder reads")
    page.get_by_label("The decoder reads").fill("a animal was tired")
    looks = page.get_by_role("group", name="Tokens that the decoder reads: they look")
    asked = page.get_by_role("group", name="Tokens that the encoder reads: they are looked at")
    expect(looks.get_by_role("button")).to_have_text(["[SEP]", "a", "animal", "was", "tired"])
    expect(asked.get_by_role("button")).to_have_text(["the", "cat", "sat", "on", "the", "mat", "[SEP]"])
    expect(page.get_by_text("Heads of an encoder-decoder have no scores and no names here")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    kind = page.get_by_label("kind", exact=True)
    expect(kind).to_have_value("cross")
    expect(kind.locator("option")).to_have_text(["cross", "encoder", "self"])
    head(page, 1, 1).click()
    looks.get_by_role("button").nth(2).click()
    model = open_model(bart)
    knobs = {"layer": 1, "head": 1}
    weights = finish(
        answer(
            figure("heads").panel("map"),
            knobs,
            models=[model],
            text="the cat sat on the mat",
            target="a animal was tired",
        )
    ).result.weights
    best = int(weights[2].argmax())
    expect(said(page)).to_contain_text(f"animal → {['the', 'cat', 'sat', 'on', 'the', 'mat', '[SEP]'][best]} ")
    kind.select_option("encoder")
    page.get_by_role("button", name="map", exact=True).click()
    steppers = page.get_by_role("group", name="Head", exact=True)
    for _ in range(2):
        steppers.get_by_role("button", name="one more").click()
    expect(steppers.locator("output")).to_have_text("3")
    expect(steppers.get_by_role("button", name="one more")).to_be_disabled()
    kind.select_option("self")  # has two heads only
    expect(steppers.locator("output")).to_have_text("1")
    expect(page).to_have_url(re.compile(r"target=a\+animal\+was\+tired.*heads\.kind=self"))
    kind.select_option("cross")
    expect(page).not_to_have_url(re.compile(r"heads\.kind"))
    page.get_by_role("button", name="find", exact=True).click()
    looks.get_by_role("button").nth(2).click()
    asked.get_by_role("button").nth(1).click()
    expect(page.get_by_role("group", name="Heads that look most from animal at cat")).to_be_visible()


def test_one_kind_is_no_choice(page: Page, server: str) -> None:
    show(page, server, panel="find", query="it", key="animal")
    expect(page.get_by_role("group", name="Heads that look most from it at animal")).to_be_visible()
    expect(page.get_by_label("query", exact=True)).to_be_visible()
    expect(page.get_by_label("kind", exact=True)).to_have_count(0)


STATES: list[dict[str, Any]] = [
    {"layer": 3, "head": 1, "view__cell": "10.2"},
    {"panel": "map", "layer": 3, "head": 1, "view__cell": "10.2"},
    {"panel": "map", "view__face": "lines"},
    {"panel": "map", "text": LONG},
    {"panel": "find", "query": "it", "key": "animal"},
    {"panel": "ablate", "model": "smollm2", "off": "0.1"},
]


@pytest.mark.parametrize("state", STATES, ids=["overview", "map", "lines", "long", "find", "ablate"])
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_runs_off(
    page: Page, server: str, state: dict[str, Any], width: int, scheme: Any
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, server, **state)
    expect(page.locator("svg.scene")).to_be_visible()
    page.wait_for_timeout(500)
    axe_finds_nothing(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_long_text_is_in_its_link_and_an_endless_one_is_not(context: BrowserContext, server: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()  # the browser notes the refusal of the endless text in its console
    long = LONG * 11  # 21,000 characters
    show(page, server, text=long, panel="map")
    copy = page.get_by_role("button", name="Copy link")
    copy.click()
    expect(page.locator(".said")).to_have_text(re.compile(r"^Link copied\. The text is in it: 2\d,\d{3} characters"))
    address = page.evaluate("navigator.clipboard.readText()")
    page.goto("about:blank")
    page.goto(address)
    expect(page.get_by_label("Text that the models read")).to_have_value(long)
    endless = "樹" * 120_000
    page.get_by_label("Text that the models read").fill(endless)
    expect(page.get_by_role("alert")).to_contain_text("The text has 120,000 characters; at most 50,000 are read")
    copy.click()
    expect(page.locator(".said")).to_have_text(
        "Link copied without the text: its 120,000 characters are more than a link can hold."
    )
    assert len(page.evaluate("navigator.clipboard.readText()")) < 2_000
    page.wait_for_timeout(600)
    assert len(page.url) < 2_000
