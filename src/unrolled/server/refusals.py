"""What a reader is told when a question has no answer: one sentence, as JSON or as a page."""

from __future__ import annotations

import logging

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from unrolled import guide, pages, shell
from unrolled.errors import Busy, UnrolledError


def sentence(error: Exception) -> dict[str, str]:
    """What a reader is told. A mistake of ours goes to the log whole, and to the reader as one sentence."""
    if isinstance(error, UnrolledError):
        return {"error": str(error), "kind": type(error).__name__}
    logging.getLogger("unrolled").error("a mistake inside unrolled", exc_info=error)
    return {
        "error": f"A mistake inside unrolled ({type(error).__name__}); the server's log has the details.",
        "kind": "Mistake",
    }


async def said_so(request: Request, error: Exception) -> Response:
    """An error as JSON for the script, as a page for a reader."""
    if isinstance(error, UnrolledError):
        status, said = error.status, sentence(error)
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


async def mistaken(request: Request, error: Exception) -> Response:
    """A mistake of ours."""
    return JSONResponse(sentence(error), 500)


async def misread(request: Request, error: Exception) -> Response:
    """A body that is no question."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
    told = f"The question cannot be read: {where}: {first['msg']}. It takes models, runs, text, target and knobs."
    return JSONResponse({"error": told, "kind": "BadInput"}, 400)
