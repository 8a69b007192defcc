"""The machine that an experiment ran on, in a line."""

from __future__ import annotations

import os
import platform
import re
from functools import cache
from pathlib import Path


@cache
def machine() -> str:
    """Processor and number of cores."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:
        found = None
    name = " ".join((found[1] if found else platform.processor() or platform.machine()).split())
    cores = os.cpu_count() or 1
    return f"{name}, {cores} core{'' if cores == 1 else 's'}"
