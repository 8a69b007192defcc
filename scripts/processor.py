"""The processor's name, for what is recorded on it."""

from __future__ import annotations

import platform
import re
from pathlib import Path


def processor() -> str:
    """As Linux says it, or what the system has instead."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:
        found = None
    return " ".join((found[1] if found else platform.processor() or platform.machine()).split())
