"""The command line: the same bytes as HTTP, readable output, one sentence and exit code 2 for what can be mended."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest

from serving import ROOT, serving
from unrolled import cli, wire
from unrolled.checkpoints import catalogue

FRANCE = "The capital of France is"


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, as a reader runs it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100"}
    command = [sys.executable, "-m", "unrolled", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=120
    )


def inside(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The command line in this process: quick, for what needs no process of its own."""
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_cli_and_http_give_identical_bytes_on_a_cold_call(smollm2_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "answer.safetensors"
    told = run(
        "figure", "next_token", "--model", "smollm2", "--text", FRANCE, "--temperature", "0.7", "--out", str(file)
    )
    assert told.returncode == 0, told.stderr
    with serving() as address:
        asked = {"models": ["smollm2"], "text": FRANCE, "knobs": {"temperature": 0.7}}
        reply = httpx.post(f"{address}/api/figures/next_token/distribution", json=asked, timeout=60)
    assert reply.content == file.read_bytes()


def test_json_is_all_that_stands_on_standard_output(smollm2_path: Path) -> None:
    told = run("figure", "next_token", "--model", "smollm2", "--text", FRANCE, "--json")
    found = json.loads(told.stdout)
    assert list(found) == ["figure", "panel", "provenance", "knobs", "data"]
    data = found["data"]
    assert data["top_strings"][0][0] == " Paris"
    assert data["top_probabilities"][0][0] == pytest.approx(0.77, abs=0.02)
    assert sum(data["top_probabilities"][0]) + data["rest_probability"][0] == pytest.approx(1)
    assert found["provenance"][0]["name"] == "smollm2"
    assert len(found["provenance"][0]["hash"]) == 64
    assert set(data) >= {
        "tokens",
        "top_strings",
        "top_probabilities",
        "rest_probability",
        "entropy_bits",
        "effective_choices",
    }


def test_a_readable_rendering(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = inside(capsys, "figure", "attention_calculator", "--causal")
    assert code == 0
    assert "weights (token × token)" in out
    assert "−∞" in out
    assert "computed now by" in out


def test_without_a_model_the_first_that_is_here_answers(
    capsys: pytest.CaptureFixture[str], smollm2_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = inside(capsys, "figure", "next_token", "--text", FRANCE, "--json")
    assert json.loads(out)["provenance"][0]["name"] == "smollm2"
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    _, out, _ = inside(capsys, "figure", "next_token", "--text", FRANCE, "--json")
    assert json.loads(out)["provenance"][0]["name"] == "gpt"  # shipped
    monkeypatch.setattr(catalogue, "SHIPPED", tmp_path)
    code, _, err = inside(capsys, "figure", "next_token", "--text", FRANCE)
    assert code == 2
    assert "needs a model: name one, for example smollm2" in err


def test_text_from_standard_input(smollm2_path: Path) -> None:
    told = run("figure", "next_token", "--model", "smollm2", "--text", "-", stdin=FRANCE)
    assert told.returncode == 0
    assert "Paris" in told.stdout


def test_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for ending in ("json", "npz", "csv", "safetensors"):
        code, out, err = inside(
            capsys, "figure", "attention_calculator", "--d-k=2", "--out", str(tmp_path / f"a.{ending}")
        )
        assert code == 0
        assert out == ""
        assert "Written" in err
    weights = np.load(tmp_path / "a.npz")["weights"]
    told = json.loads((tmp_path / "a.json").read_text("utf-8"))
    np.testing.assert_array_equal(told["data"]["weights"], weights)
    np.testing.assert_array_equal(wire.decode((tmp_path / "a.safetensors").read_bytes())["data"]["weights"], weights)
    rows = list(csv.reader((tmp_path / "a.csv").read_text("utf-8").splitlines()))
    start = rows.index(["# weights (token × token)"])
    np.testing.assert_allclose([[float(n) for n in row[1:]] for row in rows[start + 2 : start + 6]], weights)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.json", "a.npz", "a.safetensors"]


def test_knobs_from_flags(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = inside(
        capsys, "figure", "attention_calculator", "--no-scaling", "--causal", "--x", "[[1,2],[3,4]]", "--json"
    )
    knobs = json.loads(out)["knobs"]
    assert (knobs["scaling"], knobs["causal"], knobs["x"]) == (False, True, [[1, 2], [3, 4]])


def test_help_lists_the_knobs_with_their_bounds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = inside(capsys, "figure", "next_token", "--help")
    shown = " ".join(out.split())
    assert "What comes next?" in shown
    assert "--temperature" in shown
    assert "--panel tree" in shown
    _, out, _ = inside(capsys, "figure")
    assert "attention_calculator" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["figure", "next_tokn"],
            "training. Did you mean next_token?",
        ),
        (
            ["figure", "next_token", "--panel", "nope"],
            "next_token has no panel “nope”; it has distribution, sample, tree.",
        ),
        (["figure", "next_token", "--text", "a", "--nope", "1"], "has no knob --nope; it has --temperature"),
        (["figure", "next_token", "--text", "a", "stray"], "“stray” stands alone"),
        (
            ["figure", "next_token", "--text", "a", "--temperature", "3"],
            "temperature was 3; it takes a number from 0 to 2.",
        ),
        (["figure", "next_token", "--text", "a", "--temperature", "warm"], 'temperature was "warm"; it takes a number'),
        (["figure", "next_token", "--text", "a", "--model", "nope"], "nope"),
        (["figure", "attention_calculator", "--text", "a"], "takes no text; leave it out."),
        (["figure", "attention_calculator", "--target", "a"], "takes no target; leave it out."),
        (["figure", "attention_calculator", "--w-query", "[[1]]"], "w_query is 1 × 1; X has 4 columns and d_k is 4"),
        (["figure", "attention_calculator", "--out", "a.txt"], "its ending must be .json, .npz, .csv, .safetensors"),
        (["figure", "attention_calculator", "--out", "no/such/folder/a.csv"], "cannot be written: No such file"),
        (["serve", "--bogus"], "No such option: --bogus"),
        (["bogus"], "No such command 'bogus'"),
        (["models", "info", "nope"], "nope"),
        (["open", "http://127.0.0.1:8765/elsewhere/x"], "is not a link to a page of the guide"),
    ],
)
def test_what_can_be_mended_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    code, out, err = inside(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_mistake_of_ours_is_one_sentence_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UNROLLED_DEBUG", raising=False)
    monkeypatch.setattr("unrolled.wire.to_json", lambda answer: 1 / 0)
    code, _, err = inside(capsys, "figure", "attention_calculator", "--json")
    assert code == 1
    assert "a mistake inside unrolled (ZeroDivisionError: division by zero)" in err
    assert "Traceback" not in err
    monkeypatch.setenv("UNROLLED_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["figure", "attention_calculator", "--json"])


def test_a_taken_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = inside(capsys, "serve", "--no-browser", "--port", str(port))
    assert code == 2
    assert f"Port {port} cannot be had" in err


def test_models_are_listed_and_described(capsys: pytest.CaptureFixture[str], smollm2_path: Path) -> None:
    _, out, _ = inside(capsys, "models", "list", "--json")
    assert {"smollm2", "minilm"} <= {each["name"] for each in json.loads(out)}
    _, out, _ = inside(capsys, "models", "info", "smollm2", "--json")
    told = json.loads(out)
    assert told["parameters"] == 134_515_008
    assert {"attention_calculator", "gradient_flow", "heads", "lens", "next_token"} <= set(told["opens"])
    assert told["opens"] == sorted(told["opens"])
    assert "gates" not in told["opens"]
    assert told["licence"] == "Apache-2.0"
    _, out, _ = inside(capsys, "models", "info", "smollm2")
    assert "blk.*.attn_q.weight" in out
    assert "134,515,008" in out


def test_open_serves_the_link_s_place(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from unrolled import server

    monkeypatch.setattr(server, "serve", lambda app, sock, ready: ready())
    link = "https://example.org/notes/guide/what_comes_next.html#v1&text=Hello%20there&next_token.temperature=0.5"
    code, out, _ = inside(capsys, "open", link, "--no-browser", "--port", "0")
    assert code == 0
    assert "/guide/what_comes_next#v1&text=Hello%20there&next_token.temperature=0.5" in out
