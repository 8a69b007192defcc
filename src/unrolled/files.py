"""Answers as files: .json, .npz, .csv, and .safetensors, which is the wire's own blob. Pictures and pages of a figure
(.svg, .png, .html) are made elsewhere, from more than one answer, and written here.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from unrolled import wire
from unrolled.errors import BadInput
from unrolled.figures import Answer
from unrolled.figures._tables import tables


def json_file(answer: Answer) -> bytes:
    """The `--json` form."""
    return (json.dumps(wire.to_json(answer), ensure_ascii=False, indent=1) + "\n").encode()


def csv_file(answer: Answer) -> bytes:
    """Every table of the result, each under its caption, an empty line between two."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for number, table in enumerate(tables(answer)):
        writer.writerows(([[]] if number else []) + [[f"# {table.caption}"], list(table.columns)])
        writer.writerows([list(row) for row in table.rows])
    return text.getvalue().encode()


def npz_file(answer: Answer) -> bytes:
    """Every array and number under its field's name; with several models, `field.0`, `field.1` …"""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for field in fields(answer.result):
        _collect(field.name, getattr(answer.result, field.name), arrays)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


WRITERS: dict[str, Callable[[Answer], bytes]] = {
    ".json": json_file,
    ".npz": npz_file,
    ".csv": csv_file,
    ".safetensors": wire.encode,
}


PICTURES = (".svg", ".png")
PAGE = ".html"


def check_ending(path: Path | None) -> None:
    """Says what endings there are before any work is done."""
    endings = (*WRITERS, *PICTURES, PAGE)
    if path and path.suffix not in endings:
        raise BadInput(f"“{path}” cannot be written: its ending must be {', '.join(endings)}.")


def write(answer: Answer, path: Path) -> None:
    """Writes an answer's numbers, in the form that the ending names."""
    save(WRITERS[path.suffix](answer), path)


def save(content: bytes, path: Path) -> None:
    """Writes the file whole or not at all."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(content)
        os.umask(mask := os.umask(0o077))
        Path(file.name).chmod(0o666 & ~mask)  # a temporary file is its owner's alone
        Path(file.name).replace(path)
    except OSError as error:
        raise BadInput(f"“{path}” cannot be written: {error.strerror or error}.") from None


def _collect(name: str, value: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    """Strings become arrays of strings; a list of unequal parts becomes one array a part."""
    if isinstance(value, tuple) and not all(isinstance(part, str) for part in value):
        for index, part in enumerate(value):
            _collect(f"{name}.{index}", part, arrays)
    else:
        arrays[name] = np.asarray(value)
