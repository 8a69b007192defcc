"""Figure -> JSON (what the page knows of it) and figure -> TypeScript (the types of its results).

`python -m unrolled.schema` writes `web/src/generated.ts`; a test asserts that it is fresh.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from unrolled.figures import Figure, catalogue, figure
from unrolled.figures._panel import Field, Panel
from unrolled.mathematics import Formula, display, mathml

GENERATED = Path(__file__).parents[2] / "web" / "src" / "generated.ts"


@cache
def figure_json(name: str) -> dict[str, Any]:
    """All that a view and its frame need of a figure: panels, knobs, fields, formula, code."""
    described = figure(name)
    return {
        "name": described.name,
        "question": described.question,
        "doc": described.doc,
        "panels": [_panel_json(panel) for panel in described.panels.values()],
    }


def knobs_schema(panel: Panel) -> dict[str, Any]:
    """JSON Schema of a panel's knobs in the order in which one would try them, each with its description."""
    properties = panel.knobs.model_json_schema().get("properties", {})
    docs = argument_docs(panel.doc)
    return {"type": "object", "properties": {name: _knob(name, given, docs) for name, given in properties.items()}}


def argument_docs(doc: str) -> dict[str, str]:
    """The lines under `Args:` of a docstring, by argument."""
    docs: dict[str, str] = {}
    for line in doc.partition("Args:\n")[2].splitlines():
        name, colon, said = line.strip().partition(": ")
        if colon and name.isidentifier():
            docs[name] = said
        elif line.strip() and docs:
            docs[next(reversed(docs))] += " " + line.strip()
    return docs


def highlighted(code: str) -> str:
    """Python source as HTML with Pygments' classes."""
    return highlight(code, PythonLexer(), HtmlFormatter(cssclass="highlight"))


def formula_json(formula: Formula) -> dict[str, Any]:
    """A formula and its symbols as MathML."""
    symbols = [{"mathml": mathml(s.latex), "meaning": s.meaning, "shape": s.shape} for s in formula.symbols]
    return {"mathml": display(formula), "symbols": symbols}


def typescript() -> str:
    """Interfaces of every panel's result, named figure and panel."""
    blocks = [_interface(described, panel) for described in catalogue().values() for panel in described.panels.values()]
    head = "// Written by `python -m unrolled.schema` from the figures' result types. Do not edit.\n"
    return head + 'import type { NdArray } from "./contracts";\n\n' + "\n\n".join(blocks) + "\n"


def _panel_json(panel: Panel) -> dict[str, Any]:
    inputs = panel.inputs.values()
    return {
        "name": panel.name,
        "doc": panel.doc.partition("\n\nArgs:")[0],
        "inputs": [accepted.kind for accepted in inputs],
        "max_models": max((accepted.most for accepted in inputs if accepted.kind == "models"), default=1),
        "max_runs": max((accepted.most for accepted in inputs if accepted.kind == "runs"), default=1),
        "needs": list(panel.needs),
        "knobs": knobs_schema(panel),
        "result": [_field_json(field) for field in panel.fields],
        "formula": formula_json(panel.formula) if panel.formula else None,
        "source": panel.source,
        "claim": panel.claim,
        "code": highlighted(panel.code),
    }


def _knob(name: str, given: dict[str, Any], docs: dict[str, str]) -> dict[str, Any]:
    """Pydantic's schema of one knob without its title, and without the null branch of what may be left out."""
    knob = {key: value for key, value in given.items() if key not in ("title", "prefixItems")}
    for branch in knob.pop("anyOf", []):
        if branch.get("type") != "null":
            knob = branch | knob
    return knob | {"description": docs.get(name, "")}


def _field_json(field: Field) -> dict[str, Any]:
    axes = list(field.axes)
    return {"name": field.name, "doc": field.doc, "dtype": field.dtype, "axes": axes, "many": field.many}


def _interface(described: Figure, panel: Panel) -> str:
    name = "".join(part.title() for part in f"{described.name}_{panel.name}".split("_"))
    lines = [f"  /** {field.doc} */\n  {field.name}: {_type(field)};" for field in panel.fields]
    return f"/** {panel.doc.partition(chr(10))[0]} */\nexport interface {name} {{\n" + "\n".join(lines) + "\n}"


def _type(field: Field) -> str:
    if field.dtype == "str":
        kind = "string" + "[]" * len(field.axes)
    elif field.axes:
        kind = "NdArray"
    else:
        kind = "boolean" if field.dtype == "bool" else "number"
    return kind + "[]" if field.many else kind


if __name__ == "__main__":
    GENERATED.write_text(typescript(), encoding="utf-8")
    sys.stdout.write(f"Written: {GENERATED.name}\n")
