"""The log of a run as it is shipped beside its weights: the learning curve, what was written on the way, no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unrolled.checkpoints.run_log import read_events
from unrolled.training import read_run
from unrolled.training.reporting import entropy
from unrolled.training.run import make_batches

MOST = 250
"""Measurements of the training loss that are shipped."""
DIGITS = 7
"""Of their numbers."""


def shipped_log(run: Path) -> str:
    """log.jsonl of a finished run without saves, its measurements merged until there are at most MOST."""
    events = [event for event in read_events(run) if event["event"] != "saved"]
    measured = [event for event in events if event["event"] == "measured"]
    rest = [event for event in events if event["event"] != "measured"]
    for event in rest:
        if event["event"] == "started":
            event.setdefault("unigram", _unigram(run))
    ordered = sorted([*merged(measured), *rest], key=lambda event: event["step"])  # of one step, measurements first
    return "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in ordered)


def merged(measured: list[dict[str, Any]], most: int = MOST) -> list[dict[str, Any]]:
    """Neighbours as one measurement: the mean over all their tokens, everything else as it was at the last of them."""
    size = -(-len(measured) // most) if measured else 1
    found, before = [], 0
    for first in range(0, len(measured), size):
        group = measured[first : first + size]
        counts = [
            now["tokens"] - then for now, then in zip(group, [before, *(e["tokens"] for e in group)], strict=False)
        ]
        nats = sum(count * event["loss"] for count, event in zip(counts, group, strict=True))
        seconds = sum(count / event["tokens_per_second"] for count, event in zip(counts, group, strict=True))
        before = group[-1]["tokens"]
        means = {"loss": nats / sum(counts), "tokens_per_second": sum(counts) / seconds}
        found.append({name: _short(value) for name, value in (group[-1] | means).items()})
    return found


def _unigram(run: Path) -> float:
    """Of a run whose training did not say it yet: from its token files."""
    folder = read_run(run)
    return entropy(make_batches(folder).held_out_counts(folder.config.vocabulary))


def _short(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
