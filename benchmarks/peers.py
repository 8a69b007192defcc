"""Running what we compare with, in its own environment (scripts/environment.py) and within 8 GB of memory.

A script of theirs/ is called with JSON and prints JSON on its last line.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

LIMIT = 8 << 30  # bytes that a peer may take for its data
PATIENCE = 300  # seconds
SCRIPTS = Path(__file__).parent / "theirs"


class Died(Exception):
    """The peer gave no answer; the message says what became of it, in a few words."""


def folder() -> Path:
    """Of the peers' environment."""
    if "UNROLLED_PEERS" not in os.environ:
        raise SystemExit("The peers' environment is made by `make bench`, which also sets UNROLLED_PEERS.")
    return Path(os.environ["UNROLLED_PEERS"])


def ask(script: str, **what: Any) -> dict[str, Any]:
    """What the script answers. Died."""
    python = folder() / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    offline = {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "MPLCONFIGDIR": "/nonexistent", "WANDB_MODE": "disabled"}
    command = [str(python), str(SCRIPTS / script), json.dumps(what)]
    limited = _limit if resource is not None else None
    try:
        done = subprocess.run(
            command, env=env | offline, capture_output=True, text=True, timeout=PATIENCE, preexec_fn=limited
        )
    except subprocess.TimeoutExpired:
        raise Died(f"no answer in {PATIENCE} s") from None
    if done.returncode:
        if "memory" in done.stderr.lower() or done.returncode < 0:
            raise Died(f"died of its {LIMIT >> 30} GB")
        raise Died(f"failed: {done.stderr.strip().splitlines()[-1][:60]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _limit() -> None:
    """Its private memory, not its address space: torch's libraries alone map some gigabytes."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
