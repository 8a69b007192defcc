"""Puts the ladder into the package: weights of seed 0 in float16, and what was measured of all seeds that were run.

unrolled reproduce --only emergence
python scripts/ship_ladder.py [FOLDER of cells]
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from unrolled.checkpoints.ladder import FOLDER, MEASURED
from unrolled.checkpoints.run_folder import RunConfig, shapes, tokenizer_table, write_run_folder
from unrolled.experiments import _ladder as ladder
from unrolled.experiments._claim import Outcome
from unrolled.experiments._store import cells_folder, kept
from unrolled.experiments.emergence import plan
from unrolled.progress import finish
from unrolled.text.tasks import task_tokenizer


def main() -> None:
    """Writes FOLDER anew."""
    cells = Path(sys.argv[1]) if len(sys.argv) > 1 else cells_folder()
    outcomes = [found for cell in plan("full", 3) if (found := kept(cells, cell)) and not found.failed]
    first = {o.cell.setting["size"]: o for o in outcomes if o.cell.seed == 0 and "control" not in o.cell.setting}
    missing = [size.name for size in ladder.SIZES if size.name not in first]
    if missing:
        sys.exit(f"Seed 0 has not been run for {', '.join(missing)}.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    for number, size in enumerate(ladder.SIZES, start=1):
        ship(size, first[size.name], cells, FOLDER / str(number))
    (FOLDER / MEASURED).write_text(
        json.dumps(measured(outcomes), separators=(",", ":")).replace('{"size"', '\n{"size"')
    )
    print(f"{FOLDER}: {sum(path.stat().st_size for path in FOLDER.rglob('*') if path.is_file()) / 1e6:.1f} MB")


def ship(size: ladder.Size, outcome: Outcome, cells: Path, folder: Path) -> None:
    """A run folder of one size."""
    config = ladder.config_of(size)
    weights = load_file(cells / f"{outcome.cell.key}.safetensors")
    tokenizer = task_tokenizer()
    said = {"by": "unrolled reproduce --only emergence", "steps": ladder.STEPS, "seed": outcome.cell.seed}
    run = RunConfig(
        config=config,
        architecture="gpt",
        source_sha256=None,
        tokenizer=tokenizer_table(tokenizer),
        training=said,
    )
    folder.mkdir(parents=True)
    dtype = next(iter(weights.values())).dtype
    finish(write_run_folder(folder, run, tokenizer, dtype, ((name, weights[name]) for name in shapes(config))))


def measured(outcomes: list[Outcome]) -> dict[str, Any]:
    """Every size and seed: rows of [exact match, log-likelihood] for each save and task."""
    tasks = list(ladder.ROWS)
    rows = outcomes[0].found["measured"]
    runs = [
        {
            "size": o.cell.setting["size"],
            "seed": o.cell.seed,
            "control": o.cell.setting.get("control", ""),
            "parameters": o.found["parameters"],
            "layers": o.found["layers"],
            "measured": {
                task: [
                    [round(row[task][name], 4) for name in ("exact_match", "log_likelihood")]
                    for row in o.found["measured"]
                ]
                for task in tasks
            },
        }
        for o in outcomes
    ]
    return {
        "about": "written by scripts/ship_ladder.py",
        "machine": outcomes[0].machine,
        "versions": outcomes[0].versions,
        "core_minutes": round(sum(o.seconds for o in outcomes) / 60, 1),
        "cells": hashlib.sha256("".join(o.cell.key for o in outcomes).encode()).hexdigest(),
        "sizes": [size.name for size in ladder.SIZES],
        "tasks": tasks,
        "tested": ladder.TESTED,
        "steps": [row["step"] for row in rows],
        "tokens": [row["tokens"] for row in rows],
        "runs": runs,
    }


if __name__ == "__main__":
    main()
