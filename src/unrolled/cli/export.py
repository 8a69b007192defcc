"""`unrolled export`: the guide, or a folder of lessons, as a site of files."""

from __future__ import annotations

import calendar
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli.bar import errors, finish
from unrolled.cli.options import Device, Dtype, ModelNames, RunNames
from unrolled.errors import BadInput

if TYPE_CHECKING:
    from unrolled.guide import Book
    from unrolled.lessons import Lessons
    from unrolled.site import Site

LIST = "unrolled-site.json"


def export(
    out: Annotated[Path, typer.Argument(help="The folder to write; one that an earlier export wrote is renewed.")],
    lessons: Annotated[Path | None, typer.Option(help="A folder of lessons, instead of the guide.")] = None,
    chapter: Annotated[list[str] | None, typer.Option(help="Only this chapter; may be given several times.")] = None,
    model: ModelNames = None,
    run: RunNames = None,
    device: Device = "cpu",
    dtype: Dtype = "float32",
) -> None:
    """Write the guide as a site that opens from any host or from disk; its figures are recorded."""
    from unrolled import picture, reference, server, site
    from unrolled.cli import command
    from unrolled.desk import Shelf

    picture.check_extra()
    _check(out)
    if lessons and chapter:
        raise BadInput("--lessons and --chapter were both given; a site has the one or the other.")
    found, whole = _lessons(lessons) if lessons else None, not (lessons or chapter)
    book = found.book if found else _book(chapter or [])
    images = {path.lstrip("/"): file.read_bytes() for path, file in found.files.items()} if found else {}
    shelf = Shelf(model or [], runs=run or [], device=device, dtype=dtype)
    stock = site.Stock(book, shelf, server.models_json(shelf), _today(), images)
    shown = (*site.pages_of(book, whole=whole), *([reference.command_line(command())] if whole else []))
    made = finish(site.building(stock, shown))
    _write(made, out)
    _report(made, out)


def _lessons(folder: Path) -> Lessons:
    """A teacher's folder, if nothing in it wants mending."""
    from unrolled import lessons

    found = lessons.read(folder)
    if found.problems:
        raise BadInput("\n".join(["Nothing is written while lessons want mending:", *map(str, found.problems)]))
    return found


def _book(chapters: list[str]) -> Book:
    """Our guide, or some chapters of it."""
    from unrolled import guide

    whole = guide.book()
    if not chapters:
        return whole
    chosen = tuple(whole.chapter(name) for name in chapters)
    return replace(whole, chapters=tuple(each for each in whole.chapters if each in chosen))


def _today() -> str:
    """The day in words; SOURCE_DATE_EPOCH sets it, for a site that is to be built twice alike."""
    day = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    return f"{day.tm_mday} {calendar.month_name[day.tm_mon]} {day.tm_year}"


def _check(out: Path) -> None:
    """Nothing is written over that an export did not write; a folder that cannot be made is said before the work."""
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / LIST).is_file()):
        raise BadInput(f"“{out}” is there already, and no export wrote it. Name a new folder, or an empty one.")
    place = next(each for each in (out, *out.absolute().parents) if each.exists())
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise BadInput(f"“{out}” cannot be written: {error.strerror or error}.") from None


def _write(made: Site, out: Path) -> None:
    """All files; what an earlier export left and this one has not is taken away."""
    try:
        before = json.loads((out / LIST).read_text("utf-8"))["files"] if (out / LIST).is_file() else []
        for name in set(before) - made.files.keys():
            (out / name).unlink(missing_ok=True)
        for name, content in made.files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)
        (out / LIST).write_text(json.dumps({"files": sorted(made.files)}, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise BadInput(f"“{out}” cannot be written: {error.strerror or error}.") from None


def _report(made: Site, out: Path) -> None:
    from unrolled.site import BUDGET

    sizes = made.sizes()
    total = sum(sizes.values())
    for kind, size in sizes.items():
        if size:
            errors.print(f"  {kind:<9} {size / 1e3:>9,.0f} kB", markup=False)
    says = "within" if total <= BUDGET else "OVER"
    errors.print(f"  {'together':<9} {total / 1e3:>9,.0f} kB compressed, {says} the budget of {BUDGET / 1e6:.0f} MB")
    for sentence in made.missing:
        errors.print(f"  not recorded: {sentence}", markup=False)
    errors.print(f"Written: {out / 'index.html'} ({len(made.files)} files)", markup=False)
