"""Reference pages, written from the code itself: what panels take and give, commands, Python, words and symbols."""

from __future__ import annotations

import ast
import html
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import unrolled
from unrolled import figures, guide
from unrolled.checkpoints import entry
from unrolled.errors import MissingExtra
from unrolled.figures._knobs import describe
from unrolled.figures._panel import Field, Panel
from unrolled.guide.glossary import Glossed, Term, symbols, terms
from unrolled.schema import argument_docs, formula_json, knobs_schema
from unrolled.shell import Page

INPUTS = {
    "model": "a model", "models": "up to {} models", "run": "a training run", "runs": "up to {} training runs",
    "text": "a text", "target": "a target text", "pair": "a text and a target",
}  # fmt: skip


def contents() -> Page:
    """What there is to look up."""
    panels = sum(len(each.panels) for each in figures.catalogue().values())
    links = (
        (
            "/figures",
            "All figures",
            f"{len(figures.catalogue())} figures with {panels} panels; under each what it takes and gives",
        ),
        ("/reference/cli", "Commands", "every command with its options"),
        ("/reference/python", "Python", "what import unrolled gives"),
        ("/glossary", "Glossary", f"{len(terms())} words and {len(symbols())} symbols"),
    )
    rows = "".join(f'<li><a href="{link}"><b>{title}</b> <span>{about}</span></a></li>' for link, title, about in links)
    lede = "Written from the code when the page is opened, so that it says what runs."
    main = (
        f'<article class="prose"><h1>Reference</h1><p class="lede">{lede}</p><ul class="chapters">{rows}</ul></article>'
    )
    return Page("/reference", "Reference", main)


def figure(name: str) -> str:
    """A figure's panels: what each takes and gives, how to ask it elsewhere."""
    return "".join(_panel(each) for each in figures.figure(name).panels.values())


def glossary() -> Page:
    """Words, and the symbols of all formulas with their shapes."""
    words = "".join(_term(each) for each in terms())
    rows = "".join(_symbol(each) for each in symbols())
    main = (
        '<article class="prose glossary"><h1>Glossary</h1><p class="lede">The words of the field as this guide uses '
        f"them, and every symbol of its formulas with its shape.</p><h2>Words</h2><dl>{words}</dl><h2>Symbols</h2>"
        f"{_table('Symbols', ('Symbol', 'What it is', 'Shape', 'Where'), rows)}</article>"
    )
    return Page("/glossary", "Glossary", main)


def command_line(command: Any) -> Page:
    """Every command with its arguments and options. `command`: the whole program, as Typer makes it."""
    parts = "".join(_command(each, path) for each, path in _commands(command, "unrolled"))
    main = f'<article class="prose reference"><h1>Commands</h1>{parts}</article>'
    return Page("/reference/cli", "Commands", main)


def python() -> Page:
    """What `import unrolled` gives, and what that gives in turn."""
    given = [(f"unrolled.{name}", each) for name, each in _given()]
    results = sorted({each for _, one in given for each in _returned(one)}, key=lambda each: each.__name__)
    parts = "".join(_documented(name, each) for name, each in given)
    more = "".join(_documented(each.__name__, each) + _members(each) for each in results)
    main = (
        '<article class="prose reference"><h1>Python</h1><p class="lede">What <code>import unrolled</code> gives. '
        'Knobs of figures are named arguments; <a href="/figures">each figure</a> lists its own.</p>'
        f"<h2>To call</h2>{parts}<h2>What they return</h2>{more}</article>"
    )
    return Page("/reference/python", "Python", main)


def _panel(panel: Panel) -> str:
    about = "".join(f"<p>{html.escape(each)}</p>" for each in panel.doc.partition("\n\nArgs:")[0].split("\n\n"))
    takes = [INPUTS[each.kind].format(each.most) for each in panel.inputs.values()] or ["nothing but its knobs"]
    needs = f" A model needs {', '.join(f'<code>{probe}</code>' for probe in panel.needs)}." if panel.needs else ""
    claim = f" Claim: <code>{panel.claim}</code>." if panel.claim else ""
    formula = f'<div class="formula">{formula_json(panel.formula)["mathml"]}</div>' if panel.formula else ""
    return (
        f'<section class="panel" id="{panel.name}"><h2>{panel.name.replace("_", " ")}</h2>{about}'
        f"<p>Takes {', '.join(takes)}.{needs} Source: {html.escape(panel.source)}.{claim}</p>{formula}"
        f"{_knobs(panel)}{_results(panel)}{_elsewhere(panel)}</section>"
    )


def _knobs(panel: Panel) -> str:
    shown = knobs_schema(panel)["properties"].items()
    rows = "".join(
        _row(f"<code>{name}</code>", describe(knob), _start(knob.get("default")), knob["description"])
        for name, knob in shown
    )
    name = f"Knobs of {panel.name}"
    return f"<h3>Knobs</h3>{_table(name, ('Knob', 'Takes', 'Starts at', 'What it does'), rows)}" if rows else ""


def _results(panel: Panel) -> str:
    rows = "".join(_row(f"<code>{each.name}</code>", _shape(each), each.doc) for each in panel.fields)
    return f"<h3>Results</h3>{_table(f'Results of {panel.name}', ('Field', 'Shape and type', 'What it is'), rows)}"


def _usual(panel: Panel) -> str:
    """A model of ours that opens the panel."""
    usual = (*figures.figure(panel.figure).start.get("models", ()), "smollm2", "lstm", "en-fr")
    return str(next(name for name in usual if panel.opens_with(entry(name).probes)))


def _elsewhere(panel: Panel) -> str:
    """The same question on the command line and in Python."""
    kinds = {each.kind for each in panel.inputs.values()}
    given = {"model": _usual(panel)} if kinds & {"model", "models"} else {}
    given |= {"run": "gpt"} if kinds & {"run", "runs"} else {}
    given |= {"text": "…"} if kinds & {"text", "pair"} else {}
    given |= {"target": "…"} if kinds & {"target", "pair"} else {}
    flags = "".join(f' --{name} "{value}"' if value == "…" else f" --{name} {value}" for name, value in given.items())
    plural = {"model": "models", "run": "runs"}
    words = "".join(f', {plural.get(name, name)}="{value}"' for name, value in given.items())
    line = f"unrolled figure {panel.figure} --panel {panel.name}{flags}"
    call = f'unrolled.ask("{panel.figure}", panel="{panel.name}"{words})'
    said = f'tabindex="0" aria-label="{panel.name} as a command and in Python"'
    return f"<h3>Elsewhere</h3><pre {said}>{html.escape(line)}\n{html.escape(call)}</pre>"


def _shape(each: Field) -> str:
    axes = f"({', '.join(each.axes)}) " if each.axes else ""
    return f"{axes}{each.dtype}{', one a model' if each.many else ''}"


def _start(value: Any) -> str:
    said = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return said if len(said) <= 24 else "a table"


def _term(each: Term) -> str:
    link = f'<a href="/guide/{each.chapter}">{html.escape(guide.chapter(each.chapter).title)}</a>'
    said = f"{html.escape(each.meaning)} <small>{link}</small>"
    return f'<dt id="{each.anchor}">{html.escape(each.word)}</dt><dd>{said}</dd>'


def _symbol(each: Glossed) -> str:
    def where(use: Any) -> str:
        return ", ".join(f'<a href="/figures/{name}">{name}</a>' for name in use.figures)

    first = f'<td rowspan="{len(each.uses)}" id="{each.anchor}">{each.mathml}</td>'
    cells = [
        f"<td>{html.escape(use.meaning)}</td><td>{html.escape(use.shape)}</td><td>{where(use)}</td>"
        for use in each.uses
    ]
    return "<tbody>" + "".join(f"<tr>{first if i == 0 else ''}{row}</tr>" for i, row in enumerate(cells)) + "</tbody>"


def _commands(command: Any, path: str) -> Iterator[tuple[Any, str]]:
    """A command and those below it, with what is typed for each."""
    below = getattr(command, "commands", None)
    if below is None:
        yield command, path
        return
    for name, each in below.items():
        yield from _commands(each, f"{path} {name}")


def _command(command: Any, path: str) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument" and not each.hidden]
    named = " ".join(each.metavar or each.name.upper() for each in arguments)
    rows = "".join(_option(each) for each in command.params if not getattr(each, "hidden", False))
    about = html.escape(inspect.cleandoc(command.help or ""))
    table = _table(f"Options of {path}", ("Option", "What it does", "Without it"), rows) if rows else ""
    return (
        f'<section id="{path.replace(" ", "-")}"><h2><code>{html.escape(f"{path} {named}".strip())}</code></h2>'
        f"<p>{about}</p>{table}</section>"
    )


def _option(each: Any) -> str:
    name = ", ".join((*each.opts, *each.secondary_opts)) if each.param_type_name == "option" else each.name.upper()
    default = "" if each.default in (None, "", False) or callable(each.default) else str(each.default)
    return _row(f"<code>{html.escape(name)}</code>", each.help or "", default)


def _given() -> Iterator[tuple[str, Any]]:
    """What the package gives, but for what needs a package that is not here."""
    for name in unrolled.__all__:
        try:
            yield name, getattr(unrolled, name)
        except MissingExtra:
            continue


def _returned(each: Any) -> list[type[Any]]:
    """The class of ours that a function returns."""
    said = re.findall(r"\w+", str(getattr(each, "__annotations__", {}).get("return", "")))
    names = vars(inspect.getmodule(each)) | vars(getattr(inspect.getmodule(each), "trace", object))
    classes = (names.get(word) for word in said)
    return [one for one in classes if inspect.isclass(one) and one.__module__.startswith("unrolled.")]


def _documented(name: str, each: Any) -> str:
    """Signature and docstring."""
    doc = inspect.getdoc(each) or ""
    said, arguments = doc.partition("\n\nArgs:")[0], argument_docs(doc.partition("\n\nRaises:")[0])
    rows = "".join(_row(f"<code>{one}</code>", about) for one, about in arguments.items())
    table = _table(f"Arguments of {name}", ("Argument", "What it is"), rows) if rows else ""
    about = "".join(f"<p>{_coded(part)}</p>" for part in said.partition("\n\nRaises:")[0].split("\n\n"))
    return f'<section><h3 id="{name}"><code>{html.escape(name + _signature(each))}</code></h3>{about}{table}</section>'


def _members(each: type[Any]) -> str:
    """Public methods and properties with the first line of what they say."""
    rows = ""
    for name, one in vars(each).items():
        if not name.startswith("_") and (inspect.isfunction(one) or isinstance(one, property)):
            said = (inspect.getdoc(one) or "").partition("\n")[0]
            rows += _row(f"<code>{html.escape(name + _signature(one))}</code>", said)
    return _table(f"Members of {each.__name__}", ("Member", "What it gives"), rows) if rows else ""


def _signature(each: Any) -> str:
    """As it stands in the source; a class of which one says the fields shows those."""
    if inspect.isclass(each):
        shown = fields(each) if is_dataclass(each) and each.__name__ in unrolled.__all__ else ()
        return f"({', '.join(f'{one.name}: {one.type}' for one in shown)})" if shown else ""
    made = each.fget if isinstance(each, property) else each
    assert made is not None
    tree = ast.parse(textwrap.dedent(inspect.getsource(made))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    said = "" if isinstance(each, property) else f"({ast.unparse(tree.args).removeprefix('self').removeprefix(', ')})"
    return said + (f" -> {ast.unparse(tree.returns)}" if tree.returns else "")


def _coded(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _row(first: str, *cells: str) -> str:
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{_coded(cell)}</td>" for cell in cells)}</tr>'


def _table(name: str, heads: Iterable[str], rows: str) -> str:
    """A table that scrolls by itself where it is wider than the page."""
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    body = rows if rows.startswith("<tbody") else f"<tbody>{rows}</tbody>"
    label = html.escape(name)
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{label}"><table><thead><tr>{head}</tr></thead>'
        f"{body}</table></div>"
    )
