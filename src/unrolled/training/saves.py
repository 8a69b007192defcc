"""Saving so that a killed process, a full disk or a power cut loses at most the steps since the last save.

saves/STEP/model.safetensors     weights in float32
saves/STEP/state.safetensors     AdamW's two means, the step, tokens and seconds so far. Random numbers need no state:
                                 they are a function of (seed, step), see order.py
model.safetensors                the newest weights again (a hard link where the file system has them)
kept/STEP/                       a run folder of its own, weights in float16: what the model was like then

A save is written under another name, flushed to the disk and renamed: it is there as a whole or not at all. Then it is
put in place as the folder's model.safetensors, again by renaming, and only then is the save before it removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from unrolled.checkpoints.cache import new_folder
from unrolled.checkpoints.run_folder import CONFIG, KEPT, TOKENIZER, WEIGHTS
from unrolled.errors import BadCheckpoint, SaveFailed

SAVES, STATE = "saves", "state.safetensors"
Tensors = Mapping[str, Tensor]


def save(folder: Path, step: int, weights: Tensors, state: Tensors) -> Path:
    """A whole new save, the older ones gone. SaveFailed, and the last one untouched, if it cannot be written."""
    target = folder / SAVES / f"{step:09d}"
    with _told(folder, step):
        with new_folder(target) as filling:
            safetensors.torch.save_file(_plain(weights), filling / WEIGHTS)
            safetensors.torch.save_file(_plain(state), filling / STATE)
        publish(folder, target)
    for older in saves(folder)[:-1]:
        shutil.rmtree(older, ignore_errors=True)
    return target


def keep(folder: Path, step: int, weights: Tensors) -> Path:
    """Weights of this step in float16, for good."""
    target = folder / KEPT / f"{step:09d}"
    with _told(folder, step), new_folder(target) as filling:
        for name in (CONFIG, TOKENIZER):
            shutil.copyfile(folder / name, filling / name)
        halves = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
        safetensors.torch.save_file(_plain(halves), filling / WEIGHTS)
    return target


def publish(folder: Path, newest: Path) -> None:
    """The save's weights as the folder's own."""
    between = folder / f".{WEIGHTS}-next"
    between.unlink(missing_ok=True)
    try:
        os.link(newest / WEIGHTS, between)
    except OSError:  # no hard links here
        shutil.copyfile(newest / WEIGHTS, between)
        with between.open("rb") as file:
            os.fsync(file.fileno())
    between.replace(folder / WEIGHTS)


def saves(folder: Path) -> list[Path]:
    """Whole saves, the newest last."""
    if not (folder / SAVES).is_dir():
        return []
    return sorted(path for path in (folder / SAVES).iterdir() if path.name.isdecimal())


def newest(folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]] | None:
    """Weights and state of the newest save, in memory of their own; None before the first one."""
    found = saves(folder)
    return (read(found[-1] / WEIGHTS), read(found[-1] / STATE)) if found else None


def read(path: Path) -> dict[str, Tensor]:
    """Copies, not a memory map: matrix products round differently where memory is aligned differently."""
    try:
        return {name: tensor.clone() for name, tensor in safetensors.torch.load_file(path).items()}
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{path} cannot be read: {error}.") from error


def sweep(folder: Path) -> None:
    """Removes what a killed process left half-written, and what a whole save has replaced."""
    for part in (folder, folder / SAVES, folder / KEPT):
        for path in part.glob(".*") if part.is_dir() else ():
            _remove(path)
    found = saves(folder)
    if found:
        publish(folder, found[-1])
    for older in found[:-1]:
        shutil.rmtree(older, ignore_errors=True)


def _remove(path: Path) -> None:
    """A folder with all that is in it, or a file."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _told(folder: Path, step: int) -> Iterator[None]:
    """What the disk says, as a sentence."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        last = saves(folder)
        whole = f"The save of step {int(last[-1].name)} is whole" if last else "The run folder is as it was"
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SaveFailed(
            f"Step {step} cannot be saved in {folder}: {reason}. {whole}: make room,"
            f" and go on with unrolled train --out {folder} --resume."
        ) from error


def _plain(tensors: Tensors) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}


def number(value: float, dtype: torch.dtype) -> Tensor:
    """A single number as safetensors hold it."""
    return torch.tensor(value, dtype=dtype)
