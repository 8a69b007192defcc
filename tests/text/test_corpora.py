"""The shipped books: whole, clean, listed truly, and none in two parts."""

from __future__ import annotations

import hashlib
import lzma
import re
from importlib.resources import files

import pytest

from unrolled.errors import NotFound
from unrolled.text import CORPORA, Corpus, corpus

PACKED = files("unrolled.text") / "packed"
LEFTOVERS = {
    "licence or header": r"gutenberg|\be-?book\b|\be-?text\b|https?:|www\.|copyright \(|small print|donations",
    "transcriber": r"transcrib(?:er|ed by)|proofread|produced by .{0,30}(?:team|volunteer)",
    "caption or editor": r"\[(?:illustration|footnote|at this point|later editions|end volume)",
    "footnote mark": r"\*",
    "italics": r"(?<!_)_[A-Za-z]",
    "damaged encoding": r"\ufffd|Ã.|â€|ï»¿|Â[^a-z]",
    "control character": r"[\x00-\x09\x0b-\x1f\x7f-\x9f]",
    "curly quote": r"[‘’“”`]",
    "spaces": r"  | \n|\n ",
    "empty lines": r"\n{3}",
}


def leftovers(text: str) -> set[str]:
    return {name for name, pattern in LEFTOVERS.items() if re.search(pattern, text, re.IGNORECASE)}


def long_paragraphs(text: str) -> set[str]:
    return {paragraph for paragraph in text.split("\n\n") if len(paragraph) > 80}


@pytest.fixture(scope="module")
def fiction() -> Corpus:
    return corpus()


def test_the_list_agrees_with_the_text(fiction) -> None:
    for work, text in zip(fiction.works, fiction.texts, strict=True):
        assert (work.characters, work.sha256) == (len(text), hashlib.sha256(text.encode()).hexdigest()), work.title
    whole = lzma.decompress((PACKED / "fiction.xz").read_bytes()).decode()
    assert "".join(fiction.texts) == whole


def test_every_work_says_where_it_is_from(fiction) -> None:
    assert len({work.title for work in fiction.works}) == len(fiction.works) == 14
    for work in fiction.works:
        assert 1790 < work.year < 1931
        assert work.author
        assert "public domain" in work.licence
        assert work.source.startswith(("npm ", "Debian "))


def test_nothing_is_left_of_what_stood_around_the_works(fiction) -> None:
    found = {work.title: leftovers(text) for work, text in zip(fiction.works, fiction.texts, strict=True)}
    assert not {title: left for title, left in found.items() if left}


@pytest.mark.parametrize(
    ("planted", "name"),
    [
        ("End of Project Gutenberg's Emma", "licence or header"),
        ("[Illustration: a bear]", "caption or editor"),
        ("a fish.*", "footnote mark"),
        ("she was _very_ glad", "italics"),
        ("cafÃ© noir", "damaged encoding"),
        ("form\x0cfeed", "control character"),
        ("“Oh!”", "curly quote"),
        ("end.  Begin", "spaces"),
    ],
)
def test_what_is_left_would_be_noticed(planted: str, name: str) -> None:
    assert leftovers(planted) == {name}


def test_paragraphs_are_lines(fiction) -> None:
    """Verse keeps its lines; hard-wrapped prose would have one in every seventy characters."""
    for work, text in zip(fiction.works, fiction.texts, strict=True):
        broken = text.count("\n") - 2 * text.count("\n\n")
        assert broken < len(text) / 300, work.title


def test_works_begin_and_end_where_their_authors_did(fiction) -> None:
    by_title = {work.title: text for work, text in zip(fiction.works, fiction.texts, strict=True)}
    assert by_title["Moby-Dick"].startswith("CHAPTER 1\n\nLoomings.\n\nCall me Ishmael. Some years ago")
    assert by_title["Moby-Dick"].endswith("only found another orphan.\n")
    assert "universally acknowledged, that a single man" in by_title["Pride and Prejudice"][:200]
    assert by_title["Northanger Abbey"].endswith("or reward filial disobedience.\n")
    assert by_title["The Ball and the Cross"].endswith("in the pattern of a cross.\n")


@pytest.mark.parametrize("name", CORPORA)
def test_no_book_is_in_two_parts(name: str) -> None:
    found = corpus(name)
    parts = {"train": found.train, "validation": found.validation, "test": found.test}
    assert sorted(found.books("train") + found.books("validation") + found.books("test")) == sorted(found.texts)
    paragraphs = {part: long_paragraphs(text) for part, text in parts.items()}
    assert all(paragraphs.values())
    assert not paragraphs["train"] & (paragraphs["validation"] | paragraphs["test"])
    assert not paragraphs["validation"] & paragraphs["test"]


def test_a_shared_paragraph_would_be_noticed(fiction) -> None:
    leak = fiction.train + "\n" + fiction.test[2_000:4_000]
    assert long_paragraphs(leak) & long_paragraphs(fiction.test)


def test_one_whole_novel_is_held_out_for_each_use(fiction) -> None:
    total = sum(work.characters for work in fiction.works)
    assert 7.5e6 < total < 8e6
    for split in ("validation", "test"):
        (held_out,) = [work for work in fiction.works if work.split == split]
        assert 0.03 < held_out.characters / total < 0.065
        assert held_out.author in {work.author for work in fiction.works if work.split == "train"}


def test_the_books_for_children_are_among_the_others(fiction) -> None:
    children = corpus("children")
    assert set(children.texts) < set(fiction.texts)
    assert 1.3e6 < sum(work.characters for work in children.works) < 1.5e6


def test_an_unknown_name_is_told_what_there_is() -> None:
    with pytest.raises(NotFound, match=r"no text “poetry”\. There are: fiction, children\."):
        corpus("poetry")


def test_all_texts_together_stay_in_their_budget() -> None:
    assert sum(len(file.read_bytes()) for file in PACKED.iterdir()) < 3_000_000
