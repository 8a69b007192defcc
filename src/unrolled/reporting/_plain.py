"""The report as Markdown, its pictures as SVG files beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from unrolled.experiments import _told as saying
from unrolled.experiments._told import Told, in_words, interval_told
from unrolled.reporting import _entries as entries

_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def markdown(all_told: Sequence[Told], pictures: Mapping[tuple[str, int], str]) -> str:
    """The document. `pictures`: the file of each claim's name and plot."""
    means = [f"- **{name}**: {_safe(said)}" for name, said in entries.MEANS.items()]
    head = "| | Claim | Verdict | What decided, with its interval | Seeds | Core-minutes |"
    rows = [_row(each) for each in all_told]
    total = saying.core_minutes(entries.minutes(all_told))
    where = "; ".join(entries.machines(all_told)) or "no machine yet"
    what = "; ".join(entries.versions(all_told)) or "no version yet"
    small = f"Together {total} core-minutes. Measured on: {where}. By: {what}."
    opening = [f"# {entries.TITLE}", _safe(saying.counted(all_told)), *map(_safe, entries.ABOUT), "\n".join(means)]
    table = ["## The verdicts", "\n".join([head, "|--:|---|---|---|--:|--:|", *rows]), _safe(small)]
    sections = [part for each in all_told for part in _claim(each, pictures)]
    return "\n\n".join([*opening, *table, *sections]) + "\n"


def _row(each: Told) -> str:
    claim, result, decisive = each.claim, each.result, each.decisive
    decided = f"**{_safe(interval_told(decisive['found']))}** {_safe(in_words(decisive['bound']))}" if decisive else "—"
    seeds, took = (str(result.seeds), saying.core_minutes(result.core_minutes)) if result else ("—", "—")
    whose = " (this machine)" if each.own else ""
    return (
        f"| {claim.number} | {_safe(claim.says)} | {_safe(each.verdict)}{whose} | {decided} | {seeds} | {_safe(took)} |"
    )


def _claim(each: Told, pictures: Mapping[tuple[str, int], str]) -> list[str]:
    claim, result = each.claim, each.result
    said = [f"## {claim.number}\\. {_safe(claim.says)}"]
    said.append(f"**{_safe(each.verdict)}**" + (f". {_safe(in_words(result.why))}" if result else ""))
    said += [f"> {_safe(warning)}" for warning in saying.warnings(each)]
    said += [_safe(claim.question), "\n".join(f"{i}. {_safe(line)}" for i, line in enumerate(claim.method, 1))]
    for i, plot in enumerate(each.plots):
        said += [f"**{_safe(plot.title)}.**", f"![{_safe(plot.title)}]({pictures[claim.name, i]})"]
    if result:
        said.append(_bounds(result.tested))
    said += [f"What would change this: {_safe(claim.turns)}", f"Source: {_safe(claim.source)}."]
    said.append(f"Run it again:\n\n    {_line(each.command)}")
    return [*said, *([_safe(saying.took(each))] if result else [])]


def _bounds(tested: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"| {saying.HEARD.get(each['part'], '')} | {_safe(in_words(each['bound']))} "
        f"| {_safe(interval_told(each['found']))} "
        f"| {saying.KEPT[each['kept']].replace('not kept', '**not kept**')} |"
        for each in tested
    ]
    return "\n".join(["| Kind | Bound | Found | Kept |", "|---|---|---|---|", *rows])


def _safe(words: str) -> str:
    """Words that stay words: nothing in them is markup, and they stay on their line."""
    return _MARKUP.sub(r"\\\1", _line(words))


def _line(words: str) -> str:
    return " ".join(words.split())
