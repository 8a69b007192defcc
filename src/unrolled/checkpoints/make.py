"""Which make of checkpoint lies at a path, and which of its files are weights. Pickles are refused here."""

from __future__ import annotations

import hashlib
import json
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
    """The files of weights of a checkpoint: one, or the shards that an index names."""
    if path.is_file() and path.suffix.lower() == ".gguf":
        return [path]
    folder = path if path.is_dir() else path.parent
    whole, index = folder / WEIGHTS, folder / f"{WEIGHTS}.index.json"
    if whole.is_file():
        return [whole]
    if not index.is_file():
        raise BadCheckpoint(f"{folder} has neither {WEIGHTS} nor {index.name}, where its weights should be.")
    names = sorted(set(_shards(index)))
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise BadCheckpoint(f"{index} names the file {name[:80]!r}, which is not beside it.")
    return [folder / name for name in names]


def _shards(index: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads(index.read_bytes())["weight_map"].values()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadCheckpoint(f"{index} is no index of weights.") from error


def weights_hash(path: Path) -> Generator[Progress, None, str]:
    """sha256 of the file of weights; of the list of hashes, in the order of names, if there are several."""
    hashes = []
    for file in weight_files(path):
        digest = yield from file_hash(file)
        hashes.append(digest)
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
