"""WOFF 1.0 -> TrueType or OpenType, with the standard library: its tables are the font's own, each packed by zlib.

The page's fonts are WOFF2, which only browsers read; resvg, which draws PNG files for the command line, reads plain
fonts. Source: W3C Recommendation "WOFF File Format 1.0", sections 3 to 5.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

HEADER = struct.Struct(">4sIIHHIHHIIIII")
ENTRY = struct.Struct(">4sIIII")


@dataclass(frozen=True)
class Table:
    """One table of a font: its tag, its content and its checksum."""

    tag: bytes
    content: bytes
    checksum: int


def unpacked(woff: bytes, family: str | None = None, without: tuple[bytes, ...] = (), first: int = 0) -> bytes:
    """The font inside a WOFF file. Raises ValueError when the file is something else.

    `family` names it anew: static weights call themselves families ("Inter SemiBold"), and programs that look for a
    weight of "Inter" miss them. `without`: tables to leave out. `first`: the
    first character that it is to know, for a font that only fills what others lack.
    """
    signature, flavour, _, count, *_ = HEADER.unpack_from(woff)
    if signature != b"wOFF":
        raise ValueError("not a WOFF 1.0 file")
    tables = [_table(woff, HEADER.size + index * ENTRY.size) for index in range(count)]
    heavy = next((struct.unpack_from(">H", table.content, 4)[0] for table in tables if table.tag == b"OS/2"), 400)
    kept = [_named(_reaching(table, first), family, heavy) for table in tables if table.tag not in without]
    return _font(flavour, kept)


def _table(woff: bytes, at: int) -> Table:
    tag, offset, packed, length, checksum = ENTRY.unpack_from(woff, at)
    content = woff[offset : offset + packed]
    content = zlib.decompress(content) if packed < length else content
    if len(content) != length:
        raise ValueError(f"the table {tag!r} has {len(content)} bytes, not {length}")
    return Table(tag, content, checksum)


def _named(table: Table, family: str | None, heavy: int) -> Table:
    """The table of names with nothing in it but the family, for Windows' Unicode, as all programs read it.

    The PostScript name tells weights apart: Matplotlib names a letter's outline by it, and would draw one for all.
    """
    if table.tag != b"name" or family is None:
        return table
    texts = {1: family, 2: "Regular", 6: f"{family.replace(' ', '')}-{heavy}"}
    records, strings = b"", b""
    for number, text in texts.items():
        written = text.encode("utf-16-be")
        records += struct.pack(">HHHHHH", 3, 1, 0x409, number, len(written), len(strings))
        strings += written
    content = struct.pack(">HHH", 0, len(texts), 6 + len(records)) + records + strings
    return Table(table.tag, content, _checksum(content))


def _reaching(table: Table, first: int) -> Table:
    """The map from characters to glyphs, from a first character on, as one subtable of format 12."""
    if table.tag != b"cmap" or first == 0:
        return table
    _, count = struct.unpack_from(">HH", table.content)
    offsets = [struct.unpack_from(">HHI", table.content, 4 + 8 * index)[2] for index in range(count)]
    whole = next(at for at in offsets if struct.unpack_from(">H", table.content, at) == (12,))
    (groups,) = struct.unpack_from(">I", table.content, whole + 12)
    found = [struct.unpack_from(">III", table.content, whole + 16 + 12 * index) for index in range(groups)]
    kept = [(max(low, first), high, glyph + max(0, first - low)) for low, high, glyph in found if high >= first]
    body = b"".join(struct.pack(">III", *group) for group in kept)
    subtable = struct.pack(">HHIII", 12, 0, 16 + len(body), 0, len(kept)) + body
    content = struct.pack(">HHHHI", 0, 1, 3, 10, 12) + subtable
    return Table(table.tag, content, _checksum(content))


def _checksum(content: bytes) -> int:
    padded = content + b"\0" * (-len(content) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}I", padded)
    return sum(words) & 0xFFFFFFFF


def _font(flavour: int, tables: list[Table]) -> bytes:
    """The tables in the file format that operating systems read: a directory, then each table on four bytes."""
    power = len(tables).bit_length() - 1
    head = struct.pack(">IHHHH", flavour, len(tables), 16 << power, power, 16 * (len(tables) - (1 << power)))
    directory, body = b"", b""
    start = len(head) + 16 * len(tables)
    for table in tables:
        directory += struct.pack(">4sIII", table.tag, table.checksum, start + len(body), len(table.content))
        body += table.content + b"\0" * (-len(table.content) % 4)
    return head + directory + body
