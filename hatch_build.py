"""The build hook: `pip install .`, wheels, sdists and editable installs all carry the built page.

An sdist carries it too, with the hash of its sources, so that installing from one needs no Node.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))

import build_page


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds web/ into src/unrolled/page/ when that is missing or stale."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node as a wheel, only where the page must be built and the machine's Node will not do."""
        needs_node = not build_page.is_fresh(Path(self.root)) and build_page.machine_node() is None
        return [build_page.NODE_WHEEL] if needs_node else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not build_page.is_fresh(Path(self.root)):
            self.app.display_info("Building the page from web/ …")
            build_page.build(Path(self.root))
