"""What appeared when models grew?

From 2018 on the same machine was built again and again, larger each time and on more text. Most of what was measured
went up smoothly. Some things were absent at one size and there at the next. What was published of it stands here, each
number with the document in which it was seen; what was not disclosed is said to be not disclosed. Brown et al. 2020;
Wei et al. 2022; Schaeffer et al. 2023.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from unrolled.figures._emergence_measured import Measured
from unrolled.figures._emergence_measured import measured as ask_ladder
from unrolled.figures._emergence_measured import sources as ladder_sources
from unrolled.figures._emergence_published import (
    CURVES,
    MODELS,
    Entry,
    Source,
    entries,
    firsts,
    provenance_of,
    sources_of,
    tasks,
    unit_of,
)
from unrolled.figures._emergence_results import Curves, Published, Thresholds
from unrolled.figures._knobs import Choice, Length, Range
from unrolled.figures._panel import panel
from unrolled.mathematics import Formula, Symbol
from unrolled.progress import Work
from unrolled.trace.answering import answer

WEI = "wei2022emergent"
CHANCE = {"MMLU": 25.0}  # per cent, by guessing
TASKS = (
    "sums", "differences and products", "letters in words", "57 subjects (MMLU)", "step by step (GSM8K)",
    "translation and questions", "last words (LAMBADA)", "perplexity (GPT-2)",
)  # fmt: skip
UPWARDS = ("parameters", "training tokens", "context", "layers", "width", "heads", "MMLU", "HumanEval")

_STEPS = Formula(
    r"a = p^{L} \qquad p = a^{1/L}",
    (
        Symbol("a", "share of answers that are right in every step: exact match", "a share"),
        Symbol("p", "chance that one step is right, if all are equally hard and independent", "a share"),
        Symbol("L", "steps that an answer has, such as the digits of a sum", "a count"),
    ),
)


@panel(
    source="the documents that stand beside each number",
    sources=lambda models, knobs: (provenance_of("papers and model cards, named beside each number", MODELS),),
)
def published() -> Published:
    """Models from 2017 on, by when they were described and how large they were, each number with its source."""
    models = entries()
    numbers = [(index, number) for index, each in enumerate(models) for number in each.numbers]
    return Published(
        names=tuple(each.name for each in models),
        families=tuple(each.family for each in models),
        makers=tuple(each.maker for each in models),
        dates=tuple(each.date for each in models),
        year=np.array([each.year for each in models]),
        new=tuple(each.new for each in models),
        new_source=tuple(_said(each) for each in models),
        new_link=tuple(each.new_source.link if each.new_source else "" for each in models),
        number_model=np.array([index for index, _ in numbers]),
        number_what=tuple(number.what for _, number in numbers),
        number_value=np.array([_plain(number.value) for _, number in numbers]),
        number_text=tuple(number.text for _, number in numbers),
        number_about=tuple(number.about for _, number in numbers),
        number_cite=tuple(number.source.cite for _, number in numbers),
        number_source=tuple(number.source.paper for _, number in numbers),
        number_where=tuple(number.where for _, number in numbers),
        number_link=tuple(number.source.link for _, number in numbers),
        number_seen=tuple(number.source.seen for _, number in numbers),
        measures=UPWARDS,
        units=tuple(unit_of(each).strip() for each in UPWARDS),
        chance=np.array([CHANCE.get(each, math.nan) for each in UPWARDS]),
    )


def per_step(score: float, steps: int) -> float:
    """p from p^L = a, both in per cent: how often one of L equal and independent steps would be right."""
    return float(100 * (score / 100) ** (1 / steps))


def _curve_sources(models: Any, knobs: dict[str, Any]) -> Any:
    lines = tasks()[knobs["task"]]["lines"]
    named = dict.fromkeys(f"{sources_of()[line['source']].paper}, {line['where']}" for line in lines)
    return tuple(provenance_of(name, CURVES) for name in named)


@panel(
    formula=_STEPS,
    source="Brown et al. 2020, Table H.1, and others beside each line; steps: Schaeffer et al. 2023, §2",
    shows=(per_step,),
    sources=_curve_sources,
)
def curves(*, task: Annotated[str, Choice(*TASKS)] = "sums", steps: Annotated[int, Range(1, 8)] = 1) -> Curves:
    """Scores of one task at several sizes, as published; and how often one step of an answer would be right.

    Args:
        task: what the models were asked.
        steps: how many steps an answer is thought to have that must all be right, such as digits; 1 leaves the score as
            it is, and so do tasks whose answers are no such strings.
    """
    row, known = tasks()[task], sources_of()
    lines = [(line, known[line["source"]]) for line in row["lines"]]
    points = [
        (number, 1e9 * size, score)
        for number, (line, _) in enumerate(lines)
        for size, score in zip(line["sizes"], line["values"], strict=True)
    ]
    exact = row.get("exact", False)
    return Curves(
        title=row["title"],
        about=row["about"],
        unit=row["unit"],
        lower=row.get("lower", False),
        exact=exact,
        chance=row.get("chance", math.nan),
        steps=steps if exact else 1,
        names=tuple(line["name"] for line, _ in lines),
        sources=tuple(f"{source.paper}, {line['where']}" for line, source in lines),
        links=tuple(source.link for _, source in lines),
        seen=tuple(source.seen for _, source in lines),
        point_line=np.array([number for number, _, _ in points]),
        size=np.array([size for _, size, _ in points]),
        score=np.array([score for _, _, score in points], dtype=np.float64),
        per_step=np.array([per_step(score, steps) if exact else math.nan for _, _, score in points]),
        arithmetic=tuple(_root(score, steps) if exact and steps > 1 else "" for _, _, score in points),
    )


@panel(
    source="Wei et al. 2022, Emergent abilities, Table 1",
    sources=lambda models, knobs: (provenance_of(f"{sources_of()[WEI].paper}, Table 1", CURVES),),
)
def thresholds() -> Thresholds:
    """Abilities by the size at which they were first seen, among the sizes that were tried."""
    rows = sorted(firsts(), key=lambda row: (row["parameters"], row["flops"]))
    source: Source = sources_of()[WEI]
    return Thresholds(
        abilities=tuple(row["ability"] for row in rows),
        how=tuple(row["how"] for row in rows),
        models=tuple(row["model"] for row in rows),
        parameters=np.array([row["parameters"] for row in rows]),
        flops=np.array([row["flops"] for row in rows]),
        source=f"{source.paper}, Table 1",
        link=source.link,
        seen=source.seen,
    )


_TWO_WAYS = Formula(
    r"\text{exact match} = \prod_{i=1}^{L} [\hat{y}_i = y_i] \qquad "
    r"\ell = \frac{1}{L} \sum_{i=1}^{L} \ln p(y_i \mid x, y_{<i})",
    (
        Symbol("x", "the prompt", "characters"),
        Symbol("y_i", "the right answer's i-th character", "a character"),
        Symbol(r"\hat{y}_i", "the character that the model finds likeliest there", "a character"),
        Symbol("L", "characters of the answer", "a count"),
        Symbol(r"\ell", "log-likelihood of the right answer", "nats a character"),
    ),
)


@panel(
    formula=_TWO_WAYS,
    source="Schaeffer et al. 2023, §3; the tasks after Elhage et al. 2021 and Nye et al. 2021",
    claim="emergence",
    shows=(ask_ladder, answer),
    sources=lambda models, knobs: ladder_sources(),
)
def measured(
    *,
    problem: Annotated[str, Choice("recall", "addition", "scratchpad")] = "recall",
    prompt: Annotated[str, Length(48)] = "",
) -> Work[Measured]:
    """Eight sizes of one small model on a task of their own, by two measures of the same answers; and your own prompt.

    Args:
        problem: recall goes on with letters that repeat; addition writes a sum at once, scratchpad digit by digit with
            carries first.
        prompt: what all sizes are asked; empty for an example.
    """
    return (yield from ask_ladder(problem, prompt))


def _plain(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _said(entry: Entry) -> str:
    return f"{entry.new_source.paper}, {entry.new_where}" if entry.new_source else ""


def _root(score: float, steps: int) -> str:
    """`0.538^4 = 0.0840`: as many decimals as it takes for the printed power to be the printed score."""
    share = round(score / 100, 4)
    root = share ** (1 / steps)
    decimals = next(places for places in range(3, 13) if round(round(root, places) ** steps, 4) == share)
    return f"{root:.{decimals}f}^{steps} = {share:.4f}"
