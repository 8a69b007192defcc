"""A question's answer on its way: the value alone, or frames with progress before it; dropped when nobody waits."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from unrolled.desk import Desk
from unrolled.progress import Progress, Work
from unrolled.server.refusals import sentence

FRAMES = "application/vnd.unrolled.frames"
_END = object()  # after the last event of a question


async def reply(request: Request, desk: Desk, work: Callable[[], Work[Any]], accept: str) -> Response:
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
            yield _packed(b"E", json.dumps(sentence(error)).encode())


def _frame(event: Any) -> bytes:
    if isinstance(event, Progress):
        return _packed(b"P", json.dumps({"done": event.done, "total": event.total, "note": event.note}).encode())
    return _packed(b"F", event)


def _packed(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload
