"""The panel `measured` of `emergence`: our own ladder, measured two ways on the same answers, and a prompt for all.

Schaeffer et al. 2023, §3: exact match asks for the whole answer; the log-likelihood counts each character.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from unrolled.checkpoints import ladder
from unrolled.figures._arithmetic import as_printed, as_term, in_units
from unrolled.figures._panel import Axes
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.provenance import COMPUTED_BY, Provenance
from unrolled.text import tasks
from unrolled.trace.answering import answer

PerSize = Annotated[tuple[str, ...], Axes("size")]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One task at every size and save, by two measures; and one prompt at every size."""

    said: str
    """The task in a few words."""
    asked: int
    """Characters of an answer that are measured."""
    tested: int
    """Texts that each measurement is a mean of; none of them was learned from."""
    sizes: PerSize
    """The models by their size, smallest first."""
    parameters: Int64[np.ndarray, "size"]
    """Of each."""
    layers: Int64[np.ndarray, "size"]
    """Blocks of each."""
    seeds: Int64[np.ndarray, "size"]
    """How many trainings of that size there are, each with other first weights and other texts."""
    steps: Int64[np.ndarray, "save"]
    """Steps of the training after which it was measured."""
    tokens: Int64[np.ndarray, "save"]
    """Characters that had been learned from by then, of all three tasks."""
    exact_match: Float64[np.ndarray, "size save"]
    """Share of answers that were right in every character, mean over seeds."""
    exact_match_low: Float64[np.ndarray, "size save"]
    """Of the seed with the least."""
    exact_match_high: Float64[np.ndarray, "size save"]
    """Of the seed with the most."""
    log_likelihood: Float64[np.ndarray, "size save"]
    """Mean ln p of the answer's characters, in nats a character, mean over seeds."""
    log_likelihood_low: Float64[np.ndarray, "size save"]
    """Of the seed with the least."""
    log_likelihood_high: Float64[np.ndarray, "size save"]
    """Of the seed with the most."""
    wide: float
    """Exact match of a control: one layer alone, as large as the fifth size."""
    wide_log_likelihood: float
    """The control's log-likelihood, in nats a character."""
    prompt: str
    """What each size was given."""
    right: str
    """The right answer to it."""
    written: PerSize
    """What each size wrote: its likeliest character, again and again."""
    is_right: Bool[np.ndarray, "size"]
    """Whether that is the right answer."""
    characters: Annotated[tuple[str, ...], Axes("character")]
    """Characters of the right answer."""
    character_log_likelihood: Float64[np.ndarray, "size character"]
    """ln p that each size gives to them, each after the right ones before it, in nats."""
    prompt_log_likelihood: Float64[np.ndarray, "size"]
    """Their mean."""
    arithmetic: PerSize
    """That mean, worked out."""


def measured(task: str, prompt: str) -> Work[Measured]:
    """Reads what was recorded, and runs the prompt on every size."""
    chosen, said = tasks.task(task), ladder.measured()
    typed = prompt.strip() or chosen.example
    given, right = chosen.solve(typed)
    rungs = ladder.rungs()
    found = []
    for done, rung in enumerate(rungs):
        yield Progress(done, len(rungs), f"{rung.name} answers")
        stop_if_cancelled()
        found.append(answer(rung.module, tasks.ids_of(given), tasks.ids_of(right)))
    written = tuple(tasks.text_of(each.ids) for each in found)
    characters = np.array([each.log_likelihoods for each in found], dtype=np.float64)
    wide = next((run for run in said["runs"] if run["control"] == "wide"), None)
    return Measured(
        said=chosen.said,
        asked=chosen.asked,
        tested=said["tested"],
        sizes=tuple(said["sizes"]),
        parameters=np.array([rung.parameters for rung in rungs]),
        layers=np.array([rung.layers for rung in rungs]),
        steps=np.array(said["steps"]),
        tokens=np.array(said["tokens"]),
        **_recorded(said, task),
        wide=wide["measured"][task][-1][0] if wide else math.nan,
        wide_log_likelihood=wide["measured"][task][-1][1] if wide else math.nan,
        prompt=given,
        right=right,
        written=written,
        is_right=np.array([each == right for each in written]),
        characters=tuple(right),
        character_log_likelihood=characters,
        prompt_log_likelihood=characters.mean(1),
        arithmetic=tuple(mean_told(row) for row in characters),
    )


def _recorded(said: Any, task: str) -> dict[str, Any]:
    """Means over seeds with least and most, (size, save) each."""
    runs = [run for run in said["runs"] if not run["control"]]
    by_size = [np.array([run["measured"][task] for run in runs if run["size"] == size]) for size in said["sizes"]]
    found: dict[str, Any] = {"seeds": np.array([len(each) for each in by_size])}
    for column, name in enumerate(("exact_match", "log_likelihood")):
        of = [each[..., column] for each in by_size]
        found[name] = np.array([each.mean(0) for each in of])
        found[f"{name}_low"] = np.array([each.min(0) for each in of])
        found[f"{name}_high"] = np.array([each.max(0) for each in of])
    return found


def mean_told(values: Sequence[float]) -> str:
    """`(−0.12 − 0.03 − …) ÷ 5 = −0.55 ÷ 5 = −0.11`, each side true of the printed figures."""
    decimals = 4
    terms = [in_units(float(value), decimals) for value in values]
    total, count = sum(terms), len(terms)
    sums = " + ".join(as_term(term, decimals) for term in terms)
    mean = as_printed(round(total / count), decimals)
    return f"({sums}) ÷ {count} = {as_printed(total, decimals)} ÷ {count} = {mean}"


def sources() -> tuple[Provenance, ...]:
    """The models that answer, and the recording over their trainings."""
    said, rungs = ladder.measured(), ladder.rungs()
    weights = hashlib.sha256("".join(rung.sha256 for rung in rungs).encode()).hexdigest()
    return (
        Provenance(
            name=f"the ladder, {len(rungs)} sizes from {rungs[0].name} to {rungs[-1].name}",
            kind="trained",
            hash=weights,
            version=COMPUTED_BY,
            dtype="float32",
            seed=0,
            training="trained by this project: unrolled reproduce --only emergence, seed 0",
        ),
        Provenance(
            name="exact match and log-likelihood over size and training",
            kind="recorded",
            hash=said["cells"],
            version=said["versions"],
            dtype="float32",
        ),
    )
