"""The chapters: every directive names what exists, the starting state is one that the figure takes, markup is sound."""

import html
import json
import re
import xml.etree.ElementTree as ET

import pytest

from unrolled import guide, pages
from unrolled.errors import BadInput, UnknownChapter, UnknownFigure
from unrolled.figures import check_knobs, figure
from unrolled.mathematics import mathml

CHAPTERS = guide.chapters()


def test_chapters_stand_in_order() -> None:
    assert [each.order for each in CHAPTERS] == sorted(each.order for each in CHAPTERS)
    assert {"asking_and_answering", "what_comes_next"} <= {each.name for each in CHAPTERS}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda each: each.name)
def test_each_chapter_has_all_its_parts(chapter: guide.Chapter) -> None:
    for part in (
        'class="guess"',
        'class="figure"',
        'class="try"',
        'class="mathematics"',
        'class="code"',
        'class="sources"',
        'class="teacher"',
    ):
        assert part in chapter.html, part
    assert chapter.html.count("<li>") >= 3


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda each: each.name)
def test_markup_is_sound_and_has_no_inline_style_or_script(chapter: guide.Chapter) -> None:
    ET.fromstring(
        f"<article>{re.sub(r'&(?!amp|lt|gt|quot|#)', '&amp;', chapter.html).replace(' hidden>', '>')}</article>"
    )
    assert not re.search(r"\sstyle=|<script|\son\w+=", chapter.html)
    assert ":::" not in chapter.html
    assert "```" not in chapter.html
    assert "$" not in re.sub(r"<pre.*?</pre>", "", chapter.html, flags=re.S)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda each: each.name)
def test_figures_start_in_a_state_that_they_take(chapter: guide.Chapter) -> None:
    places = re.findall(r'data-figure="(\w+)" data-id="(\w+)" data-state="([^"]*)"', chapter.html)
    assert [name for name, *_ in places] == list(chapter.figures)
    assert places
    assert len({name for _, name, _ in places}) == len(places), "two figures of a chapter need two ids"
    for name, _, state in places:
        start = json.loads(html.unescape(state))
        check_knobs(figure(name).panel(start.get("panel")), start.get("knobs", {}))


def test_unknown_names_are_told_so() -> None:
    with pytest.raises(UnknownChapter, match=r"it has .*asking_and_answering"):
        guide.chapter("nope")
    with pytest.raises(UnknownFigure, match="There is no figure “nope”"):
        guide.render("x", '---\ntitle = "t"\nlede = "l"\norder = 1\n---\n```figure nope\n```\n')


def test_queries_keep_their_colour_in_prose_and_in_formulas() -> None:
    page = guide.render("x", '---\ntitle = "t"\nlede = "l"\norder = 1\n---\n[q]{.query} and $\\query{Q}$\n')
    assert '<span class="query">q</span>' in page.html
    assert '<mstyle class="query">' in page.html
    assert "mathcolor" not in mathml(r"\key{K}")


@pytest.mark.parametrize(
    ("link", "place"),
    [
        ("http://127.0.0.1:8765/guide/what_comes_next#v1&text=Hi", "/guide/what_comes_next#v1&text=Hi"),
        ("https://example.org/course/guide/what_comes_next.html#v1&text=Hi", "/guide/what_comes_next#v1&text=Hi"),
        ("http://localhost:1/figures/next_token", "/figures/next_token"),
        ("http://localhost:1/", "/"),
        ("https://example.org/course/reference/cli.html", "/reference/cli"),
        ("http://localhost:1/search?q=gate", "/search?q=gate"),
    ],
)
def test_a_link_from_anywhere_names_a_place_here(link: str, place: str) -> None:
    assert pages.place_of(link) == place


def test_a_link_to_something_else_is_told_so() -> None:
    with pytest.raises(BadInput, match="is not a link to a page of the guide"):
        pages.place_of("http://127.0.0.1:8765/elsewhere/x")
    with pytest.raises(UnknownFigure):
        pages.place_of("http://127.0.0.1:8765/figures/nope")


def test_function_names_keep_their_distance() -> None:
    gap = '<mspace width="0.167em"/>'
    assert f"<mi>ln</mi>{gap}<mi>p</mi>" in mathml(r"-\ln p")
    assert f"</msub>{gap}<msub><mi>log</mi><mn>2</mn></msub>{gap}<mfrac>" in mathml(r"p_i \log_2 \frac{p_i}{q_i}")
    assert f"</mrow></msub>{gap}<mi>s</mi>" in mathml(r"\max_{c' \to c} s(c)")
    assert gap not in mathml(r"\tanh(x) + \operatorname{softmax}\left(x\right)")
    assert "<mi>softmax</mi>" in mathml(r"\operatorname{softmax}(x)")


def test_sections_of_one_kind_say_whose_they_are() -> None:
    assert "<h2>The mathematics: cost</h2>" in guide.chapter("how_far").html
    assert "<h2>The mathematics</h2>" in guide.chapter("gates").html
