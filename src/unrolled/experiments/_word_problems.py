"""Word problems that take two steps, from four templates, each with its steps and its answer; and a model that solves
them, at once or step by step. "Let's think step by step": Kojima et al. 2022; its second question, which asks for the
answer after what the model wrote, is theirs too. Examples with their steps: Wei et al. 2022.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from unrolled.checkpoints import Model
from unrolled.experiments._asking import answers, ids_of, written
from unrolled.experiments._claim import Found

NAMES = ("Anna", "Tom", "Mary", "John", "Lisa", "Peter", "Sarah", "Paul")
THINGS = ("apples", "books", "cards", "coins", "eggs", "pencils", "cups", "balls")
TEMPLATES = 4
TOKENS = 40
"""That steps may take."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One problem."""

    asked: str
    steps: str
    """Both of them, in two sentences."""
    answer: int


def problem(drawn: np.random.Generator, template: int) -> Problem:
    """A problem with small numbers; answers from 1 to 27."""
    who, other = drawn.choice(NAMES, 2, replace=False)
    things = drawn.choice(THINGS)
    a, b, c = (int(x) for x in drawn.integers(2, 10, 3))
    if template == 0:
        c = min(c, a + b - 1)
        asked = f"{who} has {a} {things}. {who} buys {b} more and then gives {c} to {other}. "
        return Problem(
            asked=f"{asked}How many {things} does {who} have now?",
            steps=f"{who} has {a} + {b} = {a + b} {things} after buying. Then {a + b} - {c} = {a + b - c} are left.",
            answer=a + b - c,
        )
    if template == 1:
        asked = f"{who} has {a} {things}. {other} has {b} more {things} than {who}. "
        return Problem(
            asked=f"{asked}How many {things} do they have together?",
            steps=f"{other} has {a} + {b} = {a + b} {things}. Together they have {a} + {a + b} = {2 * a + b}.",
            answer=2 * a + b,
        )
    if template == 2:
        a = 2 + a % 2
        c = min(c, a * b - 1)
        asked = f"{who} buys {a} bags with {b} {things} each and loses {c} of them. "
        return Problem(
            asked=f"{asked}How many {things} are left?",
            steps=f"{who} buys {a} * {b} = {a * b} {things}. Then {a * b} - {c} = {a * b - c} are left.",
            answer=a * b - c,
        )
    asked = f"There are {a} {things} on a table and {b} {things} in a box. {who} adds {c} more. "
    return Problem(
        asked=f"{asked}How many {things} are there now?",
        steps=f"There are {a} + {b} = {a + b} {things}. Then {a + b} + {c} = {a + b + c}.",
        answer=a + b + c,
    )


def cut_off(text: str) -> str:
    """A worked answer up to where a model begins another question."""
    return re.split(r"<\||\n\n|\nQ:|\nQuestion", text)[0]


def solved(model: Model, seed: int, steps: bool, n_shown: int, asked: int) -> Found:
    """Word problems: exact match and log-likelihood of the answer, at once or after the steps that the model writes."""
    drawn = np.random.default_rng([seed, 3])
    head = "".join(_example(problem(drawn, k % TEMPLATES), steps) for k in range(n_shown))
    problems = of_one_length(model, drawn, asked)
    end = " The answer is" if n_shown else " The answer (arabic numerals) is"
    texts = [f"{head}Q: {each.asked}\nA:" for each in problems]
    reasons = [""] * len(texts)
    if steps:
        texts = [text + ("" if n_shown else " Let's think step by step.") for text in texts]
        reasons = [reason(each) for each in written(model, [ids_of(model, text) for text in texts], TOKENS)]
        end = end if n_shown else f"\nTherefore, the answer{end.removeprefix(' The answer')}"
    prompts = [ids_of(model, text + said + end) for text, said in zip(texts, reasons, strict=True)]
    said = answers(model, prompts, [ids_of(model, f" {each.answer}.") for each in problems])
    return {"exact": said.exact, "log_likelihood": said.log_likelihood, "reasons": reasons[:2]}


def _example(shown: Problem, steps: bool) -> str:
    return f"Q: {shown.asked}\nA:{f' {shown.steps}' if steps else ''} The answer is {shown.answer}.\n\n"


def reason(text: str) -> str:
    """What a model wrote before it says the answer or asks itself something else."""
    return re.split(r" The answer is", cut_off(text))[0].rstrip()


def of_one_length(model: Model, drawn: np.random.Generator, n: int) -> list[Problem]:
    """n problems with as many tokens as most have, so that they are read and written side by side."""
    every = [problem(drawn, int(drawn.integers(TEMPLATES))) for _ in range(20 * n)]
    lengths = [len(ids_of(model, f"Q: {each.asked}")) for each in every]
    common = Counter(lengths).most_common(1)[0][0]
    return [each for each, length in zip(every, lengths, strict=True) if length == common][:n]
