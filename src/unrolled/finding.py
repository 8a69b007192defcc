"""What the search can find: sections of chapters, figures, words and symbols, references, commands.

Each entry carries its words, folded as `folded` says; the page folds what is typed in the same way and looks for words
that begin so. The whole index is one page, and needs no network.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from unrolled.figures import catalogue
from unrolled.guide import Book
from unrolled.guide.glossary import symbols, terms
from unrolled.guide.references import all_names

SHOWN = 130  # characters of a section's beginning


@dataclass(frozen=True)
class Entry:
    """One thing to be found."""

    kind: str
    title: str
    link: str
    about: str
    """A line that is shown."""
    words: str
    """What else it can be found by, folded, each word once."""


def entries(book: Book) -> tuple[Entry, ...]:
    """Everything in a guide that can be found, by kind."""
    return (*_sections(book), *_figures(), *_words(), *_symbols(), *_references(book))


def folded(text: str) -> list[str]:
    """Words without case and accents, each once, in order."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return list(dict.fromkeys(re.findall(r"\w+", bare)))


def _entry(kind: str, title: str, link: str, about: str, words: str = "") -> Entry:
    shown = set(folded(f"{title} {about}"))
    return Entry(kind, title, link, about, " ".join(word for word in folded(words) if word not in shown))


def _sections(book: Book) -> Iterator[Entry]:
    for chapter in book.chapters:
        first, *rest = chapter.sections
        yield _entry("Chapters", chapter.title, f"/guide/{chapter.name}", chapter.lede, first.words)
        for each in rest:
            if each.title == "Sources":  # they are entries of their own
                continue
            title = f"{chapter.title} · {each.title}"
            yield _entry("Chapters", title, f"/guide/{chapter.name}#{each.anchor}", _beginning(each.words), each.words)


def _beginning(words: str) -> str:
    return words if len(words) <= SHOWN else words[:SHOWN].rpartition(" ")[0] + " …"


def _figures() -> Iterator[Entry]:
    for name, each in catalogue().items():
        panels = [f"{panel.name.replace('_', ' ')} {panel.doc} {panel.source}" for panel in each.panels.values()]
        yield _entry(
            "Figures", each.question, f"/figures/{name}", name, " ".join([name.replace("_", " "), each.doc, *panels])
        )


def _words() -> Iterator[Entry]:
    for each in terms():
        yield _entry("Words", each.word, f"/glossary#{each.anchor}", each.meaning, each.also)


def _symbols() -> Iterator[Entry]:
    for each in symbols():
        about = "; ".join(dict.fromkeys(use.meaning for use in each.uses))
        yield _entry("Symbols", each.text, f"/glossary#{each.anchor}", about, each.latex)


def _references(book: Book) -> Iterator[Entry]:
    for key in book.cited:
        each = book.references[key]
        about = f"{all_names(each)} ({each.fields['year']})"
        yield _entry("Sources", each.fields["title"], f"/bibliography#{key}", about, each.venue)
