"""The notebook's door: a figure as a live widget in JupyterLab, marimo and whatever else shows anywidgets.

The page's own views, in one script that comes with the package (`page/widget.js`); nothing is fetched. The figure's
state is in the widget's traits, so Python reads and sets it. Questions come over the widget's message channel and are
answered here, with the very blob that the other doors give, as a binary buffer. Needs the extra `unrolled[notebook]`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from unrolled import library, picture, wire
from unrolled.checkpoints import Model
from unrolled.desk import Desk
from unrolled.errors import BadInput, MissingExtra, UnknownKnob, UnrolledError
from unrolled.figures import Answer, figure
from unrolled.progress import Progress, Work, finish
from unrolled.schema import figure_json
from unrolled.state import Loaded, State, answered, question, state_of

try:
    import anywidget
    import traitlets
except ImportError:
    raise MissingExtra("Widgets need one more package: pip install 'unrolled[notebook]'.") from None


def show(
    name: str,
    *,
    panel: str | None = None,
    models: Sequence[str | Model] | str | Model = (),
    runs: Sequence[str | Path] | str | Path = (),
    text: str = "",
    target: str = "",
    view: Mapping[str, Any] | None = None,
    **knobs: Any,
) -> FigureWidget:
    """A live figure for the end of a notebook's cell, at any state: knobs as `unrolled figure NAME --help` lists them.

    Raises:
        UnrolledError: one sentence on what was given, what exists and what to do.
    """
    chosen = figure(name).panel(panel)
    given = library.several(models)
    library.allow(each for each in given if isinstance(each, str))
    names = tuple(each if isinstance(each, str) else each.name for each in given)
    read = tuple(map(str, (runs,) if isinstance(runs, str | Path) else runs))
    library.allow_runs(read)
    state = state_of(chosen, knobs, text=text, target=target, models=names, runs=read, view=dict(view or {}))
    return FigureWidget(name, state, [each for each in given if isinstance(each, Model)])


class FigureWidget(anywidget.AnyWidget):
    """One figure. Its traits are its state: set them, and the picture follows; turn a knob, and they follow."""

    text = traitlets.Unicode().tag(sync=True)
    target = traitlets.Unicode().tag(sync=True)
    models = traitlets.List(traitlets.Unicode()).tag(sync=True)
    runs = traitlets.List(traitlets.Unicode()).tag(sync=True)
    panel = traitlets.Unicode().tag(sync=True)
    knobs = traitlets.Dict().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    _figure = traitlets.Dict().tag(sync=True)
    _known = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init__(self, name: str, state: State, opened: Sequence[Model] = ()) -> None:
        self._opened = {model.name: model for model in opened}
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._desk = Desk()
        self.name = name
        self._esm = picture.built("widget.js").read_text("utf-8")
        known = picture.looked_at([each for each in state.looked_at if each not in self._opened], state.runs)
        known += [
            {
                "name": each.name,
                "architecture": each.architecture,
                "takes_target": bool(each.ear and each.ear.takes_target),
            }
            for each in opened
        ]
        traits = {each: getattr(state, each) for each in ("text", "target", "panel", "view")}
        super().__init__(
            **traits,
            knobs=_plain(state.knobs),
            models=list(state.models),
            runs=list(state.runs),
            _figure=figure_json(name),
            _known=known,
        )
        self.on_msg(self._hear)

    @traitlets.validate("panel")
    def _check_panel(self, proposal: Any) -> str:
        return figure(self.name).panel(proposal["value"]).name

    @traitlets.validate("knobs")
    def _check_knobs(self, proposal: Any) -> dict[str, Any]:
        """Knobs that are not named keep their values; one that does not exist is refused."""
        known = {name for panel in figure(self.name).panels.values() for name in panel.knobs.model_fields}
        for name in proposal["value"]:
            if name not in known:
                raise UnknownKnob(f"{self.name} has no knob “{name}”; it has {', '.join(sorted(known)) or 'none'}.")
        return {**self.knobs, **_plain(proposal["value"])}

    @property
    def state(self) -> State:
        """The state as it stands now."""
        return State(
            panel=self.panel,
            text=self.text,
            target=self.target,
            models=tuple(self.models),
            runs=tuple(self.runs),
            knobs=dict(self.knobs),
            view=dict(self.view),
        )

    def answer(self, panel: str | None = None, on_progress: Callable[[Progress], None] = lambda _: None) -> Answer:
        """What a panel (the shown one without) answers to the state as it stands; `.result` holds its arrays."""
        chosen = figure(self.name).panel(panel or self.panel)
        with library.ONE_AT_A_TIME:
            found: Answer = finish(self._answering(chosen.name, question(chosen, self.state)), on_progress)
        return found

    def _answering(self, panel: str, asked: Mapping[str, Any]) -> Work[Answer]:
        models = {}
        for name in asked.get("models", []):
            models[name] = self._opened[name] if name in self._opened else (yield from library.opening(name))
        runs = {name: library.reading(name) for name in asked.get("runs", [])}
        return (yield from answered(figure(self.name).panel(panel), asked, Loaded(models, runs)))

    def _blob(self, panel: str, asked: Mapping[str, Any]) -> Work[bytes]:
        """Holds the models for as long as it works; it runs in one thread from its start to its end."""
        with library.ONE_AT_A_TIME:
            found = yield from self._answering(panel, asked)
            return wire.encode(found)

    def _hear(self, _: Any, told: Mapping[str, Any], __: Any) -> None:
        """A question, or that nobody waits for its answer any more."""
        kind, number = told.get("kind"), str(told.get("id"))
        if kind == "cancel" and number in self._asked:
            self._asked[number].cancel()
        elif kind == "ask":
            panel, asked = str(told.get("panel")), told.get("question", {})
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # no notebook around: answered at once
                asyncio.run(self._reply(number, panel, asked))
                return
            self._asked[number] = loop.create_task(self._reply(number, panel, asked))
            self._asked[number].add_done_callback(lambda _: self._asked.pop(number, None))

    async def _reply(self, number: str, panel: str, asked: Mapping[str, Any]) -> None:
        """Progress as it comes, then the blob or a sentence. Work runs in a thread; everything is sent from here."""
        try:
            async with aclosing(self._desk.listen(lambda: self._blob(panel, asked))) as events:
                async for event in events:
                    if isinstance(event, Progress):
                        shown = {"done": event.done, "total": event.total, "note": event.note}
                        self.send({"kind": "progress", "id": number, "progress": shown})
                    else:
                        self.send({"kind": "answer", "id": number}, buffers=[event])
        except UnrolledError as error:
            self.send({"kind": "error", "id": number, "error": str(error), "name": type(error).__name__})
        except Exception as error:
            said = f"A mistake inside unrolled ({type(error).__name__}); the notebook's log has the details."
            self.send({"kind": "error", "id": number, "error": said, "name": "Mistake"})
            raise


def _plain(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: tuples are lists."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(knobs), allow_nan=False))
    except (TypeError, ValueError):
        raise BadInput("A knob is a number, a text, true or false, or a matrix as [[…], […]].") from None
    return plain
