"""`unrolled score`: how well a model predicts a text."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.bar import errors, finish
from unrolled.cli.opening import open_as
from unrolled.cli.options import AsJson, Device, Dtype, ModelName, Weights
from unrolled.errors import BadInput, NotFound

if TYPE_CHECKING:
    from unrolled.checkpoints import Model
    from unrolled.scoring import Score


def score(
    model: ModelName,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A text in UTF-8; - reads standard input; fiction:test is a part of a text that comes with unrolled.",
            show_default=False,
        ),
    ],
    window: Annotated[
        int | None, typer.Option(help="Tokens read at once; without, the model's context, 1,024 at most.")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(help="Tokens from one window's start to the next one's; without, half a window.")
    ] = None,
    bos: Annotated[
        bool, typer.Option("--bos/--no-bos", help="Begin with the beginning-of-text token: scores the first token too.")
    ] = False,
    carry: Annotated[
        bool | None,
        typer.Option("--carry/--reset", help="A recurrent model's state: through the whole text, or anew each window."),
    ] = None,
    as_json: AsJson = False,
    device: Device = "cpu",
    dtype: Dtype = "float32",
    weights: Weights = None,
) -> None:
    """Score a text: cross-entropy in nats per token, perplexity, bits per byte."""
    from unrolled import scoring

    text = _text(file)
    opened = open_as(model, device, dtype, weights)
    found = finish(scoring.score(opened, text, window=window, stride=stride, bos=bos, carry=carry))
    if as_json:
        print(json.dumps(_json(opened, file, found), ensure_ascii=False))
    else:
        print(_told(found))
        errors.print(f"{_read(found)}; {opened.name}, {opened.provenance.dtype} on {opened.device}", markup=False)


def _text(file: str) -> str:
    """A path, `-`, or corpus:part."""
    from unrolled import text as texts

    if file == "-":
        try:
            return io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig").read()  # any line ends, as from a file
        except UnicodeDecodeError as error:
            raise BadInput(f"Standard input is not UTF-8 (byte {error.start}): save the text as UTF-8.") from None
    name, colon, part = file.partition(":")
    if not colon or Path(file).exists():
        return texts.read_text(Path(file))
    if part not in ("train", "validation", "test") or name not in texts.CORPORA:
        names = " or ".join(texts.CORPORA)
        raise NotFound(
            f"There is no file “{file}”; a text that comes with unrolled is {names}, then :train, :validation or :test."
        )
    whole: str = getattr(texts.corpus(name), part)
    return whole


def _json(model: Model, file: str, found: Score) -> dict[str, Any]:
    from unrolled.wire import finite

    numbers = {
        "tokens": found.tokens,
        "nats_per_token": found.nats_per_token,
        "perplexity": found.perplexity,
        "bits_per_byte": found.bits_per_byte,
        "bytes": found.bytes,
    }
    how = {
        "window": found.span.window,
        "stride": found.span.stride,
        "state": "carried" if found.span.carried else "reset",
        "bos": found.bos,
        "first_token_scored": found.first_scored,
        "lossless": found.lossless,
    }
    named = {"model": model.name, "file": file}
    said: dict[str, Any] = named | finite(numbers) | how | {"provenance": [asdict(model.provenance)]}
    return said


def _told(found: Score) -> str:
    rows = [
        ("nats per token", f"{found.nats_per_token:.4f}"),
        ("perplexity", f"{found.perplexity:,.2f}"),
        ("bits per byte", f"{found.bits_per_byte:.4f}"),
        ("tokens", f"{found.tokens:,}"),
        ("bytes", f"{found.bytes:,}"),
    ]
    return "\n".join(f"{name:<16}{value:>14}" for name, value in rows)


def _read(found: Score) -> str:
    """How it was read, in words."""
    span = found.span
    windows = f"windows of {span.window:,}, stride {span.stride:,}"
    way = "state carried through the whole text" if span.carried else windows
    first = "after a beginning-of-text token" if found.bos else "the first token, with nothing before it, not scored"
    lost = "" if found.lossless else ", the vocabulary does not spell all of this text"
    return f"{way}, {first}{lost}"
