"""Fetching "org/name" from the Hugging Face Hub: safetensors, configs and tokenizers only, no code and no pickles."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

from unrolled.checkpoints.cache import new_folder
from unrolled.checkpoints.catalogue import ENTRY, folder_of
from unrolled.checkpoints.make import make_of
from unrolled.errors import GetFailed, UnrolledError
from unrolled.progress import Progress, stop_if_cancelled

_WANTED = (".safetensors", ".json", ".model", ".txt", ".jinja", "README.md", "LICENSE")


def get_from_hub(name: str) -> Generator[Progress, None, None]:
    """Into the cache, at the commit that the Hub's main branch has now; the commit is written down."""
    from huggingface_hub import HfApi, hf_hub_download

    try:
        yield Progress(0, 1, f"asking the Hub for {name}")
        info = HfApi().model_info(name, files_metadata=True, timeout=10)
        sizes = {f.rfilename: f.size or 0 for f in info.siblings or () if _is_wanted(f.rfilename)}
        if not any(file.endswith(".safetensors") for file in sizes):
            raise GetFailed(f"{name} has no safetensors on the Hub; weights in pickles are not opened here.")
        with new_folder(folder_of(name)) as folder:
            done = 0
            for file, size in sizes.items():
                yield Progress(done, sum(sizes.values()), f"fetching {file}, bytes")
                stop_if_cancelled()
                hf_hub_download(name, file, revision=info.sha, local_dir=folder)
                done += size
            _finish(name, str(info.sha), folder)
    except UnrolledError:
        raise
    except Exception as error:  # the Hub's client raises errors of three libraries
        raise GetFailed(_why(name, error)) from error


def _is_wanted(file: str) -> bool:
    """Files at the top of the repository: no onnx/, no checkpoints of earlier steps."""
    return "/" not in file and file.endswith(_WANTED)


def _finish(name: str, commit: str, folder: Path) -> None:
    make_of(folder)  # says what is missing, if it cannot be opened
    said = {"name": name, "title": name, "source": f"Hugging Face Hub, {name} at {commit[:12]}"}
    (folder / ENTRY).write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in said.items()), encoding="utf-8")


def _why(name: str, error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return f"The Hub keeps {name} closed, or has no such model: ask for access there, then run `hf auth login`."
    if status == 404:
        return f"The Hub has no model {name!r}: check the spelling, org/name."
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return (
        f"The Hub could not be reached for {name} ({first[:200]}): is there a network? Files put in by hand open too."
    )
