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

import pytest

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
START_LIMIT_S = 60.0


@contextmanager
def serving(*arguments: str, root: Path = ROOT, env: dict[str, str] | None = None) -> Iterator[str]:
    """`python -m unrolled serve` of the tree at `root` on a free port of 127.0.0.1; gives its address."""
    command = [sys.executable, "-m", "unrolled", "serve", "--port", "0", "--no-browser", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONUNBUFFERED": "1", **(env or {})}
    process = subprocess.Popen(
        command, cwd=root, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    )  # fmt: skip
    said: list[str] = []
    reader, address = _address(process, said)
    try:
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(timeout=20)
        assert process.stdout
        process.stdout.close()


def _address(process: subprocess.Popen[str], said: list[str]) -> tuple[threading.Thread, str]:
    """The address that the server prints once it listens; its later output is read on, so that it never blocks."""
    found: Queue[str | None] = Queue()

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
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
        process.kill()
        process.wait()
        pytest.fail(f"`unrolled serve` did not say within {START_LIMIT_S:.0f} s where it listens:\n{''.join(said)}")
    return reader, address
