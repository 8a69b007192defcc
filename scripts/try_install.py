"""`pip install .` as a stranger would: a copy of the committed tree, an empty environment, no Node on PATH.

    python scripts/try_install.py

Then starts `unrolled serve` from there and reads a page of the guide and a figure. PyTorch is installed first in the
locked version, so that the ranges of pyproject.toml fetch no other build of it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def path_without_node(folder: Path) -> str:
    """A PATH with git and the C library's tools but neither node nor npm: links to all else that is on PATH."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for tool in Path(place).glob("*") if Path(place).is_dir() else ():
            if tool.stem not in {"node", "npm", "npx", "nodejs", "corepack"} and not (folder / tool.name).exists():
                (folder / tool.name).symlink_to(tool)
    return str(folder)


def timed(what: str, command: list[str], cwd: Path, env: dict[str, str]) -> None:
    begun = time.monotonic()
    subprocess.run(command, cwd=cwd, env=env, check=True, stdin=subprocess.DEVNULL)
    print(f"{time.monotonic() - begun:6.1f} s  {what}", flush=True)


def look(address: str) -> None:
    """A page with its script, and a figure that needs no model."""
    with urllib.request.urlopen(f"{address}/", timeout=30) as answer:
        html = answer.read().decode()
    scripts = re.findall(r'src="(/assets/[^"]+\.js)"', html)
    assert scripts, "the page has no script: it was not built"
    for script in scripts:
        with urllib.request.urlopen(address + script, timeout=30) as answer:
            assert answer.status == 200
    url = f"{address}/api/figures/attention_calculator/steps"
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(url, data=b'{"knobs":{}}', headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        weights = json.load(answer)["data"]["weights"]
    assert all(abs(sum(row) - 1) < 1e-9 for row in weights)


def serve(binary: Path, cwd: Path, env: dict[str, str]) -> None:
    begun = time.monotonic()
    command = [str(binary), "serve", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            assert process.stdout
            said = b""
            while not (match := re.search(rb"http://127\.0\.0\.1:\d+", said)):
                line = process.stdout.readline()
                assert line, f"unrolled serve stopped: {said.decode()}"
                said += line
            print(f"{time.monotonic() - begun:6.1f} s  unrolled serve, until it listens", flush=True)
            look(match[0].decode())
        finally:
            process.terminate()


def main() -> None:
    torch = re.search(r"^torch==.*$", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    assert torch
    with tempfile.TemporaryDirectory(prefix="unrolled-install-") as name:
        folder = Path(name)
        tree, place = folder / "tree", folder / "venv"
        env = {**os.environ, "PATH": path_without_node(folder / "path"), "PYTHONUNBUFFERED": "1"}
        env["UNROLLED_CACHE"] = str(folder / "cache")
        env.pop("PYTHONPATH", None)
        timed("git clone", ["git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(tree)], folder, env)
        venv.create(place, with_pip=True)
        binaries = place / ("Scripts" if os.name == "nt" else "bin")
        pip = [str(binaries / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        timed(f"pip install {torch[0]}", [*pip, torch[0]], folder, env)
        timed("pip install . (without Node)", [*pip, str(tree)], folder, env)
        serve(binaries / "unrolled", folder, env)
    print("The guide works: its page, its script and a figure came from an installation without Node.")


if __name__ == "__main__":
    main()
