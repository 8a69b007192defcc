"""Recordings that come with the package: TOML beside the figures, each written by the script that its head names."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


@cache
def recorded(name: str) -> tuple[Mapping[str, Any], str]:
    """What a file of this folder says, and its sha256; read once, when it is first asked for."""
    raw = (resources.files("unrolled.figures") / name).read_bytes()
    return tomllib.loads(raw.decode()), hashlib.sha256(raw).hexdigest()
