"""log.jsonl: a training's events, one a line, for figures and for whoever looks later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unrolled.checkpoints.cache import write_whole
from unrolled.errors import SaveFailed
from unrolled.training.events import Event, Preparing, Started, to_json

LOG = "log.jsonl"


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


def read(folder: Path) -> list[dict[str, Any]]:
    """The events; a last line that was cut off by the end of a process is left out."""
    if not (folder / LOG).is_file():
        return []
    found = []
    for line in (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _forget_after(folder: Path, step: int) -> None:
    kept = [event for event in read(folder) if event["step"] <= step and event["event"] != "ended"]
    write_whole(folder / LOG, "".join(map(_line, kept)).encode())


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False) + "\n"
