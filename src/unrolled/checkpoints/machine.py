"""Where and in what precision a model runs, and whether it fits there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from unrolled.errors import BadKnob, TooLarge

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}
STORED = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64"}
"""Names of dtypes in safetensors files."""

_WORKING_SHARE = 1.1  # weights, and a tenth for what is computed with them


def dtype_named(name: str) -> torch.dtype:
    """A torch dtype from its name."""
    if name not in DTYPES:
        raise BadKnob(f"There is no dtype {name!r}; there are {', '.join(DTYPES)}.")
    return DTYPES[name]


def device_named(name: str) -> torch.device:
    """A device that this machine has."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadKnob(f"There is no device {name!r}; there are cpu, cuda, cuda:0 … and mps.") from None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if device.type not in there:
        raise BadKnob(f"Models do not run on {device.type!r} here; there are cpu, cuda and mps.")
    if not there[device.type]:
        raise BadKnob(f"This machine, or its build of torch, has no {name}: leave the device at cpu.")
    return device


def free_memory(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes that a process may still take: of the machine, and of the container or group that it runs in."""
    return min([psutil.virtual_memory().available, *_left_to_groups(groups, own)])


def _left_to_groups(groups: Path, own: Path) -> Iterator[int]:
    """What each control group around this process leaves, versions 2 and 1; files that it caches can be let go."""
    for line in _lines(own):
        kinds, _, name = line.split(":", 1)[1].partition(":")
        if kinds not in ("", "memory"):
            continue
        root, limit, used = (
            (groups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
            if kinds
            else (groups, "memory.max", "memory.current")
        )
        for folder in (root / name.lstrip("/"), *(root / name.lstrip("/")).parents):
            allowed, taken = (" ".join(_lines(folder / file)) for file in (limit, used))
            if allowed.isdigit() and taken.isdigit():
                cached = dict(entry.split(" ", 1) for entry in _lines(folder / "memory.stat")).get("inactive_file", "0")
                yield max(0, int(allowed) - int(taken) + int(cached))
            if folder == root:
                break


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except OSError:
        return []


def check_fits(name: str, n_parameters: int, dtype: torch.dtype, device: torch.device) -> None:
    """TooLarge with the estimate, if the model needs more memory than is free."""
    need = int(n_parameters * dtype.itemsize * _WORKING_SHARE)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
    if need > free:
        raise TooLarge(
            f"{name} has {n_parameters:,} parameters and needs about {need / 1e9:.1f} GB as {str(dtype)[6:]};"
            f" {free / 1e9:.1f} GB are free on {device}. Take a smaller dtype or model, or close other programs."
        )
