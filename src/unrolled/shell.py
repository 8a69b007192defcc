"""The built page's shell, filled: navigation around a page's main part, and what the script needs to know.

Every link in it begins at the guide's root, “/”, as the server has it. `relative` makes the same document one of a site
of files, which opens from any folder and from disk.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from posixpath import relpath
from typing import Any

import unrolled
from unrolled.checkpoints.run_names import usual_runs
from unrolled.checkpoints.runs import Run
from unrolled.errors import UnrolledError
from unrolled.figures import catalogue, figure
from unrolled.guide import Book
from unrolled.schema import figure_json

AllRuns = Callable[[], tuple[Run, ...]]
"""Reads every run that may be asked for; called only where a figure takes one."""
DEFAULT_TEXT = "The capital of France is"
MORE = {
    "/figures": "All figures",
    "/glossary": "Glossary",
    "/bibliography": "Bibliography",
    "/reference": "Reference",
}
"""Pages beside the chapters, in the navigation."""
NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
LINK = re.compile(r'(?<= )(href|src|action)="/(?!/)([^"#?]*)([^"]*)"')


@dataclass(frozen=True)
class Page:
    """One page before it is put into the shell. Its links begin at the guide's root."""

    path: str
    """Where it stands: “/”, “/guide/gates” …"""
    title: str
    main: str
    figures: tuple[str, ...] = ()
    """Names of the live figures in it."""


def document(page: Page, book: Book, models: list[dict[str, Any]], runs: AllRuns = tuple) -> str:
    """The whole document, as the server sends it."""
    figures = dict.fromkeys(page.figures)
    found = runs() if any(figure(name).takes("run", "runs") for name in figures) else ()
    data = {
        "figures": [figure_json(name) for name in figures],
        "models": models,
        "runs": runs_json(found),
        "defaults": {"models": default_models(models), "runs": list(usual_runs(found)), "text": DEFAULT_TEXT},
        "version": unrolled.__version__,
    }
    script = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")  # unsorted: knobs keep their order
    title = page.title if page.title == book.title else f"{page.title} · {book.title}"
    return (
        shell()
        .replace("<!--unrolled:title-->", html.escape(title))
        .replace("<!--unrolled:nav-->", navigation(book, page.path))
        .replace("<!--unrolled:main-->", page.main)
        .replace("<!--unrolled:page-->", f'<script type="application/json" id="page">{script}</script>')
    )


def shell() -> str:
    """The built page with its marks still in place; read each time, as it may be built anew under a running server."""
    page = resources.files("unrolled") / "page" / "index.html"
    if not page.is_file():
        raise UnrolledError(
            "The page is not built: `make guide` builds it, and so does `pip install .` in the sources."
        )
    return page.read_text("utf-8")


def navigation(book: Book, path: str = "") -> str:
    """The search, the chapters by part, and the pages beside them; the one at `path` is marked."""
    parts = "".join(_part(number, each.title, _links(each.chapters, path)) for number, each in enumerate(book.parts))
    more = "".join(f"<li>{_link(link, title, path)}</li>" for link, title in MORE.items())
    field = "" if path == "/search" else search_field("find")
    return f'{field}{parts}<ul aria-label="More">{more}</ul>'


def search_field(name: str) -> str:
    """A field that leads to the search; `name`: its id, one a page."""
    return (
        '<form class="search" role="search" action="/search">'
        f'<label class="hidden-words" for="{name}">Search the guide</label>'
        f'<input id="{name}" name="q" type="search" placeholder="Search" autocomplete="off" enterkeyhint="search">'
        "</form>"
    )


def numbered(book: Book, title: str) -> str:
    """`II · Attention`: a part's number and title; nothing for a part without a title."""
    at = next(number for number, each in enumerate(book.parts) if each.title == title)
    return f"{NUMERALS[at] if at < len(NUMERALS) else at + 1} · {title}" if title else ""


def relative(document: str, path: str) -> str:
    """The document of the page at `path` as a file of a site: “/guide/gates” becomes guide/gates.html, links follow."""
    here = file_of(path).rpartition("/")[0] or "."

    def link(found: re.Match[str]) -> str:
        return f'{found[1]}="{relpath(file_of("/" + found[2]), here)}{found[3]}"'

    return LINK.sub(link, document)


def file_of(path: str) -> str:
    """The file of a site that stands for a path: pages get .html, other files keep their name."""
    name = path.strip("/") or "index"
    return name if "." in name.rpartition("/")[2] else f"{name}.html"


def default_models(models: list[dict[str, Any]]) -> list[str]:
    """The model here that opens the most figures, the first of several; the usual one by name when none is here yet."""
    here = [model for model in models if model["here"] and model["opens"]]
    return [max(here, key=lambda model: len(model["opens"]))["name"]] if here else ["smollm2"]


def runs_json(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """Each run as the page lists it, and the figures that it opens."""
    opens = [name for name, each in catalogue().items() if each.takes("run", "runs")]
    kept = ("name", "family", "stage", "step", "steps", "training", "measured_on")
    return [{name: getattr(each, name) for name in kept} | {"opens": opens} for each in runs]


def _part(number: int, title: str, links: str) -> str:
    if not title:
        return f"<ol>{links}</ol>"
    numeral = NUMERALS[number] if number < len(NUMERALS) else number + 1
    name = f"part-{number + 1}"
    return f'<p class="part" id="{name}">{numeral} · {html.escape(title)}</p><ol aria-labelledby="{name}">{links}</ol>'


def _links(chapters: Iterable[Any], path: str) -> str:
    return "".join(
        f'<li data-chapter="{each.name}">{_link(f"/guide/{each.name}", each.title, path)}</li>' for each in chapters
    )


def _link(link: str, title: str, path: str) -> str:
    here = ' aria-current="page"' if link == path else ""
    return f'<a href="{link}"{here}>{html.escape(title)}</a>'
