"""Pictures from the command line: SVG with its own colours, PNG in the bundled fonts, one sentence for what cannot be.

That the SVG equals the page's is tested in tests/browser/test_export_in_chromium.py.
"""

from __future__ import annotations

import re
import struct
import sys
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import Any

import pytest

import woff
from unrolled import picture
from unrolled.checkpoints import open_model
from unrolled.cli import main
from unrolled.errors import BadInput
from unrolled.figures import catalogue, figure
from unrolled.lettering import lettered, needs_system_fonts
from unrolled.picture import Scheme
from unrolled.progress import finish
from unrolled.state import Loaded, State, answered, starts, state_of

SVG = "{http://www.w3.org/2000/svg}"


def drawn(panel: str = "steps", scheme: Scheme = "light", width: int = 860, view: Any = None, **knobs: Any) -> str:
    """The calculator's picture."""
    chosen = figure("attention_calculator").panel(panel)
    state = state_of(chosen, knobs, view=view or {})
    return finish(picture.drawing(chosen, state, Loaded(), width=width, scheme=scheme))


def failing(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence of a command line that cannot be done."""
    with pytest.raises(SystemExit) as end:
        main(["figure", *arguments])
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    return said.err


def pixels(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and the raw RGBA rows of a PNG file, unfiltered where its filter is 0 to 4."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (depth, colour) == (8, 6)
    parts, at = b"", 8
    while at < len(png):
        (length,), kind = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        parts += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return width, height, zlib.decompress(parts)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_file_needs_no_stylesheet(scheme: Scheme) -> None:
    text = drawn(scheme=scheme, view={"stage": "scores", "cell": "scores.1.2"})
    root = ET.fromstring(text)
    assert (root.get("width"), root.get("viewBox", "").split()[:2]) == ("892", ["-16", "-16"])
    assert not re.search(r"var\(|light-dark|color-mix|class=|tabindex|aria-|data-|<style|url\(", text)
    titles = [root.find(f"{SVG}{name}") for name in ("title", "desc")]
    assert [one.text.partition("\n")[0] for one in titles if one is not None and one.text] == [
        "Attention: scores",
        "How does attention come out of numbers? (attention_calculator, steps)",
    ]
    paper = root.find(f"{SVG}rect")
    assert paper is not None
    assert paper.get("fill") == {"light": "#ffffff", "dark": "#1b1e22"}[scheme]
    colours = {part.get("fill") for part in root.iter()} - {None, "none"}
    assert all(re.fullmatch(r"#[0-9a-f]{6}", str(one)) for one in colours)
    assert len(colours) > 5


def test_the_same_state_gives_the_same_bytes() -> None:
    assert drawn() == drawn()
    assert drawn(causal=True) != drawn()


def test_the_editor_s_ring_stays_on_the_screen() -> None:
    assert "stroke-dasharray" not in drawn()


def test_png_in_the_bundled_fonts() -> None:
    png = picture.png(drawn("variance"))
    width, height, rows = pixels(png)
    assert (width, height) == (2 * 892, 2 * 342)
    assert len(set(rows)) > 50
    assert picture.png(drawn("variance")) == png


def test_the_fonts_of_pictures_know_their_names() -> None:
    """resvg finds a family by its name and a weight by its number: two weights of Inter must both be called Inter."""
    found: dict[str, set[int]] = {}
    for path in (Path(str(picture.built("fonts")))).iterdir():
        name, weight = family(path.read_bytes())
        found.setdefault(name, set()).add(weight)
    assert found["Inter"] == found["JetBrains Mono"] == {400, 600}
    assert found.keys() == {"Inter", "JetBrains Mono", "Source Serif 4", "Unrolled Signs"}


def family(font: bytes) -> tuple[str, int]:
    """Name record 1 and the weight of a plain font; every table's checksum is what its directory says."""
    (count,) = struct.unpack_from(">H", font, 4)
    tables = {}
    for index in range(count):
        tag, checksum, offset, length = struct.unpack_from(">4sIII", font, 12 + 16 * index)
        tables[tag] = font[offset : offset + length]
        if tag != b"head":
            assert woff._checksum(tables[tag]) == checksum
    names = tables[b"name"]
    _, records, strings = struct.unpack_from(">HHH", names)
    for index in range(records):
        platform, _, _, number, length, at = struct.unpack_from(">HHHHHH", names, 6 + 12 * index)
        if (platform, number) == (3, 1):
            text = names[strings + at : strings + at + length].decode("utf-16-be")
    return text, struct.unpack_from(">H", tables[b"OS/2"], 4)[0]


def test_letters_that_fonts_lack() -> None:
    text = '<text x="1">t₁ &amp; 10⁴ √<tspan>dₖ</tspan></text><title>t₁</title>'
    assert lettered(text) == (
        '<text x="1">t<tspan baseline-shift="-18%" font-size="0.72em">1</tspan> &amp; 10'
        '<tspan baseline-shift="38%" font-size="0.72em">4</tspan> √'
        '<tspan>d<tspan baseline-shift="-18%" font-size="0.72em">k</tspan></tspan></text><title>t₁</title>'
    )
    assert not needs_system_fonts(text)
    assert not needs_system_fonts(lettered("<text>M Mᵀ, ‖h‖</text>"))
    assert needs_system_fonts("<text>数字</text>")


def test_every_figure_with_a_view_has_a_picture_of_every_panel() -> None:
    views = Path(__file__).parents[1] / "web" / "src" / "views"
    missing = {path.stem for path in views.glob("*.svelte")} & set(catalogue()) - set(picture.names())
    assert not missing, f"web/src/pictures/ lacks {missing}; web/src/pictures/_seen.ts says what such a file exports"


def test_what_cannot_be_drawn_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    svg = str(tmp_path / "a.svg")
    calculator = ("attention_calculator", "--out")
    assert "widths go from 240 to 4000" in failing(capsys, *calculator, svg, "--width", "10")
    assert "--scheme was “blue”; it takes light or dark." in failing(capsys, *calculator, svg, "--scheme", "blue")
    assert "--width says how a picture looks" in failing(capsys, *calculator, str(tmp_path / "a.csv"), "--width", "500")
    assert "it takes name=value" in failing(capsys, *calculator, svg, "--view", "stage")
    assert "cannot be written" in failing(capsys, *calculator, str(tmp_path / "no" / "a.svg"))
    assert not list(tmp_path.iterdir())
    with pytest.raises(BadInput, match="widths go from"):
        drawn(width=5000)


@pytest.mark.parametrize("ending", ["svg", "png", "html"])
def test_without_the_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str
) -> None:
    """None in sys.modules makes an import fail."""
    monkeypatch.setitem(sys.modules, "resvg_py" if ending == "png" else "py_mini_racer", None)
    said = failing(capsys, "attention_calculator", "--out", str(tmp_path / f"a.{ending}"))
    assert said.endswith("pip install 'unrolled[export]'.\n")


def test_a_picture_of_a_chapter_s_own_models() -> None:
    """A chapter compares an RNN with a GPT, whatever the reader has chosen: `view.models`."""
    chosen = figure("recurrence").panel("wavefront")
    models = {name: open_model(name) for name in ("rnn", "gpt")}
    own = State(panel="wavefront", text="one two", models=("lstm",), knobs={"step": 2}, view={"models": list(models)})
    text = finish(picture.drawing(chosen, own, Loaded(models=models)))
    names = [part.text for part in ET.fromstring(text).iter(f"{SVG}text")]
    assert {"rnn", "gpt"} <= set(names)
    assert "lstm" not in names[: names.index("Share of the machine’s matmul rate, recorded")]


@pytest.mark.parametrize("panel", ["alignment", "step", "by_length"])
def test_an_alignment_as_a_file(panel: str) -> None:
    models = {name: open_model(name) for name in ("en-fr", "en-fr-bottleneck")}
    given = State(panel=panel, text="Select the cells.", models=tuple(models), knobs=starts("alignment"))
    asked = picture.questions("alignment", given)
    answers = [finish(answered(each, question, Loaded(models=models))) for each, question in asked]
    words = " ".join(ET.fromstring(picture.svg("alignment", given, answers)).itertext())
    if panel == "by_length":
        assert "chrF by length of the source" in words
    else:
        written = {found.panel.name: found.result for found in answers}[panel]
        tokens = written.target_tokens[0] if panel == "alignment" else (written.written,)
        assert all(token.strip() in words for token in tokens)
