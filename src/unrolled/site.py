"""The guide, or a folder of lessons, as a folder of files: it opens from any host or from disk, with the network off.

The pages are those that the server gives. Their links become relative, their script is one plain file (a page opened
from disk loads no modules), and their figures answer from what is recorded beside them (`recording.py`). Every figure
has a page of its own too, for an `<iframe>` somewhere else.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import html
import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

import unrolled
from unrolled import packing, picture, standing
from unrolled.desk import Shelf
from unrolled.figures import Answer
from unrolled.figures._panel import Panel
from unrolled.progress import Progress, Work
from unrolled.recording import Place, Tape
from unrolled.state import Loaded, answered

BUDGET = 3_000_000
"""Bytes that a whole guide may have, compressed as a host sends it."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
KINDS = {".js": "script", ".css": "styles", ".woff2": "fonts", ".html": "pages"}
_LINK = re.compile(r'(<(?:a|img|link)\b[^>]*?\b(?:href|src)=")(/[^"]*)(")')


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


def building(app: ASGIApp, shelf: Shelf, when: str, wanted: Callable[[str], bool] = lambda _: True) -> Work[Site]:
    """Asks the app for its pages from `/` on, as far as they are wanted, and records what they show."""
    site = Site()
    pages = asyncio.run(_crawl(app, wanted))
    texts = {path: content.decode() for path, (kind, content) in pages.items() if kind.startswith("text/html")}
    site.files |= {_file(path): content for path, (_, content) in pages.items() if path not in texts}
    figures = {path: standing.places(page) for path, page in texts.items()}
    total, done = sum(map(len, figures.values())), 0
    for path, page in texts.items():
        yield Progress(done, total, f"recording {path}")
        recorder = Recorder(site, shelf)
        for place in figures[path]:
            yield from recorder.place(place)
            done += 1
            yield Progress(done, total, f"recorded {place.id} of {path}")
        recorded = recorder.finished(path, when)
        site.files[_file(path)] = written(page, path, figures[path], recorded, set(pages), when).encode()
        for place in figures[path]:
            alone = written(_alone(page, path, place), _embed(path, place), [place], recorded, set(pages), when)
            site.files[recorded["embeds"][place.id]] = alone.encode()
    site.files |= _built()
    return site


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
            packed = packing.pack(tape.answers)
            packs[name] = f"{name}-{hashlib.sha256(packed.content).hexdigest()[:12]}"
            for key, content in {packs[name]: packed.content, **packed.shared}.items():
                told = base64.b64encode(content).decode()
                self._site.files[f"recorded/{key}.js"] = f'unrolledRecorded("{key}","{told}");\n'.encode()
        embeds = {place.id: _file(_embed(path, place)) for place in self._places}
        return {"root": _root(path), "when": when, "packs": packs, "live": self._live, "embeds": embeds}

    def _asking(self, panel: Panel, asked: dict[str, Any]) -> Work[Answer]:
        models = {}
        for name in asked.get("models", []):
            models[name] = yield from self._shelf.opening(name)
        runs = {name: self._shelf.run(name) for name in asked.get("runs", [])}
        return (yield from answered(panel, asked, Loaded(models, runs)))


def written(page: str, path: str, places: list[Place], recorded: dict[str, Any], known: set[str], when: str) -> str:
    """A page of the site: relative links, the site's own script and styles, its figures' answers named."""
    root = _root(path)
    data = standing.data_of(page)
    if data:
        used = {name for place in places for name in place.state.runs}
        data["runs"] = [run for run in data["runs"] if run["name"] in used]
        data["models"] = [entry | {"opens": [], "closed": {}} for entry in data["models"]]
        data["recorded"] = recorded | {"root": root}
        page = standing.with_data(page, data)
    page = re.sub(
        r"[ \t]*<script\b[^>]*\bsrc=[^>]*></script>\n?|[ \t]*<link\b[^>]*\b(?:stylesheet|preload)\b[^>]*>\n?", "", page
    )
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'    <meta name="generator" content="unrolled {unrolled.__version__}">\n'
        f'    <script src="{root}dress.js"></script>\n    <link rel="stylesheet" href="{root}site.css">\n'
        f'    <script src="{root}site.js" defer></script>\n  </head>'
    )
    page = page.replace("</head>", head, 1)
    page = _LINK.sub(lambda found: found[1] + _relative(found[2], root, known) + found[3], page)
    return page.replace("</article>", f"{_note(places, when)}</article>", 1) if places else page


def _note(places: list[Place], when: str) -> str:
    """What stands at the end of the article, for readers with script and without."""
    about = dict.fromkeys(
        name for place in places for name in (*place.state.models, *place.state.view.get("models", ()))
    )
    text = f" on “{places[0].state.text}”" if places[0].state.text else ""
    return (
        f'<p class="recorded">Recorded, not live: the figures of this page answer from what unrolled {unrolled.__version__} '
        f"computed on {html.escape(when)} with {html.escape(', '.join(about))}{html.escape(text)}. Knobs go from one "
        "recorded value to the next. Another text, another model, your own numbers: in your own copy, with "
        "<code>unrolled open LINK</code> and the link to this page.</p>"
    )


def _alone(page: str, path: str, place: Place) -> str:
    """The page with nothing but one figure on it."""
    state = html.escape(standing.state_json(place.state))
    title = re.search(r"<title>(.*?)</title>", page)
    back = f'<p class="recorded">From <a href="{path}" target="_top">{title[1] if title else path}</a></p>'
    figure = f'<div class="figure" data-figure="{place.figure}" data-id="{html.escape(place.id)}" data-state="{state}"></div>'
    body = f'<div id="bar" hidden></div><main id="main"><article class="prose alone">{figure}{back}</article></main>'
    data = re.search(r'<script type="application/json" id="page">.*?</script>', page, re.DOTALL)
    start, end = page.index("<body"), page.index("</body>")
    return f'{page[:start]}<body class="embedded">{body}{data[0] if data else ""}{page[end:]}'


def _relative(link: str, root: str, known: set[str]) -> str:
    """A link within the site from a page that lies below `root`; to a page that was not exported, to the contents."""
    path, mark, rest = re.match(r"([^?#]*)([?#]?)(.*)", link, re.DOTALL).groups()  # type: ignore[union-attr]
    if path not in known and not path.startswith("/assets/"):
        return root + "index.html"
    return root + _file(path) + mark + rest


def _file(path: str) -> str:
    """/ -> index.html, /guide/gates -> guide/gates.html, /assets/icon.svg -> assets/icon.svg."""
    name = path.strip("/") or "index"
    return name if "." in posixpath.basename(name) and not path.startswith("/embed/") else f"{name}.html"


def _root(path: str) -> str:
    return "../" * _file(path).count("/")


def _embed(path: str, place: Place) -> str:
    return f"/embed/{path.strip('/').replace('/', '.') or 'index'}.{place.id}"


def _built() -> dict[str, bytes]:
    """Script, styles, fonts and the icon, as the build left them."""
    names = ["site.js", "site.css", "dress.js"]
    assets = picture.built("assets")
    names += [f"assets/{each.name}" for each in assets.iterdir() if each.name.endswith((".woff2", ".svg"))]
    return {name: picture.built(name).read_bytes() for name in names}


async def _crawl(app: ASGIApp, wanted: Callable[[str], bool]) -> dict[str, tuple[str, bytes]]:
    """Every page that can be reached from `/`, with its kind."""
    found: dict[str, tuple[str, bytes]] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        if path in found:
            continue
        status, kind, content = await _get(app, path)
        if status == 200:
            found[path] = (kind, content)
            if kind.startswith("text/html"):
                waiting += [each for each in _links(content.decode()) if each not in found and (wanted(each))]
    return dict(sorted(found.items()))


def _links(page: str) -> Iterable[str]:
    links = (re.split("[?#]", html.unescape(found[2]))[0] for found in _LINK.finditer(page))
    return [each for each in dict.fromkeys(links) if not each.startswith(("/assets/", "//"))]


async def _get(app: ASGIApp, path: str) -> tuple[int, str, bytes]:
    """One page of the app, asked for without a network."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 0), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    status, kind, body = 0, "", bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, kind
        if message["type"] == "http.response.start":
            status = message["status"]
            kind = dict(message["headers"]).get(b"content-type", b"").decode()
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    return status, kind, bytes(body)
