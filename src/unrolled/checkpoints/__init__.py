"""Checkpoints: which there are, fetching, opening, asking."""

from unrolled.checkpoints.catalogue import Description, describe, entries, entry
from unrolled.checkpoints.fetch import get
from unrolled.checkpoints.known import Entry
from unrolled.checkpoints.model import Model
from unrolled.checkpoints.open import open_model, opening

__all__ = ["Description", "Entry", "Model", "describe", "entries", "entry", "get", "open_model", "opening"]
