"""The bibliography: read from BibTeX, said in sentences, every entry named by a chapter and every name known."""

from __future__ import annotations

import re

import pytest

from unrolled import guide, pages
from unrolled.errors import BadInput
from unrolled.guide.references import all_names, long_form, read_references, short_form

SOURCE = r"""
@article{one,
  author = {G{\"o}del, Kurt},
  title = {What is {Cantor's} continuum problem?},
  year = 1947,
  journal = "American Mathematical Monthly",
  volume = {54},
}

@misc{four,
  author = {Ada, Ann-Lou B. and Bose, C. and Cray, D. and others},
  title = {On order},
  year = {2001},
  eprint = {0101.00001},
}
"""
HEAD = '---\ntitle = "t"\nlede = "l"\norder = 1\n---\n'


def test_an_entry_is_said_in_full_and_in_short() -> None:
    known = read_references(SOURCE, "x.bib")
    assert list(known) == ["one", "four"]
    assert short_form(known["one"]) == '<a class="cite" href="/bibliography#one">Gödel (1947)</a>'
    assert long_form(known["one"]).endswith("Gödel, K. (1947)</a>. <em>What is Cantor&#x27;s continuum problem?</em>")
    assert ">Ada et al. (2001)<" in short_form(known["four"])
    assert all_names(known["four"]) == "Ada, A.-L. B., Bose, C., Cray, D. and others"
    assert (known["one"].venue, known["four"].venue) == ("American Mathematical Monthly 54", "arXiv")
    assert known["four"].link == "https://arxiv.org/abs/0101.00001"


def test_a_citation_is_whole_at_the_beginning_of_a_line_only() -> None:
    known = read_references(SOURCE, "x.bib")
    made = guide.render("x", f"{HEAD}As [@four] say.\n\n- [@one] Elsewhere, [@four].\n", known)
    assert made.cites == ("four", "one")
    assert "As <a" in made.html
    assert "<li><a" in made.html
    assert made.html.count("<em>") == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (SOURCE.replace("  year = {2001},\n", ""), "x.bib, line 10: “four” has no year"),
        (SOURCE.replace("0101.00001},\n}", "0101.00001}, }"), "x.bib, line 10: the entry “four” cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(damage: str, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        read_references(damage, "x.bib")


def test_an_unknown_key_is_told_so() -> None:
    with pytest.raises(BadInput, match="There is no reference “nobody1999”"):
        guide.render("x", f"{HEAD}[@nobody1999]\n")


def test_every_entry_is_named_by_a_chapter_and_has_its_place_on_the_page() -> None:
    book = guide.book()
    assert set(book.cited) == set(book.references)
    page = pages.bibliography(book).main
    assert re.findall(r'<li id="([^"]+)"', page) == list(book.cited)
    assert read_references(pages.bibtex(book), "references.bib") == {key: book.references[key] for key in book.cited}


@pytest.mark.parametrize("chapter", guide.chapters(), ids=lambda each: each.name)
def test_sources_are_references(chapter: guide.Chapter) -> None:
    """What stands under Sources is in the bibliography, but for what this project itself made."""
    listed = re.search(r'<section class="sources">.*?</section>', chapter.html, re.DOTALL)
    assert listed
    papers = [item for item in re.findall(r"<li>(.*?)</li>", listed[0], re.DOTALL) if re.search(r"\(\d{4}\)", item)]
    assert papers
    assert all(item.startswith('<a class="cite"') for item in papers)
