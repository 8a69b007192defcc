"""The claims, found by import: one file each in this folder, whose `CLAIM` says everything.

A folder named by UNROLLED_CLAIMS is looked through too, for claims of one's own.
"""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
from functools import cache

from unrolled.errors import UnknownClaim
from unrolled.experiments._claim import Claim

_PACKAGE = "unrolled.experiments"


@cache
def claims() -> dict[str, Claim]:
    """Every claim by name, in the order of their numbers."""
    package = importlib.import_module(_PACKAGE)
    if (own := os.environ.get("UNROLLED_CLAIMS")) and own not in package.__path__:
        package.__path__.append(own)
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")]
    found: list[Claim] = [importlib.import_module(f"{_PACKAGE}.{name}").CLAIM for name in names]
    return {each.name: each for each in sorted(found, key=lambda each: each.number)}


def claim(name: str) -> Claim:
    """One claim by its name or number."""
    for each in claims().values():
        if name in (each.name, str(each.number)):
            return each
    near = difflib.get_close_matches(name, claims(), n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UnknownClaim(f"There is no claim “{name}”; there are {', '.join(claims())}.{hint}")
