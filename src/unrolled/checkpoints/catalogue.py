"""Which checkpoints there are: those known by a short name, those shipped with the package, those in the cache."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unrolled.checkpoints.cache import cache_folder
from unrolled.checkpoints.headers import StoredShape, entry_at, tensors_of
from unrolled.checkpoints.known import KNOWN, WHEELS, Entry
from unrolled.checkpoints.make import weights_hash
from unrolled.errors import BadCheckpoint, UnknownModel, UnrolledError
from unrolled.progress import finish

ENTRY = "entry.toml"
"""Beside the weights: name, title, licence, source, sha256, and `weights`, the file that opens ("" = the folder)."""

SHIPPED = Path(__file__).parents[1] / "shipped"
"""Folders of models that this project trained, each with an entry.toml and a card."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")


@dataclass(frozen=True, kw_only=True)
class Description:
    """An entry with its hash computed, and the tensors that its files hold."""

    entry: Entry
    tensors: Mapping[str, StoredShape]


def folder_of(name: str) -> Path:
    """Where the checkpoint `name` ("smollm2", "org/name") is kept once it is fetched."""
    return cache_folder() / "models" / name.replace("/", "--")


def is_name(name: str) -> bool:
    """Whether it could be a short name or "org/name"."""
    return _NAME.fullmatch(name) is not None


def entries() -> tuple[Entry, ...]:
    """Known, shipped, cached, in this order. One that cannot be read is left out; opening it says why."""
    found = {name: _known(name) for name in KNOWN}
    for place in (SHIPPED, cache_folder() / "models"):
        for folder in sorted(place.glob("[!._]*")) if place.is_dir() else ():
            try:
                kept = _in_folder(folder)
            except (UnrolledError, OSError):
                continue
            found.setdefault(kept.name, kept)
    return tuple(found.values())


def entry(name: str, *, paths: bool = True) -> Entry:
    """The checkpoint of that name or, with `paths`, at that path. UnknownModel says which names exist."""
    if name in KNOWN:
        return _known(name)
    for folder in (SHIPPED / name, folder_of(name)) if is_name(name) else ():
        if folder.is_dir():
            return _in_folder(folder)
    if paths and name and "\0" not in name and _exists(Path(name).expanduser()):
        return entry_at(name, Path(name).expanduser(), {})
    names = ", ".join(known.name for known in entries())
    end = "; a path to a .gguf file or to a folder opens too" if paths else ""
    raise UnknownModel(f"There is no model {name[:200]!r}; there are {names}{end}.")


def describe(name: str) -> Description:
    """Reads headers, and every byte once if the hash is not known yet."""
    found = entry(name)
    if found.path is None:
        return Description(entry=found, tensors={})
    sha256 = found.sha256 or finish(weights_hash(found.path))
    return Description(entry=replace(found, sha256=sha256), tensors=tensors_of(found.path))


def _known(name: str) -> Entry:
    """A known checkpoint; `here` when its weights lie in the cache at their full size."""
    known = KNOWN[name]
    folder = folder_of(name)
    weights = folder / Path(WHEELS[name].weights).name
    if not weights.is_file() or weights.stat().st_size != known.size_bytes:
        return known
    return replace(known, here=True, path=weights if weights.suffix == ".gguf" else folder)


def _in_folder(folder: Path) -> Entry:
    said = _read_entry(folder / ENTRY)
    weights = said.get("weights")
    path = folder / weights if isinstance(weights, str) and weights and "/" not in weights else folder
    return entry_at(str(said.get("name") or folder.name.replace("--", "/")), path, said)


def _read_entry(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadCheckpoint(f"{path} cannot be read: {error}.") from error


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than any path may be
        return False
