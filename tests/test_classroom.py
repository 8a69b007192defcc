"""A class's server answers who came by the link, and nobody else."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from unrolled import classroom, server
from unrolled.errors import BadInput

TOKEN = "a-token-of-a-class"
STEPS = "/api/figures/attention_calculator/steps"


def client(host: str = "192.168.1.20:8765") -> TestClient:
    return TestClient(server.create_app(token=TOKEN), base_url=f"http://{host}", follow_redirects=False)


def test_without_the_link_nothing_is_answered() -> None:
    with client() as stranger:
        for path in ("/", "/guide/gates", "/api/catalogue", "/assets/nothing.js", f"/?token={TOKEN[:-1]}", "/?token="):
            answer = stranger.get(path)
            assert answer.status_code == 401, path
            assert "link that the teacher gave" in answer.text
            assert TOKEN not in answer.text
        assert stranger.post(f"{STEPS}?token={TOKEN}", json={}).status_code == 401  # a link opens, it does not ask
        stranger.cookies.set(classroom.COOKIE, "wrong")
        assert stranger.get("/").status_code == 401


def test_not_even_here_and_under_the_usual_name() -> None:
    with client("127.0.0.1:8765") as stranger:
        assert stranger.get("/").status_code == 401


def test_the_link_lets_in_and_leaves_the_address() -> None:
    with client() as student:
        answer = student.get(f"/guide/gates?present&token={TOKEN}")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/guide/gates"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert student.get("/guide/gates").status_code == 200
        assert student.post(STEPS, json={"knobs": {}}).status_code == 200


def test_the_other_refusals_stand() -> None:
    with client() as student:
        student.get(f"/?token={TOKEN}")
        foreign = student.post(STEPS, json={}, headers={"origin": "http://elsewhere.example"})
        assert foreign.status_code == 403
        assert student.post(STEPS, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/%5Cevil.example"])
def test_the_link_leads_nowhere_else(path: str) -> None:
    scope = {"type": "http", "method": "GET", "path": path, "query_string": f"token={TOKEN}".encode()}
    assert classroom.brought(scope, TOKEN)
    location = classroom.welcome(scope, TOKEN).headers["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


def test_which_hosts_ask_for_a_token() -> None:
    assert classroom.token_for("127.0.0.1", None) == ""
    assert classroom.token_for("127.0.0.1", TOKEN) == TOKEN
    made = classroom.token_for("0.0.0.0", None)
    assert len(made) >= 12
    assert made != classroom.token_for("0.0.0.0", None)
    for bad in ("", "short", "not one line\n"):
        with pytest.raises(BadInput, match="at least 8"):
            classroom.token_for("0.0.0.0", bad)


def test_the_link_that_is_printed() -> None:
    assert classroom.address("192.168.1.20", 8765, TOKEN, "/") == f"http://192.168.1.20:8765/?token={TOKEN}"
    assert classroom.address("127.0.0.1", 80, "", "/guide/gates#v1&a.b=1") == "http://127.0.0.1:80/guide/gates#v1&a.b=1"
    assert classroom.address("::1", 80, TOKEN, "/#v1") == f"http://[::1]:80/?token={TOKEN}#v1"
    with pytest.raises(BadInput, match="no address of this machine"):
        server.listen(0, "192.0.2.77")
