"""The report as one HTML file: styles, fonts and pictures inside, no script, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

import unrolled
from unrolled.experiments import _told as saying
from unrolled.experiments._plot import Plot
from unrolled.experiments._told import NOT_RUN, Told, in_words, interval_told
from unrolled.picture import built
from unrolled.reporting import _entries as entries
from unrolled.reporting._drawing import NARROW, WIDE, svg
from unrolled.reporting._inline import inline

POLICY = "default-src 'none'; style-src '{style}'; font-src data:; img-src data:; base-uri 'none'; form-action 'none'"
FONTS = {
    "Inter": ("inter-latin-wght-normal", "100 900"),
    "Source Serif 4": ("source-serif-4-latin-wght-normal", "200 900"),
    "JetBrains Mono": ("jetbrains-mono-latin-wght-normal", "100 800"),
}
MARKS = {
    "holds": '<circle cx="8" cy="8" r="6" fill="currentColor"/>',
    "holds with limits": '<circle cx="8" cy="8" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5"/>'
    '<path d="M8 2.75a5.25 5.25 0 0 0 0 10.5z" fill="currentColor"/>',
    "does not hold here": '<circle cx="8" cy="8" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5"/>',
    "not decided": '<circle cx="8" cy="8" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5" '
    'stroke-dasharray="2.5 2"/>',
    NOT_RUN: '<path d="M4 8h8" stroke="currentColor" stroke-width="1.5"/>',
}
"""The sign of each verdict; the word stands beside it always."""


def page(all_told: Sequence[Told], pictures: Mapping[tuple[str, int], str]) -> str:
    """The document. `pictures`: what `picture` gave for each claim's name and plot."""
    style = _style()
    policy = POLICY.format(style=_hash(style))
    sections = "".join(_claim(each, pictures) for each in all_told)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="unrolled {unrolled.__version__}">'
        f"<title>{entries.TITLE} · unrolled</title><style>{style}</style></head>\n"
        f"<body><main>{_opening(all_told)}{sections}</main></body></html>\n"
    )


def picture(plot: Plot, name: str) -> str:
    """A plot with what it shows, drawn for a page and for a phone."""
    drawn = "".join(
        inline(svg(plot, width=width, words=True), f"{name}-{kind}", _heard(plot), kind)
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return f"<figure><figcaption>{escape(plot.title)}.</figcaption>{drawn}</figure>"


def _heard(plot: Plot) -> str:
    """The end of each series, for those who do not see the picture."""
    parts = []
    for series in plot.series:
        names = plot.x.names
        for point in series.points if names else series.points[-1:]:
            place = names[int(point.x)] if names and int(point.x) < len(names) else f"{plot.x.label} {point.x:g}"
            parts.append(f"{' '.join(filter(None, (series.name, place)))}: {interval_told(vars(point.y))}")
    return f"{plot.title}. {plot.y.label}. {'; '.join(parts)}."


def _opening(all_told: Sequence[Told]) -> str:
    about = "".join(f"<p>{escape(each)}</p>" for each in entries.ABOUT)
    means = "".join(f"<dt>{_sign(name)}</dt><dd>{escape(said)}</dd>" for name, said in entries.MEANS.items())
    rows = "".join(_row(each) for each in all_told)
    total = saying.core_minutes(entries.minutes(all_told))
    where = "; ".join(entries.machines(all_told)) or "no machine yet"
    what = "; ".join(entries.versions(all_told)) or "no version yet"
    return (
        f'<header><h1>{entries.TITLE}</h1><p class="lede">{escape(saying.counted(all_told))}</p></header>'
        f'{about}<dl class="means">{means}</dl>'
        '<h2>The verdicts</h2><table class="verdicts"><thead><tr>'
        '<th scope="col"><span class="hidden">Number</span></th>'
        '<th scope="col">Claim</th><th scope="col">Verdict</th><th scope="col">What decided, with its interval</th>'
        '<th scope="col" class="n">Seeds</th><th scope="col" class="n">Core-minutes</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        f'<p class="small">Together {total} core-minutes. Measured on: {escape(where)}. By: {escape(what)}.</p>'
    )


def _row(each: Told) -> str:
    claim, result, decisive = each.claim, each.result, each.decisive
    decided = (
        f"<b>{escape(interval_told(decisive['found']))}</b> <span>{escape(in_words(decisive['bound']))}</span>"
        if decisive
        else "—"
    )
    seeds, took = (str(result.seeds), saying.core_minutes(result.core_minutes)) if result else ("—", "—")
    return (
        f'<tr><td class="n">{claim.number}</td>'
        f'<th scope="row"><a href="#{escape(claim.name)}">{escape(claim.says)}</a></th>'
        f'<td data-is="Verdict">{_sign(each.verdict)}{" <small>this machine</small>" if each.own else ""}</td>'
        f'<td class="decided" data-is="What decided">{decided}</td>'
        f'<td class="n" data-is="Seeds">{seeds}</td><td class="n" data-is="Core-minutes">{escape(took)}</td></tr>'
    )


def _sign(verdict: str) -> str:
    return (
        f'<span class="verdict"><svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
        f"{MARKS.get(verdict, MARKS[NOT_RUN])}</svg> {escape(verdict)}</span>"
    )


def _claim(each: Told, pictures: Mapping[tuple[str, int], str]) -> str:
    claim, result = each.claim, each.result
    why = f" {escape(in_words(result.why))}" if result else ""
    said = "".join(f'<p class="warning">{escape(each)}</p>' for each in saying.warnings(each))
    method = "".join(f"<li>{escape(line)}</li>" for line in claim.method)
    shown = "".join(pictures[claim.name, i] for i in range(len(each.plots)))
    bounds = _bounds(result.tested) if result else ""
    took = f'<p class="small">{escape(saying.took(each))}</p>' if result else ""
    return (
        f'<section id="{escape(claim.name)}"><h2>{claim.number}. {escape(claim.says)}</h2>'
        f'<p class="says">{_sign(each.verdict)}{"." if why else ""}{why}</p>{said}'
        f"<p>{escape(claim.question)}</p><ol>{method}</ol>{shown}{bounds}"
        f"<p><b>What would change this:</b> {escape(claim.turns)}</p>"
        f"<p><b>Source:</b> {escape(claim.source)}.</p>"
        f"<p><b>Run it again:</b> <code>{escape(each.command)}</code></p>{took}</section>"
    )


def _bounds(tested: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{saying.HEARD.get(each['part'], '')}</td><td>{escape(in_words(each['bound']))}</td>"
        f'<td class="n">{escape(interval_told(each["found"]))}</td>'
        f"<td>{saying.KEPT[each['kept']].replace('not kept', '<b>not kept</b>')}</td></tr>"
        for each in tested
    )
    head = "".join(
        f'<th scope="col"{" class=n" if name == "Found" else ""}>{name}</th>'
        for name in ("Kind", "Bound", "Found", "Kept")
    )
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="Bounds"><table class="bounds">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _style() -> str:
    css = (resources.files("unrolled.reporting") / "report.css").read_text("utf-8")
    faces = "".join(
        f'@font-face{{font-family:"{name}";font-weight:{weights};font-display:swap;'
        f"src:url(data:font/woff2;base64,{_font(stem)}) format('woff2')}}\n"
        for name, (stem, weights) in FONTS.items()
    )
    return f"\n{faces}{re.sub(r'/[*].*?[*]/', '', css, flags=re.S)}"


def _font(stem: str) -> str:
    found = sorted(
        (each for each in built("assets").iterdir() if each.name.startswith(stem)), key=lambda each: each.name
    )
    return base64.b64encode(found[0].read_bytes()).decode() if found else ""


def _hash(inside: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
