"""The page's door: answers, frames, refusals, the queue and dropped questions."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient

from unrolled import server, wire
from unrolled.desk import Desk, Shelf
from unrolled.errors import Busy, PortTaken
from unrolled.figures import answer, catalogue, figure
from unrolled.progress import Cancelled, Progress, cancellable, finish, stop_if_cancelled

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

STEPS = "/api/figures/attention_calculator/steps"
NEXT = "/api/figures/next_token/distribution"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(server.create_app(), base_url="http://127.0.0.1:8765") as started:
        yield started


def frames(body: bytes) -> list[tuple[str, bytes]]:
    found = []
    while body:
        kind, length = body[:1].decode(), struct.unpack("<I", body[1:5])[0]
        found.append((kind, body[5 : 5 + length]))
        body = body[5 + length :]
    return found


def test_the_answer_is_the_wire_s_blob(client: TestClient) -> None:
    expected = wire.encode(finish(answer(figure("attention_calculator").panel("steps"), {"causal": True})))
    reply = client.post(STEPS, json={"knobs": {"causal": True}})
    assert reply.content == expected
    assert reply.headers["content-type"] == "application/octet-stream"


def test_json_when_asked(client: TestClient) -> None:
    told = client.post(STEPS, json={"knobs": {"causal": True}}, headers={"accept": "application/json"}).json()
    assert told["data"]["masked"][0][1] == "-inf"
    assert told["panel"] == "steps"


def test_frames_bring_progress_first(client: TestClient) -> None:
    reply = client.post(
        "/api/figures/attention_calculator/variance",
        json={"knobs": {"n_samples": 128}},
        headers={"accept": server.FRAMES},
    )
    *progress, (last, blob) = frames(reply.content)
    assert [kind for kind, _ in progress] == ["P"] * 9
    assert last == "F"
    assert json.loads(progress[1][1]) == {"done": 1, "total": 9, "note": "d_k = 8"}
    assert wire.decode(blob)["data"]["d_k"].tolist()[-1] == 1024


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "sentence"),
    [
        (
            "/api/figures/nope/steps",
            {},
            404,
            "UnknownFigure",
            "There is no figure “nope”; there are alignment, ",
        ),
        (
            "/api/figures/next_token/nope",
            {},
            404,
            "UnknownPanel",
            "next_token has no panel “nope”; it has distribution",
        ),
        (NEXT, {"models": ["nope"], "text": "a"}, 404, "UnknownModel", "There is no model “nope”"),
        (NEXT, {"models": ["../etc/passwd"], "text": "a"}, 404, "UnknownModel", "There is no model “../etc/passwd”"),
        (NEXT, {"models": ["smollm2"], "text": ""}, 400, "EmptyText", "There is no text yet"),
        (NEXT, {"models": ["smollm2"], "text": "a" * 50_001}, 413, "TextTooLong", "at most 50,000 are read"),
        (NEXT, {"models": [], "text": "a"}, 400, "BadInput", "needs a model"),
        (STEPS, {"knobs": {"d_k": 9}}, 400, "BadKnob", "d_k was 9; it takes a whole number from 1 to 8"),
        (STEPS, {"knobs": {"x": [[1, 2], [3]]}}, 400, "BadKnob", "x was [[1, 2], [3]]; it takes a matrix"),
        (STEPS, {"knobs": {"nope": 1}}, 400, "UnknownKnob", "has no knob “nope”; it has x, w_query"),
        (STEPS, {"text": "a"}, 400, "BadInput", "takes no text"),
        (STEPS, {"nope": 1}, 400, "BadInput", "The question cannot be read: nope"),
    ],
)
@pytest.mark.parametrize("accept", [server.FRAMES, "application/octet-stream"])
def test_bad_questions_get_one_sentence(
    client: TestClient, path: str, body: dict[str, Any], status: int, kind: str, sentence: str, accept: str
) -> None:
    reply = client.post(path, json=body, headers={"accept": accept})
    assert reply.status_code == status
    assert reply.json()["kind"] == kind
    assert sentence in reply.json()["error"]
    assert "Traceback" not in reply.text


def test_infinite_and_huge_numbers_are_refused(client: TestClient) -> None:
    for number in ("Infinity", "NaN", "1e999", "1" * 500):
        body = f'{{"knobs": {{"x": [[{number}]]}}}}'
        reply = client.post(STEPS, content=body, headers={"content-type": "application/json"})
        assert reply.status_code == 400, number


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"{",
        b"\xff\xfe",
        b"null",
        b'{"knobs": null}',
        b'{"knobs": {"x": null}}',
        b'{"knobs": {"x": [[]]}}',
        b'{"knobs": {"x": [["\\ud800"]]}}',
        b'{"knobs": {"d_k": {"a": [1]}}}',
        b'{"text": "\\ud800", "models": ["smollm2"]}',
    ],
)
@pytest.mark.parametrize("path", [STEPS, NEXT])
def test_whatever_is_sent_gets_a_sentence(client: TestClient, body: bytes, path: str) -> None:
    reply = client.post(path, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert len(reply.json()["error"]) < 400
    assert "nothing at" not in reply.json()["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8765"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-length": "99999999"}, 413),
    ],
)
def test_foreign_hosts_and_pages_are_refused(client: TestClient, headers: dict[str, str], status: int) -> None:
    reply = client.post(STEPS, content=b"{}", headers={"content-type": "application/json"} | headers)
    assert reply.status_code == status
    assert reply.json()["error"]


def test_our_own_page_may_ask(client: TestClient) -> None:
    assert client.post(STEPS, json={}, headers={"origin": "http://127.0.0.1:8765"}).status_code == 200


def test_every_answer_carries_the_policy(client: TestClient) -> None:
    for path in (
        "/",
        "/guide/what_comes_next",
        "/figures",
        "/figures/next_token",
        "/api/models",
        "/nope",
        "/guide/nope",
    ):
        reply = client.get(path)
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
    assert client.get("/nope").status_code == client.get("/guide/nope").status_code == 404
    assert "it has order_matters" in client.get("/guide/nope").text


def test_no_file_outside_the_page_is_served(client: TestClient) -> None:
    for path in ("/../wire.py", "/%2e%2e/wire.py", "/assets/..%2f..%2fwire.py", "//etc/passwd"):
        assert client.get(path).status_code == 404


def test_catalogue_and_models_tell_what_there_is(client: TestClient) -> None:
    assert [each["name"] for each in client.get("/api/catalogue").json()["figures"]] == list(catalogue())
    models = {each["name"]: each for each in client.get("/api/models").json()["models"]}
    opens = {"architecture", "attention_calculator", "block", "heads", "lens", "next_token", "positions", "surprise"}
    assert opens <= set(models["smollm2"]["opens"])
    assert models["smollm2"]["licence"] == "Apache-2.0"
    assert "it needs logits" in models["minilm"]["closed"]["next_token"]


def test_a_taken_port_is_told_so() -> None:
    taken = server.listen(0)
    taken.listen()
    with pytest.raises(PortTaken, match=r"Port \d+ cannot be had: another program listens there"):
        server.listen(taken.getsockname()[1])
    taken.close()
    with pytest.raises(PortTaken, match="ports go from 0 to 65535"):
        server.listen(70_000)


def test_the_socket_names_its_protocol() -> None:
    """asyncio sets TCP_NODELAY only on a socket that does; without it every small answer takes 40 ms longer."""
    with server.listen(0) as sock:
        assert sock.proto == socket.IPPROTO_TCP


def test_a_mistake_of_ours_is_one_sentence_and_hurts_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Shelf, name: str) -> Generator[Progress, None, Model]:
        yield Progress(0, 1)
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Shelf, "opening", broken)
    app = server.create_app()
    with TestClient(app, base_url="http://127.0.0.1:1", raise_server_exceptions=False) as client:
        asked = {"models": ["smollm2"], "text": "a"}
        plain, framed = (client.post(NEXT, json=asked, headers={"accept": kind}) for kind in ("*/*", server.FRAMES))
        assert plain.status_code == 500
        assert "ZeroDivisionError" in plain.json()["error"]
        assert frames(framed.content)[-1][0] == "E"
        assert "secret detail" not in plain.text + framed.text
        assert client.post(STEPS, json={}).status_code == 200


class Gate:
    """Work that goes on until it is let through or dropped, and says what became of it."""

    def __init__(self) -> None:
        self.started, self.open, self.dropped = threading.Event(), threading.Event(), threading.Event()

    def work(self) -> Generator[Progress, None, str]:
        self.started.set()
        try:
            while not self.open.is_set():
                stop_if_cancelled()
                time.sleep(0.002)
                yield Progress(0, 1)
        except BaseException:
            self.dropped.set()
            raise
        return "done"


async def last(events: AsyncGenerator[Any, None]) -> Any:
    value = None
    async for event in events:
        value = event
    return value


async def reached(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 20)


def test_beyond_the_queue_one_is_asked_to_come_back() -> None:
    async def crowd() -> None:
        desk, gate = Desk(waiting=2), Gate()
        first, second = (asyncio.create_task(last(desk.listen(gate.work))) for _ in range(2))
        await reached(gate.started)
        with pytest.raises(Busy, match="2 questions wait already"):
            await last(desk.listen(gate.work))
        gate.open.set()
        assert await first == await second == "done"
        assert await last(desk.listen(gate.work)) == "done"

    asyncio.run(crowd())


def test_429_has_retry_after() -> None:
    with TestClient(server.create_app(waiting=0), base_url="http://localhost:1") as client:
        reply = client.post(STEPS, json={})
    assert reply.status_code == 429
    assert reply.headers["retry-after"] == "1"
    assert reply.json()["kind"] == "Busy"


def test_dropped_work_ends_and_the_next_goes_on() -> None:
    async def moved_on() -> None:
        desk, stale, fresh = Desk(), Gate(), Gate()
        listening = desk.listen(stale.work)
        await anext(listening)
        fresh.open.set()
        waiting = asyncio.create_task(last(desk.listen(fresh.work)))
        await listening.aclose()
        assert stale.dropped.is_set()
        assert await waiting == "done"

    asyncio.run(moved_on())


def test_hanging_up_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who closes the connection, as a page does that has moved on, ends what was done for them."""
    gate = Gate()
    monkeypatch.setattr(Shelf, "opening", lambda self, name: gate.work())
    sock = server.listen(0)
    place, ready = sock.getsockname(), threading.Event()
    app = server.create_app()
    serving = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

    async def run() -> None:
        task = asyncio.create_task(serving.serve([sock]))
        while not serving.started:
            await asyncio.sleep(0.01)
        ready.set()
        await task

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(20)
    body = json.dumps({"models": ["smollm2"], "text": "a"}).encode()
    with socket.create_connection(place) as line:
        head = f"POST {NEXT} HTTP/1.1\r\nHost: 127.0.0.1:{place[1]}\r\nContent-Type: application/json\r\n"
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert gate.started.wait(20)
        assert not gate.dropped.is_set()
    assert gate.dropped.wait(20)
    reply = httpx.post(f"http://127.0.0.1:{place[1]}{STEPS}", json={}, timeout=20)
    serving.should_exit = True
    thread.join(20)
    assert reply.status_code == 200


def test_a_model_is_stopped_between_two_layers(smollm2: Model) -> None:
    """Dropped while layer 5 runs, layer 7 never starts; asked again, the answer is the cold one."""
    ids = smollm2.encode("The quick brown fox jumps over the lazy dog").ids
    smollm2.forget()
    expected = finish(smollm2.next_logits(ids))
    smollm2.forget()
    ran: list[int] = []
    hooks = [
        block.register_forward_hook(lambda *_, number=number: ran.append(number))
        for number, block in enumerate(smollm2.blocks)
    ]
    with pytest.raises(Cancelled), cancellable(lambda: 5 in ran):
        finish(smollm2.next_logits(ids))
    for hook in hooks:
        hook.remove()
    assert ran == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(finish(smollm2.next_logits(ids)), expected)
