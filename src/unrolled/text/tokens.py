"""What a text becomes before a model sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A text and the tokens that a model reads, one entry of `ids`, `strings` and `spans` a token."""

    text: str
    """What the reader wrote; in a chat followed by what the model has said so far."""
    ids: tuple[int, ...]
    """Rows of the model's embedding table."""
    strings: tuple[str, ...]
    """Displayable pieces. A piece that is not whole characters shows its bytes: "‹F0 9F›"."""
    spans: tuple[tuple[int, int], ...]
    """Characters [start, end) of `text`. A piece of a character spans the whole character; a token that stands for
    nothing in `text` (beginning of text, chat template) has an empty span."""

    def __len__(self) -> int:
        return len(self.ids)
