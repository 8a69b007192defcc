"""How long work reports where it is, and how it is stopped.

Long work is a generator: it yields `Progress` and returns its value. Whoever runs it may set a test for "nobody waits
for this any more"; the work asks `stop_if_cancelled()` between layers and between generated tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """`done` of `total` (any unit, named in `note`)."""

    done: int
    total: int
    note: str = ""


Work = Generator[Progress, None, T]
"""Long work: yields `Progress`, returns a T."""


class Cancelled(BaseException):
    """Nobody waits for the answer any more. Not an error: no door shows it."""


_is_cancelled: ContextVar[Callable[[], bool]] = ContextVar("is_cancelled", default=lambda: False)


@contextmanager
def cancellable(is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Work inside stops at its next `stop_if_cancelled()` once `is_cancelled()` is true."""
    token = _is_cancelled.set(is_cancelled)
    try:
        yield
    finally:
        _is_cancelled.reset(token)


def stop_if_cancelled() -> None:
    """Raises `Cancelled` when the request that is being served was dropped."""
    if _is_cancelled.get()():
        raise Cancelled


def finish(work: Work[T], on_progress: Callable[[Progress], None] = lambda _: None) -> T:
    """Runs `work` to its end and gives its value."""
    while True:
        try:
            on_progress(next(work))
        except StopIteration as end:
            value: T = end.value
            return value
