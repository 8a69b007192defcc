"""Where questions wait for a model: one is worked on at a time, a few may wait, the rest are asked to come back.

Work is a generator that yields `Progress` and returns its value; it runs in a thread. Whoever stops listening
cancels it: at its next `stop_if_cancelled()` (between two layers, between two tokens) the thread ends.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, suppress
from typing import Any

from unrolled import checkpoints
from unrolled.checkpoints import Model, run_names
from unrolled.checkpoints.runs import Run
from unrolled.errors import Busy, UnknownModel, UnrolledError
from unrolled.progress import Cancelled, Work, cancellable


class Desk:
    """A queue with a limit in front of one worker."""

    def __init__(self, waiting: int = 16) -> None:
        self.limit = waiting
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def listen(self, work: Callable[[], Work[Any]]) -> AsyncGenerator[Any, None]:
        """Yields the work's `Progress`, last its value. Raises Busy when too many wait; closing it cancels the work."""
        if self._waiting >= self.limit:
            raise Busy(f"{self.limit} questions wait already; ask again in a moment.")
        self._waiting += 1
        try:
            async with self._turn, aclosing(_in_thread(work)) as events:
                async for event in events:
                    yield event
        finally:
            self._waiting -= 1


async def _in_thread(work: Callable[[], Work[Any]]) -> AsyncGenerator[Any, None]:
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    dropped = threading.Event()

    def tell(kind: str, what: Any) -> None:
        loop.call_soon_threadsafe(events.put_nowait, (kind, what))

    thread = loop.run_in_executor(None, _run, work, dropped.is_set, tell)
    try:
        while True:
            kind, what = await events.get()
            if kind == "error":
                raise what
            yield what
            if kind == "value":
                return
    finally:
        dropped.set()
        await asyncio.shield(thread)  # the next in line starts when this one has really ended


def _run(work: Callable[[], Work[Any]], is_dropped: Callable[[], bool], tell: Callable[[str, Any], None]) -> None:
    with cancellable(is_dropped):
        running = work()
        try:
            while not is_dropped():
                tell("progress", next(running))
        except StopIteration as end:
            tell("value", end.value)
        except Cancelled:
            pass
        except Exception as error:  # noqa: BLE001 - raised again where someone listens
            tell("error", error)
        finally:
            running.close()


class Shelf:
    """The models that are open: those used last stay, at most `most` of them. Only names it was given are opened.

    Runs are on it too, by name; each is read anew whenever it is asked for.
    """

    def __init__(
        self,
        specs: Iterable[str] = (),
        *,
        runs: Iterable[str] = (),
        device: str = "cpu",
        dtype: str = "float32",
        most: int = 6,
    ) -> None:
        self.specs, self.runs = tuple(specs), tuple(runs)
        self.device, self.dtype, self.most = device, dtype, most
        self._open: OrderedDict[str, Model] = OrderedDict()

    def names(self) -> tuple[str, ...]:
        """What may be asked for: the models named at the start, then those in the catalogue and the cache."""
        return tuple(dict.fromkeys((*self.specs, *(entry.name for entry in checkpoints.entries()))))

    def check(self, name: str) -> None:
        """Raises UnknownModel, with the names that exist."""
        if name not in self.names():
            raise UnknownModel(f"There is no model “{name}” here; there are {', '.join(self.names())}.")

    def opening(self, name: str) -> Work[Model]:
        """The model, opened now if it is not yet. Never a path that a request brought along."""
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        self.check(name)
        model = yield from checkpoints.opening(name, device=self.device, dtype=self.dtype)
        self._open[name] = model
        while len(self._open) > self.most:
            self._open.popitem(last=False)
        return model

    def run(self, name: str) -> Run:
        """The run as it stands now. Never a path that a request brought along."""
        known = tuple(dict.fromkeys((*self.runs, *run_names.run_folders())))
        if name not in known:
            raise run_names.unknown(name, known)
        return run_names.run(name, paths=name in self.runs)

    def all_runs(self) -> tuple[Run, ...]:
        """Those named at the start, then all others there are; what cannot be read is left out."""
        found = {each.name: each for each in run_names.runs()}
        for name in self.runs:
            with suppress(UnrolledError, OSError):
                found.setdefault(name, run_names.run(name))
        return tuple(found.values())
