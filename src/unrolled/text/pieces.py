"""What one entry of a vocabulary stands for, in bytes and on screen.

Vocabularies write bytes in three ways: GPT-2's byte-level alphabet, which gives each of the 256 bytes a visible
character (Radford et al. 2019, §2.2); SentencePiece's "▁" for a space with "<0xE2>" for a byte on its own (Kudo &
Richardson 2018); and WordPiece's "##" for "no space before".
"""

from __future__ import annotations

import re
from typing import Literal

Spelling = Literal["byte-level", "sentencepiece", "wordpiece", "plain"]

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def byte_alphabet() -> dict[str, int]:
    """Character -> byte of GPT-2's alphabet: printable bytes stand for themselves, the others follow from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(hidden)}


_ALPHABET = byte_alphabet()


def piece_bytes(piece: str, spelling: Spelling) -> bytes:
    """The UTF-8 bytes that a vocabulary entry adds to a text."""
    if spelling == "byte-level":
        if all(character in _ALPHABET for character in piece):
            return bytes(_ALPHABET[character] for character in piece)
        return piece.encode()  # an added token, kept as it is
    if spelling == "sentencepiece":
        byte = _BYTE_TOKEN.fullmatch(piece)
        return bytes([int(byte[1], 16)]) if byte else piece.replace("▁", " ").encode()
    if spelling == "wordpiece":
        return piece[2:].encode() if piece.startswith("##") else b" " + piece.encode()
    return piece.encode()


def display(data: bytes) -> str:
    """Whole characters as they are, what is left of a character as its bytes: b"a\\xf0\\x9f" -> "a‹F0 9F›"."""
    shown, odd = "", b""
    while data:
        try:
            whole, data, broken = data.decode(), b"", b""
        except UnicodeDecodeError as error:
            whole, broken, data = data[: error.start].decode(), data[error.start : error.end], data[error.end :]
        if whole and odd:
            shown, odd = shown + _as_bytes(odd), b""
        shown, odd = shown + whole, odd + broken
    return shown + (_as_bytes(odd) if odd else "")


def _as_bytes(data: bytes) -> str:
    return f"‹{data.hex(' ').upper()}›"


def spans_of_bytes(text: str, pieces: list[bytes]) -> list[tuple[int, int]] | None:
    """Characters of `text` that each piece covers, whole characters always; None if the pieces do not spell it."""
    character_of = [i for i, character in enumerate(text) for _ in character.encode()]
    spelled, at = b"".join(pieces), 0
    if spelled == b" " + text.encode():  # SentencePiece puts a space in front
        character_of, at = [-1, *character_of], 0
    elif spelled != text.encode():
        return None
    spans: list[tuple[int, int]] = []
    for piece in pieces:
        covered = character_of[at : at + len(piece)]
        at += len(piece)
        end = (covered[-1] if covered else (spans[-1][1] - 1 if spans else -1)) + 1
        spans.append((max(covered[0], 0), end) if covered else (end, end))
    return spans
