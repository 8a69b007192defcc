"""The header of a GGUF file (versions 2 and 3), read with distrust.

A file from anywhere is checked before anything is allocated for it: every length against the bytes that are left, every
tensor against the file and its neighbours. Layout: the `gguf` package's specification, ggml/docs/gguf.md.
"""

from __future__ import annotations

import itertools
import math
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

from unrolled.errors import BadCheckpoint, UnsupportedModel

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9
_SMALLEST = {_STRING: 8} | {kind: struct.calcsize(code) for kind, code in _SCALARS.items()}  # bytes an element


@dataclass(frozen=True, kw_only=True)
class GGUFTensor:
    """One tensor of the file, not read yet."""

    name: str
    shape: tuple[int, ...]
    """Slowest axis first, as in torch; the file has it the other way round."""
    kind: GGMLQuantizationType
    offset: int
    """From the start of the file, in bytes."""
    n_bytes: int


@dataclass(frozen=True, kw_only=True)
class GGUFFile:
    """What a GGUF file holds: metadata, and where its tensors lie."""

    path: Path
    fields: Mapping[str, Any]
    """Numbers, booleans, strings, lists of strings, and numpy arrays of numbers."""
    tensors: Mapping[str, GGUFTensor]

    def read(self, name: str) -> np.ndarray:
        """A tensor's values as float32, dequantised."""
        tensor = self.tensors[name]
        data = np.empty(tensor.n_bytes, dtype=np.uint8)
        with self.path.open("rb") as file:
            file.seek(tensor.offset)
            n_read = file.readinto(data.data)
        if n_read != tensor.n_bytes:
            raise BadCheckpoint(f"{self.path} was cut short while it was being read.")
        rows = data.reshape(*tensor.shape[:-1], -1)
        with np.errstate(all="ignore"):
            return dequantize(rows, tensor.kind).astype(np.float32, copy=False).reshape(tensor.shape)


def read_gguf(path: Path) -> GGUFFile:
    """The header of `path`. BadCheckpoint says what is wrong with it."""
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise BadCheckpoint(f"{path} is empty.") from None
        with data:
            try:
                return _Reader(path, data).whole()
            except UnicodeDecodeError as error:
                raise BadCheckpoint(f"{path}: a string in its header is not UTF-8 ({error.reason}).") from error


class _Reader:
    """Walks through the header; `at` is the place of the next byte."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.size, self.at = path, data, len(data), 0

    def whole(self) -> GGUFFile:
        if self.data[:4] != b"GGUF":
            raise self.bad("does not begin with the letters GGUF")
        self.at = 4
        version: int = self.scalar("I")
        if version in (0x2000000, 0x3000000):
            raise UnsupportedModel(f"{self.path} is a big-endian GGUF file; convert it to little-endian.")
        if version not in (2, 3):
            raise UnsupportedModel(f"{self.path} is GGUF version {version}; versions 2 and 3 are opened.")
        n_tensors, n_fields = self.scalar("Q"), self.scalar("Q")
        self.room(n_tensors, 24, "tensors")
        self.room(n_fields, 13, "metadata fields")
        fields = dict(self.fields(n_fields))
        return GGUFFile(path=self.path, fields=fields, tensors=self.tensors(n_tensors, fields))

    def fields(self, count: int) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for _ in range(count):
            name = self.string("name of a metadata field")
            if name in seen:
                raise self.bad(f"has the metadata field {name!r} twice")
            seen.add(name)
            yield name, self.value(self.scalar("I"), name)

    def value(self, kind: int, name: str) -> Any:
        if kind == _STRING:
            return self.string(name)
        if kind == _ARRAY:
            return self.array(name)
        if kind not in _SCALARS:
            raise self.bad(f"has a metadata field {name!r} of unknown type {kind}")
        number = self.scalar(_SCALARS[kind])
        return bool(number) if kind == _BOOL else number

    def array(self, name: str) -> Any:
        kind, count = self.scalar("I"), self.scalar("Q")
        if kind not in _SMALLEST:
            raise self.bad(f"has a metadata field {name!r} that is a list of unknown type {kind}")
        self.room(count, _SMALLEST[kind], f"elements of {name!r}")
        if kind == _STRING:
            return [self.string(name) for _ in range(count)]
        raw = self.take(count * _SMALLEST[kind], name)
        return np.frombuffer(raw, dtype=np.dtype(_SCALARS[kind]).newbyteorder("<"))

    def tensors(self, count: int, fields: Mapping[str, Any]) -> dict[str, GGUFTensor]:
        alignment = fields.get("general.alignment", 32)
        if type(alignment) is not int or not 1 <= alignment <= 2**20 or alignment & (alignment - 1):
            raise self.bad(f"has general.alignment {alignment!r}, which is no power of two up to 2^20")
        found = [self.tensor() for _ in range(count)]
        start = -(-self.at // alignment) * alignment
        placed: dict[str, GGUFTensor] = {}
        for name, shape, kind, offset in found:
            if name in placed:
                raise self.bad(f"has the tensor {name!r} twice")
            if offset % alignment:
                raise self.bad(f"has the tensor {name!r} at {offset}, no multiple of its alignment {alignment}")
            n_bytes = self.n_bytes(name, shape, kind)
            if start + offset + n_bytes > self.size:
                raise self.bad(f"is too short for its tensor {name!r}: truncated, or a damaged header")
            placed[name] = GGUFTensor(name=name, shape=shape, kind=kind, offset=start + offset, n_bytes=n_bytes)
        self.check_overlap(placed)
        return placed

    def tensor(self) -> tuple[str, tuple[int, ...], GGMLQuantizationType, int]:
        name = self.string("name of a tensor")
        n_axes = self.scalar("I")
        if not 1 <= n_axes <= 4:
            raise self.bad(f"has a tensor {name!r} of {n_axes} axes; 1 to 4 are possible")
        shape = tuple(self.scalar("Q") for _ in range(n_axes))[::-1]
        kind = self.scalar("I")
        try:
            return name, shape, GGMLQuantizationType(kind), self.scalar("Q")
        except ValueError:
            raise UnsupportedModel(f"{self.path}: tensor {name!r} has the unknown quantisation {kind}.") from None

    def n_bytes(self, name: str, shape: tuple[int, ...], kind: GGMLQuantizationType) -> int:
        block, block_bytes = GGML_QUANT_SIZES[kind]
        if min(shape) < 1 or shape[-1] % block:
            raise self.bad(f"has a tensor {name!r} of shape {list(shape)}, impossible for {kind.name}")
        return math.prod(shape) // block * block_bytes

    def check_overlap(self, tensors: Mapping[str, GGUFTensor]) -> None:
        in_order = sorted(tensors.values(), key=lambda tensor: tensor.offset)
        for before, after in itertools.pairwise(in_order):
            if before.offset + before.n_bytes > after.offset:
                raise self.bad(f"has tensors {before.name!r} and {after.name!r} in the same place")

    def room(self, count: int, smallest: int, what: str) -> None:
        """Whether `count` things can be there at all, before anything is made for them."""
        if count * smallest > self.size - self.at:
            raise self.bad(f"claims {count} {what}, more than fit into its {self.size} bytes")

    def string(self, what: str) -> str:
        return self.take(self.scalar("Q"), what).decode()

    def scalar(self, code: str) -> Any:
        (number,) = struct.unpack("<" + code, self.take(struct.calcsize(code), "header"))
        return number

    def take(self, n: int, what: str) -> bytes:
        if n > self.size - self.at:
            raise self.bad(f"ends within its header ({what}): truncated, or a damaged length")
        self.at += n
        return self.data[self.at - n : self.at]

    def bad(self, what: str) -> BadCheckpoint:
        return BadCheckpoint(f"{self.path} {what}.")
