"""Recipes small enough to run by the dozen, and the ways tests run them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import safetensors.torch
from torch import Tensor

from unrolled.training import Event, Recipe, overridden, read_recipe, recipe_of, training

WORDS = ["the", "keeper", "of", "the", "lighthouse", "wrote", "down", "every", "ship", "that", "passed", "and", "read"]


def text_file(folder: Path, n_words: int = 900) -> Path:
    """A text of its own for every test, always the same."""
    draw = random.Random(7)
    path = folder / "text.txt"
    path.write_text(" ".join(draw.choice(WORDS) for _ in range(n_words)) + "\n", encoding="utf-8")
    return path


RECIPE = """
family = "gpt"
seed = 3
batch = 4
reports = 2
save_seconds = 0.0
bound = { steps = 12 }
text = { source = "TEXT", tokenizer = "bytes" }
optimiser = { learning_rate = 1e-2 }

[model]
context = 16
n_layer = 1
n_head = 2
n_key_value = 2
d_model = 16
d_head = 8
d_ff = 32
norm = "layernorm"
positions = "learned"
activation = "gelu"
bias = "all"
dropout = 0.1
"""
"""A GPT of one layer with dropout, twelve steps."""


def recipe_file(text: Path) -> Path:
    """The recipe as a reader would write it, beside its text."""
    path = text.with_name("small.toml")
    path.write_text(RECIPE.replace("TEXT", text.as_posix()), encoding="utf-8")
    return path


def small(text: Path, *changes: str) -> Recipe:
    """RECIPE for that text, with entries overridden."""
    return recipe_of(overridden(read_recipe(str(recipe_file(text))), changes), "small")


def trained(recipe: Recipe | None, out: Path, *, resume: bool = False) -> list[Event]:
    """The whole run's events."""
    return list(training(recipe, out, resume=resume))


def stopped(recipe: Recipe, out: Path, after: int) -> None:
    """A run that is asked to stop in step `after`, and saves."""
    asked = iter([False] * (after - 1) + [True])
    list(training(recipe, out, stop=lambda: next(asked)))


def weights(out: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(out / "model.safetensors")


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    """To the last bit."""
    return ours.keys() == theirs.keys() and all(bool((ours[name] == theirs[name]).all()) for name in ours)


def kinds(events: Iterable[Event]) -> list[str]:
    return [type(event).__name__ for event in events]
