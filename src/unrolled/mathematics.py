r"""Formulas: LaTeX in, MathML out, made here once so that no formula engine runs at reading time.

Query, key and value carry their colours: `\query{Q}`, `\key{K}`, `\value{V}` become elements with that class.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from latex2mathml.converter import convert

_ROLES = ("query", "key", "value")
_THIN = '<mspace width="0.167em"/>'
_FUNCTION = re.compile(
    r"(?P<before></m(?!o>)\w+>)?(?P<open><msub>)?"
    r"(?:<mi>(?=(?:exp|ln|log|sin|cos|tanh)<)|<mo>(?=[A-Za-z]{2}))(?P<name>[A-Za-z]+)</m[io]>"
    r"(?P<script>(?(open)(?:<m[in]>\w+</m[in]>|<mrow>(?:(?!</?mrow).)*</mrow>)</msub>|))"
)
"""The name of a function, perhaps with an index, and the end of what stands before it, if that is no operator."""
_FENCED = re.compile(r"<mrow><mo[^>]*fence|<mo|</")


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
    """Its lines as `<math>` blocks one under the other; what a line sets apart stands side by side where there is room.
    A keyboard can scroll what is wider than a phone."""
    return "".join(map(_line, formula.latex.splitlines()))


def _line(latex: str) -> str:
    blocks = [mathml(part, block=True) for part in latex.split(r"\qquad")]
    blocks = [block.replace("<math ", '<math tabindex="0" ', 1) for block in blocks]
    return blocks[0] if len(blocks) == 1 else f'<div class="side">{"".join(blocks)}</div>'


def mathml(latex: str, *, block: bool = False) -> str:
    r"""A `<math>` element. `\query{…}`, `\key{…}` and `\value{…}` become elements with that class."""
    for role in _ROLES:
        latex = re.sub(rf"\\{role}(?=\{{)", rf"\\textcolor{{{role}}}", latex)
    markup = _FUNCTION.sub(_spaced, convert(latex, display="block" if block else "inline"))
    return re.sub(rf'mathcolor="({"|".join(_ROLES)})"', r'class="\1"', markup)


def _spaced(found: re.Match[str]) -> str:
    """The name as an identifier, with TeX's gaps: to what stands before it, and to what it is applied to."""
    function = f"{found['open'] or ''}<mi>{found['name']}</mi>{found['script'] or ''}"
    before = _THIN if found["before"] else ""
    after = "" if _FENCED.match(found.string, found.end()) else _THIN
    return f"{found['before'] or ''}{before}{function}{after}"
