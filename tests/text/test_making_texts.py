"""How the shipped texts are made: what is joined, what goes, and which pairs stay."""

from __future__ import annotations

from pathlib import Path

import pytest

import books
import date_pairs
import help_pairs

RAW = """[A Book by Somebody 1900]

CHAPTER I


It was a very long sentence that somebody had wrapped at some seventy
characters, with a dash--
and a half-
hidden hyphen, and  _italics_ in it.*

*A note at the foot of
the page.

[Illustration: A bear,
running.]

     There's a garden that I ken,
     Full of little gentlemen;

       *       *       *

`Oh !' said she.

End of the Project Gutenberg EBook of A Book
licence
"""


def test_a_book_becomes_paragraphs() -> None:
    assert books.book(RAW) == (
        "CHAPTER I\n\n"
        "It was a very long sentence that somebody had wrapped at some seventy characters, with a dash--and a"
        " half-hidden hyphen, and italics in it.\n\n"
        "There's a garden that I ken,\nFull of little gentlemen;\n\n"
        "'Oh!' said she.\n"
    )


def test_a_book_begins_and_ends_where_it_is_told() -> None:
    assert books.book("title\nCONTENTS\n\nChapter 1\n\nText.\n\nA NOTE\n", begin="Chapter 1", end="A NOTE") == (
        "Chapter 1\n\nText.\n"
    )


def test_windows_line_ends_make_no_difference() -> None:
    assert books.book(RAW.replace("\n", "\r\n")) == books.book(RAW)


@pytest.mark.parametrize(
    ("lines", "is_verse"),
    [
        (["  How doth the little crocodile", "  Improve his shining tail,"], True),
        (["SACRED", "TO THE MEMORY", "OF", "John Talbot"], True),
        (["The house stood on a hill above the town, and nobody had lived in it since", "the war."], False),
        (["He had not seen Mr. Knightley for a week, and he could not have said why.", "Mr. Weston did."], False),
        (["one line"], False),
    ],
)
def test_verse_is_told_from_prose(lines: list[str], is_verse: bool) -> None:
    assert books.is_verse(lines) == is_verse


PAGE = """<html><body><h1 id="hd_1">A <b>bold</b> title</h1>
<p id="par_2" class="paragraph">Click <span class="emph">OK</span>&nbsp;&amp; wait<br>here.
<span class="switchinline"><span hidden="true" class="MAC">On a Mac.</span></span></p>
<p id="par_3" class="code">PRINT "x"</p><p id="par_2">again</p><p>no id</p>
<p id="par_4"> It’s “so” </p></body></html>"""


def test_paragraphs_of_a_page(tmp_path) -> None:
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    assert help_pairs.paragraphs(tmp_path / "page.html") == {
        "hd_1": "A bold title",
        "par_2": "Click OK & wait here.",
        "par_4": 'It\'s "so"',
    }


def test_the_same_id_on_the_same_page_makes_a_pair(tmp_path) -> None:
    for language, words in (("en", "Open the file."), ("fr", "Ouvrez le fichier.")):
        folder = tmp_path / language / "guide"
        folder.mkdir(parents=True)
        (folder / "a.html").write_text(f'<p id="par_{language}">x</p><p id="par_7">{words}</p>', encoding="utf-8")
    found = list(help_pairs.help_pairs(tmp_path / "en", tmp_path / "fr"))
    assert found == [("Open the file.", "Ouvrez le fichier.")]


@pytest.mark.parametrize(
    ("english", "french", "is_kept"),
    [
        ("Opens the file.", "Ouvre le fichier.", True),
        ("Page 12 of the book", "Page 12 du livre", True),
        ("Page 12 of the book", "Page 13 du livre", False),
        ("Opens the file.", "Opens the file.", False),
        ("File", "Fichier", False),
        ("Calls SUM(a; b) twice", "Appelle SOMME(a; b) deux fois", False),
        ("Chinese 中文 text here", "Texte chinois 中文 ici", False),
        ("Opens the file.", "Ouvre le fichier que vous avez choisi auparavant dans la liste.", False),
    ],
)
def test_which_pairs_stay(english: str, french: str, is_kept: bool) -> None:
    assert help_pairs.is_kept(english, french) == is_kept


def test_the_most_frequent_translation_stays() -> None:
    given = [("Open", "Ouvrez"), ("Open", "Ouvrir"), ("Open", "Ouvrir"), ("Close", "Fermer")]
    assert help_pairs.deduplicated(given) == [("Open", "Ouvrir"), ("Close", "Fermer")]


def test_what_hangs_together_is_in_one_part() -> None:
    pairs = [
        (f"word {chr(97 + i % 26)}{chr(97 + i // 26)}", f"mot {chr(97 + i // 26)}{chr(97 + i % 26)}")
        for i in range(600)
    ]
    near = [(english.upper() + " 3!", "autre " + french) for english, french in pairs]
    same_french = [("quite " + english, french) for english, french in pairs]
    parts = help_pairs.parts([*pairs, *near, *same_french])
    part_of = {pair: name for name, kept in parts.items() for pair in kept}
    assert (
        [part_of[pair] for pair in pairs] == [part_of[pair] for pair in near] == [part_of[pair] for pair in same_french]
    )
    assert all(len(kept) > 20 for kept in parts.values())
    assert help_pairs.parts([*pairs, *near, *same_french]) == parts


def test_sources_are_there_once() -> None:
    import make_texts

    assert len({entry.file for entry in make_texts.ENTRIES}) == len(make_texts.ENTRIES)
    assert Path(make_texts.PACKED / "works.toml").is_file()
    assert sum(date_pairs.COUNTS.values()) == 18_000
