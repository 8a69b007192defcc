"""The guide as one: parts, neighbours, links that lead somewhere, an index that finds, pages written from the code."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from functools import cache

import pytest

from unrolled import cli, finding, guide, pages, reference, shell
from unrolled.figures import catalogue
from unrolled.guide.glossary import symbols, terms

HEAD = '---\ntitle = "{0}"\nlede = "About {0}."\norder = {1}\n{2}---\n'
LINKS = re.compile(r' (?:href|src|action)="([^"]*)"')
FILES = {"/references.bib", "/"}


@cache
def every() -> tuple[pages.Page, ...]:
    return (*pages.every(guide.book()), reference.command_line(cli.command()))


def lesson(*named: tuple[str, int, str]) -> guide.Book:
    sources = {name: HEAD.format(name, order, f'part = "{part}"\n' if part else "") for name, order, part in named}
    return guide.read("Lessons", sources, {})


def test_a_chapter_without_a_part_belongs_to_the_one_before() -> None:
    book = lesson(("c", 3, ""), ("a", 1, "First"), ("b", 2, ""), ("d", 4, "Second"))
    assert [(part.title, [each.name for each in part.chapters]) for part in book.parts] == [
        ("First", ["a", "b", "c"]),
        ("Second", ["d"]),
    ]
    assert [each and each.name for each in book.around("b")] == ["a", "c"]
    assert [each and each.name for each in book.around("d")] == ["c", None]


def test_a_book_without_parts_is_a_plain_list() -> None:
    book = lesson(("a", 1, ""), ("b", 2, ""))
    assert 'class="part"' not in shell.navigation(book)
    assert 'class="part"' not in pages.chapter(book, "a").main


def test_our_parts_are_the_four_of_the_story() -> None:
    assert [part.title for part in guide.book().parts] == ["Memory", "Attention", "The Transformer", "Language"]


@pytest.mark.parametrize("page", every(), ids=lambda page: page.path)
def test_markup_is_sound_and_has_no_inline_style_or_script(page: pages.Page) -> None:
    text = re.sub(r"&(?!amp|lt|gt|quot|#)", "&amp;", page.main)
    text = re.sub(r"<(input)([^>]*)>", r"<\1\2/>", text)  # as XML would have it
    ET.fromstring(f"<main>{re.sub(' (hidden|download)(?=[ >])', '', text)}</main>")
    assert not re.search(r"<[^>]*\sstyle=|<script|<[^>]*\son\w+=", page.main)
    ids = re.findall(r'<[^>]* id="([^"]+)"', page.main)
    assert len(ids) == len(set(ids))
    assert "0x" not in re.sub(r"<pre.*?</pre>|<code.*?</code>", "", page.main, flags=re.DOTALL)


def test_every_link_inside_the_guide_leads_somewhere() -> None:
    anchors = {page.path: set(re.findall(r' id="([^"]+)"', page.main)) for page in every()}
    whole = [(page.path, page.main + shell.navigation(guide.book(), page.path)) for page in every()]
    for path, main in whole:
        for link in LINKS.findall(main):
            if link.startswith("http"):
                continue
            place, _, anchor = html.unescape(link).partition("#")
            assert place in anchors or place in FILES, f"{path} has {link}"
            assert not anchor or anchor in anchors[place], f"{path} has {link}"


def test_chapters_are_linked_in_their_order() -> None:
    book = guide.book()
    for before, after in zip(book.chapters, book.chapters[1:], strict=False):
        assert f'rel="next" href="/guide/{after.name}"' in pages.chapter(book, before.name).main
        assert f'rel="prev" href="/guide/{before.name}"' in pages.chapter(book, after.name).main
    assert 'rel="prev"' not in pages.chapter(book, book.chapters[0].name).main
    assert 'rel="next"' not in pages.chapter(book, book.chapters[-1].name).main


@pytest.mark.parametrize(
    ("path", "link", "relative"),
    [
        ("/", "/guide/gates#try-this", "guide/gates.html#try-this"),
        ("/guide/gates", "/", "../index.html"),
        ("/guide/gates", "/search?q=a", "../search.html?q=a"),
        ("/guide/gates", "/assets/index-x.js", "../assets/index-x.js"),
        ("/figures", "/figures/heads", "figures/heads.html"),
        ("/reference/cli", "/references.bib", "../references.bib"),
        ("/guide/gates", "https://arxiv.org/abs/1", "https://arxiv.org/abs/1"),
        ("/guide/gates", "?present", "?present"),
    ],
)
def test_links_of_a_site_of_files_are_relative(path: str, link: str, relative: str) -> None:
    assert shell.relative(f'<a href="{link}">x</a>', path) == f'<a href="{relative}">x</a>'


def found(*words: str) -> set[str]:
    """Titles of what has all of the words, as the page looks for them."""
    return {
        each.title
        for each in finding.entries(guide.book())
        if all(
            any(one.startswith(word) for one in finding.folded(f"{each.title} {each.about} {each.words}"))
            for word in words
        )
    }


def test_the_index_finds_chapters_figures_words_symbols_sources() -> None:
    assert "The vanishing gradient · Where the story of one factor breaks" in found("jacobian")
    assert "What comes next?" in found("next", "token", "distribution")
    assert "induction head" in found("induct")
    assert "Neural machine translation by jointly learning to align and translate" in found("bahdanau", "translat")
    assert any(title.startswith("α") for title in found("energies", "softmax"))
    assert not found("zzz")


def test_folding_takes_case_and_accents_off() -> None:
    assert finding.folded("Réjean’s  GRU: grü, gru") == ["rejean", "s", "gru"]


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.word)
def test_a_word_stands_in_the_chapter_that_explains_it(term: object) -> None:
    said = re.sub(r"<[^>]+>", "", guide.chapter(term.chapter).html).lower()  # type: ignore[attr-defined]
    assert term.word.lower() in said  # type: ignore[attr-defined]


def test_every_symbol_of_every_formula_is_in_the_glossary() -> None:
    page = reference.glossary().main
    for each in catalogue().values():
        for panel in each.panels.values():
            for symbol in panel.formula.symbols if panel.formula else ():
                assert html.escape(symbol.meaning) in page
    assert len({each.anchor for each in symbols()}) == len(symbols())


def test_the_reference_has_every_panel_knob_field_command_and_name() -> None:
    import unrolled

    book = guide.book()
    for name, each in catalogue().items():
        page = pages.figure_alone(book, name).main
        for panel in each.panels.values():
            words = [panel.name.replace("_", " "), *panel.knobs.model_fields, *(field.name for field in panel.fields)]
            assert all(f">{word}<" in page for word in words)
    commands = reference.command_line(cli.command()).main
    assert all(f">{each}<" in commands for each in ("--stride", "unrolled models list", "unrolled open LINK"))
    python = reference.python().main
    assert all(f"unrolled.{name}" in python for name in unrolled.__all__)
