"""What a picture that is not live can answer: the questions around a state, asked now and kept.

A place on a page is a figure in a state. Recorded are what its panels' pictures ask there, what their tables ask, and
the same with each knob of the shown panel turned alone: every choice of a short knob, some `MOST` stops of a long one.
The other panels' knobs are turned too where that is arithmetic only. Pairs of knobs are turned together where the place
names them. Free texts and matrices cannot be recorded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from unrolled import picture, wire
from unrolled.errors import UnrolledError
from unrolled.figures import Answer, figure
from unrolled.figures._panel import Panel
from unrolled.packing import Kept
from unrolled.progress import Work
from unrolled.schema import knobs_schema
from unrolled.state import State, question

MOST = 5
"""Stops of a knob that has more values; a knob with a few more is recorded whole."""
WHOLE = 8
"""So many values at most are all recorded."""
SEEDS = 4
LONGEST = 40
"""Rows or heads at most that are recorded to be chosen in the picture."""
IN_PAIRS = 5
"""Stops of each of two knobs that are turned together."""
Asking = Callable[[Panel, dict[str, Any]], Work[Answer]]
"""Answers one question, with whatever models and runs it names."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A figure on a page, in the state in which the page shows it. `pairs`: knobs to be turned together."""

    figure: str
    id: str
    state: State
    pairs: tuple[tuple[str, str], ...] = ()


class Tape:
    """The answers of one figure, each question once."""

    def __init__(self, name: str, asking: Asking) -> None:
        self.figure, self._asking = name, asking
        self._kept: dict[str, Kept] = {}
        self._found: dict[str, Answer] = {}

    @property
    def answers(self) -> list[Kept]:
        """In the order in which they were asked."""
        return list(self._kept.values())

    def take(self, panel: Panel, asked: dict[str, Any]) -> Work[Answer | None]:
        """Asks, if that was not asked yet. What cannot be answered is kept as its sentence."""
        key = json.dumps([panel.name, asked], sort_keys=True)
        if key not in self._kept:
            about: dict[str, Any] = {"panel": panel.name, "question": asked}
            try:
                found = yield from self._asking(panel, asked)
                self._found[key] = found
                self._kept[key] = Kept(**about, blob=wire.encode(found))
            except UnrolledError as error:
                self._kept[key] = Kept(**about, error=str(error), kind=type(error).__name__)
        return self._found.get(key)

    def place(self, place: Place) -> Work[dict[str, list[str]]]:
        """Everything around one place; gives, by panel, the knobs that work without asking."""
        panels = figure(self.figure).panels
        shown = panels[place.state.panel]
        found: list[Answer] = []
        for panel in (shown, *(each for each in panels.values() if each is not shown)):
            answer = yield from self.state(panel, replace(place.state, panel=panel.name))
            found += [answer] if answer else []
        yield from self._picks(place.state)
        live = {name: self._live(panel, place.state, found) for name, panel in panels.items()}
        for panel in (each for each in panels.values() if each is shown or not each.needs):
            yield from self._around(panel, replace(place.state, panel=panel.name), found, live[panel.name])
        stops = _stops(shown, place.state, found)
        for first, second in place.pairs:
            both = (_thinned(stops.get(name, []), IN_PAIRS) for name in (first, second))
            for one, other in product(*both):
                yield from self.state(shown, _turned(place.state, {first: one, second: other}))
        return live

    def state(self, panel: Panel, state: State) -> Work[Answer | None]:
        """One state, as the picture asks and as the table asks; gives the table's answer."""
        for asked_panel, asked in (*picture.questions(self.figure, state), *picture.besides(self.figure, state)[0]):
            yield from self.take(asked_panel, asked)
        return (yield from self.take(panel, question(panel, state)))

    def _around(self, panel: Panel, state: State, found: list[Answer], live: list[str]) -> Work[None]:
        for name, values in _stops(panel, state, found).items():
            for value in values if name not in live else ():
                yield from self.state(panel, _turned(state, {name: value}))

    def _picks(self, state: State) -> Work[None]:
        """What is chosen in the figure's pictures: every row, every head, until there are no more."""
        for name, knobs in picture.besides(self.figure, state)[1].items():
            yield from self._walk(figure(self.figure).panels[name], state, knobs)

    def _walk(self, panel: Panel, state: State, knobs: list[str]) -> Work[None]:
        """Counts the first knob up from 0, and within it the others."""
        name, *inner = knobs
        before = b""
        for value in range(LONGEST):
            turned = _turned(state, {name: value} | dict.fromkeys(inner, 0))
            found = yield from self.take(panel, question(panel, turned))
            now = wire.encode(replace(found, knobs={})) if found else b""
            if now in (b"", before):  # refused, or the last one again
                return
            before = now
            if inner:
                yield from self._walk(panel, turned, inner)

    def _live(self, panel: Panel, state: State, found: list[Answer]) -> list[str]:
        """Knobs that change no question of the picture: what they do is done where the answer is shown."""
        state, live = replace(state, panel=panel.name), []
        for name, values in _stops(panel, state, found).items():
            asked = [picture.questions(self.figure, _turned(state, {name: value})) for value in values]
            live += [name] if all(each == asked[0] for each in asked) else []
        return live


def _turned(state: State, knobs: dict[str, Any]) -> State:
    return replace(state, knobs=state.knobs | knobs)


def _visible(panel: Panel) -> dict[str, dict[str, Any]]:
    return {name: kind for name, kind in knobs_schema(panel)["properties"].items() if not kind.get("x-hidden")}


def _stops(panel: Panel, state: State, found: Sequence[Answer]) -> dict[str, list[Any]]:
    """Each knob that can be recorded, with the values that are."""
    stops = {}
    for name, kind in _visible(panel).items():
        values = stops_of(name, kind, state.knobs[name], _end(kind, found), _offer(kind, found))
        if len(values) > 1:
            stops[name] = values
    return stops


def stops_of(name: str, kind: dict[str, Any], start: Any, below: int | None, offered: Sequence[Any] = ()) -> list[Any]:
    """The values of one knob that are recorded, its start among them. `below`: where the model ends a whole number."""
    if kind.get("type") == "boolean":
        return [False, True]
    if "enum" in kind:
        return list(offered) or list(kind["enum"])
    if kind.get("type") not in ("integer", "number"):
        return []
    low, high = kind["minimum"], kind["maximum"] if below is None else max(kind["minimum"], below - 1)
    if name == "seed":
        return sorted({start, *range(low, min(high + 1, low + SEEDS))})
    step = kind.get("x-step") or (1 if kind["type"] == "integer" else 0.01)
    count = round((high - low) / step) + 1
    if count <= WHOLE:
        return sorted({start, *(_round(low + step * i, kind) for i in range(count))})
    log = kind.get("x-log") or (low >= 0 and count - 1 > 500)
    return sorted({start, *(_round(each, kind, step, low) for each in _spread(low, high, log))})


def _spread(low: float, high: float, log: bool) -> Iterator[float]:
    """`MOST` numbers from low to high, even where the page's slider is even."""
    shift = (0 if low > 0 else 1 - low) if log else 0
    for i in range(MOST):
        share = i / (MOST - 1)
        if log:
            yield (low + shift) * math.exp(share * math.log((high + shift) / (low + shift))) - shift
        else:
            yield low + share * (high - low)


def _round(value: float, kind: dict[str, Any], step: float = 0, low: float = 0) -> int | float:
    stepped = low + round((value - low) / step) * step if step else value
    return round(stepped) if kind["type"] == "integer" else float(f"{stepped:.10g}")


def _thinned(values: list[Any], most: int) -> list[Any]:
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _end(kind: dict[str, Any], found: Sequence[Answer]) -> int | None:
    """The number of an answer that the knob has to stay below, where there is one."""
    value = _said(found, kind.get("x-below"))
    return value if isinstance(value, int) else None


def _offer(kind: dict[str, Any], found: Sequence[Answer]) -> list[Any]:
    """The choices that an answer offers, as the page asks for them: the first is the knob's start."""
    choices = _said(found, kind.get("x-offered"))
    return [kind["default"], *choices[1:]] if isinstance(choices, tuple) and choices else []


def _said(found: Sequence[Answer], field: str | None) -> Any:
    return next((getattr(each.result, field) for each in found if field and hasattr(each.result, field)), None)
