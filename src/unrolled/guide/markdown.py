"""A chapter's Markdown -> HTML: directives become figures' places, guesses, formulas, code; citations become links.

CommonMark by markdown-it-py, with tables, typographer's quotes, dollar maths, `[word]{.class}` and `:::` sections.
"""

from __future__ import annotations

import html
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.attrs import attrs_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from unrolled.errors import BadInput
from unrolled.figures import figure
from unrolled.guide.references import Reference, long_form, short_form
from unrolled.mathematics import mathml
from unrolled.schema import formula_json, highlighted

SECTIONS = ("try", "mathematics", "code", "sources", "teacher")
CITATION = re.compile(r"\[@([^\]\s]+)\]")
NOT_STATE = ("id", "vary")
"""Lines of a figure directive that are not part of the state that it starts in."""


@dataclass(frozen=True)
class FigurePlace:
    """Where a figure stands in a chapter, and how."""

    name: str
    id: str
    state: dict[str, Any]
    """What the directive says: text, target, models, runs, panel, knobs, view; what it leaves out is the page's."""
    vary: tuple[tuple[str, ...], ...] = ()
    """Knobs that a recording varies together."""
    line: int = 0
    """Of the file, from 1."""


@dataclass(frozen=True)
class Section:
    """What stands under one heading; the first has the chapter's title and no anchor."""

    anchor: str
    title: str
    words: str


@dataclass(frozen=True)
class Rendered:
    """What comes of a chapter's Markdown."""

    about: dict[str, Any]
    html: str
    places: tuple[FigurePlace, ...]
    sections: tuple[Section, ...]
    cites: tuple[str, ...]


def rendered(source: str, known: Mapping[str, Reference]) -> Rendered:
    """Markdown with front matter; `known`: the references that it may name."""
    markdown, cites = markdown_it(), dict[str, None]()
    env = {"references": known, "cites": cites}
    tokens = markdown.parse(source, env)
    about = tomllib.loads(next(token.content for token in tokens if token.type == "front_matter"))
    sections = _sections(tokens, about["title"])
    body = markdown.renderer.render(tokens, markdown.options, env).replace("“ ", "“\u00a0")  # “ Paris” is one token
    lede = f'<p class="lede">{html.escape(about["lede"])}</p>\n' if about.get("lede") else ""
    head = f"<h1>{html.escape(about['title'])}</h1>\n{lede}"
    places = tuple(_place(token) for token in tokens if token.type == "fence" and token.info.startswith("figure "))
    return Rendered(about, head + body, places, sections, tuple(cites))


@cache
def markdown_it() -> MarkdownIt:
    """The parser and renderer; a rendering's own things travel in its `env`."""
    markdown = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(
        ["table", "replacements", "smartquotes"]
    )
    markdown.use(front_matter_plugin).use(attrs_plugin, spans=True)
    markdown.use(dollarmath_plugin, renderer=lambda latex, options: mathml(latex, block=options["display_mode"]))
    for section in SECTIONS:
        markdown.use(container_plugin, section, render=_section)
    markdown.inline.ruler.before("link", "cite", _read_citation)
    markdown.add_render_rule("cite", _cite)
    markdown.add_render_rule("fence", _fence)
    return markdown


def _sections(tokens: list[Token], title: str) -> tuple[Section, ...]:
    """Gives every heading its anchor, and gathers the words under it."""
    found: list[tuple[str, str, list[str]]] = [("", title, [])]
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type != "inline":
            continue
        if before is not None and before.type == "heading_open":
            anchor = _anchor(token.content, {each for each, _, _ in found})
            before.attrSet("id", anchor)
            found.append((anchor, plain(token), []))
        else:
            found[-1][2].append(plain(token))
    return tuple(Section(anchor, title, " ".join(words)) for anchor, title, words in found)


def plain(token: Token) -> str:
    """An inline token's words without markup."""
    kept = [each.content for each in token.children or [] if each.type in ("text", "code_inline", "softbreak")]
    return " ".join("".join(word or " " for word in kept).split())


def _anchor(title: str, taken: set[str]) -> str:
    base = "-".join(re.findall(r"\w+", title.lower())) or "section"
    count = 1
    while (name := base if count == 1 else f"{base}-{count}") in taken:
        count += 1
    return name


def _section(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    name = tokens[index].info.strip() or tokens[index].type.split("_")[1]
    if tokens[index].nesting == 1:
        inside = "<details><summary>For the instructor</summary>" if name == "teacher" else ""
        return f'<section class="{name}">{inside}\n'
    return "</details></section>\n" if tokens[index].type == "container_teacher_close" else "</section>\n"


def _read_citation(state: StateInline, silent: bool) -> bool:
    """`[@key]`; the first thing of its line is the whole reference."""
    found = CITATION.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        token = state.push("cite", "cite", 0)
        token.content, token.meta = found[1], {"whole": state.pos == 0}
    state.pos = found.end()
    return True


def _cite(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    key, known = tokens[index].content, env["references"]
    if key not in known:
        raise BadInput(f"There is no reference “{key}”; write it into references.bib.")
    env["cites"][key] = None
    form = long_form if tokens[index].meta["whole"] else short_form
    return form(known[key])


def _fence(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    kind, *names = tokens[index].info.split() or [""]
    content = tokens[index].content
    if kind == "figure":
        return figure_html(_place(tokens[index]))
    if kind == "guess":
        return _guess(tomllib.loads(content), env)
    if kind == "mathematics":
        return _mathematics(_heading("The mathematics", tokens, index), *names)
    if kind == "code" and names:
        code = highlighted(figure(names[0]).panel(names[1]).code)
        return f'<section class="code"><h2>{_heading("The code that ran", tokens, index)}</h2>{code}</section>\n'
    return highlighted(content) if kind == "python" else f"<pre><code>{html.escape(content)}</code></pre>\n"


def _place(token: Token) -> FigurePlace:
    name, said = token.info.split()[1], tomllib.loads(token.content)
    state = {key: value for key, value in said.items() if key not in NOT_STATE}
    vary = tuple(tuple(knobs) for knobs in said.get("vary", ()))
    return FigurePlace(name, str(said.get("id", name)), state, vary, token.map[0] + 1 if token.map else 0)


def figure_html(place: FigurePlace) -> str:
    """The place of a live figure, with its question for readers without script."""
    shown = figure(place.name)
    start = html.escape(json.dumps(place.state, sort_keys=True))
    reads = ' data-reads=""' if shown.takes("model", "models", "text", "pair", "target") else ""
    at = f'data-figure="{place.name}" data-id="{html.escape(place.id)}" data-state="{start}"{reads}'
    note = "This figure runs a model as you read; it needs JavaScript."
    question = html.escape(shown.question)
    return f'<div class="figure" {at}><h2>{question}</h2><noscript><p>{note}</p></noscript></div>\n'


def _guess(guess: dict[str, Any], env: Any) -> str:
    answers = "".join(f'<button type="button">{html.escape(answer)}</button>' for answer in guess["answers"])
    reveal = markdown_it().render(guess["reveal"], env)
    name = html.escape(guess.get("id", guess["question"][:40]))
    question = markdown_it().renderInline(guess["question"], env)
    return (
        f'<aside class="guess" data-guess="{name}"><p>Before you look: {question}</p>{answers}'
        f'<div class="reveal" hidden>{reveal}</div></aside>\n'
    )


def _heading(words: str, tokens: Sequence[Token], index: int) -> str:
    """Where a chapter has several sections of one kind, each says whose it is."""
    kind, _, panel = tokens[index].info.split()
    alike = [token for token in tokens if token.type == "fence" and token.info.split()[:1] == [kind]]
    return f"{words}: {panel.replace('_', ' ')}" if len(alike) > 1 else words


def _mathematics(heading: str, name: str, panel: str) -> str:
    formula = figure(name).panel(panel).formula
    assert formula is not None, f"{name} {panel} has no formula to show"
    shown = formula_json(formula)
    return (
        f'<section class="mathematics"><h2>{heading}</h2>{shown["mathml"]}{symbols_table(shown["symbols"])}</section>\n'
    )


def symbols_table(symbols: list[dict[str, str]]) -> str:
    """Symbols of a formula with meaning and shape."""
    cells = "<tr><td>{}</td><td>{}</td><td>{}</td></tr>"
    rows = "".join(cells.format(s["mathml"], html.escape(s["meaning"]), html.escape(s["shape"])) for s in symbols)
    head = '<tr><th scope="col">Symbol</th><th scope="col">What it is</th><th scope="col">Shape</th></tr>'
    return f'<table class="symbols"><thead>{head}</thead><tbody>{rows}</tbody></table>'
