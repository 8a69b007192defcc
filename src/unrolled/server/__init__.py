"""The page's door: pages, catalogue, and one route for every panel of every figure.

Listens on 127.0.0.1 only, answers only to that Host and Origin, and reads no path from a request. A question's answer
is the same blob that the command line writes; asked for `application/vnd.unrolled.frames`, progress comes first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import resources
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from unrolled import checkpoints, cli, guide, pages, reference, shell, wire
from unrolled.desk import Desk, Shelf
from unrolled.errors import UnrolledError
from unrolled.figures import answer, catalogue, check_knobs, figure
from unrolled.guide import Book
from unrolled.lessons import Shown
from unrolled.progress import Work
from unrolled.schema import figure_json
from unrolled.server.guard import Guard
from unrolled.server.listening import listen, serve
from unrolled.server.listing import entry_json, models_json
from unrolled.server.refusals import misread, mistaken, said_so
from unrolled.server.replies import FRAMES, reply

__all__ = ["FRAMES", "create_app", "entry_json", "listen", "models_json", "serve"]


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
    app.add_exception_handler(UnrolledError, said_so)
    app.add_exception_handler(HTTPException, said_so)
    app.add_exception_handler(RequestValidationError, misread)
    app.add_exception_handler(Exception, mistaken)
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
        return await reply(request, get_desk, lambda: _nothing(checkpoints.get(name)), FRAMES)

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

        return await reply(request, model_desk if panel.needs else light_desk, work, accept)


def _opening(shelf: Shelf, names: list[str]) -> Work[list[checkpoints.Model]]:
    models = []
    for name in names:
        model = yield from shelf.opening(name)
        models.append(model)
    return models


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
