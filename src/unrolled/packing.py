"""Many answers as one small file: what is unpacked is byte for byte what the wire carries, or rounded where asked.

Turning one knob leaves most of an answer as it was. So each blob is cut into its header and its tensors, every piece is
kept once, the bytes of a tensor's numbers are put in order of their place in the number (the first bytes of all, then
the second bytes of all …), and the whole is compressed by gzip, which browsers undo by themselves. A large piece is a
file of its own, which several packs may share. With `bits`, longer rows of floating-point numbers keep only so many
significant bits: the last places of what a network computes are noise, and noise does not compress.
`web/src/recorded/unpack.ts` is the way back.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LARGE = 65_536
"""Bytes from which on a piece is a file of its own."""
LONG = 32
"""Numbers from which on a row of them is rounded."""
_SIZES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2}


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One question and what was answered: a blob of the wire, or the sentence that says why there is none."""

    panel: str
    question: Mapping[str, Any]
    blob: bytes | None = None
    error: str = ""
    kind: str = ""
    """Of the error: the name of its class."""


@dataclass
class Pack:
    """The answers of one figure on one page, as files."""

    content: bytes
    shared: dict[str, bytes] = field(default_factory=dict)
    """Large pieces, each compressed, by the hash that the content names."""


def pack(answers: Sequence[Kept], *, bits: int | None = None) -> Pack:
    """Everything in one: u32 length of the index, the index as JSON, the pieces; compressed."""
    numbers: dict[bytes, int] = {}
    pieces: list[tuple[bytes, int]] = []
    listed = [_listed(each, bits, numbers, pieces) for each in answers]
    order = sorted(range(len(pieces)), key=lambda number: pieces[number][1])  # headers, much alike, stand together
    where: list[Any] = [None] * len(pieces)
    shared, body = {}, bytearray()
    for number in order:
        raw, size = pieces[number]
        shuffled = _shuffled(raw, size)
        if len(raw) >= LARGE:
            name = hashlib.sha256(raw).hexdigest()[:16]
            shared[name] = _compressed(shuffled)
            where[number] = [name, len(raw), size]
        else:
            where[number] = [len(body), len(raw), size]
            body += shuffled
    index = json.dumps({"answers": listed, "pieces": where}, ensure_ascii=False, separators=(",", ":")).encode()
    return Pack(_compressed(len(index).to_bytes(4, "little") + index + bytes(body)), shared)


def unpack(packed: Pack) -> list[Kept]:
    """The answers again, in their order."""
    content = gzip.decompress(packed.content)
    start = 4 + int.from_bytes(content[:4], "little")
    index = json.loads(content[4:start])
    shared = {name: gzip.decompress(part) for name, part in packed.shared.items()}

    def piece(number: int) -> bytes:
        at, length, size = index["pieces"][number]
        raw = shared[at] if isinstance(at, str) else content[start + at : start + at + length]
        return _shuffled(raw, size, back=True)

    def kept(panel: str, question: Any, held: Any) -> Kept:
        if isinstance(held, dict):
            return Kept(panel=panel, question=question, error=held["error"], kind=held["kind"])
        return Kept(panel=panel, question=question, blob=b"".join(map(piece, held)))

    return [kept(*each) for each in index["answers"]]


def rounded(raw: bytes, dtype: str, bits: int) -> bytes:
    """Floating-point numbers to so many significant bits, the nearest; what is not finite, or would not be, stays."""
    size = {"F32": 4, "F64": 8}.get(dtype)
    if size is None or len(raw) < LONG * size:
        return raw
    whole, mantissa = (np.uint32, 23) if size == 4 else (np.uint64, 52)
    numbers: np.ndarray[Any, Any] = np.frombuffer(raw, whole)
    drop = whole(mantissa + 1 - bits)
    half = whole(1) << (drop - whole(1))
    kept = ((numbers + half) >> drop) << drop
    floats = np.float32 if size == 4 else np.float64
    finite = np.isfinite(numbers.view(floats)) & np.isfinite(kept.view(floats))
    return np.where(finite, kept, numbers).tobytes()


def _listed(each: Kept, bits: int | None, numbers: dict[bytes, int], pieces: list[tuple[bytes, int]]) -> list[Any]:
    """Panel, question, and the numbers of the pieces that make the answer."""
    if each.blob is None:
        return [each.panel, each.question, {"error": each.error, "kind": each.kind}]
    made = []
    for exact, dtype in _cut(each.blob):
        raw, size = rounded(exact, dtype, bits) if bits else exact, _SIZES.get(dtype, 1)
        name = hashlib.sha256(raw).digest() + bytes([size])
        if name not in numbers:
            numbers[name] = len(pieces)
            pieces.append((raw, size))
        made.append(numbers[name])
    return [each.panel, each.question, made]


def _cut(blob: bytes) -> list[tuple[bytes, str]]:
    """A safetensors blob as its header and its tensors in the order of the file, each with the kind of its numbers."""
    start = 8 + int.from_bytes(blob[:8], "little")
    tensors = [each for name, each in json.loads(blob[8:start]).items() if name != "__metadata__"]
    cut = [(blob[:start], "")]
    for tensor in sorted(tensors, key=lambda each: each["data_offsets"]):
        first, last = tensor["data_offsets"]
        cut.append((blob[start + first : start + last], tensor["dtype"]))
    return cut


def _shuffled(raw: bytes, size: int, *, back: bool = False) -> bytes:
    if size == 1:
        return raw
    shape = (size, -1) if back else (-1, size)
    return np.frombuffer(raw, np.uint8).reshape(shape).T.tobytes()


def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)
