"""What each page says: contents, chapters, figures, bibliography, search. `shell.document` puts one into the shell.

The article is complete without script; the script mounts the live figures into their places.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from urllib.parse import urlsplit

from unrolled import finding, guide, reference
from unrolled.errors import BadInput
from unrolled.figures import catalogue, figure
from unrolled.guide import Book, Chapter, FigurePlace, Reference
from unrolled.guide.markdown import figure_html
from unrolled.guide.references import all_names
from unrolled.shell import Page, document, numbered, search_field

__all__ = [
    "Page", "all_figures", "bibliography", "chapter", "contents", "document", "every", "figure_alone", "place_of",
    "problem", "search",
]  # fmt: skip

FRONT = FigurePlace("next_token", "next_token", {"panel": "distribution"})
"""The figure on the front page."""
BESIDE = ("/search", "/bibliography", "/glossary", "/reference", "/reference/cli", "/reference/python")
"""Pages beside contents, chapters and figures."""


def every(book: Book) -> tuple[Page, ...]:
    """All pages of a guide but those on the command line, which only the doors know."""
    chapters = (chapter(book, each.name) for each in book.chapters)
    figures = (figure_alone(book, name) for name in catalogue())
    more = (
        all_figures(),
        reference.glossary(),
        bibliography(book),
        search(book),
        reference.contents(),
        reference.python(),
    )
    return (contents(book), *chapters, *figures, *more)


def contents(book: Book) -> Page:
    """The front page: a model at work on the reader's text at once, then the chapters."""
    if book is not guide.book():
        return _contents_of_lessons(book)
    parts = "".join(
        (f"<h3>{html.escape(numbered(book, part.title))}</h3>" if part.title else "") + _chapters(part.chapters)
        for part in book.parts
    )
    main = (
        '<article class="prose front"><h1>Sequence models, taken apart while they run</h1>'
        '<p class="lede">Every picture in this guide is an instrument. It runs a real model on your text, on this '
        "machine, and every number can say where it came from. Type something.</p>"
        f'{figure_html(FRONT)}<h2>The guide</h2><p class="go-on" hidden></p>{parts}</article>'
    )
    return Page("/", f"{book.title}: sequence models, taken apart while they run", main, (FRONT.name,))


def _contents_of_lessons(book: Book) -> Page:
    """The front page of somebody's own lessons, or of some chapters of ours."""
    parts = "".join(
        (f"<h2>{html.escape(part.title)}</h2>" if part.title else "") + _chapters(part.chapters) for part in book.parts
    )
    main = (
        f'<article class="prose front"><h1>{html.escape(book.title)}</h1><p class="go-on" hidden></p>{parts}</article>'
    )
    return Page("/", book.title, main)


def chapter(book: Book, name: str) -> Page:
    """One chapter with its figures' places, and the way to the chapters before and after."""
    each = book.chapter(name)
    part = next(part for part in book.parts if each in part.chapters)
    above = f'<p class="part">{html.escape(numbered(book, part.title))}</p>' if part.title else ""
    main = f'<article class="prose" data-chapter="{name}">{above}{each.html}</article>{_turn(*book.around(name))}'
    return Page(f"/guide/{name}", each.title, main, each.figures)


def all_figures() -> Page:
    """The list of all figures."""
    rows = "".join(_line(f"/figures/{name}", each.question, name) for name, each in catalogue().items())
    main = f'<article class="prose"><h1>All figures</h1><ol class="chapters">{rows}</ol></article>'
    return Page("/figures", "All figures", main)


def figure_alone(book: Book, name: str) -> Page:
    """One figure on a page of its own: what it is about, where the guide has it, and all that it takes and gives."""
    each = figure(name)
    about = "".join(f"<p>{html.escape(part)}</p>" for part in each.doc.split("\n\n") if part)
    place = figure_html(FigurePlace(name, name, each.start))
    links = [
        f'<a href="/guide/{one.name}">{html.escape(one.title)}</a>' for one in book.chapters if name in one.figures
    ]
    inside = f"<p>In the guide: {', '.join(links)}.</p>" if links else ""
    above = f'<h1 class="name">{name}</h1>{about}'
    main = f'<article class="prose alone">{above}{place}{inside}{reference.figure(name)}</article>'
    return Page(f"/figures/{name}", each.question, main, (name,))


def bibliography(book: Book) -> Page:
    """Every reference that a chapter names, with those chapters and its BibTeX."""
    rows = "".join(_entry(book.references[key], chapters) for key, chapters in book.cited.items())
    main = (
        '<article class="prose"><h1>Bibliography</h1><p class="lede">What the chapters name, by author. '
        'All of it as one file: <a href="/references.bib" download>references.bib</a>.</p>'
        f'<ul class="bibliography">{rows}</ul></article>'
    )
    return Page("/bibliography", "Bibliography", main)


def bibtex(book: Book) -> str:
    """The same as a BibTeX file."""
    return "\n\n".join(book.references[key].bibtex for key in book.cited) + "\n"


def search(book: Book) -> Page:
    """Everything that can be found, as one index; the script shows what matches."""
    found = finding.entries(book)
    kinds = dict.fromkeys(each.kind for each in found)
    groups = "".join(_group(kind, [each for each in found if each.kind == kind]) for kind in kinds)
    main = (
        f'<article class="prose finding"><h1>Search</h1>{search_field("q")}<p class="count" role="status"></p>'
        "<noscript><p>Without JavaScript this is the whole index; your browser’s own search looks through it.</p>"
        f"</noscript>{groups}</article>"
    )
    return Page("/search", "Search", main)


def problem(status: int, sentence: str) -> Page:
    """A page that is not there, in words."""
    said = f'<p class="lede">{html.escape(sentence)}</p><p><a href="/">Contents</a></p>'
    return Page("", str(status), f'<article class="prose"><h1>{status}</h1>{said}</article>')


def place_of(link: str) -> str:
    """The page and state that a link names, whichever machine or exported site it came from: path and fragment."""
    parts = urlsplit(link.strip())
    path = parts.path.removesuffix("index.html").removesuffix(".html")
    kind, _, name = path.strip("/").rpartition("/")
    kind = kind.rpartition("/")[2]
    if kind == "embed":
        kind, name = _embedded(name)
    if kind == "guide":
        guide.chapter(name)
    elif kind == "figures":
        figure(name)
    elif (place := f"/{kind}/{name}" if kind == "reference" else f"/{name}") in BESIDE:
        return place + (f"?{parts.query}" if place == "/search" and parts.query else "")
    elif name not in ("", "figures"):
        raise BadInput(
            f"“{link[:200]}” is not a link to a page of the guide; those have /guide/CHAPTER or /figures/NAME in them."
        )
    place = f"/{kind}/{name}" if kind in ("guide", "figures") else f"/{name}"
    return place + (f"#{parts.fragment}" if parts.fragment else "")


def _embedded(name: str) -> tuple[str, str]:
    """The page that a figure alone on an exported page comes from: `guide.gates.survival` from the chapter gates."""
    kind, _, rest = name.partition(".")
    return ("", "") if kind == "index" else (kind, rest.partition(".")[0])


def _chapters(chapters: Iterable[Chapter]) -> str:
    rows = "".join(_line(f"/guide/{each.name}", each.title, each.lede, each.name) for each in chapters)
    return f'<ol class="chapters">{rows}</ol>'


def _line(link: str, title: str, about: str, name: str = "") -> str:
    mark = f' data-chapter="{name}"' if name else ""
    return f'<li{mark}><a href="{link}"><b>{html.escape(title)}</b> <span>{html.escape(about)}</span></a></li>'


def _turn(before: Chapter | None, after: Chapter | None) -> str:
    """The foot of a chapter."""
    links = [_neighbour("prev", "Before this", before)] if before else []
    links += [_neighbour("next", "Next", after)] if after else []
    return f'<nav class="turn" aria-label="Chapters before and after">{"".join(links)}</nav>'


def _neighbour(rel: str, word: str, each: Chapter) -> str:
    about = f" <span>{html.escape(each.lede)}</span>" if rel == "next" else ""
    return f'<a rel="{rel}" href="/guide/{each.name}"><small>{word}</small> <b>{html.escape(each.title)}</b>{about}</a>'


def _entry(each: Reference, chapters: tuple[Chapter, ...]) -> str:
    title = html.escape(each.fields["title"])
    shown = f'<a href="{html.escape(each.link)}" rel="external">{title}</a>' if each.link else title
    stop = "" if title[-1] in ".?!" else "."
    venue = f" {html.escape(each.venue)}." if each.venue else ""
    inside = ", ".join(f'<a href="/guide/{one.name}">{html.escape(one.title)}</a>' for one in chapters)
    more = (
        f"<small>In: {inside}.</small><details><summary>BibTeX</summary><pre>{html.escape(each.bibtex)}</pre></details>"
    )
    who = f"{html.escape(all_names(each))} ({each.fields['year']})"
    return f'<li id="{html.escape(each.key)}">{who}. <em>{shown}{stop}</em>{venue} {more}</li>'


def _group(kind: str, found: list[finding.Entry]) -> str:
    rows = "".join(
        f'<li data-words="{html.escape(each.words)}"><a href="{html.escape(each.link)}">{html.escape(each.title)}</a>'
        f" <span>{html.escape(each.about)}</span></li>"
        for each in found
    )
    return f"<section><h2>{kind}</h2><ul>{rows}</ul></section>"
