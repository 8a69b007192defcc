"""English–French pairs out of LibreOffice's help: the same page in two languages, the same id on the same paragraph.

A pair stays when both sides are words (not code, not a table's numbers), when it is translated at all, when the same
numbers stand in both, and when neither is three times as long as the other. Pairs whose English sides differ only in
digits, case or punctuation, and pairs with one French side, fall into one part: the hash of the group's first English
side says which.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

Pair = tuple[str, str]

WITHOUT_END = {"br", "img", "input", "meta", "link", "hr", "col"}
PLAIN = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-", "\u200b": ""})
CODE = re.compile(r"[_{}\[\]\\<>=@#$^|~`*/+&;]|\w\(|[a-z][A-Z]\w*[a-z][A-Z]|\b[A-Z]{5,}\b|\b\w+\.\w+\b|--|\bhttps?\b")
LETTERS = re.compile(r"[\x20-\x7eÀ-ÖØ-öø-ÿŒœ«»°]+")
WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
WORDS_MIN, WORDS_MAX = 2, 20
HELD_OUT = 5
"""Per cent of the groups for validation, and as many for test."""


class Paragraphs(HTMLParser):
    """id -> text of all paragraphs and headings of a help page; what is hidden until a script runs is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: dict[str, list[str]] = {}
        self._open: list[tuple[str, str | None, bool]] = []  # tag, id of a paragraph, whether hidden

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in WITHOUT_END:
            self.handle_data(" ")
            return
        named = dict(attrs)
        id_, kind = named.get("id") or "", named.get("class") or ""
        is_new = id_.startswith(("par_", "hd_")) and id_ not in self.texts
        if is_new and "code" not in kind and kind != "example":
            self.texts[id_] = []
        self._open.append((tag, id_ if is_new else None, "hidden" in named))

    def handle_endtag(self, tag: str) -> None:
        place = next((i for i in reversed(range(len(self._open))) if self._open[i][0] == tag), None)
        if place is not None:
            del self._open[place:]

    def handle_data(self, data: str) -> None:
        inside = next((id_ for _, id_, _ in reversed(self._open) if id_), None)
        if inside in self.texts and not any(hidden for _, _, hidden in self._open):
            self.texts[inside].append(data)


def help_pairs(english: Path, french: Path) -> Iterator[Pair]:
    """Every paragraph that both folders of help pages have, in the order of the pages."""
    for page in sorted(english.rglob("*.html")):
        twin = french / page.relative_to(english)
        if twin.is_file():
            ours, theirs = paragraphs(page), paragraphs(twin)
            yield from ((text, theirs[id_]) for id_, text in ours.items() if id_ in theirs)


def paragraphs(page: Path) -> dict[str, str]:
    """id -> text on one line."""
    parser = Paragraphs()
    parser.feed(page.read_text(encoding="utf-8"))
    parser.close()
    return {id_: " ".join("".join(parts).translate(PLAIN).split()) for id_, parts in parser.texts.items()}


def is_kept(english: str, french: str) -> bool:
    """Whether the pair teaches translation."""
    if not all(LETTERS.fullmatch(side) and not CODE.search(side) for side in (english, french)):
        return False
    words, their_words = WORD.findall(english.lower()), WORD.findall(french.lower())
    if not WORDS_MIN <= len(words) <= WORDS_MAX or not their_words or max(map(len, words)) < 3:
        return False
    untranslated = len(set(words) & set(their_words)) / len(set(words))
    numbers = (sorted(re.findall(r"\d+", side)) for side in (english, french))
    return untranslated < 0.7 and len(set(map(tuple, numbers))) == 1 and 1 / 3 < len(french) / len(english) < 3


def deduplicated(pairs: Iterable[Pair]) -> list[Pair]:
    """One pair an English side: its most frequent translation, the first among equals."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for english, french in pairs:
        found[english][french] += 1
    return [(english, max(counts, key=counts.__getitem__)) for english, counts in found.items()]


def key(text: str) -> str:
    """What is left of a text without digits, case and punctuation."""
    return " ".join(WORD.findall(text.casefold()))


def parts(pairs: Iterable[Pair]) -> Mapping[str, list[Pair]]:
    """train, validation and test; no group is in two."""
    split: dict[str, list[Pair]] = {"train": [], "validation": [], "test": []}
    pairs = list(pairs)
    for pair, name in zip(pairs, groups(pairs), strict=True):
        bucket = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 100
        split["test" if bucket < HELD_OUT else "validation" if bucket < 2 * HELD_OUT else "train"].append(pair)
    return split


def groups(pairs: list[Pair]) -> list[str]:
    """Each pair's group: the first key among all pairs that hang together by one side or the other."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    for english, french in pairs:
        a, b = sorted((top("en " + key(english)), top("fr " + key(french))))
        above[b] = a
    return [top("en " + key(english)) for english, _ in pairs]
