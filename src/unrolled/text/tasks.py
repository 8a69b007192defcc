"""Small tasks with one right answer: in-context recall, and addition with and without a scratchpad.

Each is a text of single characters, drawn at random; what is scored are its last characters. Recall after Elhage et al.
2021, "A Mathematical Framework for Transformer Circuits" (repeated random tokens); the scratchpad after Nye et al.
2021, "Show Your Work", in the plain form of Lee et al. 2023, "Teaching Arithmetic to Small Transformers".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from unrolled.errors import BadInput, NotFound
from unrolled.text.tokenizer import Tokenizer
from unrolled.text.vocabularies import character_tokenizer

LETTERS, DIGITS, SIGNS = "abcdefghijklmnopqrstuvwxyz", "0123456789", "+:="
ALPHABET = "".join(sorted(LETTERS + DIGITS + SIGNS))
"""The characters in the order of their ids."""
PERIODS = (8, 19)
"""Shortest and longest stretch that is repeated: with one fixed length, one layer could look that far back."""
LENGTH = 48
"""Characters of a recall text, and the longest of all texts here."""
ASKED = 5
"""Of a recall text, how many last characters its exact match looks at."""
PLACES = 3
"""Digits of each summand."""
_HELD_OUT = 89
"""Of all pairs of summands, one in so many is kept for tests."""

Rows = tuple[Int64[np.ndarray, "row position"], Bool[np.ndarray, "row position"]]
"""Ids, and which of them are learned and scored: those that follow from what stands before."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task: how its texts are drawn, and what a prompt's answer is."""

    name: str
    said: str
    """In a few words."""
    draw: Callable[[np.random.Generator, int, bool], Rows]
    """(generator, rows, held out) -> texts; additions that are held out are never drawn otherwise."""
    solve: Callable[[str], tuple[str, str]]
    """A prompt as it is read, and what follows it; BadInput says how a prompt looks."""
    example: str
    """A prompt."""
    asked: int
    """How many of a text's last characters are measured; of an answer with a scratchpad all of both."""

    def prompt(self, typed: str) -> str:
        """What a reader typed, in the form that was learned from: short numbers are filled up."""
        return self.solve(typed)[0]

    def answer(self, typed: str) -> str:
        """What follows it."""
        return self.solve(typed)[1]


def task(name: str) -> Task:
    """One of TASKS."""
    if name not in TASKS:
        raise NotFound(f"There is no task “{name}”; there are {', '.join(TASKS)}.")
    return TASKS[name]


def task_tokenizer() -> Tokenizer:
    """One token a character of ALPHABET, in its order."""
    return character_tokenizer([ALPHABET])


def ids_of(text: str) -> Int64[np.ndarray, "position"]:
    """Ids of a text of ALPHABET's characters."""
    return np.array([ALPHABET.index(character) for character in text], dtype=np.int64)


def text_of(ids: Int64[np.ndarray, "position"]) -> str:
    """The text of some ids; what is no character of ALPHABET shows as “?”."""
    return "".join(ALPHABET[i] if i < len(ALPHABET) else "?" for i in ids)


def _draw_recall(generator: np.random.Generator, rows: int, held_out: bool) -> Rows:
    """A random stretch of random length, over and over; nothing need be held out of some 26¹³ texts."""
    del held_out
    periods = generator.integers(PERIODS[0], PERIODS[1] + 1, rows)
    letters = generator.integers(0, len(LETTERS), (rows, PERIODS[1])) + ALPHABET.index("a")
    places = np.arange(LENGTH)
    ids = np.take_along_axis(letters, places % periods[:, None], axis=1)
    return ids, places >= periods[:, None]


def _solve_recall(prompt: str) -> tuple[str, str]:
    """The next ASKED characters of the shortest repetition that the prompt is."""
    if not prompt or set(prompt) - set(LETTERS):
        raise BadInput(f"“{prompt[:40]}” is not of small letters a to z, which recall repeats: {_RECALL_EXAMPLE}")
    if len(prompt) > LENGTH - ASKED:
        raise BadInput(f"The prompt has {len(prompt)} letters; {LENGTH - ASKED} at most, {ASKED} more are asked for.")
    for period in range(1, len(prompt)):
        if prompt[period:] == prompt[:-period]:
            return prompt, "".join(prompt[-period + i % period] for i in range(ASKED))
    raise BadInput(f"“{prompt}” repeats nothing: type some letters, and the first of them again, as {_RECALL_EXAMPLE}")


def _summands(generator: np.random.Generator, rows: int, held_out: bool) -> Int64[np.ndarray, "row two"]:
    """Pairs of numbers below 10^PLACES, all of them held out or none."""
    found = np.empty((0, 2), dtype=np.int64)
    while len(found) < rows:
        pairs = generator.integers(0, 10**PLACES, (rows * (2 * _HELD_OUT if held_out else 2), 2))
        found = np.concatenate([found, pairs[is_held_out(pairs) == held_out]])
    return found[:rows]


def is_held_out(pairs: Int64[np.ndarray, "row two"]) -> Bool[np.ndarray, "row"]:
    """Whether a pair of summands is kept for tests."""
    numbers: Int64[np.ndarray, "row"] = pairs[:, 0] * 10**PLACES + pairs[:, 1]
    return np.asarray(numbers % _HELD_OUT == 0)


def _draw_sum(scratchpad: bool) -> Callable[[np.random.Generator, int, bool], Rows]:
    def draw(generator: np.random.Generator, rows: int, held_out: bool) -> Rows:
        written = [_written(int(a), int(b), scratchpad) for a, b in _summands(generator, rows, held_out)]
        ids = np.stack([ids_of(prompt + answer) for prompt, answer in written])
        scored = np.broadcast_to(np.arange(ids.shape[1]) >= 2 * PLACES + 2, ids.shape)
        return ids, scored

    return draw


def _written(a: int, b: int, scratchpad: bool) -> tuple[str, str]:
    """Prompt and answer: “347+298=” and “0645”, or “347+298:” and “785149413260=0645”."""
    prompt = f"{a:0{PLACES}}+{b:0{PLACES}}"
    result = f"{a + b:0{PLACES + 1}}"
    return (f"{prompt}:", f"{_steps(a, b)}={result}") if scratchpad else (f"{prompt}=", result)


def _steps(a: int, b: int) -> str:
    """From the right, for each place: both digits, the digit below them, the carry."""
    steps, carry = [], 0
    for place in range(PLACES):
        x, y = a // 10**place % 10, b // 10**place % 10
        carry, digit = divmod(x + y + carry, 10)
        steps.append(f"{x}{y}{digit}{carry}")
    return "".join(steps)


def _solve_sum(scratchpad: bool) -> Callable[[str], tuple[str, str]]:
    end = ":" if scratchpad else "="

    def solve(prompt: str) -> tuple[str, str]:
        left, plus, right = prompt.rstrip(":= ").partition("+")
        if not (plus and left.isdecimal() and right.isdecimal() and max(len(left), len(right)) <= PLACES):
            raise BadInput(f"“{prompt[:40]}” is no sum of two numbers of up to {PLACES} digits, as 347+298{end}")
        return _written(int(left), int(right), scratchpad)

    return solve


_RECALL_EXAMPLE = "blackhorseblack"
TASKS: Mapping[str, Task] = {
    each.name: each
    for each in (
        Task(
            name="recall",
            said="in-context recall: go on with what was there before",
            draw=_draw_recall,
            solve=_solve_recall,
            example=_RECALL_EXAMPLE,
            asked=ASKED,
        ),
        Task(
            name="addition",
            said="addition of three-digit numbers, the answer at once",
            draw=_draw_sum(False),
            solve=_solve_sum(False),
            example="347+298=",
            asked=PLACES + 1,
        ),
        Task(
            name="scratchpad",
            said="the same additions, digit by digit with carries first",
            draw=_draw_sum(True),
            solve=_solve_sum(True),
            example="347+298:",
            asked=5 * PLACES + 2,
        ),
    )
}
