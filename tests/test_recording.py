"""What is recorded around a state: which stops a knob has, which knobs act without asking, which pairs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from unrolled import picture
from unrolled.figures import Answer, figure
from unrolled.figures._panel import Panel
from unrolled.packing import Kept
from unrolled.progress import Work, finish
from unrolled.recording import IN_PAIRS, MOST, Place, Tape, stops_of
from unrolled.schema import knobs_schema
from unrolled.state import Loaded, State, answered, starts


def asking(panel: Panel, asked: dict[str, Any]) -> Work[Answer]:
    return (yield from answered(panel, asked, Loaded()))


def place(name: str, panel: str, pairs: tuple[tuple[str, str], ...] = (), **knobs: Any) -> Place:
    state = State(panel=panel, knobs=starts(name) | knobs)
    return Place(figure=name, id=name, state=state, pairs=pairs)


def recorded(at: Place) -> tuple[list[Kept], dict[str, list[str]]]:
    tape = Tape(at.figure, asking)
    live = finish(tape.place(at))
    return tape.answers, live


def values(answers: list[Kept], panel: str, knob: str, start: dict[str, Any]) -> set[Any]:
    """What one knob was turned to while the others stood at their start."""
    asked = [each.question["knobs"] for each in answers if each.panel == panel and each.blob]
    return {one[knob] for one in asked if all(one[name] == start[name] for name in one if name != knob)}


@pytest.mark.parametrize(
    ("kind", "start", "below", "expected"),
    [
        ({"type": "boolean"}, False, None, [False, True]),
        ({"type": "string", "enum": ["a", "b"]}, "a", None, ["a", "b"]),
        ({"type": "string", "maxLength": 9}, "a", None, []),
        ({"type": "array", "x-matrix": {}}, None, None, []),
        ({"type": "integer", "minimum": 0, "maximum": 5}, 2, None, [0, 1, 2, 3, 4, 5]),
        ({"type": "integer", "minimum": 0, "maximum": 999}, 0, 3, [0, 1, 2]),
        ({"type": "number", "minimum": 0, "maximum": 0.2, "x-step": 0.05}, 0.1, None, [0.0, 0.05, 0.1, 0.15, 0.2]),
    ],
)
def test_short_knobs_are_recorded_whole(kind: dict[str, Any], start: Any, below: int | None, expected: Any) -> None:
    assert stops_of("knob", kind, start, below) == expected


def test_long_knobs_have_some_stops_as_even_as_their_slider() -> None:
    even = stops_of("t", {"type": "number", "minimum": 0, "maximum": 2, "x-step": 0.01}, 1.0, None)
    assert even == [0.0, 0.5, 1.0, 1.5, 2.0]
    log = stops_of("n", {"type": "integer", "minimum": 2, "maximum": 1000}, 20, None)
    assert (log[0], log[-1]) == (2, 1000)
    assert 20 in log
    assert len(log) == MOST + 1
    steps = [after / before for before, after in pairwise(log)]
    assert max(steps) < 5.2  # each at most 4.7 times the one before, where an even slider would begin with 125 times
    assert stops_of("seed", {"type": "integer", "minimum": 0, "maximum": 9999}, 7, None) == [0, 1, 2, 3, 7]


def test_each_knob_is_turned_alone() -> None:
    at = place("path_length", "cost", n=50)
    answers, _ = recorded(at)
    for knob, kind in knobs_schema(figure("path_length").panel("cost"))["properties"].items():
        expected = set(stops_of(knob, kind, at.state.knobs[knob], None))
        assert values(answers, "cost", knob, at.state.knobs) == expected


def test_pairs_that_are_named_are_turned_together_and_no_others() -> None:
    answers, _ = recorded(place("path_length", "cost", (("n", "kernel"),)))
    start = starts("path_length")
    asked = [each.question["knobs"] for each in answers if each.panel == "cost"]
    moved = [{name for name in one if one[name] != start[name]} for one in asked]
    assert {"n", "kernel"} in moved
    assert {"n", "window"} not in moved
    assert moved.count({"n", "kernel"}) <= IN_PAIRS**2


def test_a_knob_that_acts_where_the_answer_is_shown_is_not_recorded() -> None:
    """factor^k is drawn from the knobs: the picture asks the same whatever the factor is."""
    answers, live = recorded(place("gradient_flow", "factor"))
    assert live["factor"] == ["factor", "steps"]
    assert live["two_units"] == []
    assert {each.question["knobs"]["factor"] for each in answers if each.panel == "factor"} == {0.9}


def test_what_cannot_be_answered_is_kept_as_its_sentence() -> None:
    answers, _ = recorded(place("attention_calculator", "steps"))
    (head,) = {each.error for each in answers if each.panel == "head"}
    assert "needs a model" in head


def test_a_figure_s_picks_are_knobs_of_its_panels() -> None:
    for name in picture.names():
        _, picks = picture.besides(name, State(panel=figure(name).panel().name, knobs=starts(name)))
        for panel, knobs in picks.items():
            assert set(knobs) <= set(figure(name).panel(panel).knobs.model_fields)
