"""The ladder: eight sizes of one small GPT that come along, and what was measured of them on three tasks.

    shipped/_ladder/measured.json   exact match and log-likelihood of each size, seed and save
    shipped/_ladder/1 … 8           a run folder each, smallest first, weights in float16

Written by scripts/ship_ladder.py from the cells of `unrolled reproduce --only emergence`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from unrolled.checkpoints.catalogue import SHIPPED
from unrolled.checkpoints.run_folder import WEIGHTS, check_weights, read_module, read_run_config
from unrolled.errors import BadCheckpoint
from unrolled.models.gpt import GPT

FOLDER = SHIPPED / "_ladder"
MEASURED = "measured.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Rung:
    """One size."""

    name: str
    """How many parameters it has, about: 59k."""
    module: GPT
    sha256: str
    """Of its weights."""

    @property
    def layers(self) -> int:
        """Blocks."""
        return self.module.config.n_layer

    @property
    def parameters(self) -> int:
        """Of the model."""
        return sum(parameter.numel() for parameter in self.module.parameters())


@cache
def measured() -> Mapping[str, Any]:
    """What measured.json says: names, parameters, tasks, saves, runs."""
    try:
        said: dict[str, Any] = json.loads((FOLDER / MEASURED).read_bytes())
    except (OSError, ValueError) as error:
        raise BadCheckpoint(f"{FOLDER / MEASURED} cannot be read ({error}): install unrolled again.") from None
    return said


@cache
def rungs() -> tuple[Rung, ...]:
    """All sizes, smallest first, opened in float32."""
    return tuple(_rung(number, name) for number, name in enumerate(measured()["sizes"], start=1))


def _rung(number: int, name: str) -> Rung:
    folder = FOLDER / str(number)
    run = read_run_config(folder)
    check_weights(folder, run)
    module = read_module(folder, run).float()
    assert isinstance(module, GPT)
    return Rung(name=name, module=module, sha256=hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest())
