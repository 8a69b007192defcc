"""Where a number comes from: one entry for each model, result or source that a picture uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from unrolled import __version__

Kind = Literal["computed", "trained", "published", "recorded"]

COMPUTED_BY = f"unrolled {__version__}, torch {torch.__version__.partition('+')[0]}"
"""What computes here, as a provenance's version."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """One source of what a panel shows."""

    name: str
    """The model, result or paper, as the reader knows it."""
    kind: Kind
    """computed now | computed now by a model trained from a recipe, see `training` | published in a paper | recorded
    earlier."""
    hash: str | None = None
    """sha256 of the file that was read, if there is one."""
    version: str
    """Of what computed it, e.g. "unrolled 0.1.0, torch 2.13.0"."""
    device: str = "cpu"
    dtype: str
    """Of the computation: float32, float64, bfloat16."""
    seed: int | None = None
    """Of anything drawn at random; None when nothing was."""
    training: str | None = None
    """Of a model that was trained from a recipe: by whom, the recipe, the seed of its first weights."""
