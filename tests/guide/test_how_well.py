"""What the chapter on surprise says of the models, counted again."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.checkpoints import open_model
from unrolled.figures import surprise
from unrolled.figures._surprise_pairs import KINDS, MinimalPair, bits_of, pairs_of, parsed
from unrolled.guide import chapter
from unrolled.progress import finish

RIGHT = {"smollm2": (10, 12, 12, 12, 7), "gpt": (3, 12, 12, 7, 6), "gru": (0, 12, 11, 6, 6)}
"""Pairs of twelve, in the order of KINDS."""
ALONE = ("The keys [are|is] on the table.", "The key [is|are] on the table.", "The boys [were|was] late.")


def leaning(name: str, pairs: tuple[MinimalPair, ...]) -> np.ndarray:
    """Bits by which the right text of each pair is likelier."""
    right, wrong = finish(bits_of(open_model(name), pairs)).T
    return wrong - right


@pytest.mark.parametrize("name", RIGHT)
def test_right_of_twelve(name: str) -> None:
    found = tuple(int((leaning(name, pairs_of(kind)[1]) > 0).sum()) for kind in KINDS)
    assert found == RIGHT[name]


def test_the_table_of_the_chapter_says_so() -> None:
    text = chapter("how_well").html
    for row, counts in enumerate(zip(*RIGHT.values(), strict=True)):
        cells = "".join(f"<td>{count}</td>\n" for count in counts)
        assert cells in text, KINDS[row]


def test_without_a_noun_between_the_recurrent_model_is_right() -> None:
    assert (leaning("gru", tuple(parsed(each) for each in ALONE)) > 0).all()


def test_the_two_measures_turn_around() -> None:
    opened = (open_model("smollm2"), open_model("gpt"))
    found = finish(surprise.surprisal(opened, surprise.START["text"]))  # type: ignore[arg-type]
    assert [round(each, 1) for each in found.perplexity] == [38.6, 22.5]
    assert [round(each, 2) for each in found.bits_per_byte] == [1.17, 1.5]
    assert [round(each) for each in found.total_bits] == [105, 135]
    assert found.strings[1][-5:-1] == (" ele", "p", "han", "t")
    garden = finish(surprise.surprisal(opened, surprise.START["text"].replace("elephant", "garden")))  # type: ignore[arg-type,attr-defined]
    assert garden.perplexity[0] < garden.perplexity[1]
