"""What was typed after `unrolled figure NAME`, read: knobs by their schema, and how a picture is to look."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unrolled import files, picture
from unrolled.errors import BadInput, UnknownKnob
from unrolled.schema import knobs_schema


@dataclass(frozen=True)
class Look:
    """How a picture is to look; `view` is the state that only a picture has."""

    width: int = picture.WIDTH
    scheme: picture.Scheme = "light"
    view: dict[str, Any] = field(default_factory=dict)


def knobs(panel: Any, extra: list[str]) -> dict[str, Any]:
    """`--temperature 0.5 --chat --top-k=40` -> values, each read as JSON if it can be."""
    kinds = knobs_schema(panel)["properties"]
    found: dict[str, Any] = {}
    words = iter(extra)
    for word in words:
        flag, equals, value = word.partition("=")
        if not flag.startswith("--"):
            raise BadInput(
                f"“{word}” stands alone; a knob is given as --name value. {panel.title} has {', '.join(kinds)}."
            )
        name = flag[2:].replace("-", "_")
        negated = name.startswith("no_") and name not in kinds
        name = name[3:] if negated else name
        if name not in kinds:
            exist = ", ".join(f"--{each.replace('_', '-')}" for each in kinds) or "none"
            raise UnknownKnob(f"{panel.title} has no knob {flag}; it has {exist}.")
        if kinds[name].get("type") == "boolean" and not equals:
            found[name] = not negated
        else:
            found[name] = _value(kinds[name], value if equals else next(words, ""))
    return found


def _value(kind: dict[str, Any], text: str) -> Any:
    if kind.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def read(text: str | None) -> str | None:
    """The text itself; - stands for standard input."""
    return sys.stdin.read() if text == "-" else text


def look(out: Path | None, view: list[str], width: int | None, scheme: str | None) -> Look:
    """--view, --width and --scheme, checked against each other and the file that is asked for."""
    ending = out.suffix if out else ""
    for flag, given, endings in (
        ("--width", width is not None, files.PICTURES),
        ("--scheme", scheme is not None, files.PICTURES),
        ("--view", bool(view), (*files.PICTURES, files.PAGE)),
    ):
        if given and ending not in endings:
            raise BadInput(f"{flag} says how a picture looks: give --out a file that ends in {' or '.join(endings)}.")
    if scheme not in (None, "light", "dark"):
        raise BadInput(f"--scheme was “{scheme}”; it takes light or dark.")
    picture.check_width(width := picture.WIDTH if width is None else width)
    return Look(width, "dark" if scheme == "dark" else "light", dict(map(_view, view)))


def _view(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals:
        raise BadInput(f"--view was “{given}”; it takes name=value, as in --view stage=weights.")
    return name, _value({}, value)
