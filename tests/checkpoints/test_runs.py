"""A run folder as it stands: half-written, cut off, of another version, damaged, empty; and which runs there are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from small_runs import small, text_file, trained
from unrolled.checkpoints import catalogue, run_names
from unrolled.checkpoints.run_log import LOG, events_in, read_events
from unrolled.checkpoints.run_names import note_run, run, run_folders, runs, usual_runs
from unrolled.checkpoints.runs import Run
from unrolled.errors import BadCheckpoint, UnknownRun, UnrolledError
from unrolled.training import training
from unrolled.training.alone import alone
from unrolled.training.processes import processes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("trained")
    trained(small(text_file(place), "bound.steps=4"), place / "run")
    return place / "run"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A finished run of its own for each test."""
    return Path(shutil.copytree(made, tmp_path / "runs" / "tiny"))


@pytest.fixture(autouse=True)
def own_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNROLLED_RUNS", str(tmp_path / "list"))
    monkeypatch.setattr(catalogue, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "list"


def cut(folder: Path, lines: int, rest: bytes = b"") -> Run:
    """The run as it stood after so many lines, and a part of the next one."""
    whole = (folder / LOG).read_bytes().split(b"\n")
    (folder / LOG).write_bytes(b"".join(line + b"\n" for line in whole[:lines]) + rest)
    return run(str(folder))


def test_a_finished_run(folder: Path) -> None:
    found = run(str(folder))
    assert (found.stage, found.step, found.steps, found.newest, found.family) == ("finished", 4, 4, "", "gpt")
    assert len(found.measured.step) == 4
    assert found.reports.bits_per_byte[-1] > 0


@pytest.mark.parametrize("letters", [1, 40, 85])
def test_a_line_that_is_being_written_is_not_read_yet(folder: Path, letters: int) -> None:
    before = cut(folder, 3)
    lines = (folder / LOG).read_bytes()
    half = json.dumps({"event": "measured", "step": 9, "tokens": 10**6, "loss": 1.0, "learning_rate": 1e-3}).encode()
    (folder / LOG).write_bytes(lines + half[:letters])
    now = run(str(folder))
    np.testing.assert_array_equal(now.measured.loss, before.measured.loss)
    assert (now.step, now.stage) == (before.step, "stopped")
    assert now.newest.endswith("+00:00")


def test_every_cut_of_a_log_is_read(folder: Path) -> None:
    whole = (folder / LOG).read_bytes()
    steps = []
    for end in range(0, len(whole) + 1, 7):
        (folder / LOG).write_bytes(whole[:end])
        steps.append(len(run(str(folder)).measured.step))
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 4)


def test_lines_end_with_a_line_feed_and_nothing_else(folder: Path) -> None:
    """What a model writes may hold other separators, which str.splitlines would cut at."""
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(
            json.dumps({"event": "sampled", "step": 4, "prompt": "", "text": "a\u2028b\x85c"}, ensure_ascii=False)
        )
    assert run(str(folder)).samples[-1].text == "a\u2028b\x85c"


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b"7",
        b'{"event": "measured"}',
        b'{"event": "measured", "step": -1}',
        b'{"event": "measured", "step": 5, "tokens": 1e999, "loss": 1}',
        b'{"event": "measured", "step": 5, "tokens": 999999999999999999999999, "loss": 1, "tokens_per_second": 1}',
        b'{"event": "measured", "step": 5, "tokens": 5000, "loss": "nan", "tokens_per_second": 1}',
        b'{"event": "measured", "step": 5, "tokens": 5000, "loss": 1, "tokens_per_second": 0}',
        b'{"event": "measured", "step": 2, "tokens": 5000, "loss": 1, "tokens_per_second": 1}',
        b'{"event": "heldout", "step": 5, "tokens": "5000", "loss": 1}',
        b'{"event": "sampled", "step": 5, "prompt": 7, "text": null}',
        b'{"event": ["measured"], "step": 5}',
        b"\xff\xfe\x00",
    ],
)
def test_a_line_that_cannot_be_is_left_out(folder: Path, line: bytes) -> None:
    before = run(str(folder))
    with (folder / LOG).open("ab") as file:
        file.write(line + b"\n")
    now = run(str(folder))
    np.testing.assert_array_equal(now.measured.tokens, before.measured.tokens)
    np.testing.assert_array_equal(now.reports.loss, before.reports.loss)
    assert now.samples == before.samples


def test_a_run_without_measurements(folder: Path) -> None:
    found = cut(folder, 1)
    assert (found.stage, found.step, len(found.measured.step)) == ("stopped", 0, 0)
    assert found.unigram > 0
    (folder / LOG).unlink()
    found = run(str(folder))
    assert (found.stage, found.parameters, found.newest) == ("stopped", 0, "")
    with processes() as group, alone(folder, group):
        assert run(str(folder)).stage == "preparing"


def test_a_run_at_work_is_told_from_a_dead_one(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    out = tmp_path / "live"
    events = training(small(text_file(tmp_path), "bound.steps=4"), out)
    for event in events:
        if type(event).__name__ == "Measured":
            found = run(str(out))
            assert found.stage == "running"
            assert found.measured.step[-1] == event.step
            assert found.newest
            break
    events.close()  # as if it were killed: no word of an end
    found = run(str(out))
    assert (found.stage, found.step) == ("stopped", 1)


def test_looking_does_not_keep_a_training_from_its_folder(folder: Path) -> None:
    """A look holds the lock for a moment; a training that begins in it waits rather than give up."""
    import fcntl
    import threading

    with (folder / "lock").open("w") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        timer = threading.Timer(0.05, lambda: fcntl.flock(looking, fcntl.LOCK_UN))
        timer.start()
        with processes() as group, alone(folder, group):
            assert run(str(folder)).stage == "finished"
        timer.join()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("format = 1", "format = 7", r"made by another version of unrolled \(format 7, this one reads 1\)"),
        ("seed = 3", 'seed = "three"', r"\[training\] is damaged"),
        ("[training.run]", "[training.ran]", r"has no \[training.run\], so it was not made by a training"),
        ('family = "gpt"', 'family = "gtp"', "there are rnn, lstm"),
        ("vocabulary = ", "vocabulary = -", "is not possible"),
        ("[model]", "[model", "cannot be read"),
    ],
)
def test_a_folder_that_is_not_ours_says_why(folder: Path, old: str, new: str, says: str) -> None:
    config = folder / "config.toml"
    text = config.read_text("utf-8")
    assert old in text
    config.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(UnrolledError, match=says):
        run(str(folder))
    note_run(folder)
    assert runs() == ()


def test_a_log_longer_than_any(folder: Path) -> None:
    with (folder / LOG).open("r+b") as file:
        file.truncate((1 << 26) + 1)
    with pytest.raises(BadCheckpoint, match="is not the log of a training"):
        run(str(folder))


def test_names_of_runs_begun_here(folder: Path, tmp_path: Path) -> None:
    assert note_run(folder) == note_run(folder) == "runs/tiny"
    other = Path(shutil.copytree(folder, tmp_path / "else" / "runs" / "tiny"))
    assert note_run(other) == "runs/tiny.2"
    strange = Path(shutil.copytree(folder, tmp_path / "für mich" / "…--a b"))
    name = note_run(strange)
    assert name is not None
    assert run_folders() == {"runs/tiny": folder.resolve(), "runs/tiny.2": other.resolve(), name: strange.resolve()}
    assert run(name, paths=False).family == "gpt"
    shutil.rmtree(folder)
    assert "runs/tiny" not in run_folders()
    assert note_run(Path(shutil.copytree(other, tmp_path / "third" / "runs" / "tiny"))) == "runs/tiny"


def test_a_folder_that_lies_here_comes_before_a_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """runs/tiny was begun elsewhere, and is also what one calls a folder of one's own."""
    assert note_run(folder) == "runs/tiny"
    here = tmp_path / "my place"
    shutil.copytree(folder, here / "runs" / "tiny")
    cut(here / "runs" / "tiny", 3)
    monkeypatch.chdir(here)
    assert run("runs/tiny").folder == f"'{here.resolve()}/runs/tiny'"
    assert run("runs/tiny").stage == "stopped"
    assert run("runs/tiny", paths=False).stage == "finished"
    monkeypatch.chdir(tmp_path)
    assert run("runs/tiny").stage == "finished"


def test_a_list_that_cannot_be_written_or_read_costs_only_the_name(folder: Path, own_list: Path) -> None:
    own_list.write_text("a file where a folder should be")
    assert note_run(folder) is None
    own_list.unlink()
    note_run(folder)
    (own_list / "a.json").write_bytes(b'{"folder": 7}')
    (own_list / "b.json").write_bytes(b"[]")
    (own_list / "c.json").write_bytes(b'{"folder": "/pro')
    (own_list / "d.json").write_bytes(json.dumps({"folder": "\0"}).encode())
    assert list(run_folders()) == ["runs/tiny"]


@pytest.mark.parametrize(
    "name", ["", "..", "../tiny", "/etc", "~", "a\0b", "runs--tiny", "x" * 5000, "runs/tiny/../tiny"]
)
def test_a_name_is_never_a_path(folder: Path, name: str) -> None:
    note_run(folder)
    with pytest.raises(UnknownRun, match=r"There is no run .* here; there are runs/tiny"):
        run(name, paths=False)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UnknownRun, match=r"is no run folder: it has no config.toml. `unrolled train` begins one"):
        run(str(tmp_path))
    with pytest.raises(UnknownRun, match="there are none yet: `unrolled train` begins one; the folder of a run opens"):
        run("nope")


def test_what_is_shown_when_nobody_said_what(folder: Path, tmp_path: Path) -> None:
    assert usual_runs(runs()) == ()
    note_run(folder)
    assert usual_runs(runs()) == ("runs/tiny",)
    for name in ("a", "b"):
        shutil.copytree(folder, tmp_path / "shipped" / name)
    assert usual_runs(runs()) == ("a", "b")
    assert run("a").folder == ""
    assert run("a").training == str(tmp_path / "shipped" / "a")
    live = Path(shutil.copytree(folder, tmp_path / "runs" / "live"))
    (live / LOG).unlink()
    note_run(live)
    with processes() as group, alone(live, group):
        assert usual_runs(runs()) == ("runs/live",)
    assert not run_names.runs()[0].folder


def test_training_and_figures_share_one_reader(folder: Path) -> None:
    assert read_events(folder) == events_in((folder / LOG).read_bytes())
    assert [event["event"] for event in read_events(folder)][-1] == "ended"
