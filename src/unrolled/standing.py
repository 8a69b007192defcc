"""How a page stands when it is opened: its figures in their places, each with the state that it starts in.

Read from the page's own HTML, as `web/src/main.ts` reads it. A figure starts with the text and the models that its
place names, else with those of the first place that names some; target and runs are the page's.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from typing import Any

from unrolled.figures import figure
from unrolled.recording import Place
from unrolled.state import State, starts

COMMON = ("text", "target", "models", "runs")
_DATA = re.compile(r'(<script type="application/json" id="page">)(.*?)(</script>)', re.DOTALL)


@dataclass(frozen=True)
class Given:
    """A figure's place as the page's HTML has it."""

    figure: str
    id: str
    state: dict[str, Any]


def data_of(page: str) -> dict[str, Any]:
    """What the page tells its script; nothing on a page that has none."""
    found = _DATA.search(page)
    data: dict[str, Any] = json.loads(found[2]) if found else {}
    return data


def with_data(page: str, data: dict[str, Any]) -> str:
    """The page with other data for its script."""
    told = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    return _DATA.sub(lambda found: found[1] + told + found[3], page)


def places(page: str, pairs: Mapping[str, tuple[tuple[str, str], ...]] | None = None) -> list[Place]:
    """The figures of a page, each in the state in which the page opens; `pairs`: knobs turned together, by place."""
    given = _given(page)
    data = data_of(page)
    if not given or not data:
        return []
    common = {name: next((each.state[name] for each in given if name in each.state), None) for name in COMMON}
    for name, start in {"target": "", **data["defaults"]}.items():
        found = start if common[name] is None else common[name]
        common[name] = tuple(found) if isinstance(found, list) else found
    reads = {entry["name"] for entry in data["models"] if entry["takes_target"]}
    return [_place(each, common, (pairs or {}).get(each.id, ()), reads) for each in given]


def _place(given: Given, common: dict[str, Any], pairs: tuple[tuple[str, str], ...], reads: set[str]) -> Place:
    """`reads`: models whose decoder reads a target; to the others none is given."""
    panel = figure(given.figure).panel(given.state.get("panel"))
    knobs = starts(given.figure) | given.state.get("knobs", {})
    own = common | {"text": given.state.get("text", common["text"])}
    own["models"] = tuple(given.state.get("models", common["models"]))
    if own["models"][:1] and own["models"][0] not in reads and not figure(given.figure).takes("pair"):
        own["target"] = ""
    state = State(panel=panel.name, knobs=knobs, view=given.state.get("view", {}), **own)
    return Place(figure=given.figure, id=given.id, state=state, pairs=pairs)


def _given(page: str) -> list[Given]:
    reader = _Reader()
    reader.feed(page)
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Given] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if name := told.get("data-figure"):
            state = json.loads(told.get("data-state") or "{}")
            self.found.append(Given(name, told.get("data-id") or name, state))


def state_json(state: State) -> str:
    """A whole state, as a place's `data-state` holds it."""
    return json.dumps(asdict(state), sort_keys=True)


def standing_as(page: str, place: Place) -> str:
    """The page with its one figure in another place's state, under that place's name."""
    at = f'data-id="{html.escape(place.id)}" data-state="{html.escape(state_json(place.state))}"'
    return re.sub(r'data-id="[^"]*" data-state="[^"]*"', lambda _: at, page, count=1)
