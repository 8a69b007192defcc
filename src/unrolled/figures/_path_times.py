"""Recorded times of one layer of each network of the figure `path_length`, as scripts/layer_times.py measured them."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled.figures._path_networks import NAMES
from unrolled.figures._recorded import recorded
from unrolled.provenance import Provenance

RECORDED = "_path_times.toml"


def recorded_times() -> dict[str, Any]:
    """The fields of the figure's result."""
    said, _ = recorded(RECORDED)
    return {
        "n": np.array(said["n"]),
        **{name: np.array([said[name][network] for network in NAMES]) for name in ("milliseconds", "low", "high")},
        **{name: said[name] for name in ("d", "kernel", "window")},
        "about": f"{said['machine']}, threads: {said['threads']}, {said['version']}, {said['date']}",
    }


def times_provenance() -> tuple[Provenance, ...]:
    """Recorded: when and on what."""
    said, digest = recorded(RECORDED)
    name = f"one layer of each network, {said['date']}, {said['machine']}"
    return (Provenance(name=name, kind="recorded", hash=digest, version=said["version"], dtype="float32", seed=0),)
