r"""Formulas: LaTeX in, MathML out, made here once so that no formula engine runs at reading time.

Query, key and value carry their colours: `\query{Q}`, `\key{K}`, `\value{V}` become elements with that class.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from latex2mathml.converter import convert

_ROLES = ("query", "key", "value")


@dataclass(frozen=True)
class Symbol:
    """One symbol of a formula: what it means and its shape."""

    latex: str
    meaning: str
    shape: str = ""


@dataclass(frozen=True)
class Formula:
    """What a panel computes, with every symbol named. A line of `latex` is a line of the display."""

    latex: str
    symbols: tuple[Symbol, ...] = ()


def display(formula: Formula) -> str:
    """Its lines as `<math>` blocks one under the other; a keyboard can scroll one that is wider than a phone."""
    blocks = (mathml(line, block=True) for line in formula.latex.splitlines())
    return "".join(block.replace("<math ", '<math tabindex="0" ', 1) for block in blocks)


def mathml(latex: str, *, block: bool = False) -> str:
    r"""A `<math>` element. `\query{…}`, `\key{…}` and `\value{…}` become elements with that class."""
    for role in _ROLES:
        latex = re.sub(rf"\\{role}(?=\{{)", rf"\\textcolor{{{role}}}", latex)
    markup = convert(latex, display="block" if block else "inline")
    return re.sub(rf'mathcolor="({"|".join(_ROLES)})"', r'class="\1"', markup)
