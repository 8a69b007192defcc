"""The widget without a notebook around it, and that all doors give the same bytes.

In JupyterLab and marimo it is tested in tests/browser/test_notebooks_in_chromium.py.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import unrolled
from unrolled import library
from unrolled.checkpoints import Model
from unrolled.cli import main
from unrolled.errors import BadKnob, MissingExtra, UnknownFigure, UnknownKnob, UnknownModel, UnknownPanel
from unrolled.progress import Cancelled, Progress, stop_if_cancelled
from unrolled.server import create_app
from unrolled.widget import FigureWidget

TEXT = "The capital of France is"
Sent = list[tuple[dict[str, Any], list[bytes]]]


def listening(widget: FigureWidget) -> Sent:
    """What the widget sends to its views from now on."""
    sent: Sent = []
    widget.send = lambda content, buffers=None: sent.append((content, list(buffers or [])))
    return sent


def ask(widget: FigureWidget, panel: str, question: dict[str, Any], number: str = "1") -> None:
    widget._hear(widget, {"kind": "ask", "id": number, "panel": panel, "question": question}, [])


def test_state_is_in_the_traits() -> None:
    widget = unrolled.show("attention_calculator", panel="variance", n_keys=8, view={"size": 2})
    assert (widget.panel, widget.knobs["n_keys"], widget.view) == ("variance", 8, {"size": 2})
    widget.knobs = {"n_keys": 4}
    assert (widget.knobs["n_keys"], widget.knobs["n_samples"]) == (4, 512)
    assert widget.answer().knobs["n_keys"] == 4
    widget.panel = "steps"
    assert widget.answer().result.weights.shape == (4, 4)
    assert widget.answer("variance").result.d_k[0] == 4


def test_the_script_comes_with_the_package() -> None:
    widget = unrolled.show("attention_calculator")
    script = widget._esm
    assert "attention_calculator" in script
    assert "@font-face" in script
    assert "import(" not in script
    assert not any(word in script for word in ("https://unpkg", "https://cdn", "https://esm", "fonts.googleapis"))


def test_questions_are_answered_over_the_channel() -> None:
    widget = unrolled.show("attention_calculator")
    sent = listening(widget)
    ask(widget, "steps", {"knobs": {"causal": True}})
    ask(widget, "steps", {"knobs": {"causal": "maybe"}}, "2")
    ask(widget, "nope", {"knobs": {}}, "3")
    (answered, [blob]), (refused, _), (unknown, _) = sent
    assert answered == {"kind": "answer", "id": "1"}
    from unrolled import wire

    np.testing.assert_array_equal(
        wire.decode(blob)["data"]["weights"], unrolled.ask("attention_calculator", causal=True).result.weights
    )
    assert (refused["kind"], refused["id"], refused["name"]) == ("error", "2", "BadKnob")
    assert "it takes true or false." in refused["error"]
    assert unknown["name"] == "UnknownPanel"


def test_a_view_cannot_open_paths(tmp_path: Path) -> None:
    """Only what was named in Python may be opened; a saved notebook's script has no say."""
    widget = unrolled.show("next_token", models="smollm2", text=TEXT)
    sent = listening(widget)
    ask(widget, "distribution", {"knobs": {}, "models": [str(tmp_path)], "text": TEXT})
    assert sent[0][0]["name"] == "UnknownModel"


def test_progress_comes_and_a_dropped_question_ends_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    widget = unrolled.show("attention_calculator")
    sent, ended = listening(widget), []

    def slow(panel: str, asked: Any) -> Any:
        try:
            for step in range(10_000):
                stop_if_cancelled()
                yield Progress(step, 10_000, "counting")
        except Cancelled:
            ended.append(step)
            raise
        return b""

    monkeypatch.setattr(widget, "_blob", slow)

    async def drop() -> None:
        ask(widget, "steps", {"knobs": {}})
        while not sent:
            await asyncio.sleep(0.001)
        widget._hear(widget, {"kind": "cancel", "id": "1"}, [])
        while widget._asked:
            await asyncio.sleep(0.001)

    asyncio.run(drop())
    assert sent[0][0]["progress"] == {"done": 0, "total": 10_000, "note": "counting"}
    assert len(sent) < 10_000
    assert ended or len(sent) < 9_999


def test_what_can_be_mended_is_one_sentence() -> None:
    with pytest.raises(UnknownFigure, match="Did you mean next_token"):
        unrolled.show("next_tokn")
    with pytest.raises(UnknownPanel):
        unrolled.ask("next_token", panel="nope")
    with pytest.raises(BadKnob, match="temperature was 3"):
        unrolled.show("next_token", temperature=3)
    with pytest.raises(UnknownKnob, match="has no knob “warmth”"):
        unrolled.ask("next_token", models="smollm2", text=TEXT, warmth=1)
    with pytest.raises(UnknownKnob, match="has no knob “warmth”"):
        unrolled.show("next_token").knobs = {"warmth": 1}
    with pytest.raises(UnknownModel):
        unrolled.ask("next_token", models=["nope"], text=TEXT)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "unrolled.widget")
    monkeypatch.delattr(unrolled, "widget")
    with pytest.raises(MissingExtra, match=r"pip install 'unrolled\[notebook\]'"):
        unrolled.show("next_token")


def test_an_open_model_goes_in_as_it_is(smollm2: Model) -> None:
    found = unrolled.ask("next_token", models=smollm2, text=TEXT, top_n=1)
    assert found.result.top_strings[0] == (" Paris",)
    widget = unrolled.show("next_token", models=[smollm2], text=TEXT)
    assert widget.models == [smollm2.name]
    assert widget.answer().result.top_strings[0][0] == " Paris"


@pytest.mark.parametrize(
    ("name", "panel", "knobs"),
    [
        ("next_token", "distribution", {"temperature": 0.7, "vocabulary": True}),
        ("next_token", "sample", {"n_tokens": 4, "seed": 3}),
        ("attention_calculator", "steps", {"causal": True}),
    ],
)
def test_every_door_gives_the_same_bytes(smollm2_path: Path, tmp_path: Path, name: str, panel: str, knobs: Any) -> None:
    """One cold call through the command line, HTTP, the widget's channel and the library."""
    takes_model = name == "next_token"
    asked = {"models": ["smollm2"], "text": TEXT} if takes_model else {}
    forget = lambda: [model.forget() for model in library._shelf._open.values()]  # noqa: E731

    out = tmp_path / "cli.safetensors"
    words = [
        f"--{key.replace('_', '-')}" if value is True else f"--{key.replace('_', '-')}={value}"
        for key, value in knobs.items()
    ]
    with pytest.raises(SystemExit):
        main(
            [
                "figure",
                name,
                "--panel",
                panel,
                *(["--model", "smollm2", "--text", TEXT] if takes_model else []),
                *words,
                "--out",
                str(out),
            ]
        )
    by_cli = out.read_bytes()

    with TestClient(create_app(), base_url="http://127.0.0.1") as client:
        by_http = client.post(f"/api/figures/{name}/{panel}", json=asked | {"knobs": knobs}).content

    forget()
    widget = unrolled.show(name, panel=panel, **({"models": "smollm2", "text": TEXT} if takes_model else {}))
    sent = listening(widget)
    ask(widget, panel, asked | {"knobs": knobs})
    by_widget = sent[-1][1][0]

    forget()
    from unrolled import wire

    by_library = wire.encode(unrolled.ask(name, panel=panel, **asked, **knobs))
    assert by_cli == by_http == by_widget == by_library
