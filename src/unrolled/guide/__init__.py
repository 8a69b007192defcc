"""The chapters: Markdown with figure directives -> HTML.

A chapter is one Markdown file here with a few lines of front matter (title, lede, order, goals). Blocks that are
fenced and named are directives, their lines TOML:

    ```figure next_token          the live figure, with the state it starts in
    ```guess                      a prediction before the reveal: question, answers, reveal
    ```mathematics next_token distribution    the panel's formula and its symbols with shapes
    ```code next_token distribution           the very function that runs

Between `:::try` and `:::` (also `sources`, `teacher`) stands ordinary Markdown; `[word]{.query}` has the query's
colour.
"""

from __future__ import annotations

import html
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.attrs import attrs_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from unrolled.errors import UnknownChapter
from unrolled.figures import figure
from unrolled.mathematics import mathml
from unrolled.schema import formula_json, highlighted

SECTIONS = ("try", "mathematics", "code", "sources", "teacher")


@dataclass(frozen=True)
class Chapter:
    """One chapter, rendered."""

    name: str
    title: str
    lede: str
    order: int
    html: str
    figures: tuple[str, ...]
    """Names of the figures in it, in order."""


def chapters() -> tuple[Chapter, ...]:
    """All chapters in reading order."""
    return tuple(_chapters().values())


def chapter(name: str) -> Chapter:
    """One chapter by name."""
    if name not in _chapters():
        raise UnknownChapter(f"The guide has no chapter “{name}”; it has {', '.join(_chapters())}.")
    return _chapters()[name]


def render(name: str, source: str) -> Chapter:
    """Markdown with front matter -> a chapter. `name` is the file's, without its ending."""
    markdown = _markdown()
    tokens = markdown.parse(source)
    about = tomllib.loads(next(token.content for token in tokens if token.type == "front_matter"))
    body = markdown.renderer.render(tokens, markdown.options, {})
    figures = tuple(
        token.info.split()[1] for token in tokens if token.type == "fence" and token.info.startswith("figure ")
    )
    head = f'<h1>{html.escape(about["title"])}</h1>\n<p class="lede">{html.escape(about["lede"])}</p>\n'
    return Chapter(name, about["title"], about["lede"], about["order"], head + body, figures)


@cache
def _chapters() -> dict[str, Chapter]:
    files = (file for file in resources.files(__name__).iterdir() if file.name.endswith(".md"))
    rendered = [render(file.name.removesuffix(".md"), file.read_text("utf-8")) for file in files]
    return {each.name: each for each in sorted(rendered, key=lambda each: each.order)}


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(
        ["table", "replacements", "smartquotes"]
    )
    markdown.use(front_matter_plugin).use(attrs_plugin, spans=True)
    markdown.use(dollarmath_plugin, renderer=lambda latex, options: mathml(latex, block=options["display_mode"]))
    for section in SECTIONS:
        markdown.use(container_plugin, section, render=_section)
    markdown.add_render_rule("fence", _fence)
    return markdown


def _section(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    name = tokens[index].info.strip() or tokens[index].type.split("_")[1]
    if tokens[index].nesting == 1:
        inside = "<details><summary>For the instructor</summary>" if name == "teacher" else ""
        return f'<section class="{name}">{inside}\n'
    return "</details></section>\n" if tokens[index].type == "container_teacher_close" else "</section>\n"


def _fence(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    kind, *names = tokens[index].info.split() or [""]
    content = tokens[index].content
    if kind == "figure":
        return figure_html(names[0], tomllib.loads(content))
    if kind == "guess":
        return _guess(tomllib.loads(content))
    if kind == "mathematics":
        return _mathematics(*names)
    if kind == "code" and names:
        code = highlighted(figure(names[0]).panel(names[1]).code)
        return f'<section class="code"><h2>The code that ran</h2>{code}</section>\n'
    return highlighted(content) if kind == "python" else f"<pre><code>{html.escape(content)}</code></pre>\n"


def figure_html(name: str, state: dict[str, Any]) -> str:
    """The place of a live figure, with its question for readers without script. `state`: id, text, panel, knobs …"""
    question = html.escape(figure(name).question)
    start = html.escape(json.dumps({key: value for key, value in state.items() if key != "id"}, sort_keys=True))
    reads = ' data-reads=""' if figure(name).takes("model", "models", "text", "pair", "target") else ""
    place = f'data-figure="{name}" data-id="{html.escape(str(state.get("id", name)))}" data-state="{start}"{reads}'
    note = "This figure runs a model as you read; it needs JavaScript."
    return f'<div class="figure" {place}><h2>{question}</h2><noscript><p>{note}</p></noscript></div>\n'


def _guess(guess: dict[str, Any]) -> str:
    inline = _markdown().renderInline
    answers = "".join(f'<button type="button">{html.escape(answer)}</button>' for answer in guess["answers"])
    reveal = _markdown().render(guess["reveal"])
    name = html.escape(guess.get("id", guess["question"][:40]))
    question = inline(guess["question"])
    return (
        f'<aside class="guess" data-guess="{name}"><p>Before you look: {question}</p>{answers}'
        f'<div class="reveal" hidden>{reveal}</div></aside>\n'
    )


def _mathematics(name: str, panel: str) -> str:
    formula = figure(name).panel(panel).formula
    assert formula is not None, f"{name} {panel} has no formula to show"
    shown = formula_json(formula)
    cells = "<tr><td>{}</td><td>{}</td><td>{}</td></tr>"
    rows = "".join(
        cells.format(symbol["mathml"], html.escape(symbol["meaning"]), html.escape(symbol["shape"]))
        for symbol in shown["symbols"]
    )
    head = '<tr><th scope="col">Symbol</th><th scope="col">What it is</th><th scope="col">Shape</th></tr>'
    return (
        f'<section class="mathematics"><h2>The mathematics</h2>{shown["mathml"]}'
        f'<table class="symbols"><thead>{head}</thead><tbody>{rows}</tbody></table></section>\n'
    )
