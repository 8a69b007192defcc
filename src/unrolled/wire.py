"""Answer -> bytes. One safetensors blob a panel, the same through every door.

Arrays and single numbers are tensors (numbers 0-d), everything else is canonical JSON under the one metadata key
`figure`: sorted keys, no spaces, no clock. Where the JSON has `{"$": name}`, that tensor belongs. `to_json` is the
same answer for people and pipes: non-finite numbers are the strings "inf", "-inf" and "nan".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from unrolled.figures import Answer


def encode(answer: Answer) -> bytes:
    """The blob that HTTP, widget and files carry."""
    tensors: dict[str, np.ndarray[Any, Any]] = {}

    def keep(path: str, value: Any) -> dict[str, str]:
        tensors[path] = np.asarray(value, order="C")
        return {"$": path}

    about = _about(answer, keep)
    return save(
        tensors, metadata={"figure": json.dumps(about, sort_keys=True, separators=(",", ":"), ensure_ascii=False)}
    )


def decode(blob: bytes) -> dict[str, Any]:
    """What `encode` put in: figure, panel, knobs, provenance and data, arrays as numpy and numbers as Python's."""
    length = int.from_bytes(blob[:8], "little")
    about: dict[str, Any] = json.loads(json.loads(blob[8 : 8 + length])["__metadata__"]["figure"])
    tensors = load(blob)

    def restore(value: Any) -> Any:
        if isinstance(value, dict):
            tensor = tensors[value["$"]]
            return tensor if tensor.ndim else tensor.item()
        return [restore(part) for part in value] if isinstance(value, list) else value

    about["data"] = {name: restore(value) for name, value in about["data"].items()}
    return about


def to_json(answer: Answer) -> dict[str, Any]:
    """The `--json` form: figure, panel, provenance, knobs, data; arrays as nested lists."""
    about = _about(answer, lambda _, value: finite(np.asarray(value).tolist()))
    return about | {"knobs": finite(about["knobs"])}


def _about(answer: Answer, keep: Callable[[str, Any], Any]) -> dict[str, Any]:
    result = answer.result
    return {
        "figure": answer.figure,
        "panel": answer.panel.name,
        "provenance": [asdict(entry) for entry in answer.provenance],
        "knobs": _plain(answer.knobs),
        "data": {f.name: _skeleton(f.name, getattr(result, f.name), keep) for f in fields(result)},
    }


def _skeleton(path: str, value: Any, keep: Callable[[str, Any], Any]) -> Any:
    """Strings, booleans and None stay; numbers and arrays are kept as tensors under their path."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, tuple | list):
        return [_skeleton(f"{path}.{index}", part, keep) for index, part in enumerate(value)]
    return keep(path, value)


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON has it."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def finite(value: Any) -> Any:
    """JSON has no infinities: they become words."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value
