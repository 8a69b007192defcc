"""A run that was stopped or killed goes on to the very weights of one that was not."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from small_runs import recipe_file, same, small, stopped, text_file, trained, weights
from unrolled.checkpoints.run_log import read_events
from unrolled.training import Ended, HeldOut, Started, read_run, run, saves
from unrolled.training.recipe import table_of

KILLED = 20


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_a_resumed_run_is_the_same_run(tmp_path: Path) -> None:
    recipe = small(text_file(tmp_path), "keep=[0.0, 0.5]")
    whole = trained(recipe, tmp_path / "whole")
    stopped(recipe, tmp_path / "parts", after=5)
    assert len(saves.saves(tmp_path / "parts")) == 1
    went_on = trained(None, tmp_path / "parts", resume=True)
    assert isinstance(went_on[0], Started)
    assert went_on[0].step == 5
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    ours, theirs = (dict(saves.newest(tmp_path / name)[1]) for name in ("whole", "parts"))  # type: ignore[index]
    assert ours.pop("run.seconds") != theirs.pop("run.seconds")
    assert same(ours, theirs)
    losses = [
        [e["loss"] for e in read_events(tmp_path / name) if e["event"] == "heldout"] for name in ("whole", "parts")
    ]
    assert losses[0] == losses[1] == [event.loss for event in whole if isinstance(event, HeldOut)]
    assert sorted(path.name for path in (tmp_path / "parts" / "kept").iterdir()) == ["000000000", "000000006"]


def forget_means(module: object, optimiser: object, means: object, step: int) -> None:
    """A broken put_back."""


def same_dropout(seed: int, purpose: str, number: int = 0, rank: int = 0) -> int:
    """A broken seed_of: after going on, steps are counted from 1 again."""
    return hash((seed, purpose, number - 5 if number > 5 else number))


@pytest.mark.parametrize(("name", "broken"), [("put_back", forget_means), ("seed_of", same_dropout)])
def test_twin_what_is_forgotten_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, broken: object
) -> None:
    recipe = small(text_file(tmp_path))
    trained(recipe, tmp_path / "whole")
    stopped(recipe, tmp_path / "parts", after=5)
    monkeypatch.setattr(run, name, broken)
    trained(None, tmp_path / "parts", resume=True)
    assert not same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_minutes_fix_the_steps_and_the_rest_is_the_same_run(tmp_path: Path) -> None:
    """Speed is measured on the run itself, which then begins anew with the number of steps that came out."""
    recipe = small(text_file(tmp_path), "bound={ minutes = 0.02 }", "reports=1")
    trained(recipe, tmp_path / "minutes")
    steps = read_run(tmp_path / "minutes").fixed.steps
    assert steps > 0
    trained(small(text_file(tmp_path), f"bound={{ steps = {steps} }}", "reports=1"), tmp_path / "steps")
    assert same(weights(tmp_path / "minutes"), weights(tmp_path / "steps"))


def test_tokens_come_to_steps(tmp_path: Path) -> None:
    recipe = small(text_file(tmp_path), "bound={ tokens = 640 }")
    trained(recipe, tmp_path / "run")
    run_folder = read_run(tmp_path / "run")
    per_step = 4 * (run_folder.fixed.train_tokens - 1) / -(-(run_folder.fixed.train_tokens - 1) // 16)
    assert run_folder.fixed.steps == round(640 / per_step) == 10


def test_a_finished_run_says_so_and_changes_nothing(tmp_path: Path) -> None:
    trained(small(text_file(tmp_path)), tmp_path / "run")
    before = weights(tmp_path / "run")
    events = trained(None, tmp_path / "run", resume=True)
    assert isinstance(events[-1], Ended)
    assert events[-1].finished
    assert same(before, weights(tmp_path / "run"))


SERVER = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from unrolled.training import recipe_of, training
table, out, killed = json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
draw = random.Random(11)
warm = recipe_of(table | {"bound": {"steps": 1}, "keep": []}, "test")
list(training(warm, out.with_name("warm")))  # what is imported late is imported before the forks

begun, begins = os.pipe()

def run():
    child = os.fork()
    if not child:
        try:
            for event in training(None if out.exists() else recipe_of(table, "test"), out, resume=out.exists()):
                if type(event).__name__ == "Started":
                    os.write(begins, b".")
        except BaseException as error:
            print("failed:", error, flush=True)
            os._exit(1)
        os._exit(0)
    return child

steps = []
while len(steps) < killed:
    child = run()
    if len(steps) % 4:  # every fourth is killed before or just after its first step
        os.read(begun, 1)
    time.sleep(draw.uniform(0.0, 0.2))
    os.kill(child, signal.SIGKILL)
    died = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(died), died  # it was at work
    found = sorted((out / "saves").glob("[0-9]*"))
    steps.append(int(found[-1].name) if found else 0 if out.exists() else -1)
assert os.waitpid(run(), 0)[1] == 0
print(json.dumps(steps))
"""
"""Forks trainings off a process that has imported everything, and kills them at random moments."""


@pytest.mark.timeout(900)  # twenty processes on a busy machine
def test_killed_twenty_times(tmp_path: Path) -> None:
    recipe = small(text_file(tmp_path), "bound.steps=3000", "reports=5", "save_seconds=0.02", "keep=[0.0, 0.02, 0.5]")
    told = subprocess.run(
        [sys.executable, "-c", SERVER, json.dumps(table_of(recipe)), str(tmp_path / "killed"), str(KILLED)],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    steps = json.loads(told.stdout)
    assert len(steps) == KILLED
    assert steps == sorted(steps)
    assert len(set(steps)) > 5  # most of them after some more steps
    trained(recipe, tmp_path / "whole")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))
    assert list((tmp_path / "killed").rglob(".*")) == []


def test_a_kill_between_the_save_and_its_place_is_mended(tmp_path: Path) -> None:
    """The save is whole, the folder's own weights are still the ones before; and a half-written save lies about."""
    recipe = small(text_file(tmp_path))
    stopped(recipe, tmp_path / "run", after=4)
    old = (tmp_path / "run" / "model.safetensors").read_bytes()
    list(_until(recipe, tmp_path / "run", 7))
    (tmp_path / "run" / "model.safetensors").unlink()
    (tmp_path / "run" / "model.safetensors").write_bytes(old)
    half = tmp_path / "run" / "saves" / ".000000009-abc"
    half.mkdir()
    (half / "model.safetensors").write_bytes(old[:100])
    for name in (".log.jsonl-abc", ".config.toml-abc"):
        (tmp_path / "run" / name).write_bytes(b"{")
    trained(None, tmp_path / "run", resume=True)
    trained(recipe, tmp_path / "whole")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "run"))
    assert list((tmp_path / "run").rglob(".*")) == []


def _until(recipe: object, out: Path, step: int) -> list[object]:
    from unrolled.training import training

    asked = iter([False] * (step - saves_step(out) - 1) + [True])
    return list(training(None, out, resume=True, stop=lambda: next(asked)))


def saves_step(out: Path) -> int:
    return int(saves.saves(out)[-1].name)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "unrolled", "train", *words]


def test_control_c_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    text, out = text_file(tmp_path), tmp_path / "run"
    changes = ["--steps", "100000", "--set", "save_seconds=1000.0"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    words = command("--recipe", str(recipe_file(text)), "--out", str(out), *changes)
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        said = ""
        while "\nstep " not in said and (line := running.stdout.readline()):
            said += line
        running.send_signal(signal.SIGINT)
        said += running.stdout.read()
        assert running.wait() == 130, said
    step = saves_step(out)
    assert f"Saved after step {step:,} of 100,000" in said
    assert f"unrolled train --out {out} --resume" in said
    assert read_run(out).fixed.steps == 100000


def test_two_processes_are_one(tmp_path: Path) -> None:
    """torchrun, gloo, each half of every batch: the weights of one process with the whole batch to 1e-5."""
    changes = ("model.dropout=0.0", "bound.steps=20", "optimiser.learning_rate=1e-3")
    text = text_file(tmp_path)
    trained(small(text, *changes), tmp_path / "one")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    address = ["--master-addr", "127.0.0.1", "--master-port", port]
    words = ["-m", "unrolled", "train", "--recipe", str(recipe_file(text)), "--out", str(tmp_path / "two"), "--json"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run([*torchrun, *address, *words, "--set", *changes], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events].count("ended") == 1  # the first process speaks, the other is silent
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, expected in one.items():
        torch.testing.assert_close(two[name], expected, rtol=0, atol=1e-5)
    ours, theirs = ([e for e in read_events(tmp_path / n) if e["event"] == "heldout"][-1] for n in ("one", "two"))
    assert ours["predicted"] == theirs["predicted"]
    assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-5)
