"""Results kept with a model: bounded by bytes, the newest always there, a large one gone before the next is made."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import torch

from tiny_models import gpt
from unrolled.checkpoints.results import Results, bytes_of
from unrolled.figures._tracing import trace_of
from unrolled.progress import Progress, Work, finish


def test_what_is_small_is_kept_and_what_is_large_goes() -> None:
    kept = Results(most=2, most_bytes=1000)
    for key, n in (("a", 400), ("b", 500), ("c", 600)):
        kept.put("x", key, np.zeros(n, np.uint8))
    assert kept.keys("x") == ["c"]  # b and c are too much together
    kept.put("x", "d", np.zeros(400, np.uint8))
    assert kept.keys("x") == ["c", "d"]
    kept.put("x", "e", np.zeros(0, np.uint8))
    assert kept.keys("x") == ["d", "e"]  # two at most, however small
    kept.put("x", "huge", np.zeros(5000, np.uint8))
    assert kept.keys("x") == ["huge"]  # the newest whatever its size
    assert kept.get("x", "huge")[0]
    assert kept.get("y", "huge") == kept.get("x", "d") == (False, None)


def test_one_that_is_used_is_the_newest() -> None:
    kept = Results(most=2)
    kept.put("x", "a", 1)
    kept.put("x", "b", 2)
    assert kept.get("x", "a") == (True, 1)
    kept.put("x", "c", 3)
    assert kept.keys("x") == ["a", "c"]


def test_a_large_one_is_gone_while_the_next_is_made() -> None:
    """So that two recordings of thousands of tokens are never in memory together; a small one stays."""
    assert _is_there_meanwhile(1_000)
    assert not _is_there_meanwhile(1_001)


def test_a_recording_is_counted_with_its_queries_and_keys() -> None:
    model = gpt()
    trace = finish(trace_of(model, "the cat sat on it"))
    assert bytes_of(trace) == 2 * 2 * 17 * (2 * 8) * 8  # layers, query and key, tokens, heads of 8, float64
    assert bytes_of((np.zeros(3), (torch.zeros(2), "text", None, 5))) == 24 + 8


def _is_there_meanwhile(size: int) -> bool:
    """Whether a result of that size is still in memory when the next of its name is worked out."""
    model = gpt()
    model._results = Results(most_bytes=1_000)
    seen: list[weakref.ref[np.ndarray]] = []
    alive: list[bool] = []

    def first() -> Work[np.ndarray]:
        array = np.zeros(size, np.uint8)
        seen.append(weakref.ref(array))
        yield Progress(0, 1, "made")
        return array

    def second() -> Work[np.ndarray]:
        gc.collect()
        alive.append(seen[0]() is not None)
        yield Progress(0, 1, "made")
        return np.zeros(1)

    finish(model.keeping("trace", "first", first))
    finish(model.keeping("trace", "second", second))
    return alive[0]
