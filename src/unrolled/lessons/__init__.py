"""A teacher's folder of Markdown as a guide of its own: `unrolled serve FOLDER`, `unrolled export OUT --lessons …`.

Each .md file is a lesson, written as the chapters of our own guide are (`guide/__init__.py` lists the directives); what
is in need of mending is said with file and line, and takes the lesson's place until it is mended. Images lie beside the
lessons; a `references.bib` there adds to our references. `lessons/checking.py` says what is checked.
"""

from __future__ import annotations

import hashlib
import html
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unrolled import guide
from unrolled.errors import BadInput, UnrolledError
from unrolled.guide import Book, Chapter, Reference
from unrolled.guide.references import read_references
from unrolled.lessons.checking import Folder, Problem, problems_of

__all__ = ["Lessons", "Problem", "Shown", "read", "template"]

IMAGES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"}
NAME = re.compile(r"[A-Za-z0-9][\w-]*")
LARGEST = 2_000_000  # bytes of a lesson's Markdown
_IMAGE = re.compile(r'(<img src=")(?![a-z]+:|/)([^"]*)"')
_LESSON = re.compile(r'(<a href=")(?:\./)?([\w-]+)\.md(#[^"]*)?"')


@dataclass(frozen=True)
class Lessons:
    """A folder as it stood when it was read."""

    book: Book
    problems: tuple[Problem, ...]
    files: Mapping[str, Path] = field(default_factory=dict)
    """Images by the path under which the pages name them: nothing else of the folder is ever sent."""


def read(folder: Path) -> Lessons:
    """Every lesson of a folder, in the order that they name, else by file name.

    Raises:
        BadInput: no such folder, or no lesson in it.
    """
    sources = _sources(folder)
    images = _images(folder)
    references, problems = _references(folder)
    about = Folder(frozenset(sources), frozenset(images), references)
    chapters = []
    for place, (name, (file, source)) in enumerate(sources.items()):
        found = [*_misnamed(name, file), *problems_of(source, file, about)]
        chapters.append(_mending(name, place, found) if found else _lesson(name, place, source, about))
        problems += found
    ordered = tuple(sorted(chapters, key=lambda each: (each.order, each.name)))
    title = folder.resolve().name.replace("_", " ").replace("-", " ") or "Lessons"
    return Lessons(Book(title, ordered, references), tuple(problems), {f"/images/{n}": p for n, p in images.items()})


class Shown:
    """A folder's lessons as they stand now: read again whenever a file of it has changed.

    `tell` is given the problems whenever they are others than before.
    """

    def __init__(self, folder: Path, tell: Callable[[tuple[Problem, ...]], None] = lambda _: None) -> None:
        self._folder, self._tell = folder, tell
        self._read, self._version = read(folder), self.version()
        self._tell(self._read.problems)

    def now(self) -> Lessons:
        """The lessons; where the folder has gone, those that there were."""
        version = self.version()
        if version != self._version:
            before, self._version = self._read.problems, version
            try:
                self._read = read(self._folder)
            except UnrolledError as error:
                self._tell((Problem(self._folder.name, 0, str(error)),))
                return self._read
            if self._read.problems != before:
                self._tell(self._read.problems)
        return self._read

    def version(self) -> str:
        """Changes whenever a file of the folder does."""
        seen = [f"{p.relative_to(self._folder)} {s.st_mtime_ns} {s.st_size}" for p, s in _stats(self._folder)]
        return hashlib.sha256("\n".join(sorted(seen)).encode()).hexdigest()[:16]


def template() -> str:
    """A lesson to begin with."""
    return (Path(__file__).parent / "template.md").read_text("utf-8")


def _sources(folder: Path) -> dict[str, tuple[str, str]]:
    """Name -> the file as messages name it, and what is in it."""
    if not folder.is_dir():
        raise BadInput(f"There is no folder “{folder}”. Name one with lessons in it; `unrolled new-lesson` begins one.")
    found = sorted(path for path in folder.glob("*.md") if not path.name.startswith((".", "_")) and path.is_file())
    if not found:
        raise BadInput(
            f"“{folder}” has no lesson in it. A lesson is a Markdown file: `unrolled new-lesson {folder}/first.md` "
            "begins one."
        )
    return {path.stem: (str(folder / path.name), _text(path)) for path in found}


def _text(path: Path) -> str:
    """What is in it; what is no text comes out as such, and is a problem of its first line."""
    try:
        raw = path.read_bytes()[: LARGEST + 1]
        return raw.decode("utf-8-sig").replace("\r\n", "\n") if len(raw) <= LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _images(folder: Path) -> dict[str, Path]:
    """Pictures in the folder and below; nothing that a link leads out of it."""
    root = folder.resolve()
    found = (path for path, _ in _stats(folder) if path.suffix.lower() in IMAGES)
    return {path.relative_to(folder).as_posix(): path for path in found if path.resolve().is_relative_to(root)}


def _stats(folder: Path) -> list[tuple[Path, os.stat_result]]:
    shown = (p for p in folder.rglob("*") if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    return [(path, path.stat()) for path in shown if path.is_file()]


def _references(folder: Path) -> tuple[dict[str, Reference], list[Problem]]:
    """Ours and the folder's own."""
    file = folder / "references.bib"
    if not file.is_file():
        return guide.references(), []
    try:
        return guide.references() | read_references(file.read_text("utf-8"), str(file)), []
    except (BadInput, OSError, UnicodeDecodeError) as error:
        return guide.references(), [Problem(str(file), 1, str(error))]


def _misnamed(name: str, file: str) -> list[Problem]:
    if NAME.fullmatch(name):
        return []
    return [Problem(file, 1, "The file’s name becomes an address: give it one of letters, digits, _ and -.")]


def _lesson(name: str, place: int, source: str, about: Folder) -> Chapter:
    made = guide.render(name, source, about.references)
    body = _IMAGE.sub(r'\1/images/\2"', made.html)
    body = _LESSON.sub(lambda found: f'{found[1]}/guide/{found[2]}{found[3] or ""}"', body)
    order = made.order if re.search(r"^order\s*=", source, re.MULTILINE) else 1000 + place
    return Chapter(name, made.title, made.lede, order, made.part, body, made.places, made.sections, made.cites)


def _mending(name: str, place: int, problems: list[Problem]) -> Chapter:
    """What stands in a lesson's place while something in it wants mending."""
    rows = "".join(f"<li><code>{html.escape(each.where)}</code> {html.escape(each.sentence)}</li>" for each in problems)
    body = (
        f'<h1>{html.escape(name)}</h1><p class="lede">Something in this lesson wants mending. It is shown as soon as '
        f'the file is saved without it.</p><ul class="problems">{rows}</ul>'
    )
    return Chapter(name, name, "Wants mending.", 1000 + place, "", body, (), (), ())
