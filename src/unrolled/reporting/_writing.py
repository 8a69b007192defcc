"""Writes the report's files: report.html, report.md with pictures/, report.json."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unrolled.checkpoints.cache import write_whole
from unrolled.errors import BadInput
from unrolled.experiments._told import Told, all_told
from unrolled.progress import Progress, Work
from unrolled.reporting import _drawing, _entries, _page, _plain

FORMATS = ("html", "md")
PICTURES = "pictures"


def writing(folder: Path, formats: Sequence[str] = FORMATS) -> Work[list[Path]]:
    """Draws every picture and writes the files; gives their paths, the report itself first.

    Raises:
        MissingExtra: without Matplotlib.
        BadResult: a result that is damaged, before anything is written.
        BadInput: a folder that cannot be written.
    """
    _drawing.check_extra()
    claims = all_told()
    files: dict[str, str] = {}
    for name in formats:
        files |= yield from (_html if name == "html" else _md)(claims)
    said = [_entries.plain(each) for each in claims]
    files["report.json"] = json.dumps(_finite(said), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    try:
        for name, content in files.items():
            write_whole(folder / name, content.encode())
    except OSError as error:
        raise BadInput(f"“{folder}” cannot be written: {error.strerror or error}.") from None
    return [folder / name for name in files]


def _html(claims: Sequence[Told]) -> Work[dict[str, str]]:
    pictures: dict[tuple[str, int], str] = {}
    for done, each in enumerate(claims):
        yield Progress(done, len(claims), f"{each.claim.name}, for the page")
        for i, plot in enumerate(each.plots):
            pictures[each.claim.name, i] = _page.picture(plot, f"{each.claim.name}-{i}")
    return {"report.html": _page.page(claims, pictures)}


def _md(claims: Sequence[Told]) -> Work[dict[str, str]]:
    names: dict[tuple[str, int], str] = {}
    drawn: dict[str, str] = {}
    for done, each in enumerate(claims):
        yield Progress(done, len(claims), f"{each.claim.name}, for Markdown")
        for i, plot in enumerate(each.plots):
            name = f"{PICTURES}/{each.claim.name}{f'_{i + 1}' if i else ''}.svg"
            names[each.claim.name, i], drawn[name] = name, _drawing.svg(plot)
    return {"report.md": _plain.markdown(claims, names)} | drawn


def _finite(said: Any) -> Any:
    """What JSON has no number for is null."""
    if isinstance(said, float):
        return said if math.isfinite(said) else None
    if isinstance(said, dict):
        return {name: _finite(value) for name, value in said.items()}
    return [_finite(value) for value in said] if isinstance(said, (list, tuple)) else said
