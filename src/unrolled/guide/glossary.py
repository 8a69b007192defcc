"""Words and symbols of the guide: words from `terms.toml`, symbols from the formulas of the figures' panels."""

from __future__ import annotations

import html
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from unrolled.figures import catalogue
from unrolled.mathematics import mathml

GREEK = "αβγδεζηθικλμνξοπρστυφχψω"


@dataclass(frozen=True)
class Term:
    """A word of the field in one or two sentences."""

    word: str
    meaning: str
    chapter: str
    """The chapter that explains it."""
    also: str
    """Other words that it is found by."""

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        return "-".join(re.findall(r"\w+", self.word.lower()))


@dataclass(frozen=True)
class Use:
    """What a symbol stands for in a formula, and the figures whose panels use it so."""

    meaning: str
    shape: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Glossed:
    """A symbol and everything that it stands for."""

    latex: str
    mathml: str
    text: str
    """As plain characters."""
    anchor: str
    uses: tuple[Use, ...]


@cache
def terms() -> tuple[Term, ...]:
    """The words, by the alphabet."""
    table = tomllib.loads((resources.files(__package__) / "terms.toml").read_text("utf-8"))
    made = (Term(word, said["meaning"], said["chapter"], said.get("also", "")) for word, said in table.items())
    return tuple(sorted(made, key=lambda each: each.word.casefold()))


@cache
def symbols() -> tuple[Glossed, ...]:
    """Every symbol of every panel's formula, by the alphabet, Greek letters last; one symbol may have several uses."""
    found: dict[str, dict[tuple[str, str], dict[str, None]]] = {}
    for name, each in catalogue().items():
        for panel in each.panels.values():
            for symbol in panel.formula.symbols if panel.formula else ():
                uses = found.setdefault(symbol.latex, {})
                uses.setdefault((symbol.meaning, symbol.shape), {})[name] = None
    made, taken = [], set[str]()
    for latex, uses in found.items():
        listed = tuple(Use(meaning, shape, tuple(figures)) for (meaning, shape), figures in uses.items())
        anchor = _anchor(latex, taken)
        made.append(Glossed(latex, mathml(latex), _characters(latex), anchor, listed))
    return tuple(sorted(made, key=lambda each: _place(each.text)))


def _characters(latex: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", mathml(latex)))


def _anchor(latex: str, taken: set[str]) -> str:
    base = "symbol-" + "-".join(re.findall(r"\w+", latex))
    name = next(each for each in (base, *(f"{base}-{count}" for count in range(2, 999))) if each not in taken)
    taken.add(name)
    return name


def _place(text: str) -> tuple[bool, str, str]:
    letters = "".join(re.findall(r"\w", text)) or text
    return letters[0].lower() in GREEK, letters.casefold(), text
