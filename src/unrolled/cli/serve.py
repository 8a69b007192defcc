"""`unrolled serve`: the guide, or a folder of lessons, on this machine or for a class; `unrolled new-lesson`."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli.bar import errors
from unrolled.cli.options import Browser, Device, Dtype, ModelNames, Port, RunNames
from unrolled.errors import BadInput

if TYPE_CHECKING:
    from unrolled.lessons import Problem, Shown

WAITING = 64  # questions of a class that may wait


@dataclass(frozen=True)
class Serving:
    """What is served, and to whom."""

    models: list[str]
    runs: list[str]
    device: str
    dtype: str
    lessons: Shown | None = None
    host: str = "127.0.0.1"
    token: str = ""


def serve(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder of lessons, served instead of the guide's chapters.")
    ] = None,
    model: ModelNames = None,
    run: RunNames = None,
    port: Port = 8765,
    host: Annotated[
        str, typer.Option(help="For a class: an address of this machine in its network, or 0.0.0.0 for all.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(help="For a class: what the link carries; made up if you name none.")
    ] = None,
    browser: Browser = True,
    device: Device = "cpu",
    dtype: Dtype = "float32",
) -> None:
    """Serve the guide on this machine, with your own models and training runs beside the known ones."""
    from unrolled import classroom
    from unrolled.lessons import Shown

    asked = classroom.token_for(host, token)
    lessons = Shown(folder, _tell) if folder else None
    serving("/", Serving(model or [], run or [], device, dtype, lessons, host, asked), port, browser)


def new_lesson(
    file: Annotated[Path, typer.Argument(help="The Markdown file to begin, such as lessons/first.md.")],
) -> None:
    """Begin a lesson: a file with an example of everything, for you to write over."""
    from unrolled import files, lessons

    if file.suffix != ".md":
        raise BadInput(f"“{file}” is to be a Markdown file: give it the ending .md.")
    if file.exists():
        raise BadInput(f"“{file}” is there already; name another file.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"“{file.parent}” cannot be made: {error.strerror or error}.") from None
    files.save(lessons.template().encode(), file)
    errors.print(f"Written: {file}. See it with: unrolled serve {file.parent}", markup=False)


def serving(place: str, asked: Serving, port: int, browser: bool) -> None:
    """Serves until Ctrl-C, and opens a place of it."""
    from unrolled import checkpoints, classroom, server
    from unrolled.checkpoints import run_names
    from unrolled.desk import Shelf

    for spec in asked.models:
        checkpoints.entry(spec)
    for spec in asked.runs:
        run_names.run(spec)
    sock = server.listen(port, asked.host)
    address = classroom.address(asked.host, sock.getsockname()[1], asked.token, place)
    shelf = Shelf(asked.models, runs=asked.runs, device=asked.device, dtype=asked.dtype)

    def ready() -> None:
        print(f"unrolled is at {address}  (Ctrl-C stops it)", flush=True)
        if browser:
            webbrowser.open(address)

    waiting = WAITING if asked.token else 16
    with sock:
        app = server.create_app(shelf, lessons=asked.lessons, token=asked.token, waiting=waiting, warm=True)
        server.serve(app, sock, ready)


def _tell(problems: tuple[Problem, ...]) -> None:
    """What wants mending, on standard error, as editors and terminals make links of it."""
    for each in problems:
        errors.print(str(each), markup=False)
    if not problems:
        errors.print("Nothing in the lessons wants mending.", markup=False)
