"""SIGKILL at random moments, of workers and of the main process: what is found is what an undisturbed run finds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from experiments.killing import Runs, below

KILLS = 10


def workers(running: subprocess.Popen[str]) -> list[psutil.Process]:
    return below(running, lambda line: "spawn_main" in line)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_again_and_again_finds_what_an_undisturbed_one_finds(tmp_path: Path) -> None:
    undisturbed = Runs(folder=tmp_path / "undisturbed")
    out, _ = (whole := undisturbed.start()).communicate(timeout=280)
    assert whole.returncode == 0, out
    disturbed = Runs(folder=tmp_path / "disturbed", options=("--processes", "2"))
    running, left = disturbed.start(), []
    for kill in range(KILLS):
        if running.poll() is not None:
            running = disturbed.start()
        disturbed.wait_for(disturbed.finished() + disturbed.random.randrange(1, 4), running)
        pool = workers(running)
        if pool and kill % 2:
            disturbed.random.choice(pool).kill()
        else:
            left += pool
            running.kill()
            running.communicate()
        assert disturbed.finished() < undisturbed.finished(), "the claim is too short to be killed so often"
    out, _ = running.communicate() if running.poll() is None else disturbed.start().communicate(timeout=280)
    assert disturbed.result() == undisturbed.result(), out
    _, alive = psutil.wait_procs(left, timeout=60)
    assert not alive, "workers of a killed process end with it"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_loses_the_running_cells_and_writes_what_is_finished(tmp_path: Path) -> None:
    runs = Runs(folder=tmp_path, options=("--processes", "2"))
    runs.wait_for(5, running := runs.start())
    os.kill(running.pid, signal.SIGINT)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130, out
    assert "Stopped. What is finished is kept" in out
    found = runs.result()
    assert found["verdict"] == "not decided"
    assert 0 < len(found["cells"]) == runs.finished() < 40
    assert found["why"] == f"{found['missing']} cells of 40 were not run yet."
    assert len(found["cells"]) + found["missing"] == 40
