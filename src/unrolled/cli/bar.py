"""What a person sees of a command besides its answer: standard error, and how far long work has got."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from unrolled import progress
from unrolled.progress import Progress, Work

errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def bar() -> Iterator[Callable[[Progress], None]]:
    """A bar on standard error, where a person watches; what it gives moves it on."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Bar(*columns, console=errors, transient=True, disable=not errors.is_terminal) as shown:
        task = shown.add_task("", total=None)

        def show(at: Progress) -> None:
            shown.update(task, completed=at.done, total=at.total, description=at.note.replace("\n", " ")[-60:])

        yield show


def finish(work: Work[Any]) -> Any:
    """Runs long work with a bar."""
    with bar() as show:
        return progress.finish(work, show)
