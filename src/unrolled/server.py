"""The page's door: pages, catalogue, and one route for every panel of every figure.

Listens on 127.0.0.1 only, answers only to that Host and Origin, and reads no path from a request. A question's answer
is the same blob that the command line writes; asked for `application/vnd.unrolled.frames`, progress comes first.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from importlib import resources
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unrolled import checkpoints, classroom, cli, guide, pages, reference, shell, wire
from unrolled.desk import Desk, Shelf
from unrolled.errors import BadInput, Busy, PortTaken, UnrolledError
from unrolled.figures import answer, catalogue, check_knobs, figure, opened_by
from unrolled.guide import Book
from unrolled.lessons import Shown
from unrolled.progress import Progress, Work
from unrolled.schema import figure_json

FRAMES = "application/vnd.unrolled.frames"
_END = object()  # after the last event of a question
BODY_LIMIT = 1_000_000  # bytes of a request
HOSTS = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


class Asked(BaseModel):
    """The body of a question: what is loaded, and how the knobs stand."""

    model_config = ConfigDict(extra="forbid")
    models: list[str] = Field(default_factory=list, max_length=8)
    runs: list[str] = Field(default_factory=list, max_length=8)
    text: str | None = None
    target: str | None = None
    knobs: dict[str, Any] = Field(default_factory=dict)


def create_app(
    shelf: Shelf | None = None,
    *,
    book: Callable[[], Book] = guide.book,
    lessons: Shown | None = None,
    token: str = "",
    waiting: int = 16,
    warm: bool = False,
) -> FastAPI:
    """The application.

    Args:
        shelf: which models and runs there are.
        book: the guide to serve, asked anew for every page.
        lessons: a teacher's folder, served as the guide.
        token: what a classroom's link carries; without it nothing is answered.
        waiting: questions that may wait for a model.
        warm: open the default model at once.
    """
    shelf = shelf or Shelf()
    model_desk = Desk(waiting)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        warming = asyncio.create_task(_warm(shelf, model_desk)) if warm else None
        yield
        if warming:
            warming.cancel()

    app = FastAPI(title="unrolled", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guard, token=token)
    app.add_exception_handler(UnrolledError, _said)
    app.add_exception_handler(HTTPException, _said)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(Exception, _mistaken)
    if lessons:
        _page_routes(app, shelf, lambda: lessons.now().book, lambda: f"/reload.js?{lessons.version()}")
        _lesson_routes(app, lessons)
    else:
        _page_routes(app, shelf, book)
    _question_routes(app, shelf, model_desk, Desk(waiting))
    app.mount("/", GZipMiddleware(StaticFiles(directory=str(resources.files("unrolled") / "page"))))
    return app


def _page_routes(app: FastAPI, shelf: Shelf, book: Callable[[], Book], script: Callable[[], str] = str) -> None:
    """`script`: the address of one more, that every page loads."""

    def route(path: str, page: Callable[..., shell.Page]) -> None:
        def answer(request: Request) -> HTMLResponse:
            more = f'<script src="{address}" defer></script></head>' if (address := script()) else "</head>"
            now = book()
            shown = page(now, **request.path_params)
            document = shell.document(shown, now, models_json(shelf), shelf.all_runs)
            return HTMLResponse(document.replace("</head>", more, 1))

        app.add_api_route(path, answer, methods=["GET"])

    route("/", pages.contents)
    route("/guide/{name}", _chapter)
    route("/figures", lambda _: pages.all_figures())
    route("/figures/{name}", pages.figure_alone)
    route("/search", pages.search)
    route("/bibliography", pages.bibliography)
    route("/glossary", lambda _: reference.glossary())
    route("/reference", lambda _: reference.contents())
    route("/reference/python", lambda _: reference.python())
    route("/reference/cli", lambda _: reference.command_line(cli.command()))

    @app.get("/references.bib")
    def references() -> Response:
        return Response(pages.bibtex(book()), media_type="text/plain; charset=utf-8")


def _chapter(book: Book, name: str) -> shell.Page:
    """A chapter; those of our own guide stay where they are when a teacher's lessons are served."""
    ours = guide.book()
    here = {each.name for each in book.chapters}
    return pages.chapter(ours if name not in here and name in {each.name for each in ours.chapters} else book, name)


def _lesson_routes(app: FastAPI, lessons: Shown) -> None:
    """What lies beside lessons, by the names that their pages use; and whether something has changed."""

    @app.get("/api/lessons")
    def version() -> dict[str, str]:
        return {"version": lessons.version()}

    @app.get("/images/{name:path}")
    def image(name: str) -> FileResponse:
        found = lessons.now().files.get(f"/images/{name}")
        if found is None:
            raise HTTPException(404)
        return FileResponse(found)


def _question_routes(app: FastAPI, shelf: Shelf, model_desk: Desk, light_desk: Desk) -> None:
    """Questions that need a model stand in one line, those that are only arithmetic in another."""
    get_desk = Desk(waiting=2)

    @app.get("/api/catalogue")
    def list_figures() -> dict[str, Any]:
        return {"figures": [figure_json(name) for name in catalogue()]}

    @app.get("/api/models")
    def list_models() -> dict[str, Any]:
        return {"models": models_json(shelf)}

    @app.get("/api/runs")
    def list_runs() -> dict[str, Any]:
        return {"runs": shell.runs_json(shelf.all_runs())}

    @app.post("/api/models/{name}/get")
    async def get_model(name: str, request: Request) -> Response:
        shelf.check(name)
        return await _reply(request, get_desk, lambda: _nothing(checkpoints.get(name)), FRAMES)

    @app.post("/api/figures/{name}/{panel_name}")
    async def ask(name: str, panel_name: str, asked: Asked, request: Request) -> Response:
        panel = figure(name).panel(panel_name)
        check_knobs(panel, asked.knobs)
        accept = request.headers.get("accept", "")

        def work() -> Work[bytes]:
            models = yield from _opening(shelf, asked.models)
            runs = [shelf.run(name) for name in asked.runs]
            texts = {"text": asked.text, "target": asked.target}
            found = yield from answer(panel, asked.knobs, models=models, runs=runs, **texts)
            if accept == "application/json":
                return json.dumps(wire.to_json(found), ensure_ascii=False).encode()
            return wire.encode(found)

        return await _reply(request, model_desk if panel.needs else light_desk, work, accept)


def _opening(shelf: Shelf, names: list[str]) -> Work[list[checkpoints.Model]]:
    models = []
    for name in names:
        model = yield from shelf.opening(name)
        models.append(model)
    return models


def models_json(shelf: Shelf) -> list[dict[str, Any]]:
    """Every model that may be asked for: what it is, whether it is here, which figures it opens and why not others."""
    return [entry_json(checkpoints.entry(name)) for name in shelf.names()]


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A socket on 127.0.0.1, or wherever a classroom is to reach it; port 0 takes any free one. Raises PortTaken."""
    # With its protocol named asyncio sets TCP_NODELAY; without, each small answer waits 40 ms for an acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError) as error:
        sock.close()
        if host != "127.0.0.1" and not isinstance(error, OverflowError) and error.errno != errno.EADDRINUSE:
            raise BadInput(
                f"“{host}” is no address of this machine. Give one that it has in its network, or 0.0.0.0 for all."
            ) from None
        why = "another program listens there" if isinstance(error, OSError) else "ports go from 0 to 65535"
        raise PortTaken(
            f"Port {port} cannot be had: {why}. Give another one, or --port 0 for any that is free."
        ) from None
    return sock


def serve(app: FastAPI, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serves until Ctrl-C; calls `ready` once it answers."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=2))

    async def run() -> None:
        serving = asyncio.create_task(server.serve([sock]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        ready()
        await serving

    with suppress(KeyboardInterrupt):
        asyncio.run(run())


class Guard:
    """Refuses foreign hosts, foreign origins and oversized bodies; puts the safety headers on every answer.

    In a classroom (`token`) the machine has many names, so that who knows the token is answered instead: it comes once,
    in the link, and is then a cookie of this site alone.
    """

    def __init__(self, app: ASGIApp, token: str = "") -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
        if self.token and classroom.brought(scope, self.token):
            await classroom.welcome(scope, self.token)(scope, receive, send)
            return
        entitled = bool(self.token) and classroom.entitled(headers, self.token)
        refused = classroom.REFUSED if self.token and not entitled else _refusal(scope["method"], headers, entitled)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_safety(scope["path"])]
            await send(message)

        if refused:
            status, sentence = refused
            told = {"error": sentence, "kind": "Refused"}
            answer = PlainTextResponse(sentence, status) if status == 401 else JSONResponse(told, status)
            await answer(scope, receive, send_guarded)
        else:
            await self.app(scope, receive, send_guarded)


def _refusal(method: str, headers: dict[str, str], entitled: bool = False) -> tuple[int, str] | None:
    host = headers.get("host", "")
    if not entitled and host.rsplit(":", 1)[0] not in HOSTS and host not in HOSTS:
        return 421, f"This server answers only as {', '.join(HOSTS)}, not as “{host[:100]}”."
    origin = headers.get("origin")
    if origin and origin != f"http://{host}":
        return 403, f"Questions from “{origin[:100]}” are not answered; open the page that this server serves."
    if method == "POST" and headers.get("content-type", "").partition(";")[0] != "application/json":
        return 415, "Send the question as application/json."
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdigit() or int(length) > BODY_LIMIT:
        return 413, f"A question has at most {BODY_LIMIT:,} bytes, announced by Content-Length."
    return None


def _safety(path: str) -> list[tuple[bytes, bytes]]:
    caching = "public, max-age=31536000, immutable" if path.startswith("/assets/") else "no-store"
    headers = {
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": caching,
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _reply(request: Request, desk: Desk, work: Callable[[], Work[Any]], accept: str) -> Response:
    """Frames with progress when asked for, else the value alone. What fails before the first event has its status."""
    events = _events(request, desk, work)
    if accept == FRAMES:
        first = await anext(events, None)
        if isinstance(first, bytes):  # an answer without progress: whole, its length known
            await events.aclose()
            return Response(_frame(first), media_type=FRAMES)
        if first is not None:
            return StreamingResponse(_frames(first, events), media_type=FRAMES)
    kind = "application/json" if accept == "application/json" else "application/octet-stream"
    async with aclosing(events):
        async for event in events:
            if not isinstance(event, Progress):
                return Response(event, media_type=kind)
    return Response(status_code=499)  # the client is gone; nobody reads this


async def _events(request: Request, desk: Desk, work: Callable[[], Work[Any]]) -> AsyncGenerator[Any, None]:
    """The work's events, ended and the work dropped as soon as the client has hung up."""
    events: asyncio.Queue[Any] = asyncio.Queue()
    pumping = asyncio.create_task(_pump(desk, work, events))
    gone = asyncio.create_task(_disconnected(request))
    gone.add_done_callback(lambda _: pumping.cancel())
    try:
        while (event := await events.get()) is not _END:
            if isinstance(event, Exception):
                raise event
            yield event
    finally:
        gone.cancel()
        pumping.cancel()
        await asyncio.gather(pumping, gone, return_exceptions=True)


async def _pump(desk: Desk, work: Callable[[], Work[Any]], events: asyncio.Queue[Any]) -> None:
    try:
        async with aclosing(desk.listen(work)) as listening:
            async for event in listening:
                events.put_nowait(event)
    except Exception as error:  # noqa: BLE001 - raised again where the events are read
        events.put_nowait(error)
    finally:
        events.put_nowait(_END)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _frames(first: Any, events: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        yield _frame(first)
        try:
            async for event in events:
                yield _frame(event)
        except Exception as error:  # noqa: BLE001 - a mistake of ours ends as a frame too
            yield _packed(b"E", json.dumps(_sentence(error)).encode())


def _frame(event: Any) -> bytes:
    if isinstance(event, Progress):
        return _packed(b"P", json.dumps({"done": event.done, "total": event.total, "note": event.note}).encode())
    return _packed(b"F", event)


def _packed(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload


def _nothing(work: Work[Any]) -> Work[Any]:
    """Work whose value is not sent."""
    yield from work
    return b""


async def _warm(shelf: Shelf, desk: Desk) -> None:
    """Opens the default model before the first question comes, if it is here."""
    known = models_json(shelf)
    (name,) = shell.default_models(known)
    if any(entry["here"] for entry in known if entry["name"] == name):
        with suppress(UnrolledError):
            async for _ in desk.listen(lambda: shelf.opening(name)):
                pass


def entry_json(entry: checkpoints.Entry) -> dict[str, Any]:
    """One model as the page and `models info` show it."""
    closed = {name: each.why_closed(entry.name, entry.probes) for name, each in catalogue().items()}
    fields = (
        "name",
        "title",
        "licence",
        "source",
        "size_bytes",
        "sha256",
        "parameters",
        "context",
        "architecture",
        "here",
        "takes_target",
    )
    return {field: getattr(entry, field) for field in fields} | {
        "opens": opened_by(entry.probes),
        "closed": {name: reason for name, reason in closed.items() if reason},
    }


def _sentence(error: Exception) -> dict[str, str]:
    """What a reader is told. A mistake of ours goes to the log whole, and to the reader as one sentence."""
    if isinstance(error, UnrolledError):
        return {"error": str(error), "kind": type(error).__name__}
    logging.getLogger("unrolled").error("a mistake inside unrolled", exc_info=error)
    return {
        "error": f"A mistake inside unrolled ({type(error).__name__}); the server's log has the details.",
        "kind": "Mistake",
    }


async def _said(request: Request, error: Exception) -> Response:
    """An error as JSON for the script, as a page for a reader."""
    if isinstance(error, UnrolledError):
        status, said = error.status, _sentence(error)
    else:
        assert isinstance(error, HTTPException)
        status = error.status_code
        lost = f"There is nothing at {request.url.path}; the contents are at /."
        said = {
            "error": lost if status == 404 else f"{error.detail}.",
            "kind": "NotFound" if status == 404 else "BadInput",
        }
    if request.method == "GET" and not request.url.path.startswith("/api/"):
        return HTMLResponse(shell.document(pages.problem(status, said["error"]), guide.book(), []), status)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Busy) else {}
    return JSONResponse(said, status, headers)


async def _mistaken(request: Request, error: Exception) -> Response:
    return JSONResponse(_sentence(error), 500)


async def _misread(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
    sentence = f"The question cannot be read: {where}: {first['msg']}. It takes models, runs, text, target and knobs."
    return JSONResponse({"error": sentence, "kind": "BadInput"}, 400)
