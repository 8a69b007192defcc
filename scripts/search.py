"""A small recorded search: short runs of one recipe over a grid, compared on the held-out part. All that was tried is
written down beside the runs, as search.json and search.md. Called again it goes on where it was.

    python scripts/search.py lstm --tokens 600000 --out build/search/lstm \
        --over optimiser.learning_rate=1e-3,2e-3,4e-3 --over model.forget_bias=0.0,1.0
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import Any

from unrolled.errors import Diverged, UnrolledError
from unrolled.training import Ended, Event, HeldOut, overridden, read_recipe, recipe_of, training

HEADINGS = ("tried", "held-out nats a token", "bits a byte", "steps", "minutes")


def grid(over: list[str]) -> list[tuple[str, ...]]:
    """`a=1,2` and `b=3,4` -> every combination, as overrides."""
    axes = [[f"{name}={value}" for value in values.split(",")] for name, _, values in (w.partition("=") for w in over)]
    return list(itertools.product(*axes))


def tried(spec: str, changes: tuple[str, ...], tokens: int, out: Path) -> dict[str, Any]:
    """One short run to its end, or its continuation; what came of it. A run that diverges is a result too."""
    table = overridden(read_recipe(spec) | {"bound": {"tokens": tokens}, "keep": []}, changes)
    events: list[Event] = []
    try:
        events.extend(training(recipe_of(table, spec), out, resume=out.exists()))
    except Diverged as error:
        return {"tried": list(changes), "loss": None, "said": str(error)}
    return {"tried": list(changes), **measured(events)}


def measured(events: list[Event]) -> dict[str, Any]:
    """The last measurement of the held-out part, and what it cost."""
    last = [event for event in events if isinstance(event, HeldOut)][-1]
    end = [event for event in events if isinstance(event, Ended)][-1]
    minutes = round(end.seconds / 60, 2)
    return {"loss": last.loss, "bits_per_byte": last.bits_per_byte, "steps": end.steps, "minutes": minutes}


def markdown(title: str, rows: list[dict[str, Any]]) -> str:
    """The table, best first."""
    ranked = sorted(rows, key=lambda row: (row["loss"] is None, row["loss"]))
    lines = [f"# {title}", "", f"| {' | '.join(HEADINGS)} |", f"|{' --- |' * len(HEADINGS)}"]
    for row in ranked:
        loss = ["diverged", "", "", ""]
        if row["loss"] is not None:
            bits = "" if row["bits_per_byte"] is None else f"{row['bits_per_byte']:.4f}"
            loss = [f"{row['loss']:.4f}", bits, str(row["steps"]), f"{row['minutes']:.1f}"]
        lines.append(f"| {' | '.join([', '.join(row['tried']), *loss])} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="a shipped recipe, or a .toml file")
    parser.add_argument("--tokens", type=int, required=True, help="learnt from in each run")
    parser.add_argument("--over", action="append", default=[], help="name=value,value,…; several make a grid")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    found = asked.out / "search.json"
    rows: list[dict[str, Any]] = json.loads(found.read_text(encoding="utf-8")) if found.is_file() else []
    asked.out.mkdir(parents=True, exist_ok=True)
    for changes in grid(asked.over):
        if list(changes) not in [row["tried"] for row in rows]:
            rows.append(tried(asked.recipe, changes, asked.tokens, asked.out / "_".join(changes).replace("/", "_")))
            found.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
            title = f"{asked.recipe}: {asked.tokens:,} tokens a run"
            (asked.out / "search.md").write_text(markdown(title, rows), encoding="utf-8")
        print(next(row for row in rows if row["tried"] == list(changes)), flush=True)


if __name__ == "__main__":
    try:
        main()
    except UnrolledError as error:
        sys.exit(f"search: {error}")
