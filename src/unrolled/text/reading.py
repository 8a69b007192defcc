"""The reader's own text: a file, or a folder of .txt and .md files, in UTF-8.

A folder is read in the order of its paths, hidden files left out, an empty line between two files. Line ends of
any kind become line feeds and a byte-order mark goes; nothing else is changed. Long text can be read in blocks.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

from unrolled.errors import BadInput, EmptyText

ENDINGS = (".txt", ".md")
BLOCK = 1 << 20
"""Bytes read at a time."""
WIDE = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def read_text(path: Path) -> str:
    """The whole text of a file or folder.

    Raises:
        BadInput: there is nothing of that name, or a file is binary or not UTF-8.
        EmptyText: there is nothing in it but white space.
    """
    text = "".join(text_blocks(path))
    if not text.strip():
        raise EmptyText(f"“{path}” is empty: there is no text in it.")
    return text


def text_files(path: Path) -> tuple[Path, ...]:
    """The file itself, whatever its ending, or the .txt and .md files in a folder and below.

    Raises:
        BadInput: there is nothing of that name, or no such file in the folder.
    """
    if not path.is_dir():
        if not path.exists():
            raise BadInput(f"There is no file or folder “{path}”.")
        return (path,)
    found = (each for each in sorted(path.rglob("*")) if each.suffix.lower() in ENDINGS and each.is_file())
    files = tuple(each for each in found if not any(part.startswith(".") for part in each.relative_to(path).parts))
    if not files:
        raise BadInput(f"There is no text in the folder “{path}”: no file in it ends in {' or '.join(ENDINGS)}.")
    return files


def text_blocks(path: Path) -> Iterator[str]:
    """The text of a file or folder, about a megabyte at a time; raises as `read_text`, but may be empty."""
    last = ""
    for file in text_files(path):
        for i, block in enumerate(_blocks(file)):
            if i == 0 and last:
                yield "\n" if last == "\n" else "\n\n"
            yield block
            last = block[-1]


def _blocks(path: Path) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    read = 0
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                _check(path, block, read)
                read += len(block)
                text = newlines.decode(_decoded(path, decoder, block, read))
                if text:
                    yield text
            rest = newlines.decode(_decoded(path, decoder, b"", read, final=True), final=True)
            if rest:
                yield rest
    except OSError as error:
        raise BadInput(f"“{path}” cannot be read: {error.strerror or error}.") from None


def _check(path: Path, block: bytes, read: int) -> None:
    """Says of a file that is no text what it looks like."""
    if read == 0 and block[:2] in WIDE:
        raise BadInput(f"“{path}” is in {WIDE[block[:2]]}: save it as UTF-8.")
    if (place := block.find(b"\0")) >= 0:
        raise BadInput(f"“{path}” is a binary file, not text: byte {read + place:,} is 0.")


def _decoded(path: Path, decoder: codecs.IncrementalDecoder, block: bytes, read: int, *, final: bool = False) -> str:
    """`block` decoded; `read`: where in the file it ends."""
    try:
        return decoder.decode(block, final)
    except UnicodeDecodeError as error:
        byte, at = error.object[error.start], read - len(error.object) + error.start
        raise BadInput(f"“{path}” is not UTF-8: byte 0x{byte:02X} at position {at:,}. Save it as UTF-8.") from None
