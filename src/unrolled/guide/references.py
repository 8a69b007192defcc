"""References: BibTeX in, sentences out. One file holds them all; chapters name them by key."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass, field

from unrolled.errors import BadInput

ENTRY = re.compile(r"^@(\w+)\s*\{\s*([^,\s]+)\s*,\s*\n(.*?)\n\}\s*$", re.S | re.M)
FIELD = re.compile(r'^\s*(\w+)\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|"([^"]*)"|(\d+))\s*,?\s*$', re.M)
ACCENTS = {'"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "c": "\u0327"}
NEEDED = ("author", "title", "year")
MOST = 3  # authors that are all named where a reference stands whole


@dataclass(frozen=True)
class Reference:
    """One entry of the bibliography."""

    key: str
    kind: str
    fields: dict[str, str] = field(hash=False)
    """Without braces, accents composed."""
    bibtex: str
    """As it stands in the file."""

    @property
    def authors(self) -> list[tuple[str, str]]:
        """Last and first names; an organisation or a pen name has no first."""
        split = [name.partition(", ") for name in self.fields["author"].split(" and ")]
        return [(last, first) for last, _, first in split]

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it stands in the bibliography: by first author, year, title."""
        last = "".join(c for c in unicodedata.normalize("NFD", self.authors[0][0].casefold()) if c.isalpha())
        return last, self.fields["year"], self.fields["title"]

    @property
    def link(self) -> str:
        """Where it can be read, or nothing: its own address, an arXiv number or a DOI."""
        given = self.fields
        if "url" in given:
            return given["url"]
        if "eprint" in given:
            return f"https://arxiv.org/abs/{given['eprint']}"
        return f"https://doi.org/{given['doi']}" if "doi" in given else ""

    @property
    def venue(self) -> str:
        """What it appeared in."""
        given = self.fields
        names = (given.get(name) for name in ("journal", "booktitle", "school", "publisher", "howpublished"))
        said = next((name for name in names if name), "arXiv" if "eprint" in given else "")
        volume = " ".join(given.get(name, "") for name in ("volume",)).strip()
        return f"{said} {volume}".strip() if "journal" in given else said


def read_references(source: str, file: str) -> dict[str, Reference]:
    """The entries of a BibTeX file by key; what cannot be read is said with the file's name and line."""
    found = {match[2]: _reference(match, source, file) for match in ENTRY.finditer(source)}
    for begin in re.finditer(r"^@(\w+)\s*\{\s*([^,\s]*)", source, re.M):
        if begin[2] not in found:
            line = source.count("\n", 0, begin.start()) + 1
            raise BadInput(
                f"{file}, line {line}: the entry “{begin[2]}” cannot be read; it ends with a line that is only }}."
            )
    return found


def long_form(reference: Reference) -> str:
    """`Vaswani, A. et al. (2017). Attention is all you need.`, as HTML with a link to the bibliography."""
    title = html.escape(reference.fields["title"])
    stop = "" if title[-1] in ".?!" else "."
    who = html.escape(f"{_names(reference)} ({reference.fields['year']})")
    return f'<a class="cite" href="/bibliography#{html.escape(reference.key)}">{who}</a>. <em>{title}{stop}</em>'


def short_form(reference: Reference) -> str:
    """`Vaswani et al. (2017)`, as HTML with a link to the bibliography."""
    last = [name for name, _ in reference.authors]
    who = last[0] if len(last) == 1 else " and ".join(last) if len(last) == 2 else f"{last[0]} et al."
    said = html.escape(f"{who} ({reference.fields['year']})")
    return f'<a class="cite" href="/bibliography#{html.escape(reference.key)}">{said}</a>'


def all_names(reference: Reference) -> str:
    """Every author with initials."""
    names = [_initialled(*name) for name in reference.authors]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _names(reference: Reference) -> str:
    return all_names(reference) if len(reference.authors) <= MOST else f"{_initialled(*reference.authors[0])} et al."


def _initialled(last: str, first: str) -> str:
    parts = ("-".join(f"{piece[0]}." for piece in name.split("-") if piece) for name in first.split())
    return f"{last}, {' '.join(parts)}" if first else last


def _reference(match: re.Match[str], source: str, file: str) -> Reference:
    kind, key, body = match.groups()
    fields = {each[1].lower(): _text(next(filter(None, each.groups()[1:]), "")) for each in FIELD.finditer(body)}
    missing = [name for name in NEEDED if not fields.get(name)]
    if missing:
        line = source.count("\n", 0, match.start()) + 1
        raise BadInput(f"{file}, line {line}: “{key}” has no {' and no '.join(missing)}.")
    return Reference(key, kind.lower(), fields, match[0].strip())


def _text(latex: str) -> str:
    """A field's value without braces, its LaTeX accents composed, its lines joined."""
    accented = re.sub(r"""\\(["'`^~c])\s*\{?(\w)\}?""", lambda found: found[2] + ACCENTS[found[1]], latex)
    bare = accented.replace("{", "").replace("}", "").replace("--", "–").replace("\\&", "&")
    return " ".join(unicodedata.normalize("NFC", bare).split())
