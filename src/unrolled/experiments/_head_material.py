"""Texts for claim 9: disjoint sets that heads are scored on, and those that show what their removal does.

Ordinary sentences are from the books of the shipped fiction that our models never learned from; those with known
grammar are made from forms and words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64

from unrolled.checkpoints import Model
from unrolled.figures._head_scores import Material
from unrolled.text import corpus

SETS = 12
"""Sets that there are: no sentence is in two."""
_SENTENCES = 24
_EACH_FORM = 2
HALF = 24
"""Random tokens that are said twice."""


def material(seed: int) -> Material:
    """The set of that seed."""
    mine = _sentences()[seed % SETS :: SETS][:_SENTENCES]
    return Material(sentences=mine, arcs=_arcs(np.random.default_rng([seed, 1])), seed=seed + 1)


@cache
def written() -> dict[str, Any]:
    """Forms and words."""
    return tomllib.loads((resources.files(__package__) / "_head_texts.toml").read_text("utf-8"))


@cache
def _sentences() -> tuple[str, ...]:
    """Sentences of 8 to 20 words with a comma from the test books, in an order that is drawn once."""
    found = re.findall(r"(?<=[.!?] )[A-Z][A-Za-z ,;'’-]{40,120}\.(?= )", " ".join(corpus("fiction").test.split()))
    fit = sorted({each for each in found if "," in each and 8 <= len(each.split()) <= 20})
    return tuple(np.random.default_rng(9).permutation(fit).tolist())


def _arcs(drawn: np.random.Generator) -> tuple[str, ...]:
    """Every form twice, with words of its own: no content word occurs twice in a sentence."""
    words = {"A": written()["adjectives"], "N": written()["nouns"], "V": written()["verbs"]}
    found = []
    for form in written()["forms"] * _EACH_FORM:
        left = {sort: drawn.permutation(each).tolist() for sort, each in words.items()}
        parts = [part.partition("/") for part in form.split()]
        found.append(" ".join((left[a].pop() if a in left else a) + slash + arc for a, slash, arc in parts))
    return tuple(found)


def repeated(model: Model, rows: int, drawn: np.random.Generator) -> Int64[np.ndarray, "row position"]:
    """Random plain tokens, HALF of them, said twice."""
    once = np.stack([drawn.choice(_plain(model), HALF, replace=False) for _ in range(rows)])
    return np.concatenate([once, once], axis=1)


def _plain(model: Model) -> Int64[np.ndarray, "token"]:
    """Tokens that are words or pieces of words."""
    tokenizer = model.tokenizer
    ids = [i for i in range(model.vocabulary) if not tokenizer.is_special(i)]
    return np.array([i for i in ids if tokenizer.piece_bytes(i).strip().isalpha()])


def fiction_rows(model: Model, rows: int, length: int, drawn: np.random.Generator) -> Int64[np.ndarray, "row position"]:
    """Windows of the test books, in the model's tokens."""
    text = " ".join(corpus("fiction").test.split())
    found: list[Sequence[int]] = []
    while len(found) < rows:
        start = int(drawn.integers(len(text) - 12 * length))
        ids = model.tokenizer.encode(text[start : start + 12 * length]).ids
        if len(ids) > length:
            found.append(ids[1 : length + 1])  # the first may be the end of a word
    return np.array(found)


def list_rows(model: Model, rows: int, drawn: np.random.Generator) -> list[tuple[Sequence[int], int]]:
    """Lists of things of a kind: ids, and how many of them come before the last thing."""
    found: list[tuple[Sequence[int], int]] = []
    lists = list(written()["lists"].values())
    for _ in range(rows):
        things = drawn.permutation(lists[drawn.integers(len(lists))])[:6]
        before = len(model.tokenizer.encode(", ".join(things[:5]) + ",").ids)
        found.append((model.tokenizer.encode(", ".join(things)).ids, before))
    return found


def agreement_rows(model: Model, rows: int, drawn: np.random.Generator) -> list[tuple[Sequence[int], bool]]:
    """“The keys near the door”: ids, and whether the verb must be plural; the noun between has the other number."""
    said = written()["agreement"]
    found: list[tuple[Sequence[int], bool]] = []
    for number in range(rows):
        first, second = drawn.permutation(len(said["singular"]))[:2]
        plural = bool(number % 2)
        head, other = ("plural", "singular") if plural else ("singular", "plural")
        text = f"The {said[head][first]} {drawn.choice(said['between'])} the {said[other][second]}"
        found.append((model.tokenizer.encode(text).ids, plural))
    return found


def verb_ids(model: Model) -> tuple[int, int]:
    """First tokens of " is" and " are"."""
    singular, plural = (model.tokenizer.encode(f"the{verb}").ids for verb in (" is", " are"))
    return singular[1], plural[1]


def rows_of_equal_length(rows: Sequence[Sequence[int]]) -> list[tuple[list[int], torch.Tensor]]:
    """Which rows have the same length, and their ids (row, position)."""
    by_length: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        by_length.setdefault(len(row), []).append(number)
    return [(numbers, torch.tensor([list(rows[n]) for n in numbers])) for numbers in by_length.values()]
