"""What can be wrong in a lesson, each with the line it stands in and what to do.

Checked before anything is rendered, so that one slip does not hide the next: front matter, directives, the state that a
figure is to start in, guesses, formulas, sections, links, images, references.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markdown_it.token import Token

from unrolled import checkpoints, guide
from unrolled.errors import UnrolledError
from unrolled.figures import Figure, catalogue, check_knobs, figure
from unrolled.guide import Reference
from unrolled.guide.markdown import SECTIONS, markdown_it
from unrolled.mathematics import mathml
from unrolled.schema import knobs_schema

DIRECTIVES = ("figure", "guess", "mathematics", "code")
FRONT = {"title": str, "lede": str, "order": (int, float), "part": str}
STATE = ("id", "text", "target", "models", "runs", "panel", "knobs", "view", "vary")
GUESS = ("question", "answers", "reveal", "id")
PAGES = {"/", "/figures", "/glossary", "/bibliography", "/reference", "/search"}
Found = Iterator[tuple[int, str]]
"""Lines, counted from 1, and sentences."""


@dataclass(frozen=True)
class Problem:
    """Something to mend: file, line and a sentence."""

    file: str
    line: int
    sentence: str

    @property
    def where(self) -> str:
        """`lessons/tuesday.md:12`, as editors open it."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence}"


@dataclass(frozen=True)
class Folder:
    """What a lesson may name: its neighbours, the images beside it, references."""

    lessons: frozenset[str]
    images: frozenset[str]
    references: Mapping[str, Reference]


def problems_of(source: str, file: str, folder: Folder) -> list[Problem]:
    """Everything in a lesson that wants mending, in the order of its lines."""
    if not source.strip():
        return [Problem(file, 1, "The file is empty, is larger than 2 MB, or is no text in UTF-8.")]
    lines = source.split("\n")
    tokens = markdown_it().parse(source, {"references": folder.references, "cites": {}})
    found = [*_front(tokens), *_sections(tokens, lines), *_ids(tokens)]
    for token in tokens:
        if token.type == "fence":
            found += _fence(token, lines)
        elif token.type == "math_block":
            found += _formula(token.content, _line(token))
        elif token.type == "inline":
            found += _inline(token, folder)
    return [Problem(file, line, sentence) for line, sentence in sorted(found)]


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _front(tokens: list[Token]) -> Found:
    front = next((token for token in tokens if token.type == "front_matter"), None)
    if front is None:
        yield 1, 'A lesson begins with ---, a line title = "…", and --- again.'
        return
    about, problem = _toml(front.content, _line(front))
    if problem:
        yield problem
        return
    if "title" not in about:
        yield _line(front), 'The lesson has no title: write title = "…" between the two lines of ---.'
    for name, value in about.items():
        if name not in FRONT:
            yield _within(front, name), f"There is no “{name}” here; there are {', '.join(FRONT)}."
        elif not isinstance(value, FRONT[name]) or isinstance(value, bool):  # type: ignore[arg-type]
            yield _within(front, name), f"{name} is to be {'a number' if name == 'order' else 'a text in quotes'}."


def _toml(content: str, line: int) -> tuple[dict[str, Any], tuple[int, str] | None]:
    """What it says, or where and why it cannot be read."""
    try:
        return tomllib.loads(content), None
    except tomllib.TOMLDecodeError as error:
        said = re.sub(r"\s*\(at .*\)$", "", str(error))
        at = re.search(r"at line (\d+)", str(error))
        inside = int(at[1]) if at else content.count("\n") + 1
        return {}, (line + inside, f'This line cannot be read ({said}). Texts stand in quotes: panel = "variance".')


def _within(token: Token, key: str, below: str = "") -> int:
    """The line of a block that sets a key, or the block's first; `below`: of a table, the one under its head."""
    lines = token.content.split("\n")
    start = next((number for number, line in enumerate(lines) if below and line.strip() == f"[{below}]"), 0)
    for number, line in enumerate(lines[start:], start + 1):
        if re.match(rf"\s*(?:\[.*)?{re.escape(key)}\b", line):
            return _line(token) + number
    return _line(token)


def _sections(tokens: list[Token], lines: list[str]) -> Found:
    for token in tokens:
        if token.type.startswith("container_") and token.nesting == 1 and token.map:
            end = token.map[1]
            if not any(line.strip() == ":::" for line in lines[max(token.map[0] + 1, end - 1) : end + 1]):
                yield _line(token), f"The section “{token.info.strip()}” is not closed: end it with a line of :::."
        if token.type == "inline" and (found := re.match(r":::\s*(\S*)", token.content)):
            known = ", ".join(f":::{name}" for name in SECTIONS)
            yield (
                _line(token),
                f"There is no section “{found[1] or ':::'}” that begins or ends here; there are {known}.",
            )


def _ids(tokens: list[Token]) -> Found:
    """A figure's id is its name in links: no two on a page have the same."""
    taken: dict[str, int] = {}
    for token in tokens:
        words = token.info.split() if token.type == "fence" else []
        if words[:1] != ["figure"] or len(words) < 2:
            continue
        name = str(_toml(token.content, 0)[0].get("id", words[1]))
        if name in taken:
            yield _line(token), f'The figure in line {taken[name]} has the id “{name}” too: give this one id = "…".'
        taken.setdefault(name, _line(token))


def _fence(token: Token, lines: list[str]) -> Found:
    kind, *names = token.info.split() or [""]
    end = lines[token.map[1] - 1].strip() if token.map else token.markup
    if not end.startswith(token.markup) or (token.map and token.map[1] - 1 == token.map[0]):
        yield _line(token), f"The block that begins here is not closed: end it with a line of {token.markup}."
        return
    if kind in DIRECTIVES:
        yield from {"figure": _figure, "guess": _guess, "mathematics": _panel_of, "code": _panel_of}[kind](token, names)
    elif near := difflib.get_close_matches(kind, DIRECTIVES, n=1, cutoff=0.8):
        yield _line(token), f"There is no directive “{kind}”. Did you mean {near[0]}?"


def _figure(token: Token, names: list[str]) -> Found:
    if len(names) != 1:
        yield _line(token), f"Name one figure after “figure”; there are {', '.join(catalogue())}."
        return
    said, problem = _toml(token.content, _line(token))
    try:
        chosen = figure(names[0])
    except UnrolledError as error:
        yield _line(token), str(error)
        return
    if problem:
        yield problem
        return
    for name, value in said.items():
        if sentence := _state(chosen, name, value):
            yield _within(token, name), sentence
    for name, value in said.get("knobs", {}).items() if isinstance(said.get("knobs"), dict) else ():
        if sentence := _knob(chosen, name, value):
            yield _within(token, name, "knobs"), sentence


def _state(chosen: Figure, name: str, value: Any) -> str:
    """What is wrong with a line of a figure's state, or nothing."""
    if name not in STATE:
        knob = any(name in panel.knobs.model_fields for panel in chosen.panels.values())
        hint = f" Knobs stand under [knobs]: {name} = … below that line." if knob else ""
        return f"A figure has no “{name}” here; it has {', '.join(STATE)}.{hint}"
    if name in ("id", "text", "target", "panel") and not isinstance(value, str):
        return f"{name} is to be a text in quotes."
    if name in ("models", "runs") and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        return f'{name} is to be a list of names: {name} = ["gpt"].'
    if name in ("knobs", "view") and not isinstance(value, dict):
        return f"{name} are to stand below a line of [{name}], each on a line of its own."
    try:
        if name == "panel":
            chosen.panel(value)
        for model in value if name == "models" else ():
            checkpoints.entry(model)
    except UnrolledError as error:
        return str(error)
    return _vary(chosen, value) if name == "vary" else ""


def _vary(chosen: Figure, value: Any) -> str:
    known = {name for panel in chosen.panels.values() for name in knobs_schema(panel)["properties"]}
    pairs = isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)
    if not pairs:
        return 'vary is to be a list of pairs of knobs: vary = [["temperature", "top_k"]].'
    strange = [name for pair in value for name in pair if name not in known]
    return f"{chosen.name} has no knob “{strange[0]}”; it has {', '.join(sorted(known))}." if strange else ""


def _knob(chosen: Figure, name: str, value: Any) -> str:
    panels = [panel for panel in chosen.panels.values() if name in panel.knobs.model_fields]
    if not panels:
        known = dict.fromkeys(knob for panel in chosen.panels.values() for knob in panel.knobs.model_fields)
        return f"{chosen.name} has no knob “{name}”; it has {', '.join(known) or 'none'}."
    try:
        check_knobs(panels[0], {name: value})
    except UnrolledError as error:
        return str(error)
    return ""


def _guess(token: Token, names: list[str]) -> Found:
    said, problem = _toml(token.content, _line(token))
    if problem:
        yield problem
        return
    for name in ("question", "reveal"):
        if not isinstance(said.get(name), str):
            yield _within(token, name), f'A guess has a {name}, a text in quotes: {name} = "…".'
    answers = said.get("answers")
    if not isinstance(answers, list) or len(answers) < 2 or not all(isinstance(each, str) for each in answers):
        yield _within(token, "answers"), 'A guess has answers, two or more: answers = ["Yes", "No"].'
    for name in said.keys() - set(GUESS):
        yield _within(token, name), f"A guess has no “{name}”; it has {', '.join(GUESS)}."


def _panel_of(token: Token, names: list[str]) -> Found:
    kind = token.info.split()[0]
    if kind == "code" and not names:
        return
    if len(names) != 2:
        yield _line(token), f"Write a figure and one of its panels after “{kind}”: {kind} next_token distribution."
        return
    try:
        panel = figure(names[0]).panel(names[1])
    except UnrolledError as error:
        yield _line(token), str(error)
        return
    if kind == "mathematics" and panel.formula is None:
        with_one = [each.name for each in figure(names[0]).panels.values() if each.formula]
        yield _line(token), f"{panel.title} has no formula; of this figure {', '.join(with_one) or 'no panel'} has one."


def _formula(latex: str, line: int) -> Found:
    try:
        mathml(latex)
    except Exception as error:  # noqa: BLE001 - whatever the converter says of a formula that it cannot read
        yield line, f"The formula ${latex[:60]}$ cannot be read ({type(error).__name__})."


def _inline(token: Token, folder: Folder) -> Found:
    line = _line(token)
    for each in token.children or []:
        if each.type in ("softbreak", "hardbreak"):
            line += 1
        elif each.type == "math_inline":
            yield from _formula(each.content, line)
        elif each.type == "cite" and each.content not in folder.references:
            yield line, f"There is no reference “{each.content}”; write it into references.bib beside the lessons."
        elif each.type == "image":
            yield from _image(str(each.attrGet("src")), line, folder)
        elif each.type == "link_open" and (sentence := _link(str(each.attrGet("href")), folder)):
            yield line, sentence


def _image(source: str, line: int, folder: Folder) -> Found:
    if re.match(r"[a-z]+:|/", source):
        yield line, f"The image “{source[:80]}” lies elsewhere; the page fetches nothing. Put it beside the lesson."
    elif source.removeprefix("./") not in folder.images:
        exist = ", ".join(sorted(folder.images)[:8]) or "none"
        yield line, f"There is no image “{source[:80]}” in the folder; there are {exist}."


def _link(target: str, folder: Folder) -> str:
    """What is wrong with a link within the site, or nothing."""
    path = re.split(r"[?#]", target)[0]
    if path.endswith(".md") and ":" not in path:
        name = path.removeprefix("./").removesuffix(".md")
        return "" if name in folder.lessons else f"There is no lesson {path} in the folder."
    if not path.startswith("/") or path in PAGES:
        return ""
    kind, _, name = path[1:].partition("/")
    if kind == "guide" and (name in folder.lessons or name in {each.name for each in guide.chapters()}):
        return ""
    if (kind == "figures" and name in catalogue()) or kind == "reference":
        return ""
    return f"The link leads to {path}, where there is nothing."
