"""Running `unrolled reproduce` on the claim `short` in a process of its own, killing parts of it, and comparing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from serving import ROOT


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Where one claim is run again and again until it is whole."""

    folder: Path
    python: str = sys.executable
    options: tuple[str, ...] = ()
    random: random.Random = field(default_factory=lambda: random.Random(0))

    def start(self) -> subprocess.Popen[str]:
        own = {"UNROLLED_CLAIMS": str(ROOT / "tests" / "claims"), "UNROLLED_CACHE": str(self.folder)}
        environment = {**os.environ, **own, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
        command = [self.python, "-m", "unrolled", "reproduce", "--only", "short", *self.options]
        heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore Ctrl-C
        try:
            return subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        finally:
            signal.signal(signal.SIGINT, heard)

    def finished(self) -> int:
        """Cells that are on disk."""
        return len(list((self.folder / "experiments" / "cells").glob("[!.]*.json")))

    def wait_for(self, cells: int, running: subprocess.Popen[str]) -> None:
        """Until so many cells are finished, and a moment at random longer; or until it has ended."""
        while self.finished() < cells and running.poll() is None:
            time.sleep(0.005)
        time.sleep(self.random.uniform(0, 0.1))

    def result(self) -> dict[str, Any]:
        """What was found, without what differs from run to run: times."""
        said = json.loads((self.folder / "experiments" / "results" / "short.json").read_bytes())
        return {**said, "core_minutes": 0, "cells": [{**cell, "seconds": 0} for cell in said["cells"]]}


def below(running: subprocess.Popen[str], is_wanted: Callable[[str], bool]) -> list[psutil.Process]:
    """Its processes whose command line is wanted."""
    try:
        return [each for each in psutil.Process(running.pid).children(recursive=True) if is_wanted(_line(each))]
    except psutil.NoSuchProcess:
        return []


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
