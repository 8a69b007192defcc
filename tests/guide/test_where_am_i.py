"""What the chapter on positions says of MiniLM, of clocks and of one-layer decoders, measured again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import tiny_models
from unrolled.checkpoints import Model, open_model
from unrolled.figures import answer, figure
from unrolled.progress import finish
from unrolled.trace.positions import outputs, positions_of


@pytest.fixture(scope="module")
def minilm() -> Model:
    return open_model("minilm")


def test_the_two_headlines(minilm: Model) -> None:
    """Nothing without places, a quarter of its length or more with them, and still alike at 0.93."""
    found = finish(answer(figure("positions").panel("shuffle"), {}, models=[minilm], text="Dog bites man")).result
    assert found.difference[0][1].max() < 1e-5
    assert found.difference[0][0].min() > 0.25
    assert found.cosine[0][0] == pytest.approx(0.93, abs=0.005)


def test_what_the_first_word_cannot_see_does_not_change_it(minilm: Model) -> None:
    knobs = {"first": 1, "second": 2}
    found = finish(answer(figure("positions").panel("shuffle"), knobs, models=[minilm], text="Dog bites man")).result
    assert found.tokens[0][1] == " dog"
    assert not found.difference[0][2:, 1].any()
    assert found.difference[0][0, 1] > 0.1


def test_clocks() -> None:
    lengths = {base: _clocks(base).wavelength for base in (100, 10_000)}
    assert lengths[10_000][[0, 1]].round().tolist() == [6, 8]
    assert lengths[10_000][-1] == pytest.approx(47_000, rel=0.01)
    assert (lengths[100] <= 64).mean() > 0.5 > (lengths[10_000] <= 64).mean()


def _clocks(base: int) -> Any:
    return finish(answer(figure("positions").panel("sinusoids"), {"base": base})).result


def test_the_learned_table(minilm: Model) -> None:
    """Near rows are alike but for the first, where [CLS] stands; equal distances are not quite equal."""
    table = positions_of(minilm).table
    assert table is not None
    near = torch.cosine_similarity(table[:63], table[1:64], dim=1).detach().numpy()
    assert near[0] < 0.4 < 0.8 < near[1:].min()
    four = torch.cosine_similarity(table[1:60], table[5:64], dim=1).detach().numpy()
    assert np.ptp(four) > 0.1


def test_one_layer_is_a_bag_up_to_its_last_token_and_two_are_not() -> None:
    for n_layer, notices in ((1, False), (2, True)):
        model = tiny_models.gpt(positions="none", n_layer=n_layer)
        one, other = (outputs(model, ids)[-1] for ids in ([3, 9, 5, 7], [9, 3, 5, 7]))
        assert bool(np.abs(one - other).max() > 1e-3) is notices
