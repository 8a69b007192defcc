"""The header of a safetensors file, read with distrust, and the writing of one tensor after another.

Layout: 8 bytes little-endian length of the header, the header as JSON, then the tensors' bytes
(github.com/huggingface/safetensors). The library checks too; this says in words what is wrong, and needs no torch.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from unrolled.errors import BadCheckpoint

_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16}
_BITS |= {"BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4}
_LONGEST_HEADER = 100_000_000  # bytes; the library's own limit


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """Where one tensor lies."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    """Bytes from the end of the header."""
    end: int

    @property
    def size(self) -> int:
        """Elements."""
        return math.prod(self.shape)


def read_header(path: Path) -> dict[str, StoredTensor]:
    """Name -> tensor. BadCheckpoint says what is wrong."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header, data_size = _json(path, file, size)
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror}.") from error
    tensors = {name: _tensor(path, name, entry) for name, entry in header.items() if name != "__metadata__"}
    at = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start != at:
            raise BadCheckpoint(f"{path}: the tensor {name!r} overlaps another or leaves a gap.")
        at = tensor.end
    if at != data_size:
        raise BadCheckpoint(f"{path} should hold {at} bytes of tensors and holds {data_size}: truncated or damaged.")
    return tensors


def _json(path: Path, file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    start = file.read(8)
    if len(start) < 8:
        raise BadCheckpoint(f"{path} is too short to be a safetensors file.")
    (length,) = struct.unpack("<Q", start)
    if length > min(size - 8, _LONGEST_HEADER):
        raise BadCheckpoint(f"{path} claims a header of {length} bytes and is {size} bytes long: truncated or damaged.")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError) as error:
        raise BadCheckpoint(f"{path} has a header that is not JSON, so it is no safetensors file.") from error
    if not isinstance(header, dict):
        raise BadCheckpoint(f"{path} has a header that lists no tensors.")
    return header, size - 8 - length


def _tensor(path: Path, name: str, entry: Any) -> StoredTensor:
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(start), int(end)]} if dtype in _BITS:
            whole = all(type(n) is int and 0 <= n < 2**48 for n in shape) and len(shape) <= 8
            if whole and 0 <= start <= end and (end - start) * 8 == math.prod(shape) * _BITS[dtype]:
                return StoredTensor(dtype=dtype, shape=tuple(shape), start=start, end=end)
    raise BadCheckpoint(f"{path}: the header's entry for tensor {name[:80]!r} makes no sense.")


def write_safetensors(
    file: BinaryIO, layout: Mapping[str, tuple[str, tuple[int, ...]]], tensors: Iterable[tuple[str, bytes]]
) -> Iterator[str]:
    """Writes a file of `layout` (name -> dtype, shape), whose `tensors` come in that order; names each one written."""
    header: dict[str, Any] = {}
    at = 0
    for name, (dtype, shape) in layout.items():
        end = at + math.prod(shape) * _BITS[dtype] // 8
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-(8 + len(encoded)) % 64)  # tensors begin at a cache line
    file.write(struct.pack("<Q", len(encoded)) + encoded)
    for (name, data), expected in zip(tensors, layout, strict=True):
        assert name == expected
        assert len(data) == header[name]["data_offsets"][1] - header[name]["data_offsets"][0]
        file.write(data)
        yield name
