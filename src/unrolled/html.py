"""A figure as one file: script, styles, fonts and recorded answers inside; it opens from disk without a network.

What is recorded: the shown panel and the figure's other panels at the same state, each as its picture asks it and as
its table does, and each knob of the shown panel turned alone (`recording.py`). Everything else the file answers in
words, with the command that computes it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import asdict
from typing import Any

import unrolled
from unrolled import packing, picture
from unrolled.figures import figure
from unrolled.figures._panel import Panel
from unrolled.progress import Work
from unrolled.recording import Place, Tape
from unrolled.schema import figure_json
from unrolled.state import Loaded, State, answered

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
    tape = Tape(panel.figure, lambda each, asked: answered(each, asked, loaded))
    live = yield from tape.place(Place(figure=panel.figure, id=panel.figure, state=state))
    packed = packing.pack(tape.answers)
    data = {
        "figure": figure_json(panel.figure),
        "state": asdict(state),
        "known": picture.looked_at(state.looked_at, state.runs),
        "version": unrolled.__version__,
        "live": live,
        "pack": base64.b64encode(packed.content).decode(),
        "shared": {name: base64.b64encode(part).decode() for name, part in packed.shared.items()},
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


def _hash(inside: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
