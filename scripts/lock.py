"""Writes requirements.lock: exact versions of everything that running, testing and checking unrolled needs.

    python scripts/lock.py [torch==2.13.0]

Resolved in an empty environment, torch first: the ranges of pyproject.toml then never fetch another build of it.
The pins carry no hashes and no local version (`+cpu`), so that any index and any build of torch serves.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
TORCH = "torch==2.13.0"
HEAD = """\
# Exact versions for development, written by `make lock` from the ranges of pyproject.toml.
# Installed by plain pip; then the project itself: pip install --no-deps --no-build-isolation --editable .
"""


def wanted() -> list[str]:
    """What pyproject.toml asks for: to run, and to develop."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["dev"], "editables"]


def resolve(torch: str, folder: Path) -> list[str]:
    """`name==version` of all packages that an empty environment ends up with."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [str(python), "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", torch], check=True)
    subprocess.run([*pip, "install", torch, *wanted()], check=True)
    frozen = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
    return [re.sub(r"\+.*", "", line) for line in frozen.splitlines() if "==" in line]


def main() -> None:
    torch = sys.argv[1] if len(sys.argv) > 1 else TORCH
    with tempfile.TemporaryDirectory(prefix="unrolled-lock-") as folder:
        pins = resolve(torch, Path(folder))
    LOCK.write_text(HEAD + "\n".join(sorted(pins, key=str.lower)) + "\n", encoding="utf-8")
    print(f"requirements.lock: {len(pins)} packages")


if __name__ == "__main__":
    main()
