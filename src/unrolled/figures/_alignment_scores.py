"""Recorded scores by source length of the figure `alignment`, as scripts/score_by_length.py measured them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.checkpoints import Model
from unrolled.figures import _recorded
from unrolled.figures._inputs import Models
from unrolled.provenance import Provenance

RECORDED = "_alignment_scores.toml"


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One model's, in one measure."""

    shortest: np.ndarray
    longest: np.ndarray
    pairs: np.ndarray
    score: np.ndarray
    low: np.ndarray
    high: np.ndarray
    all: float
    note: str
    about: str


def recorded() -> Mapping[str, Any]:
    """What the script wrote."""
    return _recorded.recorded(RECORDED)[0]


def scores_of(model: Model, measure: str) -> Scores:
    """What was recorded of the model of that name; not a number where nothing was."""
    said = recorded()
    found: Any = said["models"].get(model.name)
    nothing = [float("nan")] * len(said["pairs"])
    of_measure: Any = (
        found[measure] if found else {"score": nothing, "low": nothing, "high": nothing, "all": float("nan")}
    )
    return Scores(
        **{name: np.array(said[name], np.int64) for name in ("shortest", "longest", "pairs")},
        **{name: np.array(of_measure[name], np.float64) for name in ("score", "low", "high")},
        all=float(of_measure["all"]),
        note=_note(model, found),
        about=said["about"],
    )


def sources(models: Models, knobs: Mapping[str, Any]) -> tuple[Provenance, ...]:
    """One entry a model: of which file the scores are."""
    said = recorded()
    return tuple(_source(model, said) for model in models)


def _source(model: Model, said: Mapping[str, Any]) -> Provenance:
    found = said["models"].get(model.name)
    name = f"scores of {model.name}" if found else f"nothing of {model.name}"
    return Provenance(
        name=f"{name}, {said['date']}",
        kind="recorded",
        hash=found["sha256"] if found else None,
        version=said["version"],
        dtype="float32",
    )


def _note(model: Model, found: Mapping[str, Any] | None) -> str:
    """Whether the scores are of the very file that is open."""
    if found is None:
        there = ", ".join(recorded()["models"])
        return f"no scores of {Path(model.name).name} were recorded; there are those of {there}"
    if found["sha256"] != model.provenance.hash:
        return (
            f"recorded of another version of {model.name} (sha256 {found['sha256'][:8]}…), not of the one that is open"
        )
    return ""
