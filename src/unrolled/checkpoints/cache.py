"""The user's cache: checkpoints that were fetched, dequantised copies, and the hashes of files seen before.

    CACHE/models/NAME/            weights and licence of a fetched checkpoint, entry.toml
    CACHE/opened/HASH-DTYPE/      a run folder of ours: memory-mapped when the model is opened again
    CACHE/runs/NAME.json          where a run begun on this machine lies, see run_names.py
    CACHE/hashes.json             (path, size, time of change) -> sha256, so that opening does not read the file twice

Folders appear whole or not at all: they are written under another name, flushed to the disk, and renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from unrolled.progress import Progress, stop_if_cancelled

_STEP = 1 << 24  # bytes hashed between two reports


def cache_folder() -> Path:
    """UNROLLED_CACHE, or where the system keeps such things."""
    named = os.environ.get("UNROLLED_CACHE")
    return Path(named).expanduser() if named else platformdirs.user_cache_path("unrolled")


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` at the end; nothing is left of it when filling fails.

    If `target` has come into being meanwhile (another process, same content), that one stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    filling = Path(tempfile.mkdtemp(prefix=f".{target.name[:32]}-", dir=target.parent))
    try:
        yield filling
        for path in filling.rglob("*"):
            if path.is_file():
                _flush(path)
        _flush(filling)
        try:
            filling.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        _flush(target.parent)
    finally:
        shutil.rmtree(filling, ignore_errors=True)


def write_whole(path: Path, data: bytes) -> None:
    """Writes a small file so that it holds either what it held or all of `data`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.umask(mask := os.umask(0o077))
        Path(name).chmod(0o666 & ~mask)  # a temporary file is its owner's alone
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def file_hash(path: Path) -> Generator[Progress, None, str]:
    """sha256 of a file; remembered for as long as its size and time of change stay."""
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
    memo = _read_memo()
    if key not in memo:
        digest = yield from _hash(path, stat.st_size)
        _remember(key, digest)
        return digest
    return memo[key]


def _hash(path: Path, size: int) -> Generator[Progress, None, str]:
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_STEP):
            digest.update(block)
            done += len(block)
            yield Progress(done, size, f"reading {path.name}, bytes")
            stop_if_cancelled()
    return digest.hexdigest()


def _read_memo() -> dict[str, str]:
    try:
        memo = json.loads((cache_folder() / "hashes.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return memo if isinstance(memo, dict) else {}


def _remember(key: str, digest: str) -> None:
    """A memo that cannot be written (full disk, read-only home) costs time only."""
    try:
        write_whole(cache_folder() / "hashes.json", json.dumps(_read_memo() | {key: digest}, indent=0).encode())
    except OSError:
        return


def _flush(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows flushes no folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
