"""Cells a minute of `unrolled reproduce`: one process and two, a local pool and Ray, on one fixed piece of work.

Each measurement is a process of its own, in turns, twice; the quicker counts. Ray is measured where it is installed:
`make bench` installs it beside .venv, and says in UNROLLED_RAY where.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from run import Row

WAYS = (("pool", 1), ("pool", 2), ("ray", 1), ("ray", 2))
ROUNDS = 2


def rows() -> list[Row]:
    """Seconds a cell, against one process without Ray; what it takes until the first is finished."""
    python = os.environ.get("UNROLLED_RAY", sys.executable)
    has_ray = subprocess.run([python, "-c", "import ray"], capture_output=True).returncode == 0
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for way in WAYS:
            if has_ray or way[0] == "pool":
                found.setdefault(way, []).append(measured(python, *way))
    one = min(each["cell"] for each in found["pool", 1])
    said = []
    for (on, processes), all_of in found.items():
        cell, name = min(each["cell"] for each in all_of), f"{on}, {processes} process{'es' if processes > 1 else ''}"
        rival = {} if (on, processes) == ("pool", 1) else {"rival": "one process", "theirs": one}
        said.append(Row(name=f"a cell, {name}, {60 / cell:,.0f} a minute", ours=cell, unit="s", **rival))
        said.append(Row(name="  until the first is finished", ours=min(each["start"] for each in all_of), unit="s"))
    if not has_ray:
        said.append(Row(name="a cell, ray: not installed", ours=float("nan"), unit="s"))
    return said


def measured(python: str, on: str, processes: int) -> dict[str, float]:
    """One measurement."""
    command = [python, str(Path(__file__).parent / "cells.py"), on, str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    said: dict[str, float] = json.loads(done.stdout)
    return said
