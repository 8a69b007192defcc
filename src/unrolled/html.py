"""A figure as one file: script, styles, fonts and recorded answers inside; it opens from disk without a network.

What is recorded: the shown panel and the figure's other panels at the same state, each as its picture asks it and as
its table does; for panels that are arithmetic only, also each switch and each short scale turned alone. Everything
else the file answers in words, with the command that computes it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import unrolled
from unrolled import picture, wire
from unrolled.errors import UnrolledError
from unrolled.figures import figure
from unrolled.figures._panel import Panel
from unrolled.progress import Work
from unrolled.schema import figure_json, knobs_schema
from unrolled.state import Loaded, State, answered, question

SHORT = 8
"""A scale of whole numbers with at most so many steps is recorded whole."""
STYLE = (
    ":root{color-scheme:light dark}body{margin:0 auto;padding:24px 16px;max-width:980px;"
    "background:light-dark(#fcfbf8,#15171a);font:16px/1.5 system-ui,sans-serif}svg{max-width:100%;height:auto}"
)
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; font-src data:; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def recording(panel: Panel, state: State, loaded: Loaded) -> Work[bytes]:
    """Asks everything that the file is to hold, and writes it."""
    drawn = yield from picture.drawing(panel, state, loaded)
    answers: dict[str, dict[str, Any]] = {}
    for each in (panel, *(other for other in figure(panel.figure).panels.values() if other is not panel)):
        try:
            for answering, asked in _questions(each, replace(state, panel=each.name)):
                yield from _record(answering, asked, loaded, answers)
        except (
            UnrolledError
        ):  # a panel that these models, or this text, do not open; the file says so when it is chosen
            if each is panel:
                raise
    data = {
        "figure": figure_json(panel.figure),
        "state": asdict(state),
        "known": picture.looked_at(state.looked_at, state.runs),
        "version": unrolled.__version__,
        "answers": list(answers.values()),
    }
    return page(figure(panel.figure).question, drawn, data).encode()


def page(title: str, drawn: str, data: dict[str, Any]) -> str:
    """The document. Without script it shows the picture; the policy allows nothing but what stands in it."""
    script = picture.built("widget.js").read_text("utf-8").replace("</script", "<\\/script")
    policy = POLICY.format(script=_hash(script), style=_hash(STYLE))
    told = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    still = re.sub(r' style="[^"]*"', "", drawn.partition("\n")[2])  # which the policy would block
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="unrolled {unrolled.__version__}">'
        f"<title>{html.escape(title)} · unrolled</title><style>{STYLE}</style></head>\n"
        f'<body><main id="unrolled-figure">{still}</main>\n'
        f'<script type="application/json" id="unrolled-recorded">{told}</script>\n'
        f'<script type="module">{script}</script></body></html>\n'
    )


def _record(panel: Panel, asked: dict[str, Any], loaded: Loaded, into: dict[str, Any]) -> Work[None]:
    key = json.dumps([panel.name, asked], sort_keys=True)
    if key not in into:
        found = yield from answered(panel, asked, loaded)
        blob = base64.b64encode(wire.encode(found)).decode()
        into[key] = {"panel": panel.name, "question": asked, "blob": blob}


def _questions(panel: Panel, state: State) -> Iterator[tuple[Panel, dict[str, Any]]]:
    """As the picture asks, as the table asks, and what is near where that costs little."""
    yield from picture.questions(panel.figure, state)
    yield panel, question(panel, state)
    if not panel.needs:
        for name, value in _around(panel):
            yield panel, question(panel, state, {name: value})


def _around(panel: Panel) -> Iterator[tuple[str, Any]]:
    """Each knob that has few values, with each of them."""
    for name, kind in knobs_schema(panel)["properties"].items():
        if kind.get("x-hidden"):
            continue
        if kind.get("type") == "boolean":
            values: list[Any] = [False, True]
        elif "enum" in kind:
            values = kind["enum"]
        elif kind.get("type") == "integer" and kind["maximum"] - kind["minimum"] < SHORT:
            values = list(range(int(kind["minimum"]), int(kind["maximum"]) + 1))
        else:
            continue
        yield from ((name, value) for value in values)


def _hash(inside: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
