"""The guide, or a folder of lessons, as a folder of files: it opens from any host or from disk, with the network off.

The pages are those that the server gives. Their links become relative, their script is one plain file (a page opened
from disk loads no modules), and their figures answer from what is recorded beside them (`recording.py`). Every figure
has a page of its own too, for an `<iframe>` somewhere else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import unrolled
from unrolled import packing, pages, picture, reference, shell, standing
from unrolled.desk import Shelf
from unrolled.figures import Answer, figure
from unrolled.figures._panel import Panel
from unrolled.guide import Book
from unrolled.progress import Progress, Work
from unrolled.recording import Place, Tape
from unrolled.schema import figure_json
from unrolled.shell import Page
from unrolled.state import Loaded, answered

BUDGET = 3_000_000
"""Bytes that a whole guide may have, compressed as a host sends it."""
BITS = 13
"""Significant bits of the numbers in longer rows: four digits, as many as a picture shows."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'self'"
)
"""Any page may hold one in an iframe: a policy in the document cannot forbid that, and this one should not."""
LISTED = ("name", "title", "architecture", "takes_target", "here", "size_bytes")
"""What the script needs of a model where none is chosen."""
KINDS = {".js": "script", ".css": "styles", ".woff2": "fonts", ".html": "pages"}
_BUILT = re.compile(
    r"[ \t]*<script\b[^>]*\bsrc=[^>]*></script>\n?|[ \t]*<link\b[^>]*\b(?:stylesheet|preload)\b[^>]*>\n?"
)
_ITEM = re.compile(r'<li\b[^>]*><a href="/([^"#?]*)[^"]*"[^>]*>(?:(?!</li>).)*</li>', re.DOTALL)
_DATA = re.compile(r'<script type="application/json" id="page">.*?</script>', re.DOTALL)


@dataclass(frozen=True)
class Stock:
    """What a site is made from. `models`: as the page lists them. `files`: what lies beside the pages."""

    book: Book
    shelf: Shelf
    models: list[dict[str, Any]]
    when: str
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass
class Site:
    """The files of a site, and what there is to say of them."""

    files: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """A sentence for each figure that has no answer in the state in which its page opens."""

    def sizes(self) -> dict[str, int]:
        """Bytes by kind, compressed as a host sends them."""
        sizes = dict.fromkeys(("pages", "script", "styles", "fonts", "recorded", "other"), 0)
        for path, content in self.files.items():
            kind = "recorded" if path.startswith("recorded/") else KINDS.get(posixpath.splitext(path)[1], "other")
            sizes[kind] += len(content) if path.endswith((".woff2", ".png", ".jpg")) else len(gzip.compress(content))
        return sizes


def building(stock: Stock, shown: Iterable[Page]) -> Work[Site]:
    """Records what the pages show, and writes them."""
    site = Site(dict(stock.files))
    made = {page.path: shell.document(page, stock.book, stock.models, stock.shelf.all_runs) for page in shown}
    figures = {path: standing.places(document, pairs_of(stock.book)) for path, document in made.items()}
    total, done = sum(map(len, figures.values())), 0
    known = {shell.file_of(path) for path in made} | set(stock.files)
    first: dict[str, tuple[Place, dict[str, Any]]] = {}
    for path, served in made.items():
        places, document = figures[path], served
        if path.startswith("/figures/") and places and places[0].figure in first:  # as its first chapter has it
            place, recorded = first[places[0].figure]
            document, places, done = standing.standing_as(document, place), [place], done + 1
        else:
            recorder = Recorder(site, stock.shelf)
            for place in places:
                yield Progress(done, total, f"{place.id} of {path}")
                yield from recorder.place(place)
                done += 1
            recorded = recorder.finished(path, stock.when)
        _write(site, Writing(recorded, known, stock.when), document, path, places)
        for place in places if path.startswith("/guide/") else ():
            first.setdefault(place.figure, (place, recorded))
    site.files |= _built() | _schemas(figures.values())
    return site


def _write(site: Site, writing: Writing, document: str, path: str, places: list[Place]) -> None:
    site.files[shell.file_of(path)] = writing.page(document, path, places).encode()
    for place in places:
        file = writing.recorded["embeds"][place.id]
        if file not in site.files:
            site.files[file] = writing.page(_alone(document, path, place), f"/{file}", [place]).encode()


def _schemas(shown: Iterable[list[Place]]) -> dict[str, bytes]:
    """What the script knows of each figure, once for all pages: a script each, since a page from disk loads no data."""
    names = sorted({place.figure for places in shown for place in places})
    return {f"schema/{name}.js": f"(globalThis.unrolledFigures ??= []).push({_js(name)});\n".encode() for name in names}


def _js(name: str) -> str:
    return json.dumps(figure_json(name), ensure_ascii=False, separators=(",", ":"))


def pages_of(book: Book, *, whole: bool = True) -> tuple[Page, ...]:
    """The pages that a site of this book has; not `whole`: no figures apart from chapters, and no reference."""
    if whole:
        return pages.every(book)
    chapters = (pages.chapter(book, each.name) for each in book.chapters)
    return (pages.contents(book), *chapters, reference.glossary(), pages.bibliography(book), pages.search(book))


def pairs_of(book: Book) -> dict[str, tuple[tuple[str, str], ...]]:
    """Knobs to be turned together, by the place whose chapter says so."""
    return {
        place.id: tuple((first, second) for first, second in place.vary)
        for each in book.chapters
        for place in each.places
        if place.vary
    }


class Recorder:
    """Records the figures of one page."""

    def __init__(self, site: Site, shelf: Shelf) -> None:
        self._site, self._shelf = site, shelf
        self._tapes: dict[str, Tape] = {}
        self._live: dict[str, dict[str, list[str]]] = {}
        self._places: list[Place] = []

    def place(self, place: Place) -> Work[None]:
        """Everything around one place."""
        tape = self._tapes.setdefault(place.figure, Tape(place.figure, self._asking))
        live = yield from tape.place(place)
        self._live.setdefault(place.figure, live)
        self._places.append(place)
        first = next(each for each in tape.answers if each.panel == place.state.panel)
        if first.blob is None:
            self._site.missing.append(f"{place.id}: {first.error}")

    def finished(self, path: str, when: str) -> dict[str, Any]:
        """Packs everything into files of the site; gives what the page's script has to know of them."""
        packs = {}
        for name, tape in self._tapes.items():
            packed = packing.pack(tape.answers, bits=BITS)
            packs[name] = f"{name}-{hashlib.sha256(packed.content).hexdigest()[:12]}"
            for key, content in {packs[name]: packed.content, **packed.shared}.items():
                told = base64.b64encode(content).decode()
                self._site.files[f"recorded/{key}.js"] = f'unrolledRecorded("{key}","{told}");\n'.encode()
        embeds = {place.id: _embed(path, place) for place in self._places}
        return {"root": _root(path), "when": when, "packs": packs, "live": self._live, "embeds": embeds}

    def _asking(self, panel: Panel, asked: dict[str, Any]) -> Work[Answer]:
        models = {}
        for name in asked.get("models", []):
            models[name] = yield from self._shelf.opening(name)
        runs = {name: self._shelf.run(name) for name in asked.get("runs", [])}
        return (yield from answered(panel, asked, Loaded(models, runs)))


@dataclass(frozen=True)
class Writing:
    """How pages become files of the site: `recorded` is what their figures answer from, `known` the files there are."""

    recorded: dict[str, Any]
    known: set[str]
    when: str

    def page(self, document: str, path: str, places: list[Place]) -> str:
        """Relative links, the site's own script and styles, the figures' answers named."""
        root = _root(path)
        if data := standing.data_of(document):
            used = {name for place in places for name in place.state.runs}
            data["runs"] = [run for run in data["runs"] if run["name"] in used]
            data["models"] = [{name: entry[name] for name in LISTED} for entry in data["models"]]
            data["figures"] = []
            data["recorded"] = self.recorded | {"root": root}
            document = standing.with_data(document, data)
        document = self._without(document, path)
        document = _BUILT.sub("", document).replace("</head>", f"{_head(root, places)}</head>", 1)
        if places:
            document = document.replace("</article>", f"{_note(places, self.when)}</article>", 1)
        return shell.relative(shell.LINK.sub(self._reachable, document), path)

    def _without(self, document: str, path: str) -> str:
        """The navigation (the search, too) lists no page that is not part of the site."""
        start, end = document.index("<body"), len(document) if path == "/search" else document.find("<main")
        if end < 0:
            return document
        listed = _ITEM.sub(lambda found: found[0] if self._is_here(found[1]) else "", document[start:end])
        return document[:start] + listed + document[end:]

    def _is_here(self, link: str) -> bool:
        return link.startswith("assets/") or shell.file_of("/" + link) in self.known

    def _reachable(self, found: re.Match[str]) -> str:
        """A link to a page that is not part of the site leads to the contents."""
        return found[0] if self._is_here(found[2]) else f'{found[1]}="/"'


def _head(root: str, places: list[Place]) -> str:
    names = sorted({place.figure for place in places})
    schemas = "".join(f'    <script src="{root}schema/{name}.js" defer></script>\n' for name in names)
    return (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'    <meta name="generator" content="unrolled {unrolled.__version__}">\n'
        f'    <script src="{root}dress.js"></script>\n    <link rel="stylesheet" href="{root}site.css">\n{schemas}'
        f'    <script src="{root}site.js" defer></script>\n  '
    )


def _note(places: list[Place], when: str) -> str:
    """What stands at the end of the article, for readers with script and without."""
    opened = [each for each in places if figure(each.figure).takes("model", "models")]
    models = ", ".join(dict.fromkeys(name for each in opened for name in each.state.looked_at))
    read = [each.state.text for each in places if figure(each.figure).takes("text", "pair") and each.state.text]
    what = f"{f', with {models}' if models else ''}{f', on “{read[0]}”' if read else ''}"
    return (
        f'<p class="recorded">Recorded, not live: the figures of this page answer from what unrolled '
        f"{unrolled.__version__} computed on {html.escape(when + what)}. Knobs go from one recorded value to the next; "
        "longer rows of numbers are kept to four digits. "
        "For another text, another model or your own numbers, open this page’s link in your own copy: "
        "<code>unrolled open LINK</code>.</p>"
    )


def _alone(document: str, path: str, place: Place) -> str:
    """The page with nothing but one figure on it."""
    title = re.search(r"<title>(.*?)</title>", document)
    back = f'From <a href="{path}" target="_top">{title[1] if title else path}</a>'
    at = f'data-figure="{place.figure}" data-id="{html.escape(place.id)}"'
    body = (
        '<body class="embedded"><div id="bar" hidden></div><main id="main"><article class="prose alone">'
        f'<h1 class="hidden-words">{html.escape(figure(place.figure).question)}</h1>'
        f'<div class="figure" {at} data-state="{html.escape(standing.state_json(place.state))}"></div>'
        f'<p class="recorded">{back}</p></article></main>'
    )
    data = _DATA.search(document)
    start, end = document.index("<body"), document.index("</body>")
    return f"{document[:start]}{body}{data[0] if data else ''}{document[end:]}"


def _root(path: str) -> str:
    return "../" * shell.file_of(path).count("/")


def _embed(path: str, place: Place) -> str:
    return f"embed/{path.strip('/').replace('/', '.') or 'index'}.{place.id}.html"


def _built() -> dict[str, bytes]:
    """Script, styles, fonts and the icon, as the build left them."""
    names = ["site.js", "site.css", "dress.js"]
    assets = picture.built("assets")
    names += [f"assets/{each.name}" for each in assets.iterdir() if each.name.endswith((".woff2", ".svg"))]
    return {name: picture.built(name).read_bytes() for name in names}
