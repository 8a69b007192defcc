"""Tasks with one right answer: each text drawn is re-read with plain Python arithmetic and string comparison."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.errors import BadInput, NotFound
from unrolled.text.tasks import (
    ALPHABET,
    ASKED,
    LENGTH,
    PERIODS,
    TASKS,
    ids_of,
    is_held_out,
    task,
    task_tokenizer,
    text_of,
)


def drawn(name: str, held_out: bool = False) -> list[tuple[str, str]]:
    """(whole text, its scored part)."""
    ids, scored = TASKS[name].draw(np.random.default_rng(3), 50, held_out)
    return [(text_of(row), text_of(row[which])) for row, which in zip(ids, scored, strict=True)]


def repeats(text: str) -> list[int]:
    return [p for p in range(PERIODS[0], PERIODS[1] + 1) if text[p:] == text[:-p]]


def test_recall_repeats_a_stretch_and_scores_what_follows_it() -> None:
    periods = set()
    for text, scored in drawn("recall"):
        assert len(text) == LENGTH
        (period, *_) = repeats(text)
        assert scored == text[period:]
        periods.add(period)
    assert len(periods) >= 10  # one fixed period could be solved by position alone


def test_sums_are_right() -> None:
    for text, scored in drawn("addition"):
        left, right = text.split("=")
        assert int(left[:3]) + int(left[4:]) == int(right)
        assert scored == right


def test_scratchpads_are_right_place_by_place() -> None:
    for text, scored in drawn("scratchpad"):
        prompt, written = text.split(":")
        steps, result = written.split("=")
        a, b = prompt.split("+")
        assert scored == written
        assert int(result) == int(a) + int(b)
        carry = 0
        for place in range(3):
            x, y, digit, onwards = map(int, steps[4 * place : 4 * place + 4])
            assert (x, y) == (int(a[2 - place]), int(b[2 - place]))
            assert x + y + carry == digit + 10 * onwards
            carry = onwards


def test_a_wrong_scratchpad_would_be_noticed() -> None:
    text, _ = drawn("scratchpad")[0]
    broken = text.replace("=", "9", 1)
    assert broken.count("=") == 0


@pytest.mark.parametrize("name", ["addition", "scratchpad"])
def test_what_is_held_out_is_never_learned_from(name: str) -> None:
    for held_out in (True, False):
        pairs = np.array([[int(text[:3]), int(text[4:7])] for text, _ in drawn(name, held_out)])
        assert (is_held_out(pairs) == held_out).all()


@pytest.mark.parametrize("name", list(TASKS))
def test_the_answer_to_a_prompt_is_how_texts_go_on(name: str) -> None:
    each = TASKS[name]
    for text, scored in drawn(name):
        at = len(text) - (ASKED if name == "recall" else len(scored))
        assert each.answer(text[:at]) == text[at:]
        assert len(text) - at == each.asked


@pytest.mark.parametrize(
    ("name", "prompt", "said"),
    [
        ("recall", "abcdefgh", "repeats nothing"),
        ("recall", "Abc", "small letters"),
        ("recall", "a" * 45, "45 letters"),
        ("addition", "12*3", "no sum"),
        ("addition", "1234+1", "no sum"),
        ("scratchpad", "", "no sum"),
    ],
)
def test_a_prompt_of_another_kind_gets_a_sentence(name: str, prompt: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        TASKS[name].answer(prompt)


def test_short_numbers_are_filled_up() -> None:
    assert task("addition").answer("7+5=") == "0012"
    assert task("addition").prompt("7+5") == "007+005="
    with pytest.raises(NotFound, match="recall"):
        task("chess")


def test_ids_are_the_tokenizers() -> None:
    assert tuple(ids_of(ALPHABET)) == task_tokenizer().encode(ALPHABET).ids
