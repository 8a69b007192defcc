"""docs/picture.png, the picture in the README: the guide as it is now, photographed in a real Chromium.

make picture
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

import chromium

ROOT = Path(__file__).resolve().parents[1]
STATE = "/#v1&text=The%20capital%20of%20France%20is"
SIZE = {"width": 1240, "height": 960}


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """The address of a guide that is stopped in the end. `arguments`: more for `unrolled serve`."""
    command = [sys.executable, "-m", "unrolled", "serve", "--port", "0", "--no-browser", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    yield found[0]
                    return
            sys.exit("`unrolled serve` stopped before it listened.")
        finally:
            process.terminate()


def photograph(address: str, into: Path) -> None:
    """The figure once its picture is there and its fonts are loaded."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS)
        page = browser.new_page(viewport=SIZE, device_scale_factor=1.5, reduced_motion="reduce")  # type: ignore[arg-type]
        page.goto(address + STATE)
        page.locator(".frame svg.scene").first.wait_for(timeout=120_000)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.fonts.ready.then(() => null)")
        page.screenshot(path=into, animations="disabled")
        browser.close()


def main() -> None:
    picture = ROOT / "docs" / "picture.png"
    with served() as address:
        photograph(address, picture)
    print(f"docs/picture.png: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
