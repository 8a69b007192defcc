"""What was worked out with a model and may be asked for again, such as a text's recording: the last few, by bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

MOST = 2  # of each name
MOST_BYTES = 1 << 28  # of each name; a trace of 2,048 tokens of SmolLM2 has 190 MB, one of 8,192 has 755 MB


class Results:
    """The newest of each name whatever its size; older ones while all of the name fit into `most` and `most_bytes`."""

    def __init__(self, *, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: dict[str, OrderedDict[Hashable, Any]] = {}  # of each name, used last stands last
        self._lock = threading.Lock()

    def get(self, name: str, key: Hashable) -> tuple[bool, Any]:
        """Whether it is there, and what it is; it counts as used."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or key not in kept:
                return False, None
            kept.move_to_end(key)
            return True, kept[key]

    def make_room(self, name: str) -> None:
        """Before another is worked out: a large one would else stand in memory beside a second large one."""
        with self._lock:
            self._shrink(self._kept.setdefault(name, OrderedDict()), least=0)

    def put(self, name: str, key: Hashable, value: Any) -> None:
        """Keeps it; the oldest go until the others fit."""
        with self._lock:
            kept = self._kept.setdefault(name, OrderedDict())
            kept[key] = value
            kept.move_to_end(key)
            self._shrink(kept, least=1)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._kept.clear()

    def keys(self, name: str) -> list[Hashable]:
        """What is kept under that name, the one used last standing last."""
        with self._lock:
            return list(self._kept.get(name, {}))

    def _shrink(self, kept: OrderedDict[Hashable, Any], least: int) -> None:
        while len(kept) > least and (len(kept) > self._most or sum(map(bytes_of, kept.values())) > self._most_bytes):
            kept.popitem(last=False)


def bytes_of(value: Any) -> int:
    """Memory of arrays, tensors, tuples of them, and of what knows its `n_bytes`; the rest counts as nothing."""
    if isinstance(value, tuple):
        return sum(map(bytes_of, value))
    return int(getattr(value, "n_bytes", getattr(value, "nbytes", 0)))
