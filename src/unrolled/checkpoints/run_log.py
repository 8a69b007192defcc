"""log.jsonl of a run folder: a training's events, one a line. training/log.py writes them; whoever looks reads here.

A line appears as a whole or is cut off, by the end of a process or because it is being written; then it is no JSON yet.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unrolled.errors import BadCheckpoint

LOG = "log.jsonl"
_MOST = 1 << 26
"""Bytes of the longest log: hundreds of times what a run writes."""


def read_events(folder: Path) -> list[dict[str, Any]]:
    """The events of a run folder, what is no event left out."""
    return events_in(log_bytes(folder))


def log_bytes(folder: Path) -> bytes:
    """The log as it stands; nothing if there is none. BadCheckpoint if it is longer than any."""
    path = folder / LOG
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        found = file.read(_MOST + 1)
    if len(found) > _MOST:
        raise BadCheckpoint(f"{path} is longer than {_MOST:,} bytes, so it is not the log of a training.")
    return found


def events_in(log: bytes) -> list[dict[str, Any]]:
    """Its events. Only a line feed ends a line: other separators may stand in what a model wrote."""
    found = []
    for line in log.decode("utf-8", errors="replace").split("\n"):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str) and _is_step(event.get("step")):
            found.append(event)
    return found


def _is_step(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53
