"""The sdist and the wheel: the built page is in both, what only developers need is in neither the wheel nor a page."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import build_page

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.packaging


def build(tree: Path, target: str, into: Path, *, path: str | None = None) -> Path:
    """`hatchling build` of `tree` in this environment; the one file that it made."""
    env = os.environ if path is None else {**os.environ, "PATH": path}
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = into.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist with nothing on PATH, so without Node."""
    nothing = tmp_path_factory.mktemp("empty-path")
    return build(unpacked, "wheel", tmp_path_factory.mktemp("wheel"), path=str(nothing))


def files_under(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_sdist_carries_the_page_and_its_sources(unpacked: Path) -> None:
    names = files_under(unpacked)
    assert {"src/unrolled/page/index.html", "web/package-lock.json", "LICENSE", "NOTICE", "README.md"} <= names
    assert not [name for name in names if "node_modules" in name or ".venv" in name or "__pycache__" in name]
    assert build_page.is_fresh(unpacked)


def test_wheel_is_the_package_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        tops = {name.split("/")[0] for name in names}
    assert {"unrolled/page/index.html", "unrolled/cli/__init__.py", "unrolled/server/__init__.py"} <= names
    assert {name.rpartition(".")[2] for name in names if name.startswith("unrolled/page/assets/")} >= {"js", "css"}
    assert tops == {"unrolled", wheel.name.rpartition("-py3")[0] + ".dist-info"}
    assert not [name for name in names if "node_modules" in name or name.endswith((".svelte", ".ts"))]


def test_wheel_and_tree_have_the_same_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("unrolled/")}
    here = {f"unrolled/{name}" for name in files_under(ROOT / "src" / "unrolled") if "__pycache__" not in name}
    assert inside == here


def test_a_changed_source_makes_the_page_stale(unpacked: Path, tmp_path: Path) -> None:
    import shutil

    tree = tmp_path / "tree"
    shutil.copytree(unpacked, tree)
    with (tree / "web" / "index.html").open("a", encoding="utf-8") as shell:
        shell.write("<!-- changed -->\n")
    assert not build_page.is_fresh(tree)


@pytest.mark.parametrize(
    ("version", "accepted"),
    [((18, 20), False), ((20, 18), False), ((20, 19), True), ((22, 11), False), ((22, 12), True), ((24, 0), True)],
)
def test_node_versions_that_build_the_page(version: tuple[int, int], accepted: bool) -> None:
    assert build_page.is_accepted(*version) is accepted


def test_lock_pins_everything_exactly_and_names_no_place() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(line.count("==") == 1 and not {"@", "+", "/"} & set(line) for line in pins)
    assert "torch==2.13.0" in pins
