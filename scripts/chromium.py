"""A real Chromium for the browser tests and the README's picture: finds one, or installs one.

    python scripts/chromium.py            says which one is used

Needs Playwright; scripts/dev.py runs it with the Python of .venv. Debian's package is tried first where that needs no
password, then Playwright's own download, then Debian's package through sudo.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def candidates() -> list[str | None]:
    """Executables worth trying, best first; None is Playwright's own."""
    named = [os.environ.get("CHROME_PATH"), *(shutil.which(name) for name in NAMES)]
    return [*dict.fromkeys(path for path in named if path), None]


def starts(executable: str | None) -> bool:
    """Can Playwright start it and close it again?"""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            playwright.chromium.launch(executable_path=executable, args=FLAGS, timeout=60_000).close()
        except Error:
            return False
    return True


def remembered() -> Path:
    """The file in this Python's environment that names the one found last ("" for Playwright's own)."""
    return Path(sys.prefix) / "chromium.txt"


def find() -> str | None:
    """The executable to give to Playwright (None: its own). LookupError if none starts."""
    if remembered().is_file():
        path = remembered().read_text(encoding="utf-8").strip()
        if not path or Path(path).is_file():
            return path or None
    for executable in candidates():
        if starts(executable):
            remembered().write_text(executable or "", encoding="utf-8")
            return executable
    raise LookupError(
        "No Chromium was found that starts. Install one (Debian: apt-get install chromium; anywhere: "
        "python -m playwright install --with-deps chromium), or name one in CHROME_PATH."
    )


def attempts() -> list[list[list[str]]]:
    """Ways of installing one, in the order to be tried; each is a list of commands."""
    playwright = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if not shutil.which("apt-get"):
        return [playwright]
    apt = [["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"]]
    if os.geteuid() == 0:
        return [apt, playwright]
    sudo = ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
    return [playwright, [[*sudo, *command] for command in apt]] if shutil.which("sudo") else [playwright]


def install() -> str | None:
    """Installs a Chromium and gives what `find` gives."""
    for commands in attempts():
        for command in commands:
            print("  $", " ".join(command), flush=True)
            env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL)
            if done.returncode:
                break
        else:
            try:
                return find()
            except LookupError:
                continue
    return find()


def main() -> None:
    try:
        found = find()
    except LookupError:
        try:
            found = install()
        except LookupError as error:
            sys.exit(str(error))
    print(f"Chromium: {found or 'the one that Playwright brought'}")


if __name__ == "__main__":
    main()
