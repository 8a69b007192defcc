"""Which make of checkpoint lies at a path, and which of its files are weights. Pickles are refused here."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from pathlib import Path
from typing import Literal

from unrolled.checkpoints.cache import file_hash
from unrolled.checkpoints.run_folder import CONFIG, WEIGHTS
from unrolled.errors import BadCheckpoint, UnsupportedModel
from unrolled.progress import Progress

Make = Literal["gguf", "run", "huggingface"]

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_CONVERT = (
    "which can run any code when it is read, so it is not opened. Where you trust it, convert it:"
    " AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)."
)


def make_of(path: Path) -> Make:
    """UnsupportedModel or BadCheckpoint says what to do with what is not a checkpoint."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return _make_of_folder(path)
    if suffix == ".gguf":
        return "gguf"
    if suffix == ".safetensors":
        make = _make_of_folder(path.parent)
        if make == "run" and path.name != WEIGHTS:
            raise UnsupportedModel(f"{path} is not {WEIGHTS}, where the {CONFIG} beside it has its weights.")
        return make
    if suffix in _PICKLES:
        raise UnsupportedModel(f"{path} is a pickle, {_CONVERT}")
    raise UnsupportedModel(f"{path} is no checkpoint; .gguf and .safetensors files and folders with these open.")


def weight_files(path: Path) -> list[Path]:
    """The files of weights of a checkpoint."""
    if path.is_file() and path.suffix.lower() == ".gguf":
        return [path]
    return sorted((path if path.is_dir() else path.parent).glob("*.safetensors"))


def weights_hash(path: Path) -> Generator[Progress, None, str]:
    """sha256 of the file of weights; of the list of hashes, in the order of names, if there are several."""
    hashes = []
    for file in weight_files(path):
        hashes.append((yield from file_hash(file)))
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _make_of_folder(folder: Path) -> Make:
    if (folder / CONFIG).is_file():
        return "run"
    files = [file for file in folder.iterdir() if file.is_file()]
    if not any(file.suffix == ".safetensors" for file in files):
        if any(file.suffix in _PICKLES for file in files):
            raise UnsupportedModel(f"{folder} has its weights in a pickle only, {_CONVERT}")
        raise BadCheckpoint(f"{folder} has no weights: there is no .safetensors file in it.")
    if not (folder / "config.json").is_file():
        raise BadCheckpoint(f"{folder} has no config.json (or {CONFIG}), which says what its weights are.")
    return "huggingface"
