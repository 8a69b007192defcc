"""Models as the page and `unrolled models` list them."""

from __future__ import annotations

from typing import Any

from unrolled import checkpoints
from unrolled.desk import Shelf
from unrolled.figures import catalogue, opened_by


def models_json(shelf: Shelf) -> list[dict[str, Any]]:
    """Every model that may be asked for: what it is, whether it is here, which figures it opens and why not others."""
    return [entry_json(checkpoints.entry(name)) for name in shelf.names()]


def entry_json(entry: checkpoints.Entry) -> dict[str, Any]:
    """One model as the page and `models info` show it."""
    closed = {name: each.why_closed(entry.name, entry.probes) for name, each in catalogue().items()}
    fields = (
        "name",
        "title",
        "licence",
        "source",
        "size_bytes",
        "sha256",
        "parameters",
        "context",
        "architecture",
        "here",
        "takes_target",
    )
    return {field: getattr(entry, field) for field in fields} | {
        "opens": opened_by(entry.probes),
        "closed": {name: reason for name, reason in closed.items() if reason},
    }
