"""What the figure `claims` answers with: verdicts over all claims, and one claim with its bounds and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Float64, Int64

from unrolled.figures._panel import Axes

PerClaim = Annotated[tuple[str, ...], Axes("claim")]
PerSentence = Annotated[tuple[str, ...], Axes("sentence")]
"""One for each claim, in their order; long, so that they have a table of their own."""
PerBound = Annotated[tuple[str, ...], Axes("bound")]
PerPlot = Annotated[tuple[str, ...], Axes("plot")]
PerSeries = Annotated[tuple[str, ...], Axes("series")]


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What the rules say, a row a claim, by number."""

    counted: str
    """How many there are of each verdict, in a sentence."""
    numbers: Int64[np.ndarray, "claim"]
    """The claim's number."""
    names: PerClaim
    """Its name, as the command line takes it."""
    says: PerSentence
    """The claims."""
    verdicts: PerClaim
    """holds, holds with limits, does not hold here, not decided, or not run yet."""
    found: PerClaim
    """What decided: the first bound that was not kept; where all are kept, the first that is required. Mean and, over
    seeds, the interval that holds it with 95 % confidence."""
    decided_by: PerSentence
    """That bound, in words with its unit."""
    seeds: Int64[np.ndarray, "claim"]
    """How many were counted."""
    core_minutes: Float64[np.ndarray, "claim"]
    """What it took, in minutes of one core; not a number where it was not run."""
    own: Bool[np.ndarray, "claim"]
    """Whether it was run on this machine; otherwise the result came with the package."""


@dataclass(frozen=True, kw_only=True)
class OneClaim:
    """One claim: question, method, verdict, bounds, pictures as data."""

    number: int
    """Among all claims."""
    name: str
    """As the command line takes it."""
    says: str
    """The claim."""
    verdict: str
    """What the rule makes of it."""
    why: str
    """Why, in a sentence."""
    warnings: Annotated[tuple[str, ...], Axes("warning")]
    """What one should know before believing it."""
    question: str
    """What is measured."""
    method: Annotated[tuple[str, ...], Axes("line")]
    """How, in five lines or fewer."""
    turns: str
    """What would change the verdict."""
    source: str
    """Where the claim is made."""
    command: str
    """What runs it again."""
    took: str
    """Plan, seeds, cells, core-minutes, whose run, machine, versions."""
    own: bool
    """Whether it was run on this machine."""
    bound_part: PerBound
    """required, limit, or control."""
    bound_says: PerBound
    """What must be, in words with its unit."""
    bound_found: PerBound
    """What was found, with its interval."""
    bound_kept: PerBound
    """Whether the whole interval keeps it: kept, not kept, or not measured."""
    plot_title: PerPlot
    """What a picture shows."""
    plot_kind: PerPlot
    """lines or bars."""
    plot_x: PerPlot
    """What is along, with its unit."""
    plot_y: PerPlot
    """What is measured, with its unit."""
    plot_x_log: Bool[np.ndarray, "plot"]
    """Whether places along stand logarithmically."""
    plot_y_log: Bool[np.ndarray, "plot"]
    """The same of what is measured."""
    place_plot: Int64[np.ndarray, "place"]
    """Which picture a named place along belongs to, counted from 0."""
    place_says: Annotated[tuple[str, ...], Axes("place")]
    """Its name, for 0, 1, 2 … along."""
    series_plot: Int64[np.ndarray, "series"]
    """Which picture a series belongs to, counted from 0."""
    series_name: PerSeries
    """What it is."""
    series_role: PerSeries
    """measured, control, or theory."""
    point_series: Int64[np.ndarray, "point"]
    """Which series a point belongs to, counted from 0."""
    point_x: Float64[np.ndarray, "point"]
    """Where it stands along."""
    point_mean: Float64[np.ndarray, "point"]
    """What was measured there, the mean over seeds."""
    point_low: Float64[np.ndarray, "point"]
    """Where its interval begins: 95 %, Student's t over seeds."""
    point_high: Float64[np.ndarray, "point"]
    """Where it ends."""
    point_n: Int64[np.ndarray, "point"]
    """How many values, one a seed."""
    mark_plot: Int64[np.ndarray, "mark"]
    """Which picture a marked value belongs to, counted from 0."""
    mark_y: Float64[np.ndarray, "mark"]
    """The value."""
    mark_says: Annotated[tuple[str, ...], Axes("mark")]
    """What it means."""
