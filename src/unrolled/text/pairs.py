"""The sentence pairs that come with unrolled, for encoder-decoders.

packed/pairs.toml says of each set where it is from and under which licence; both it and the sets are made by
scripts/make_texts.py, which says what was left out. What is near to a pair of one part is in that part too.
"""

from __future__ import annotations

import lzma
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from unrolled.errors import NotFound

Pair = tuple[str, str]
"""Source and target."""

PAIRS: Mapping[str, str] = MappingProxyType(
    {
        "en-fr": "English and French sentences of 2 to 20 words from LibreOffice's help: software help only",
        "dates": "dates as English and French write them, and the same in ISO 8601",
    }
)
"""Name -> what it holds."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """A set of pairs in three parts. Its sentences are a narrow kind of text, which `about` names."""

    name: str
    about: str
    source: str
    """The packages that it was taken from."""
    licence: str
    notice: str
    """What has to be said wherever the pairs, or a text made from them, are handed on."""
    train: tuple[Pair, ...]
    validation: tuple[Pair, ...]
    test: tuple[Pair, ...]


def pairs(name: str = "en-fr") -> Pairs:
    """A shipped set of pairs by name.

    Raises:
        NotFound: there is no set of that name.
    """
    if name not in PAIRS:
        raise NotFound(f"There are no pairs “{name}”. There are: {', '.join(PAIRS)}.")
    packed = files("unrolled.text") / "packed"
    entry = tomllib.loads((packed / "pairs.toml").read_text(encoding="utf-8"))[name]
    parts: dict[str, list[Pair]] = {"train": [], "validation": [], "test": []}
    for line in lzma.decompress((packed / f"{name}.xz").read_bytes()).decode().splitlines():
        part, source, target = line.split("\t")
        parts[part].append((source, target))
    train, validation, test = (tuple(parts[part]) for part in ("train", "validation", "test"))
    said = {key: entry[key] for key in ("about", "source", "licence", "notice")}
    return Pairs(name=name, **said, train=train, validation=validation, test=test)
