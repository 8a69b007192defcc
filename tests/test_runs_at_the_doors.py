"""Training runs through every door: names from a request, folders only from whoever sits at the machine, one answer."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from starlette.testclient import TestClient

import unrolled
from small_runs import small, text_file, trained
from unrolled import html, picture, wire
from unrolled.checkpoints import catalogue
from unrolled.checkpoints.run_names import note_run, run
from unrolled.cli import main
from unrolled.desk import Shelf
from unrolled.errors import UnknownRun
from unrolled.figures import answer, figure
from unrolled.packing import Pack, unpack
from unrolled.progress import finish
from unrolled.server import create_app
from unrolled.state import Loaded, state_of
from unrolled.widget import FigureWidget

CURVES = "/api/figures/training/curves"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("trained")
    trained(small(text_file(place), "bound.steps=6", "reports=3"), place / "run")
    return place / "run"


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run begun on this machine, and no shipped ones."""
    monkeypatch.setenv("UNROLLED_RUNS", str(tmp_path / "list"))
    monkeypatch.setattr(catalogue, "SHIPPED", tmp_path / "shipped")
    copied = Path(shutil.copytree(made, tmp_path / "runs" / "tiny"))
    assert note_run(copied) == "runs/tiny"
    return copied


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(create_app(), base_url="http://127.0.0.1:8765") as started:
        yield started


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["figure", "training", *arguments])
    return int(end.value.code or 0)


def test_every_door_gives_the_same_bytes(client: TestClient, tmp_path: Path) -> None:
    expected = wire.encode(unrolled.ask("training", runs="runs/tiny", window=3))
    reply = client.post(CURVES, json={"runs": ["runs/tiny"], "knobs": {"window": 3}})
    assert reply.content == expected
    file = tmp_path / "a.safetensors"
    assert command("--run", "runs/tiny", "--window", "3", "--out", str(file)) == 0
    assert file.read_bytes() == expected
    widget = unrolled.show("training", runs=["runs/tiny"], window=3)
    sent: list[Any] = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    question = {"runs": ["runs/tiny"], "knobs": {"window": 3}}
    widget._hear(widget, {"kind": "ask", "id": "1", "panel": "curves", "question": question}, [])
    assert bytes(sent[0][1][0]) == expected
    assert widget.state.runs == ("runs/tiny",)


@pytest.mark.parametrize("name", ["nope", "../tiny", "/etc/passwd", "..", "a\0b", "runs/tiny/../tiny", "x" * 900])
def test_a_request_brings_names_and_no_paths(client: TestClient, name: str) -> None:
    reply = client.post(CURVES, json={"runs": [name], "knobs": {}})
    assert reply.status_code == 404
    assert reply.json()["kind"] == "UnknownRun"
    assert reply.json()["error"].endswith("here; there are runs/tiny.")


def test_a_folder_s_own_path_is_no_name_for_a_request(client: TestClient, folder: Path) -> None:
    reply = client.post(CURVES, json={"runs": [str(folder)], "knobs": {}})
    assert reply.status_code == 404
    with TestClient(create_app(Shelf(runs=[str(folder)])), base_url="http://127.0.0.1:8765") as named:
        assert named.post(CURVES, json={"runs": [str(folder)], "knobs": {}}).status_code == 200
        listed = [each["name"] for each in named.get("/api/runs").json()["runs"]]
        assert listed == ["runs/tiny", str(folder)]


def test_a_view_in_a_notebook_reads_only_what_python_named(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "secret"))
    widget = unrolled.show("training", runs=["runs/tiny"])
    with pytest.raises(UnknownRun, match="There is no run"):
        finish(widget._answering("curves", {"runs": [str(other)], "knobs": {"window": 1}}))
    assert isinstance(unrolled.show("training", runs=other), FigureWidget)
    with pytest.raises(UnknownRun, match="There is no run"):
        unrolled.show("training", runs="nope")


def test_what_the_page_is_told(client: TestClient, folder: Path) -> None:
    (listed,) = client.get("/api/runs").json()["runs"]
    assert listed == listed | {"name": "runs/tiny", "family": "gpt", "stage": "finished", "step": 6, "steps": 6}
    assert listed["opens"] == ["training"]
    page = client.get("/figures/training").text
    data = json.loads(page.partition('id="page">')[2].partition("</script>")[0])
    assert [each["name"] for each in data["runs"]] == data["defaults"]["runs"] == ["runs/tiny"]
    assert data["figures"][0]["panels"][0]["max_runs"] == 4
    assert "data-reads" not in page
    other = client.get("/figures/attention_calculator").text
    assert json.loads(other.partition('id="page">')[2].partition("</script>")[0])["runs"] == []
    shutil.rmtree(folder)
    assert client.get("/api/runs").json() == {"runs": []}
    reply = client.post(CURVES, json={"runs": [], "knobs": {}})
    assert reply.json()["error"].startswith("training (curves) needs a training run: name one. `unrolled train` begins")


def test_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert command("--run", "tiny", "--json") == 0
    by_folder = json.loads(capsys.readouterr().out)
    assert command("--json") == 0  # without --run: the runs that the page starts with
    by_default = json.loads(capsys.readouterr().out)
    assert by_folder["data"]["loss"] == by_default["data"]["loss"]
    assert by_default["provenance"][0]["name"] == "runs/tiny"
    assert command("--help") == 0
    assert "--panel curves   --run R …" in capsys.readouterr().out
    assert command("--run", "nope") == 2
    assert capsys.readouterr().err == (
        "unrolled: There is no run “nope” here; there are runs/tiny; the folder of a run opens too.\n"
    )


def test_a_long_table_is_thinned_for_a_person_and_whole_in_a_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = folder / "log.jsonl"
    lines = log.read_text("utf-8").splitlines()
    last = next(json.loads(line) for line in reversed(lines) if '"measured"' in line)
    more = [last | {"step": 6 + i, "tokens": last["tokens"] + 64 * i} for i in range(1, 200)]
    log.write_text("\n".join([*lines, *map(json.dumps, more)]) + "\n", "utf-8")
    assert command("--run", "runs/tiny") == 0
    out = capsys.readouterr().out
    assert "runs/tiny: by measurement, every 4th row (--out FILE.csv holds all)" in out
    assert "recorded earlier by runs/tiny (trained by unrolled train: family gpt, seed 3" in out
    assert command("--run", "runs/tiny", "--out", str(tmp_path / "a.csv")) == 0
    assert (tmp_path / "a.csv").read_text("utf-8").count("\n") > 205


@pytest.mark.parametrize("panel", ["curves", "samples"])
def test_pictures_and_pages(folder: Path, panel: str) -> None:
    chosen = figure("training").panel(panel)
    state = state_of(chosen, {}, runs=("runs/tiny",))
    loaded = Loaded(runs={"runs/tiny": run("runs/tiny")})
    drawn = finish(picture.drawing(chosen, state, loaded, width=390))
    assert "runs/tiny" in drawn
    assert "foreignObject" not in drawn
    assert finish(picture.drawing(chosen, state, loaded, width=390)) == drawn
    page = finish(html.recording(chosen, state, loaded)).decode()
    data = json.loads(page.partition('id="unrolled-recorded">')[2].partition("</script>")[0])
    shared = {name: base64.b64decode(part) for name, part in data["shared"].items()}
    kept = unpack(Pack(base64.b64decode(data["pack"]), shared))
    assert {each.panel for each in kept if each.blob} == {"curves", "samples"}
    assert data["state"]["runs"] == ["runs/tiny"]


def test_a_run_without_measurements_has_an_honest_picture(folder: Path) -> None:
    log = folder / "log.jsonl"
    log.write_text(log.read_text("utf-8").partition("\n")[0] + "\n", "utf-8")
    chosen = figure("training").panel("curves")
    found = finish(answer(chosen, {}, runs=[run("runs/tiny")]))
    assert found.result.status[0].startswith("stopped at step 0 of 6")
    drawn = finish(
        picture.drawing(chosen, state_of(chosen, {}, runs=("runs/tiny",)), Loaded(runs={"runs/tiny": run("runs/tiny")}))
    )
    assert "no measurements yet" in drawn
    assert "NaN" not in drawn
