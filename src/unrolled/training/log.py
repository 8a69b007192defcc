"""log.jsonl: a training's events, one a line, for figures and whoever looks later (checkpoints/run_log.py reads)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unrolled.checkpoints.cache import write_whole
from unrolled.checkpoints.run_log import LOG, read_events
from unrolled.errors import SaveFailed
from unrolled.training.events import Event, Preparing, Started, to_json


def write(folder: Path, event: Event) -> None:
    """Appends an event. A run that goes on first forgets what had happened after its save."""
    if isinstance(event, Preparing):
        return
    try:
        if isinstance(event, Started):
            _forget_after(folder, event.step)
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.write(_line(to_json(event)))
    except OSError as error:
        raise SaveFailed(
            f"{folder / LOG} cannot be written: {error.strerror or error}. The last save is whole."
        ) from error


def _forget_after(folder: Path, step: int) -> None:
    kept = [event for event in read_events(folder) if event["step"] <= step and event["event"] != "ended"]
    write_whole(folder / LOG, "".join(map(_line, kept)).encode())


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False) + "\n"
