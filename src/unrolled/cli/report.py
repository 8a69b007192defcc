"""`unrolled report`: what was measured of each claim, as a page, as Markdown, as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli.bar import errors, finish
from unrolled.errors import BadInput


def report(
    to: Annotated[Path, typer.Option(help="The folder for its files.")] = Path("report"),
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="html or md; both without. JSON is always beside it.")
    ] = None,
) -> None:
    """Write the report on the claims: verdicts, pictures with intervals, what it takes to run them again."""
    from unrolled.reporting import FORMATS, writing

    for each in formats or ():
        if each not in FORMATS:
            raise BadInput(f"There is no report as “{each}”; there are {' and '.join(FORMATS)}.")
    for path in finish(writing(to, tuple(dict.fromkeys(formats or FORMATS)))):
        if path.parent == to:
            errors.print(f"Written: {path}", markup=False)
