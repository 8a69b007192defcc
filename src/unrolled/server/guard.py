"""Who is answered: this machine's own pages, or a classroom that brought its token; and the headers that keep it so."""

from __future__ import annotations

from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unrolled import classroom

BODY_LIMIT = 1_000_000  # bytes of a request
HOSTS = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


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
