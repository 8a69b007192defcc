"""`unrolled train`: a model of one of the families, trained on a text, from a recipe."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.options import AsJson
from unrolled.errors import BadInput

if TYPE_CHECKING:
    from unrolled.training import Event, Recipe


def train(
    family: Annotated[
        str | None, typer.Option(help="rnn, lstm, gru, gpt, seq2seq or transformer; gpt without.")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="A shipped recipe by name, or a .toml file.")] = None,
    text: Annotated[
        str | None, typer.Option(help="Your own file or folder of text, or a shipped text by name.")
    ] = None,
    pairs: Annotated[str | None, typer.Option(help="Shipped sentence pairs by name, as en-fr.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/ and the family's name without.")] = None,
    steps: Annotated[int | None, typer.Option(help="How long, in steps of the optimiser.")] = None,
    tokens: Annotated[int | None, typer.Option(help="How long, in tokens learnt from.")] = None,
    minutes: Annotated[float | None, typer.Option(help="How long, in minutes of this machine.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of first weights, order, dropout and samples.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Entries of the recipe, as optimiser.learning_rate=3e-4.")
    ] = None,
    more_changes: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    device: Annotated[str, typer.Option(help="Where it trains: cpu, cuda or mps.")] = "cpu",
    as_json: AsJson = False,
) -> None:
    """Train a model of your own: a folder that every figure and command opens."""
    from unrolled import training
    from unrolled.cli.training import Speaker

    bound = {name: value for name, value in (("steps", steps), ("tokens", tokens), ("minutes", minutes)) if value}
    asked = Asked(family, recipe, text, pairs, seed, bound, (*(changes or ()), *(more_changes or ())))
    chosen, folder = resumed(asked, out) if resume else new(asked, out)
    with interruptible() as stop:
        events = training.training(chosen, folder, resume=resume, device=device, stop=stop.is_set)
        Speaker(folder, as_json=as_json).tell(_noted(events, folder))
    if stop.is_set():
        raise typer.Exit(130)


@dataclass(frozen=True)
class Asked:
    """What was typed about the recipe."""

    family: str | None
    recipe: str | None
    text: str | None
    pairs: str | None
    seed: int | None
    bound: dict[str, float]
    changes: tuple[str, ...]

    def __bool__(self) -> bool:
        return any(value not in (None, {}, ()) for value in vars(self).values())


def new(asked: Asked, out: Path | None) -> tuple[Recipe, Path]:
    """The recipe of a new run, and its folder."""
    from unrolled import training

    if asked.recipe is None and asked.family not in (None, *training.shipped()):
        raise BadInput(f"There is no family “{asked.family}”; there are {', '.join(training.shipped())}.")
    spec = asked.recipe or asked.family or "gpt"
    recipe = _applied(training.read_recipe(spec), asked, spec)
    return recipe, out or Path("runs") / recipe.family


def resumed(asked: Asked, out: Path | None) -> tuple[Recipe | None, Path]:
    """The recipe that was typed, on top of the one that the run began with; None if nothing was."""
    from unrolled import training

    if out is None:
        raise BadInput("--resume goes on with a run folder: name it with --out.")
    if not asked:
        return None, out
    stored = training.read_run(out).recipe
    spec = asked.recipe or (asked.family if asked.family not in (None, stored.family) else None)
    table = training.read_recipe(spec) if spec else training.table_of(stored)
    return _applied(table, asked, spec or str(out)), out


def _applied(table: dict[str, Any], asked: Asked, where: str) -> Recipe:
    from unrolled import training

    text = dict(table.get("text", {}))
    if asked.text is not None:
        text = {name: value for name, value in text.items() if name != "pairs"} | {"source": asked.text}
    if asked.pairs is not None:
        text["pairs"] = asked.pairs
    table = table | {"text": text} | ({"bound": asked.bound} if asked.bound else {})
    table |= {} if asked.seed is None else {"seed": asked.seed}
    recipe = training.recipe_of(training.overridden(table, asked.changes), f"The recipe {where}")
    if asked.family not in (None, recipe.family):
        raise BadInput(
            f"The recipe {where} is for {recipe.family}, and --family says {asked.family}: give one of them."
        )
    return recipe


def _noted(events: Iterable[Event], folder: Path) -> Iterator[Event]:
    """The events; as soon as there is a run folder, the guide can find it by name."""
    from unrolled.checkpoints.run_folder import CONFIG
    from unrolled.checkpoints.run_names import note_run

    noted = False
    for event in events:
        if not noted and (folder / CONFIG).is_file():
            noted = True
            note_run(folder)
        yield event


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """The first Ctrl-C (or SIGTERM) sets the event, and the run saves and ends; the second one ends it at once."""
    stop = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
