"""A training run as its folder stands: what figures are given of it, from config.toml and log.jsonl.

The same folder gives the same snapshot. It may be a run that is being written right now, one that was cut off, or one
that has not measured anything yet.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from jaxtyping import Float64, Int64
from pydantic import TypeAdapter, ValidationError

from unrolled.checkpoints.run_folder import CONFIG, read_run_config
from unrolled.checkpoints.run_lock import at_work
from unrolled.checkpoints.run_log import LOG, events_in, log_bytes
from unrolled.errors import BadCheckpoint, UnknownRun
from unrolled.provenance import Provenance

FORMAT = 1
"""Of a training's folder: [training], log.jsonl and saves/. Another number is another version's."""

Stage = Literal["preparing", "running", "stopped", "finished"]
Events = Sequence[Mapping[str, Any]]
Columns = TypeVar("Columns", bound="Measured | Reports")
_LETTERS = 4000
"""Of a sample, at most; trainings write some hundreds."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was learnt, a row for each measurement."""

    step: Int64[np.ndarray, " measured"]
    tokens: Int64[np.ndarray, " measured"]
    """Learnt from since the beginning of the run."""
    loss: Float64[np.ndarray, " measured"]
    """Mean since the measurement before, in nats a token."""
    learning_rate: Float64[np.ndarray, " measured"]
    gradient_norm: Float64[np.ndarray, " measured"]
    """Before clipping."""
    tokens_per_second: Float64[np.ndarray, " measured"]


@dataclass(frozen=True, kw_only=True)
class Reports:
    """What was measured on the held-out part, a row for each time."""

    step: Int64[np.ndarray, " report"]
    tokens: Int64[np.ndarray, " report"]
    loss: Float64[np.ndarray, " report"]
    """Nats a token."""
    bits_per_byte: Float64[np.ndarray, " report"]
    """nan where not all of the held-out part was measured."""
    predicted: Int64[np.ndarray, " report"]
    """Tokens that this is the mean of."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the model said at a step."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run folder as it stood when it was read."""

    name: str
    family: str
    stage: Stage
    folder: str
    """What `unrolled train --out` is told to go on with it; "" for a run whose saves are not here."""
    training: str
    """Who trained it, by which recipe and seed: a provenance's words."""
    torch: str
    """Version."""
    device: str
    seed: int
    precision: str
    """Of the training's matrix products."""
    label_smoothing: float
    """Of the training loss."""
    vocabulary: int
    parameters: int
    """0: not said yet."""
    held_out_tokens: int
    held_out_bytes: int
    measured_on: str
    """Runs of which this is the same are measured on the same tokens."""
    unigram: float
    """Entropy of the held-out tokens one by one, in nats; nan if the run does not say."""
    step: int
    """The last one that was heard of."""
    steps: int
    """0: not known yet."""
    measured: Measured
    reports: Reports
    samples: tuple[Sample, ...]
    kept: tuple[int, ...]
    """Steps at which weights were kept."""
    newest: str
    """When the log was last written to, of a run that has not said its end; UTC, ISO 8601."""
    sha256: str
    """Of the log."""

    @property
    def provenance(self) -> Provenance:
        """What is shown of a run was recorded while it trained."""
        return Provenance(
            name=self.name,
            kind="recorded",
            hash=self.sha256,
            version=f"torch {self.torch.partition('+')[0]}",
            device=self.device,
            dtype=self.precision,
            training=self.training,
        )


@dataclass(frozen=True)
class _Optimiser:
    label_smoothing: float = 0.0
    precision: str = "float32"


@dataclass(frozen=True)
class _Fixed:
    steps: int
    torch: str
    device: str
    held_out_tokens: int
    held_out_bytes: int
    tokenizer_sha256: str


@dataclass(frozen=True)
class _Said:
    """What [training] says and a snapshot holds."""

    seed: int
    run: _Fixed
    optimiser: _Optimiser
    keep: tuple[float, ...] = ()


def read_run(folder: Path, name: str, *, shipped: str = "") -> Run:
    """The run in `folder`. `shipped`: of a run that this project ships, the words that say so.

    Raises:
        UnknownRun: no run folder.
        BadCheckpoint: one that is damaged, of another version, or not made by a training.
    """
    if not (folder / CONFIG).is_file():
        raise UnknownRun(f"{name} is no run folder: it has no {CONFIG}. `unrolled train` begins one.")
    config = read_run_config(folder)
    said = _said(folder, config.training)
    busy = not shipped and at_work(folder, folder / LOG)
    log = log_bytes(folder)
    events = events_in(log)
    begun = _last(events, "started")
    ended = _last(events, "ended")
    stage = _stage(busy, begun, ended)
    return Run(
        name=name,
        family=config.family,
        stage=stage,
        folder="" if shipped else _tilde(folder),
        training=shipped or f"trained by unrolled train: family {config.family}, seed {said.seed}",
        torch=said.run.torch,
        device=said.run.device,
        seed=said.seed,
        precision=said.optimiser.precision,
        label_smoothing=said.optimiser.label_smoothing,
        vocabulary=config.config.vocabulary,
        parameters=_whole(begun.get("parameters")),
        held_out_tokens=said.run.held_out_tokens,
        held_out_bytes=said.run.held_out_bytes,
        measured_on=f"{said.run.tokenizer_sha256} {said.run.held_out_tokens} {said.run.held_out_bytes}",
        unigram=_number(begun.get("unigram")),
        step=(step := max((event["step"] for event in events), default=0)),
        steps=(steps := said.run.steps or _whole(begun.get("steps"))),
        measured=_columns(Measured, events, "measured"),
        reports=_columns(Reports, events, "heldout"),
        samples=_samples(events),
        kept=tuple(each for each in kept_steps(said.keep, steps) if begun and each <= step),
        newest="" if stage == "finished" or ended else _changed(folder / LOG),
        sha256=hashlib.sha256(log).hexdigest(),
    )


def kept_steps(keep: Iterable[float], steps: int) -> tuple[int, ...]:
    """The steps whose weights a run of so many steps keeps; `keep`: shares of the run."""
    return tuple(sorted({round(share * steps) for share in keep})) if steps else ()


def _said(folder: Path, training: Mapping[str, Any]) -> _Said:
    fixed = training.get("run")
    if not isinstance(fixed, Mapping):
        raise BadCheckpoint(f"{folder / CONFIG} has no [training.run], so it was not made by a training.")
    if fixed.get("format") != FORMAT:
        raise BadCheckpoint(
            f"{folder} was made by another version of unrolled (format {str(fixed.get('format'))[:40]}, this one reads"
            f" {FORMAT}): look at it with that version."
        )
    try:
        said = TypeAdapter(_Said).validate_python(training)
    except ValidationError as error:
        raise BadCheckpoint(f"{folder / CONFIG}: [training] is damaged: {error.errors()[0]['msg']}.") from None
    if not all(0 <= share <= 1 for share in said.keep) or not 0 <= said.run.steps < 1 << 53:
        raise BadCheckpoint(f"{folder / CONFIG}: [training] is damaged: keep or steps cannot be.")
    return said


def _stage(busy: bool, begun: Mapping[str, Any], ended: Mapping[str, Any]) -> Stage:
    if ended.get("finished") is True:
        return "finished"
    if busy:
        return "running" if begun else "preparing"
    return "stopped"


def _columns(kind: type[Columns], events: Events, name: str) -> Columns:
    """One array for each field, of the events of that name that are whole, in the order of their steps."""
    whole = {each.name for each in dataclasses.fields(kind) if each.name in ("step", "tokens", "predicted")}
    names = [each.name for each in dataclasses.fields(kind)]
    rows: list[dict[str, float]] = []
    for event in events:
        row = {each: (_whole if each in whole else _number)(event.get(each)) for each in names}
        if event["event"] == name and _is_next(row, rows[-1] if rows else {}):
            rows.append(row)
    types = {each: np.int64 if each in whole else np.float64 for each in names}
    return kind(**{each: np.array([row[each] for row in rows], types[each]) for each in names})


def _is_next(row: Mapping[str, float], before: Mapping[str, float]) -> bool:
    """Whether a row can follow: a later step, more tokens, a loss that is a number."""
    later = all(row[each] > before.get(each, 0) for each in ("step", "tokens"))
    return later and math.isfinite(row["loss"]) and row.get("tokens_per_second", 1.0) > 0


def _samples(events: Events) -> tuple[Sample, ...]:
    said = [event for event in events if event["event"] == "sampled"]
    return tuple(
        Sample(step=event["step"], prompt=event["prompt"][:_LETTERS], text=event["text"][:_LETTERS])
        for event in said
        if isinstance(event.get("prompt"), str) and isinstance(event.get("text"), str)
    )


def _last(events: Events, name: str) -> Mapping[str, Any]:
    return next((event for event in reversed(events) if event["event"] == name), {})


def _whole(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 1 << 53 else 0


def _number(value: Any) -> float:
    """A number, also one that is a word because JSON has none for it."""
    if (type(value) is int and abs(value) < 1 << 53) or type(value) is float or value in ("inf", "-inf"):
        return float(value)
    return math.nan


def _changed(path: Path) -> str:
    if not path.is_file():
        return ""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _tilde(folder: Path) -> str:
    """The folder as one would type it, from anywhere on this machine."""
    whole = folder.expanduser().resolve()
    if not whole.is_relative_to(Path.home()) or shlex.quote(str(whole)) != str(whole):
        return shlex.quote(str(whole))
    return f"~/{whole.relative_to(Path.home()).as_posix()}"
