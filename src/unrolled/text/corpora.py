"""The texts that come with unrolled: public-domain prose fiction in English, split by whole books.

packed/works.toml lists the works with their sources; packed/fiction.xz holds them one after the other. Both are made by
scripts/make_texts.py, which says what was cleaned away. Lines are joined into paragraphs, paragraphs stand one empty
line apart.
"""

from __future__ import annotations

import lzma
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from unrolled.errors import NotFound

Split = Literal["train", "validation", "test"]

CORPORA: Mapping[str, str] = MappingProxyType(
    {
        "fiction": "14 works of English prose fiction, 1796 to 1920; half of the text is Jane Austen's",
        "children": "the four books for children among them: Edgeworth, Carroll, Bryant, Burgess",
    }
)
"""Name -> what it holds. What is held out of "children" is in the training part of "fiction": never score one with a
model that was trained on the other."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One book of a corpus."""

    title: str
    author: str
    year: int
    """Of first publication, or of the edition that was typed in."""
    source: str
    """The package that it was taken from."""
    licence: str
    split: Split
    characters: int
    sha256: str
    """Of the text in UTF-8."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Books, and which part of the work each is for: no book is in two parts."""

    name: str
    works: tuple[Work, ...]
    texts: tuple[str, ...]
    """One a work, in the same order."""

    @property
    def train(self) -> str:
        """What models learn from."""
        return self.part("train")

    @property
    def validation(self) -> str:
        """What choices are made on."""
        return self.part("validation")

    @property
    def test(self) -> str:
        """What is looked at once, at the end."""
        return self.part("test")

    def part(self, split: Split) -> str:
        """The books of one part, an empty line between two."""
        return "\n".join(self.books(split))

    def books(self, split: Split) -> tuple[str, ...]:
        """The books of one part, each by itself."""
        return tuple(text for work, text in zip(self.works, self.texts, strict=True) if work.split == split)


def corpus(name: str = "fiction") -> Corpus:
    """A shipped corpus by name; it is unpacked anew on every call, in a third of a second.

    Raises:
        NotFound: there is no corpus of that name.
    """
    if name not in CORPORA:
        raise NotFound(f"There is no text “{name}”. There are: {', '.join(CORPORA)}.")
    packed = files("unrolled.text") / "packed"
    entries = tomllib.loads((packed / "works.toml").read_text(encoding="utf-8"))["work"]
    whole, at = lzma.decompress((packed / "fiction.xz").read_bytes()).decode(), 0
    works: list[Work] = []
    texts: list[str] = []
    for entry in entries:
        if name in entry:
            works.append(_work(entry, entry[name]))
            texts.append(whole[at : at + entry["characters"]])
        at += entry["characters"]
    return Corpus(name=name, works=tuple(works), texts=tuple(texts))


def _work(entry: dict[str, Any], split: Split) -> Work:
    kept = {key: value for key, value in entry.items() if key not in CORPORA}
    return Work(**kept, split=split)
