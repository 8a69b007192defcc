"""Recorded times of one layer of each network of the figure `path_length`, as scripts/layer_times.py measured them."""

from __future__ import annotations

import hashlib
import tomllib
from importlib import resources
from typing import Any

import numpy as np

from unrolled.figures._path_networks import NAMES
from unrolled.provenance import Provenance

RECORDED = "_path_times.toml"


def _read() -> tuple[dict[str, Any], str]:
    raw = (resources.files("unrolled.figures") / RECORDED).read_bytes()
    return tomllib.loads(raw.decode()), hashlib.sha256(raw).hexdigest()


_SAID, _HASH = _read()

TIMES: dict[str, Any] = {
    "n": np.array(_SAID["n"]),
    **{name: np.array([_SAID[name][network] for network in NAMES]) for name in ("milliseconds", "low", "high")},
    **{name: _SAID[name] for name in ("d", "kernel", "window")},
    "about": f"{_SAID['machine']}, threads: {_SAID['threads']}, {_SAID['version']}, {_SAID['date']}",
}
"""The fields of the figure's result."""


def times_provenance() -> tuple[Provenance, ...]:
    """Recorded: when and on what."""
    name = f"one layer of each network, {_SAID['date']}, {_SAID['machine']}"
    recorded = Provenance(name=name, kind="recorded", hash=_HASH, version=_SAID["version"], dtype="float32", seed=0)
    return (recorded,)
