"""The HTML that the server sends: the built page's shell, filled with a chapter, a figure alone, or a list.

The article is complete without script; the script mounts the live figures into their places.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import unrolled
from unrolled import guide
from unrolled.checkpoints.run_names import usual_runs
from unrolled.checkpoints.runs import Run
from unrolled.errors import BadInput, UnrolledError
from unrolled.figures import catalogue, figure
from unrolled.schema import figure_json

AllRuns = Callable[[], tuple[Run, ...]]
"""Reads every run that may be asked for; called only where a figure takes one."""
DEFAULT_TEXT = "The capital of France is"
FRONT = "next_token"  # the figure on the front page


def shell() -> str:
    """The built page with its marks still in place; read each time, as it may be built anew under a running server."""
    page = resources.files("unrolled") / "page" / "index.html"
    if not page.is_file():
        raise UnrolledError(
            "The page is not built: `make guide` builds it, and so does `pip install .` in the sources."
        )
    return page.read_text("utf-8")


def contents(models: list[dict[str, Any]]) -> str:
    """The front page: a model at work on the reader's text at once, then the chapters and the figures."""
    chapters = "".join(_line(f"/guide/{each.name}", each.title, each.lede) for each in guide.chapters())
    main = (
        '<article class="prose"><h1>Sequence models, taken apart while they run</h1>'
        '<p class="lede">Every picture in this guide is an instrument. It runs a real model on your text, on this '
        "machine, and every number can say where it came from. Type something.</p>"
        f'{guide.figure_html(FRONT, {"panel": "distribution"})}<h2>The guide</h2><ol class="chapters">{chapters}</ol>'
        '<p><a href="/figures">All figures, one by one</a></p></article>'
    )
    return _page("unrolled: sequence models, taken apart while they run", main, (FRONT,), models)


def chapter(name: str, models: list[dict[str, Any]], runs: AllRuns = tuple) -> str:
    """One chapter with its figures' places."""
    each = guide.chapter(name)
    main = f'<article class="prose">{each.html}</article>'
    return _page(f"{each.title} · unrolled", main, each.figures, models, current=name, runs=runs)


def all_figures(models: list[dict[str, Any]]) -> str:
    """The list of all figures."""
    rows = "".join(_line(f"/figures/{name}", each.question, name) for name, each in catalogue().items())
    main = f'<article class="prose"><h1>All figures</h1><ol class="chapters">{rows}</ol></article>'
    return _page("All figures · unrolled", main, (), models)


def figure_alone(name: str, models: list[dict[str, Any]], runs: AllRuns = tuple) -> str:
    """One figure on a page of its own, with what it is about."""
    each = figure(name)
    about = "".join(f"<p>{html.escape(part)}</p>" for part in each.doc.split("\n\n") if part)
    place = guide.figure_html(name, each.start)
    main = f'<article class="prose alone"><h1 class="name">{name}</h1>{about}{place}</article>'
    return _page(f"{each.question} · unrolled", main, (name,), models, runs=runs)


def problem(status: int, sentence: str, models: list[dict[str, Any]]) -> str:
    """A page that is not there, in words."""
    said = f'<p class="lede">{html.escape(sentence)}</p><p><a href="/">Contents</a></p>'
    main = f'<article class="prose"><h1>{status}</h1>{said}</article>'
    return _page("unrolled", main, (), models)


def runs_json(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """Each run as the page lists it, and the figures that it opens."""
    opens = [name for name, each in catalogue().items() if each.takes("run", "runs")]
    return [
        {
            "name": each.name,
            "family": each.family,
            "stage": each.stage,
            "step": each.step,
            "steps": each.steps,
            "training": each.training,
            "measured_on": each.measured_on,
            "opens": opens,
        }
        for each in runs
    ]


def _page(
    title: str,
    main: str,
    names: Iterable[str],
    models: list[dict[str, Any]],
    *,
    current: str = "",
    runs: AllRuns = tuple,
) -> str:
    figures = dict.fromkeys(names)
    found = runs() if any(figure(name).takes("run", "runs") for name in figures) else ()
    data = {
        "figures": [figure_json(name) for name in figures],
        "models": models,
        "runs": runs_json(found),
        "defaults": {"models": default_models(models), "runs": list(usual_runs(found)), "text": DEFAULT_TEXT},
        "version": unrolled.__version__,
    }
    script = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")  # unsorted: knobs keep their order
    return (
        shell()
        .replace("<!--unrolled:title-->", html.escape(title))
        .replace("<!--unrolled:nav-->", _navigation(current))
        .replace("<!--unrolled:main-->", main)
        .replace("<!--unrolled:page-->", f'<script type="application/json" id="page">{script}</script>')
    )


def _line(link: str, title: str, about: str) -> str:
    return f'<li><a href="{link}"><b>{html.escape(title)}</b> <span>{html.escape(about)}</span></a></li>'


def _navigation(current: str) -> str:
    here = {current: ' aria-current="page"'}
    links = "".join(
        f'<li><a href="/guide/{each.name}"{here.get(each.name, "")}>{html.escape(each.title)}</a></li>'
        for each in guide.chapters()
    )
    return f"<ol>{links}</ol>"


def default_models(models: list[dict[str, Any]]) -> list[str]:
    """The model here that opens the most figures, the first of several; the usual one by name when none is here yet."""
    here = [model for model in models if model["here"] and model["opens"]]
    return [max(here, key=lambda model: len(model["opens"]))["name"]] if here else ["smollm2"]


def place_of(link: str) -> str:
    """The page and state that a link names, whichever machine or exported site it came from: path and fragment."""
    parts = urlsplit(link.strip())
    path = parts.path.removesuffix("index.html").removesuffix(".html")
    kind, _, name = path.strip("/").rpartition("/")
    kind = kind.rpartition("/")[2]
    if kind == "guide":
        guide.chapter(name)
    elif kind == "figures":
        figure(name)
    elif name not in ("", "figures"):
        raise BadInput(
            f"“{link[:200]}” is not a link to a page of the guide; those have /guide/CHAPTER or /figures/NAME in them."
        )
    place = f"/{kind}/{name}" if kind in ("guide", "figures") else f"/{name}"
    return place + (f"#{parts.fragment}" if parts.fragment else "")
