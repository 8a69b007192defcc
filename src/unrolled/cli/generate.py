"""`unrolled generate`: a model goes on from a prompt, and the text appears as it is made."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, replace
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.bar import bar, errors
from unrolled.cli.opening import open_as
from unrolled.cli.options import AsJson, Device, Dtype, ModelName, Weights
from unrolled.errors import EmptyText
from unrolled.progress import Progress

if TYPE_CHECKING:
    from unrolled.generating import Continuation, Drawn


def generate(
    model: ModelName,
    prompt: Annotated[str, typer.Option(help="What the model goes on from; - reads standard input.")] = "",
    tokens: Annotated[int, typer.Option(help="How many tokens at most.")] = 128,
    temperature: Annotated[float, typer.Option(help="0 is greedy, above 1 flattens; up to 2.")] = 1.0,
    top_k: Annotated[int, typer.Option(help="Keep only the k likeliest tokens; 0 keeps all.")] = 0,
    top_p: Annotated[
        float, typer.Option(help="Keep the fewest likeliest tokens that reach this probability; 1 keeps all.")
    ] = 1.0,
    min_p: Annotated[
        float, typer.Option(help="Drop tokens less likely than this share of the likeliest; 0 keeps all.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws: the same seed gives the same text.")] = 0,
    chat: Annotated[bool, typer.Option("--chat", help="The prompt is a message to an assistant.")] = False,
    bos: Annotated[bool, typer.Option("--bos/--no-bos", help="Begin with the beginning-of-text token.")] = False,
    as_json: AsJson = False,
    device: Device = "cpu",
    dtype: Dtype = "float32",
    weights: Weights = None,
) -> None:
    """Write on from a prompt with any language model; Ctrl-C stops it."""
    from unrolled import flags, generating

    sampling = generating.Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    read = flags.read(prompt) or ""
    if not (read or bos):
        raise EmptyText("The prompt is empty: give one with --prompt, or begin with --bos.")
    opened = open_as(model, device, dtype, weights)
    ids = opened.encode(read, bos=bos, chat=chat).ids
    written = Written(generating.generating(opened, ids, tokens, sampling, seed=seed))
    with suppress(KeyboardInterrupt):
        for text in written:
            if not as_json:
                print(text, end="", flush=True)
    if as_json:
        asked = {"tokens": tokens, **asdict(sampling), "seed": seed, "chat": chat, "bos": bos}
        found = {"model": model, "prompt": read, "prompt_tokens": len(ids), **written.found(), "knobs": asked}
        print(json.dumps(found | {"provenance": [asdict(replace(opened.provenance, seed=seed))]}, ensure_ascii=False))
    else:
        print()
        by = f"{opened.name}, {opened.provenance.dtype} on {opened.device}, seed {seed}"
        errors.print(f"{written.told()}; {by}", markup=False)
    if written.stopped == "interrupted":
        raise typer.Exit(130)


class Written:
    """The pieces of a text as they come, and what there is of it so far."""

    def __init__(self, work: Generator[Progress | Drawn, None, Continuation]) -> None:
        self._work = work
        self.ids: list[int] = []
        self.text = ""
        self.stopped = "interrupted"
        self._seconds = 0.0
        """After the first token."""

    def __iter__(self) -> Generator[str, None, None]:
        try:
            first = self._first()
            begun = perf_counter()
            yield self._take(first)
            while True:
                event = next(self._work)
                if not isinstance(event, Progress):
                    self._seconds = perf_counter() - begun
                    yield self._take(event)
        except StopIteration as end:
            self.stopped = end.value.stopped

    def _first(self) -> Drawn:
        """The first token, with a bar while the prompt is read."""
        with bar() as show:
            while isinstance(event := next(self._work), Progress):
                show(event)
        return event

    def _take(self, drawn: Drawn) -> str:
        self.ids.append(drawn.id)
        self.text += drawn.text
        return drawn.text

    def found(self) -> dict[str, Any]:
        """For --json."""
        return {"text": self.text, "ids": self.ids, "stopped": self.stopped}

    def told(self) -> str:
        """For people."""
        n = len(self.ids)
        pace = f", {(n - 1) / self._seconds:.1f} a second after the first" if n > 1 and self._seconds else ""
        ends = {"end": "the model ended its text", "length": "as asked for", "interrupted": "stopped"}
        return f"{n} token{'' if n == 1 else 's'}{pace}: {ends[self.stopped]}"
