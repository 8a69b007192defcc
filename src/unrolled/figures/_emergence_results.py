"""What the figure `emergence` answers with: models, numbers with their sources, curves, and where abilities began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float64, Int64

from unrolled.figures._panel import Axes

PerModel = Annotated[tuple[str, ...], Axes("model")]
PerNumber = Annotated[tuple[str, ...], Axes("number")]
PerLine = Annotated[tuple[str, ...], Axes("line")]
PerAbility = Annotated[tuple[str, ...], Axes("ability")]


@dataclass(frozen=True, kw_only=True)
class Published:
    """Models by the month in which they were described, and every number that was seen of them."""

    names: PerModel
    """The models, oldest first, small before large."""
    families: PerModel
    """Sizes of one design share a family."""
    makers: PerModel
    """Who trained it."""
    dates: PerModel
    """Month of the document that is cited."""
    year: Float64[np.ndarray, "model"]
    """The same in years, the month as a part of the year."""
    new: PerModel
    """What it could newly do, for the model that a family is known by."""
    new_source: PerModel
    """Where that is said."""
    new_link: PerModel
    """Address of that document."""
    number_model: Int64[np.ndarray, "number"]
    """Which model a number is about, counted from 0."""
    number_what: PerNumber
    """What was counted or measured."""
    number_value: Float64[np.ndarray, "number"]
    """The number, in the unit that its text says; not a number where it is not disclosed."""
    number_text: PerNumber
    """The same in words, with its unit."""
    number_about: PerNumber
    """What it means, and how it was measured."""
    number_cite: PerNumber
    """The document in short."""
    number_source: PerNumber
    """The document: authors, year, title."""
    number_where: PerNumber
    """Table or section."""
    number_link: PerNumber
    """Address of the document."""
    number_seen: PerNumber
    """What was read of the document."""
    measures: Annotated[tuple[str, ...], Axes("measure")]
    """What may be drawn upwards."""
    units: Annotated[tuple[str, ...], Axes("measure")]
    """Its unit."""
    chance: Float64[np.ndarray, "measure"]
    """What guessing gives, in the unit, where it is a score by choices; not a number otherwise."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """One task at several sizes, as published."""

    title: str
    """Which task, and how it was asked."""
    about: str
    """What is counted."""
    unit: str
    """Unit of the scores."""
    lower: bool
    """Whether lower is better."""
    exact: bool
    """Whether an answer counts only if every character of it is right."""
    chance: float
    """What guessing gives; not a number where that is next to nothing."""
    steps: int
    """How many steps an answer is thought to have, all of which must be right."""
    names: PerLine
    """The lines: tasks of one model family, or one task for several."""
    sources: PerLine
    """Document, table or section."""
    links: PerLine
    """Address of the document."""
    seen: PerLine
    """What was read of the document."""
    point_line: Int64[np.ndarray, "point"]
    """Which line a point belongs to, counted from 0."""
    size: Float64[np.ndarray, "point"]
    """Parameters of the model."""
    score: Float64[np.ndarray, "point"]
    """The published score, in the unit."""
    per_step: Float64[np.ndarray, "point"]
    """Per cent: how often one step would be right, if all steps were equally hard and independent. Not published but
    computed from the score; not a number where answers are no strings of steps."""
    arithmetic: Annotated[tuple[str, ...], Axes("point")]
    """How that comes about."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """At which of the sizes that were tried an ability was first seen."""

    abilities: PerAbility
    """What the models could do from there on, better than by guessing."""
    how: PerAbility
    """What it took besides size."""
    models: PerAbility
    """The family in which it was seen."""
    parameters: Float64[np.ndarray, "ability"]
    """Size of the smallest model of that family that could."""
    flops: Float64[np.ndarray, "ability"]
    """Operations that its training took."""
    source: str
    """The document."""
    link: str
    """Its address."""
    seen: str
    """What was read of it."""
