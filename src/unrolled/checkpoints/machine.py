"""Where and in what precision a model runs, and whether it fits there."""

from __future__ import annotations

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


def check_fits(name: str, n_parameters: int, dtype: torch.dtype, device: torch.device) -> None:
    """TooLarge with the estimate, if the model needs more memory than is free."""
    need = int(n_parameters * dtype.itemsize * _WORKING_SHARE)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    if need > free:
        raise TooLarge(
            f"{name} has {n_parameters:,} parameters and needs about {need / 1e9:.1f} GB as {str(dtype)[6:]};"
            f" {free / 1e9:.1f} GB are free on {device}. Take a smaller dtype or model, or close other programs."
        )
