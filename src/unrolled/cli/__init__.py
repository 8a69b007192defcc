"""The command line's door: serve the guide, open a link, answer with a figure, look after models.

What a figure's panel can be asked is read from its knobs: `unrolled figure NAME --help` lists them. A command with a
file of its own is a function there; it is mounted below, and imports what it needs when it is called.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import unrolled
from unrolled.cli import export, generate, models, report, reproduce, score, serve, train
from unrolled.cli.bar import errors, finish
from unrolled.cli.options import AsJson, Browser, Device, Dtype, ModelNames, Port, RunNames
from unrolled.errors import UnrolledError
from unrolled.progress import Work

if TYPE_CHECKING:
    from unrolled.flags import Look
    from unrolled.state import Loaded

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(models.app, name="models")
app.command()(train.train)
app.command()(generate.generate)
app.command()(score.score)
app.command()(export.export)
app.command()(serve.serve)
app.command("new-lesson")(serve.new_lesson)
app.command()(reproduce.reproduce)
app.command()(report.report)
USAGE_ERROR: Any = typer.BadParameter.__base__  # Typer's own; it does not export the name


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line. What a reader can mend is one sentence on standard error, and exit code 2."""
    try:
        code = app(arguments, prog_name="unrolled", standalone_mode=False)
    except UnrolledError as error:
        errors.print(f"unrolled: {error}", markup=False)
        code = 2
    except USAGE_ERROR as error:
        command = getattr(error, "ctx", None)
        path = command.command_path if command else "unrolled"
        errors.print(
            f"{path}: {error.format_message().rstrip('.')}; `{path} --help` shows what there is.", markup=False
        )
        code = 2
    except typer.Exit as end:
        code = end.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        code = 0
    except Exception as error:
        if os.environ.get("UNROLLED_DEBUG"):
            raise
        said = f"{type(error).__name__}: {error}".replace("\n", " ")
        errors.print(f"unrolled: a mistake inside unrolled ({said}); UNROLLED_DEBUG=1 shows where.", markup=False)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def command() -> Any:
    """All commands as Click has them, for the reference."""
    return typer.main.get_command(app)


@app.callback()
def _root() -> None:
    """Sequence models, taken apart while they run."""


@app.command()
def version() -> None:
    """Print the version."""
    print(unrolled.__version__)


@app.command("open")
def open_link(
    link: Annotated[str, typer.Argument(help="A link copied from a figure, whoever's machine it came from.")],
    model: ModelNames = None,
    run: RunNames = None,
    port: Port = 8765,
    browser: Browser = True,
    device: Device = "cpu",
    dtype: Dtype = "float32",
) -> None:
    """Open someone's link to a picture on your own machine."""
    from unrolled import pages

    serve.serving(pages.place_of(link), serve.Serving(model or [], run or [], device, dtype), port, browser)


@app.command(
    "figure", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False
)
def figure_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which figure.")] = "",
    panel: Annotated[str | None, typer.Option(help="Which of its panels; the first without.")] = None,
    model: ModelNames = None,
    run: RunNames = None,
    text: Annotated[str | None, typer.Option(help="The text; - reads standard input.")] = None,
    target: Annotated[str | None, typer.Option(help="The target text, for figures about a pair.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write to a file: .json .npz .csv .safetensors (numbers), .svg .png (picture), .html (page)."
        ),
    ] = None,
    view: Annotated[list[str] | None, typer.Option(help="What only the picture shows, as stage=weights.")] = None,
    width: Annotated[int | None, typer.Option(help="Of a picture, in px.")] = None,
    scheme: Annotated[str | None, typer.Option(help="Of a picture: light or dark.")] = None,
    as_json: AsJson = False,
    device: Device = "cpu",
    dtype: Dtype = "float32",
) -> None:
    """Answer with a figure: in the terminal, as JSON, or as a file. NAME --help lists its knobs."""
    from unrolled import figures, files, flags, terminal, wire

    if not name or name in ("--help", "-h"):
        terminal.list_figures()
        return
    chosen = figures.figure(name)
    if {"--help", "-h"} & set(context.args):
        terminal.describe(chosen)
        return
    asked = chosen.panel(panel)
    figures.check_knobs(asked, knobs := flags.knobs(asked, context.args))
    files.check_ending(out)
    own = Own(model or _default(asked), run or _default_runs(asked))
    question = Question(asked, knobs, own, flags.read(text), target, device, dtype)
    look = flags.look(out, view or [], width, scheme)
    if out and out.suffix not in files.WRITERS:
        files.save(finish(_showing(question, out.suffix, look)), out)
        errors.print(f"Written: {out}", markup=False)
        return
    found = finish(_answering(question))
    if out:
        files.write(found, out)
        errors.print(f"Written: {out}", markup=False)
    if as_json:
        print(json.dumps(wire.to_json(found), ensure_ascii=False))
    elif not out:
        terminal.show(found)


@dataclass(frozen=True)
class Own:
    """Names or paths of what was asked for."""

    models: list[str]
    runs: list[str]


def _default(panel: Any) -> list[str]:
    """Without --model: the first model here that opens the panel; one that needs a target only for want of others."""
    from unrolled import checkpoints

    if not panel.needs:
        return []
    here = sorted((entry for entry in checkpoints.entries() if entry.here), key=lambda entry: entry.takes_target)
    return next(([entry.name] for entry in here if panel.why_closed(entry.name, entry.probes) is None), [])


def _default_runs(panel: Any) -> list[str]:
    """Without --run: the runs that the page starts with."""
    from unrolled.checkpoints import run_names

    takes = any(accepted.kind in ("run", "runs") for accepted in panel.inputs.values())
    return list(run_names.usual_runs(run_names.runs())) if takes else []


@dataclass(frozen=True)
class Question:
    """One call of `unrolled figure`, as it was typed."""

    panel: Any
    knobs: dict[str, Any]
    own: Own
    text: str | None
    target: str | None
    device: str
    dtype: str


def _answering(asked: Question) -> Work[Any]:
    from unrolled import figures

    loaded = yield from _opening(asked)
    models, runs = tuple(loaded.models.values()), tuple(loaded.runs.values())
    texts = {"text": asked.text, "target": asked.target}
    return (yield from figures.answer(asked.panel, asked.knobs, models=models, runs=runs, **texts))


def _opening(asked: Question) -> Work[Loaded]:
    from unrolled import checkpoints
    from unrolled.checkpoints import run_names
    from unrolled.state import Loaded

    models = {}
    for spec in asked.own.models:
        models[spec] = yield from checkpoints.opening(spec, device=asked.device, dtype=asked.dtype)
    return Loaded(models, {spec: run_names.run(spec) for spec in asked.own.runs})


def _showing(asked: Question, ending: str, look: Look) -> Work[bytes]:
    """A picture or a page of a figure as a file's content."""
    from unrolled import html, picture, state

    picture.check_extra(png=ending == ".png")
    loaded = yield from _opening(asked)
    own = {"models": tuple(asked.own.models), "runs": tuple(asked.own.runs)}
    given = {"text": asked.text or "", "target": asked.target or "", **own}
    stands = state.state_of(asked.panel, asked.knobs, view=look.view, **given)
    if ending == ".html":
        return (yield from html.recording(asked.panel, stands, loaded))
    drawn = yield from picture.drawing(asked.panel, stands, loaded, width=look.width, scheme=look.scheme)
    return picture.png(drawn) if ending == ".png" else drawn.encode()
