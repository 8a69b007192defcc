"""A guide: chapters in parts, read from a folder of Markdown. Ours is the folder that this file is in.

A chapter is one Markdown file with a few lines of front matter (title, lede, order; `part` where a part begins). Blocks
that are fenced and named are directives, their lines TOML:

    ```figure next_token          the live figure, with the state it starts in
    ```guess                      a prediction before the reveal: question, answers, reveal
    ```mathematics next_token distribution    the panel's formula and its symbols with shapes
    ```code next_token distribution           the very function that runs

Between `:::try` and `:::` (also `sources`, `teacher`) stands ordinary Markdown; `[word]{.query}` has the query's
colour; `[@vaswani2017]` is a reference of `references.bib`: at the beginning of a line whole, elsewhere by author and
year. Links begin at the guide's root: `[gates](/guide/gates)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from itertools import groupby

from unrolled.errors import UnknownChapter
from unrolled.guide.markdown import FigurePlace, Rendered, Section, rendered
from unrolled.guide.references import Reference, read_references

__all__ = ["Book", "Chapter", "FigurePlace", "Part", "Reference", "Section", "book", "chapter", "chapters", "read"]


@dataclass(frozen=True)
class Chapter:
    """One chapter, rendered. Links and images in its HTML begin at the guide's root, “/”."""

    name: str
    title: str
    lede: str
    order: int
    part: str
    html: str
    places: tuple[FigurePlace, ...]
    """Its figures in order, each with the state that it starts in."""
    sections: tuple[Section, ...]
    """What stands under each heading, for the search."""
    cites: tuple[str, ...]
    """Keys of the references that it names, in order."""

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures in it, in order."""
        return tuple(place.name for place in self.places)


@dataclass(frozen=True)
class Part:
    """Chapters that belong together. A book without parts is one part without a title."""

    title: str
    chapters: tuple[Chapter, ...]


@dataclass(frozen=True)
class Book:
    """A guide: its chapters in reading order, and the references that they may name."""

    title: str
    chapters: tuple[Chapter, ...]
    references: Mapping[str, Reference] = field(default_factory=dict)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Chapters by part; one that names no part belongs to that of the chapter before it."""
        named, last = [], ""
        for each in self.chapters:
            last = each.part or last
            named.append((last, each))
        grouped = groupby(named, key=lambda pair: pair[0])
        return tuple(Part(title, tuple(each for _, each in pairs)) for title, pairs in grouped)

    @cached_property
    def cited(self) -> dict[str, tuple[Chapter, ...]]:
        """The references that chapters name, by author and year, each with those chapters."""
        keys = {key for each in self.chapters for key in each.cites}
        order = sorted(keys, key=lambda key: self.references[key].place)
        return {key: tuple(each for each in self.chapters if key in each.cites) for key in order}

    def chapter(self, name: str) -> Chapter:
        """One chapter by name."""
        for each in self.chapters:
            if each.name == name:
                return each
        exist = ", ".join(each.name for each in self.chapters)
        raise UnknownChapter(f"The guide has no chapter “{name}”; it has {exist}.")

    def around(self, name: str) -> tuple[Chapter | None, Chapter | None]:
        """The chapter before and the one after."""
        at = self.chapters.index(self.chapter(name))
        after = self.chapters[at + 1] if at + 1 < len(self.chapters) else None
        return (self.chapters[at - 1] if at else None), after


@cache
def book() -> Book:
    """Our own guide."""
    folder = resources.files(__name__)
    sources = {
        file.name.removesuffix(".md"): file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".md")
    }
    return read("unrolled", sources, references())


def read(title: str, sources: Mapping[str, str], known: Mapping[str, Reference]) -> Book:
    """A book from chapters' names and Markdown; `known`: the references that they may name."""
    made = [render(name, source, known) for name, source in sources.items()]
    return Book(title, tuple(sorted(made, key=lambda each: (each.order, each.name))), known)


def render(name: str, source: str, known: Mapping[str, Reference] | None = None) -> Chapter:
    """Markdown with front matter -> a chapter. `name` is the file's, without its ending."""
    made: Rendered = rendered(source, references() if known is None else known)
    about = made.about
    return Chapter(
        name, about["title"], about.get("lede", ""), about.get("order", 0), about.get("part", ""),
        made.html, made.places, made.sections, made.cites,
    )  # fmt: skip


@cache
def references() -> dict[str, Reference]:
    """Our own references."""
    file = resources.files(__name__) / "references.bib"
    return read_references(file.read_text("utf-8"), "references.bib")


def chapters() -> tuple[Chapter, ...]:
    """All chapters of our own guide in reading order."""
    return book().chapters


def chapter(name: str) -> Chapter:
    """One chapter of our own guide."""
    return book().chapter(name)
