"""`make bench`: this machine's figures beside the targets of the design, every rival measured in the same run.

    make bench                     all but the long parts, about five minutes
    make bench ARGS="opening"      one or several parts; `all` for all of them

Parts: opening, answering, answers, page (three minutes together), recurrent, recording (two minutes), generating,
training, experiments, lighthouse (one minute each); long: attention_view (four minutes, 8 GB of memory and 1 GB of
disk), long_texts (three minutes).

Ratios are what compares across machines; seconds are printed with the machine's calibration beside them.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

PARTS = (
    "opening",
    "answering",
    "answers",
    "page",
    "recurrent",
    "recording",
    "generating",
    "training",
    "experiments",
    "lighthouse",
)
LONG = ("attention_view", "long_texts")  # only when they are named


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report: what was measured, ours and what it is compared with, in the same unit."""

    name: str
    ours: float
    unit: str
    rival: str = ""
    theirs: float | None = None
    target: str = ""


def timed(work: Callable[[], object], repeats: int = 5) -> float:
    """Median seconds of a call, after one that does not count."""
    work()
    return median(_seconds(work) for _ in range(repeats))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def calibration() -> str:
    """What the machine gives a float32 matrix product, and a copy of memory."""
    square = torch.randn(1024, 1024)
    rate = 2 * 1024**3 / timed(lambda: square @ square) / 1e9
    block = torch.empty(1 << 26)
    bandwidth = 2 * 4 * block.numel() / timed(block.clone, repeats=3) / 1e9
    return f"{torch.get_num_threads()} threads, {rate:.0f} GFLOP/s in float32 matmul, {bandwidth:.0f} GB/s in a copy"


def table_of(rows: list[Row]) -> Table:
    table = Table("measured", "ours", "against", "theirs", "ratio", "target", box=None, pad_edge=False)
    for row in rows:
        theirs = "" if row.theirs is None else f"{row.theirs:.3g} {row.unit}"
        ratio = "" if row.theirs is None or min(row.ours, row.theirs) <= 0 else f"{row.theirs / row.ours:.3g} ×"
        table.add_row(row.name, f"{row.ours:.3g} {row.unit}", row.rival, theirs, ratio, row.target)
    return table


def main() -> None:
    known = (*PARTS, *LONG)
    wanted = sys.argv[1:] or list(PARTS)
    if wanted == ["all"]:
        wanted = list(known)
    if unknown := set(wanted) - set(known):
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}, and all.")
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(f"This machine: {calibration()}", highlight=False)
    rows: list[Row] = []
    for name in wanted:
        console.print(f"· {name} …", highlight=False)
        rows += importlib.import_module(name).rows()
    console.print(table_of(rows), highlight=False)


if __name__ == "__main__":
    sys.modules["run"] = sys.modules["__main__"]  # the parts import Row from here
    main()
