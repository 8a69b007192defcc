"""A book as Project Gutenberg's volunteers typed it in, made into paragraphs.

What goes: the title line, the licence, notes in square brackets, illustrations' captions, footnotes and their marks,
rows of asterisks, and the underscores that stood for italics. Hard-wrapped lines become one line a paragraph; verse,
addresses and the like keep their lines, without their indentation. Paragraphs stand one empty line apart. Quotation
marks are straight and dashes two hyphens, as they were typed, except that ` becomes '.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

SMALL_PRINT = re.compile(r"^End of (the )?Project Gutenberg", re.IGNORECASE | re.MULTILINE)
IN_BRACKETS = re.compile(
    r"^[ ]*(?:\*\[|\[(?:Illustration|At this point|later editions|End volume|Extracted|\*))[^\]]*\]", re.MULTILINE
)
"""Captions, editors' remarks and bracketed footnotes."""
FOOTNOTE = re.compile(r"\*+\s?\S(?!.*\*\s*$)", re.DOTALL)
ROW = re.compile(r"[\s*_]+")
WIDTH = 60
"""Characters. A line that ends before this, though the next word had found room, was ended on purpose."""


def book(raw: str, *, begin: str = "", end: str = "") -> str:
    """The text from `begin` (the second line on, if empty) up to `end`, cleaned."""
    text = raw.replace("\r\n", "\n")
    text = text[text.index(begin) :] if begin else text.split("\n", 1)[1]
    text = text[: text.index(end)] if end else SMALL_PRINT.split(text)[0]
    text = IN_BRACKETS.sub("", text.replace("`", "'"))
    return "\n\n".join(paragraphs(text)) + "\n"


def paragraphs(text: str) -> Iterator[str]:
    """Each block between empty lines, its lines joined where they were wrapped."""
    for block in re.split(r"\n\s*\n", text):
        lines = [line.rstrip() for line in block.split("\n") if not ROW.fullmatch(line + " ")]
        if not lines or FOOTNOTE.match(block.strip()):
            continue
        yield tidy("\n".join(lines) if is_verse(lines) else joined([line.strip() for line in lines]))


def is_verse(lines: list[str]) -> bool:
    """Lines that end where the poet wanted: all begin with a capital or a quotation mark, or break early."""
    if len(lines) < 2:
        return False
    indented = all(line.startswith("  ") for line in lines)
    starts = [re.sub(r"""^[\s"'(_-]+""", "", line)[:1] for line in lines]
    capitals = all(not start.islower() for start in starts)
    room = WIDTH if indented else WIDTH - 12
    early = sum(ends_early(a, b, room) for a, b in pairwise(lines)) / (len(lines) - 1)
    if capitals:
        return (
            len(lines) > 5 or (indented and (early > 0 or len(lines) > 3)) or early >= (0.25 if len(lines) > 3 else 0.5)
        )
    return early > 0.7 and (indented or len(lines) > 2)


def ends_early(line: str, following: str, room: int) -> bool:
    """Whether the next line's first word had found room."""
    return len(line) + 1 + len(following.split()[0]) <= room


def joined(lines: list[str]) -> str:
    """One line; dashes and hyphens at a line's end join their words, as they do within a line."""
    text = lines[0]
    for line in lines[1:]:
        dashed = text.endswith("-") or line.startswith("--")
        text += line if dashed else " " + line
    return text


def tidy(paragraph: str) -> str:
    """Single spaces, none before ? and the like, no marks of italics or footnotes."""
    unmarked = re.sub(r"(?<!_)_(?!_)| ?\*+|=$", "", paragraph)
    lines = [re.sub(r"(?<=\w) (?=[?!;,])", "", " ".join(line.split())) for line in unmarked.split("\n")]
    return "\n".join(line for line in lines if line)
