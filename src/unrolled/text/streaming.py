"""Text of any length to a file of token ids, a piece at a time.

A piece ends where the tokens of the two sides are those of the whole, which is looked for and tried: first at the end
of a line, then between words. Vocabularies that split text into words first have such places nearly everywhere.
SentencePiece without words puts a space in front of every piece and has none; there a piece's first token may differ.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt

from unrolled.errors import BadInput, EmptyText
from unrolled.progress import Progress, Work
from unrolled.text.reading import text_blocks, text_files
from unrolled.text.tokenizer import Tokenizer

PIECE = 1 << 17
"""Characters."""
AT_ONCE = 8
"""Pieces that are tokenised together, on as many cores as there are."""
WINDOW = 256
"""Characters on either side of a place in which its tokens are tried."""
PLACES = tuple(map(re.compile, (r"(?<=\n)(?=\S)", r"(?<=\S)(?=\n)", r"(?<=\w)(?=\s)", r"(?<=[^\w\s])(?=\w)")))
"""Where to look for a cut, best first: after a line's end, before it, behind a word, behind punctuation."""
TRIES = 8
"""Places of each kind that are tried."""


def tokenise_to_file(texts: Iterable[str] | Path, tokenizer: Tokenizer, out: Path) -> Work[int]:
    """Writes the ids of one long text to `out` and gives their number; memory stays the same however long it is.

    Args:
        texts: the text in consecutive parts, cut anywhere; or the reader's own file or folder.
        tokenizer: whose ids are written, one after the other, special tokens left out.
        out: read with `token_file`. It is whole or not there: it gets its name at the end.

    Raises:
        BadInput: the text cannot be read, or `out` not written (a full disk).
    """
    total = sum(file.stat().st_size for file in text_files(texts)) if isinstance(texts, Path) else 0
    parts = text_blocks(texts) if isinstance(texts, Path) else texts
    dtype, count, done = token_type(tokenizer.vocabulary), 0, 0
    with _whole(out) as file:
        for pieces in _batches(_pieces(parts, tokenizer)):
            for ids in tokenizer.ids_of_each(pieces):
                with _writing(out):
                    file.write(np.array(ids, dtype).tobytes())
                count += len(ids)
            done += sum(len(piece.encode()) for piece in pieces)
            yield Progress(done, max(done, total), f"{count:,} tokens")
        if count == 0:
            raise EmptyText("There is no text to make tokens of.")
    return count


def token_file(path: Path, vocabulary: int) -> UInt[np.ndarray, " tokens"]:
    """The ids of a file that `tokenise_to_file` wrote, memory-mapped; `vocabulary` is its tokenizer's."""
    return np.memmap(path, dtype=token_type(vocabulary), mode="r")


def token_type(vocabulary: int) -> np.dtype[np.unsignedinteger]:
    """How an id is stored: two bytes where the vocabulary allows, else four; the lowest first."""
    return np.dtype("<u2" if vocabulary <= 1 << 16 else "<u4")


@contextmanager
def _whole(out: Path) -> Iterator[BinaryIO]:
    """A file beside `out` that takes its place when all is written, and goes when something comes between."""
    with _writing(out):
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            with _writing(out):
                file.flush()
                os.fsync(file.fileno())
        os.umask(mask := os.umask(0o077))
        Path(name).chmod(0o666 & ~mask)  # a temporary file is its owner's alone
        with _writing(out):
            Path(name).replace(out)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"“{out}” cannot be written: {error.strerror or error}.") from None


def _pieces(parts: Iterable[str], tokenizer: Tokenizer) -> Iterator[str]:
    """The same text in pieces of PIECE characters at most, cut where the tokens allow it."""
    held = ""
    for part in parts:
        held, at = held + part, 0
        while len(held) - at > PIECE + WINDOW:
            place = at + cut(held[at : at + PIECE + WINDOW], tokenizer, PIECE)
            yield held[at:place]
            at = place
        held = held[at:]
    if held:
        yield held


def cut(text: str, tokenizer: Tokenizer, limit: int) -> int:
    """The last place up to `limit` at which the tokens of both sides are the tokens of the whole, or else a guess."""
    start = limit // 2
    guess = limit
    for kind in PLACES:
        found = [match.start() for match in kind.finditer(text, start, limit) if match.start() > start]
        for place in reversed(found[-TRIES:]):
            before, after = text[max(place - WINDOW, 0) : place], text[place : place + WINDOW]
            whole, left, right = tokenizer.ids_of_each([before + after, before, after])
            if whole == left + right:
                return place
        guess = found[-1] if found and guess == limit else guess
    return guess


def _batches(pieces: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for piece in pieces:
        batch.append(piece)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
