"""A server for a class: it listens beyond this machine, and answers only those who came by the teacher's link.

The link carries a token once; the answer to it is a cookie that scripts cannot read and other sites do not send.
"""

from __future__ import annotations

import secrets
import socket
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.responses import RedirectResponse
from starlette.types import Scope

from unrolled.errors import BadInput

COOKIE = "unrolled-class"
SHORTEST = 8  # characters of a token that somebody chose
REFUSED = (401, "This is a class’s server: open it by the link that the teacher gave, which ends in ?token=…")
HERE = ("127.0.0.1", "localhost", "::1")


def token_for(host: str, chosen: str | None) -> str:
    """The token that this host asks for: none on this machine alone, unless one was chosen."""
    if chosen is not None and (len(chosen) < SHORTEST or not chosen.isascii() or not chosen.isprintable()):
        raise BadInput(f"A token has at least {SHORTEST} characters, letters and digits; leave it out and one is made.")
    return chosen or ("" if host in HERE else secrets.token_urlsafe(9))


def address(host: str, port: int, token: str, place: str) -> str:
    """The link that opens the server."""
    name = host
    if host in ("0.0.0.0", "::"):
        name = _own_address()
    if ":" in name:
        name = f"[{name}]"
    path, mark, fragment = place.partition("#")
    query = f"?{urlencode({'token': token})}" if token else ""
    return f"http://{name}:{port}{path}{query}{mark}{fragment}"


def brought(scope: Scope, token: str) -> bool:
    """Does the link carry the token?"""
    asked = dict(parse_qsl(scope["query_string"].decode("latin1")))
    return scope["method"] == "GET" and same(asked.get("token", ""), token)


def welcome(scope: Scope, token: str) -> RedirectResponse:
    """To the same place without the token, which is a cookie from now on. The browser keeps the link's fragment."""
    kept = [pair for pair in parse_qsl(scope["query_string"].decode("latin1")) if pair[0] != "token"]
    path = "/" + scope["path"].lstrip("/\\")
    answer = RedirectResponse(path + (f"?{urlencode(kept)}" if kept else ""), 303)
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict")
    answer.headers["referrer-policy"] = "no-referrer"
    answer.headers["cache-control"] = "no-store"
    return answer


def entitled(headers: dict[str, str], token: str) -> bool:
    """Does the cookie hold the token?"""
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return False
    return held is not None and same(held.value, token)


def same(one: str, other: str) -> bool:
    """Compared in a time that tells nothing."""
    return secrets.compare_digest(one.encode(), other.encode())


def _own_address() -> str:
    """The address by which this machine's network knows it; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address: only the route is looked up
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
