"""Cells on Ray, in an environment that has it: `make ray`. Workers are killed in the middle, and nothing is missed."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from experiments.killing import Runs, below

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def python() -> str:
    """The Python that has Ray."""
    found = os.environ.get("UNROLLED_RAY")
    if not found:
        pytest.fail("UNROLLED_RAY names no Python with Ray; `make ray` sets it.")
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Run in one process, without Ray."""
    runs = Runs(folder=tmp_path_factory.mktemp("undisturbed"))
    out, _ = (running := runs.start()).communicate()
    assert running.returncode == 0, out
    return runs


def workers(running: subprocess.Popen[str]) -> list[psutil.Process]:
    return below(running, lambda line: line.startswith("ray::run_one"))


def test_killed_workers_cells_are_run_again(tmp_path: Path, python: str, undisturbed: Runs) -> None:
    runs = Runs(folder=tmp_path, python=python, options=("--processes", "2", "--on", "ray"))
    running, killed = runs.start(), 0
    while killed < 3 and running.poll() is None:
        runs.wait_for(runs.finished() + 3, running)
        if busy := workers(running):
            runs.random.choice(busy).kill()
            killed += 1
    out, _ = running.communicate()
    assert killed == 3, "the claim is too short to be killed so often"
    assert running.returncode == 0, out
    assert runs.result() == undisturbed.result()


def test_a_killed_run_goes_on(tmp_path: Path, python: str, undisturbed: Runs) -> None:
    """Ray ends with the process that began it, its agents last; another run takes up what was finished."""
    runs = Runs(folder=tmp_path, python=python, options=("--processes", "2", "--on", "ray"))
    runs.wait_for(5, running := runs.start())
    everything = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    running.communicate()
    _, alive = psutil.wait_procs(everything, timeout=240)
    assert not alive
    before = runs.finished()
    assert 5 <= before < 40
    out, _ = (again := runs.start()).communicate()
    assert again.returncode == 0, out
    assert runs.result() == undisturbed.result()


def test_ctrl_c_ends_it_and_writes_what_is_finished(tmp_path: Path, python: str) -> None:
    runs = Runs(folder=tmp_path, python=python, options=("--processes", "2", "--on", "ray"))
    runs.wait_for(5, running := runs.start())
    os.kill(running.pid, signal.SIGINT)
    out, _ = running.communicate()
    assert running.returncode == 130, out
    found = runs.result()
    assert found["verdict"] == "not decided"
    assert 0 < len(found["cells"]) == runs.finished() < 40


def test_nothing_listens_beyond_this_machine(tmp_path: Path, python: str) -> None:
    runs = Runs(folder=tmp_path, python=python, options=("--processes", "2", "--on", "ray"))
    runs.wait_for(5, running := runs.start())
    own = psutil.Process(running.pid)
    listening = [
        connection.laddr.ip
        for process in (own, *own.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    running.communicate()
    assert listening
    assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}
