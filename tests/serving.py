"""A served guide for tests: the real program in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import IO

import pytest

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
START_LIMIT_S = 60.0


@contextmanager
def process(
    command: list[str], *, cwd: Path, env: dict[str, str], output: int | IO[str] = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """A program that runs for as long as this lasts; what it says and complains of goes to `output`."""
    started = subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
        stdout=output, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    )  # fmt: skip
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(timeout=20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def serving(*arguments: str, root: Path = ROOT, env: dict[str, str] | None = None) -> Iterator[str]:
    """`python -m unrolled serve` of the tree at `root` on a free port of 127.0.0.1; gives its address."""
    command = [sys.executable, "-m", "unrolled", "serve", "--port", "0", "--no-browser", *arguments]
    environment = {"PYTHONPATH": str(root / "src"), "PYTHONUNBUFFERED": "1", **(env or {})}
    said: list[str] = []
    with process(command, cwd=root, env=environment) as started:
        reader, address = _address(started, said)
        try:
            yield address
        finally:
            started.terminate()
            reader.join(timeout=20)  # it reads to the end
            assert started.stdout
            started.stdout.close()


def _address(started: subprocess.Popen[str], said: list[str]) -> tuple[threading.Thread, str]:
    """The address that the server prints once it listens; its later output is read on, so that it never blocks."""
    found: Queue[str | None] = Queue()

    def read() -> None:
        assert started.stdout
        for line in started.stdout:
            said.append(line)
            if match := ADDRESS.search(line):
                found.put(match[0])
        found.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        address = found.get(timeout=START_LIMIT_S)
    except Empty:
        address = None
    if address is None:
        started.kill()
        started.wait()
        pytest.fail(f"`unrolled serve` did not say within {START_LIMIT_S:.0f} s where it listens:\n{''.join(said)}")
    return reader, address
