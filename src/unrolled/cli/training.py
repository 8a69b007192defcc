"""How a training is shown: a bar where a person watches, plain lines elsewhere, or one JSON object a line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from unrolled.training import Ended, Event, HeldOut, Measured, Preparing, Sampled, Started, to_json

_QUIET = 10.0
"""Seconds between two plain lines about steps."""


class Speaker:
    """Shows a training's events."""

    def __init__(self, out: Path, *, as_json: bool) -> None:
        self.out, self.as_json = out, as_json
        self.console = Console(highlight=False, soft_wrap=True)
        self.family, self.steps, self._spoke = "", 1, -_QUIET
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
        live = self.console.is_terminal and not as_json
        self.bar = Progress(*columns, console=self.console, transient=True, disable=not live)
        self.task: TaskID = self.bar.add_task("", total=None)

    def tell(self, events: Iterable[Event]) -> None:
        """Each event as it comes."""
        with self.bar:
            for event in events:
                if self.as_json:
                    print(json.dumps(to_json(event), ensure_ascii=False), flush=True)
                else:
                    self._show(event)

    def _show(self, event: Event) -> None:
        match event:
            case Preparing():
                self._preparing(event)
            case Started():
                self._started(event)
            case Measured():
                self._measured(event)
            case HeldOut():
                bits = "" if event.bits_per_byte is None else f", {event.bits_per_byte:.3f} bits a byte"
                self._say(
                    f"step {event.step:,} of {self.steps:,}: held out {event.loss:.4f} nats a token,"
                    f" perplexity {event.perplexity:.2f}{bits}"
                )
            case Sampled():
                self._say(f"    {' '.join(event.prompt.split())} → {' '.join(event.text.split())}", style="dim")
            case Ended():
                self._ended(event)

    def _preparing(self, event: Preparing) -> None:
        self.bar.update(self.task, description=event.note, completed=event.done, total=event.total)
        if not self.console.is_terminal and self._long_silent():
            self._say(f"{event.note} …")

    def _started(self, event: Started) -> None:
        self.family, self.steps, self._spoke = event.family, event.steps, -_QUIET
        self.bar.update(self.task, total=event.steps, completed=event.step)
        goes_on = f" from step {event.step:,}" if event.step else ""
        self._say(
            f"{event.family}: {event.parameters:,} parameters, {event.parameters - event.embedding_parameters:,} beyond"
            f" its tables; {event.steps:,} steps{goes_on}, {event.epochs:.2f} times over {event.train_tokens:,} tokens,"
            f" {event.held_out_tokens:,} held out"
        )
        for note in event.notes:
            self._say(note)

    def _measured(self, event: Measured) -> None:
        perplexity = HeldOut.perplexity_of(event.loss)
        state = f"loss {event.loss:.3f}, perplexity {perplexity:.1f}, {event.tokens_per_second:,.0f} tokens/s"
        if self.console.is_terminal:
            self.bar.update(self.task, completed=event.step, description=f"step {event.step:,}: {state}")
        elif self._long_silent():
            self._say(f"step {event.step:,} of {self.steps:,}: {state}")

    def _ended(self, event: Ended) -> None:
        if event.finished:
            self._say(f"Finished in {event.seconds / 60:.1f} minutes: {self.out}")
            if self.family not in ("seq2seq", "transformer"):
                self._say(f'  unrolled figure next_token --model {self.out} --text "…"')
        else:
            self._say(f"Saved after step {event.step:,} of {event.steps:,}. To go on:")
            self._say(f"  unrolled train --out {self.out} --resume")

    def _long_silent(self) -> bool:
        silent = time.monotonic() - self._spoke >= _QUIET
        self._spoke = time.monotonic() if silent else self._spoke
        return silent

    def _say(self, line: str, style: str = "") -> None:
        self.console.print(line, markup=False, style=style)
