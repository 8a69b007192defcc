"""Imports point one way (the arrows of the README's tree). Read from the source with ast, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "unrolled"
WORDS = {"errors", "progress", "provenance"}  # what every part shares
SAID = {"sampling", "scoring", "forecasting", "generating", "translating"}  # what a language model says, and how well
DOORS = {"server", "cli", "widget", "__main__", "__init__"}  # the last hands on what the doors give, when asked
MAY_IMPORT = {
    "errors": set(),
    "progress": set(),
    "provenance": set(),
    "mathematics": set(),
    "sampling": set(),
    "text": {"errors", "progress"},
    "models": {"errors", "progress"},
    "checkpoints": {"text", "models", *WORDS},
    "trace": {"text", "models", "checkpoints", *WORDS},
    "scoring": {"text", "models", "checkpoints", "trace", *WORDS},
    "forecasting": {"scoring", "checkpoints", "progress"},
    "generating": {"text", "models", "checkpoints", "sampling", *WORDS},
    "translating": {"text", "models", "checkpoints", *WORDS},
    "training": {"text", "models", "checkpoints", "trace", *SAID, *WORDS},
    "figures": {"text", "models", "checkpoints", "trace", "mathematics", *SAID, *WORDS},
}
"""Each part, and the parts of ours that it may import besides itself. Parts not named here: anything but a door."""
ALSO = {"figures/claims.py": {"experiments"}}
"""The figure of what experiments found reads their results; experiments measure with the means of other figures."""


def parts() -> list[str]:
    """First-level modules and packages."""
    found = [path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    return sorted(found)


def sources(part: str) -> list[Path]:
    folder = PACKAGE / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def package_of(path: Path) -> list[str]:
    """The package that relative imports in `path` start from, e.g. ["unrolled", "text"]."""
    return ["unrolled", *path.relative_to(PACKAGE).parts[:-1]]


def imported_names(tree: ast.AST, package: list[str]) -> Iterator[str]:
    """Absolute dotted names of all imports, also those inside functions and under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_parts(source: str, package: list[str]) -> set[str]:
    """The parts of ours that a source text imports; `from unrolled import __version__` is no part."""
    names = {name.split(".")[1] for name in imported_names(ast.parse(source), package) if name.startswith("unrolled.")}
    return names - {"__version__"}


def imports_of(part: str) -> set[str]:
    found: set[str] = set()
    for path in sources(part):
        here = imported_parts(path.read_text(encoding="utf-8"), package_of(path))
        found |= here - ALSO.get(path.relative_to(PACKAGE).as_posix(), set())
    return found - {part}


@pytest.mark.parametrize("part", parts())
def test_imports_point_one_way(part: str) -> None:
    allowed = MAY_IMPORT.get(part, set(parts()) - DOORS if part not in DOORS else set(parts()))
    assert imports_of(part) <= allowed, f"{part} may import {sorted(allowed)} of ours, no more"


def test_there_are_parts() -> None:
    assert {"errors", "text", "models", "checkpoints", "figures", "server", "cli"} <= set(parts())


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [
        ("from unrolled.figures import next_token", ["unrolled", "text"], {"figures"}),
        ("from ..figures import _panel", ["unrolled", "text"], {"figures"}),
        ("from .. import server", ["unrolled", "text"], {"server"}),
        ("from . import _panel", ["unrolled", "figures"], {"figures"}),
        ("def f():\n    import unrolled.cli", ["unrolled", "models"], {"cli"}),
        ("from unrolled import __version__", ["unrolled"], set()),
        ("import torch", ["unrolled"], set()),
    ],
)
def test_the_reader_would_notice(source: str, package: list[str], expected: set[str]) -> None:
    assert imported_parts(source, package) == expected
