"""Answers packed into one file come out as they went in; rounded ones as near as was promised."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from safetensors.numpy import load, save

from unrolled.packing import LARGE, Kept, Pack, pack, rounded, unpack

RANDOM = np.random.default_rng(0)


def blob(**tensors: np.ndarray) -> bytes:
    return save(tensors, metadata={"figure": "{}"})


def kept(number: int, content: bytes | None, **rest: str) -> Kept:
    return Kept(panel="p", question={"knobs": {"k": number}}, blob=content, **rest)


def test_what_comes_out_is_what_went_in() -> None:
    same = RANDOM.normal(size=(50, 3))
    answers = [
        kept(0, blob(a=same, b=RANDOM.normal(size=9).astype(np.float32), c=np.arange(5, dtype=np.int64))),
        kept(1, blob(a=same, b=np.array(2.5), c=np.array([], dtype=np.int32), d=np.array([True, False]))),
        kept(2, None, error="The text is empty.", kind="EmptyText"),
        kept(3, blob(h=RANDOM.normal(size=7).astype(np.float16), u=np.arange(11, dtype=np.uint8))),
    ]
    assert unpack(pack(answers)) == answers


def test_what_is_the_same_is_kept_once_and_what_is_large_apart() -> None:
    large = RANDOM.normal(size=LARGE // 8)
    packed = pack([kept(number, blob(a=large, n=np.array(number))) for number in range(20)])
    assert len(packed.shared) == 1
    assert len(packed.content) < 2_000
    again = pack([kept(99, blob(a=large, n=np.array(99)))])
    assert again.shared == packed.shared  # under the same name: another page's pack shares it


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rounding_keeps_so_many_bits_and_no_fewer(kind: type) -> None:
    numbers: np.ndarray = (RANDOM.normal(size=4_000) * 10.0 ** RANDOM.integers(-30, 30, size=4_000)).astype(kind)
    numbers[:4] = [np.inf, -np.inf, np.nan, np.finfo(kind).max]
    packed = pack([kept(0, blob(a=numbers))], bits=16)
    found = load(unpack(packed)[0].blob or b"")["a"]
    np.testing.assert_allclose(found[4:], numbers[4:], rtol=2**-16)
    assert not np.allclose(found[4:], numbers[4:], rtol=2**-18, atol=0)  # the twin: fewer bits would be noticed
    np.testing.assert_array_equal(found[:4], numbers[:4])  # never into infinity
    assert len(packed.content) < 0.8 * len(pack([kept(0, blob(a=numbers))]).content)


def test_short_rows_whole_numbers_and_single_ones_stay_exact() -> None:
    short, whole = RANDOM.normal(size=20), np.arange(1_000_001, 1_000_101)
    answer = kept(0, blob(a=short, b=whole, c=np.array(1 / 3)))
    assert unpack(pack([answer], bits=16)) == [answer]
    assert rounded(b"", "F64", 16) == b""


def test_the_same_answers_give_the_same_bytes() -> None:
    answers = [kept(0, blob(a=RANDOM.normal(size=40)))]
    assert pack(answers) == pack(answers)
    assert isinstance(pack(answers), Pack)
    assert gzip.decompress(pack(answers).content)[:4] != b"\0\0\0\0"
