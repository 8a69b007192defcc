"""What a person sees of a command besides its answer: standard error, and how far long work has got."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from unrolled import progress
from unrolled.progress import Progress, Work

errors = Console(stderr=True, highlight=False, soft_wrap=True)


def finish(work: Work[Any]) -> Any:
    """Runs long work with a bar on standard error, where a person watches."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Bar(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def show(at: Progress) -> None:
            bar.update(task, completed=at.done, total=at.total, description=at.note.replace("\n", " ")[-60:])

        return progress.finish(work, show)
