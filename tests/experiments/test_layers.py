"""Claim 12: where a property is gained, against closed forms; probes find what was planted, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from experiments.recorded import outcomes, with_found
from unrolled.experiments import layers
from unrolled.experiments._claim import Outcome
from unrolled.experiments._layer_probing import (
    FOLDS,
    above_chance,
    accuracies,
    centre,
    draw_anew,
    properties,
    streams,
    texts_of,
)
from unrolled.experiments._results import recorded, result_of
from unrolled.models.gpt import GPT, GPTConfig
from unrolled.progress import finish
from unrolled.trace.wrapping import wrap

N = 48
needs_result = pytest.mark.skipif(recorded("layers") is None, reason="no result comes along")


def test_the_middle_of_a_gain() -> None:
    assert centre([0, 0, 1, 1, 1]) == 0.5  # all of it in the second of four layers
    assert centre([0, 0.5, 0.25, 0.5, 1]) == pytest.approx((1 * 0.5 + 4 * 0.5) / 4)  # what falls is no gain
    assert centre([-0.1, -0.2, 0]) == 0  # nothing is ever gained


def test_chance_is_zero_and_all_right_is_one() -> None:
    assert [above_chance(share, 4) for share in (0.25, 1.0, 0.625)] == [0, 1, 0.5]


def test_the_probe_is_ridge_regression() -> None:
    """Against the primal solution, on standardised units."""
    random = np.random.default_rng(0)
    x, labels, folds = random.normal(size=(40, 6)), np.arange(40) % 2, np.arange(40) // 20
    right = 0
    for fold in (0, 1):
        train, asked = x[folds != fold], x[folds == fold]
        middle, spread = train.mean(axis=0), train.std(axis=0) + 1e-6
        z, wanted = (train - middle) / spread, 2.0 * labels[folds != fold] - 1
        weights = np.linalg.solve(z.T @ z / 6 + 0.1 * np.eye(6), z.T @ (wanted - wanted.mean()) / 6)
        said = (asked - middle) / spread @ weights + wanted.mean() > 0
        right += int((said == (labels[folds == fold] == 1)).sum())
    assert accuracies(x, (labels,), folds) == [right / 40]


def test_no_word_and_no_cue_is_in_two_parts() -> None:
    for number, asked in enumerate(properties()):
        texts = texts_of(asked, 240, np.random.default_rng(number))
        assert np.bincount(texts.labels).tolist() == [240 // len(asked.cues)] * len(asked.cues)
        for seen in (texts.types, np.array([text.split()[-1] for text in texts.texts])):
            parts = [set(seen[texts.folds == fold].tolist()) for fold in range(FOLDS)]
            assert sum(map(len, parts)) == len(set().union(*parts)), asked.name


def test_a_planted_direction_is_read_and_shuffled_labels_and_the_control_task_are_not() -> None:
    asked = properties()[0]
    drawn = np.random.default_rng(1)
    texts = texts_of(asked, 240, drawn)
    x = drawn.normal(size=(2, 240, 24))
    x[1, :, 0] += 8 * (texts.labels - 0.5)
    found = layers.scores(x, asked, texts, drawn)
    assert found["property"][1] > 0.9 > 0.3 > found["property"][0]
    assert abs(found["shuffled"][1]) < 0.3
    assert abs(found["control"][0]) < 0.4


def test_a_word_s_own_identity_is_worth_nothing() -> None:
    """A one-hot code of the cue: the property of unseen cues stays at chance, the control task is learned by heart."""
    asked = properties()[2]
    drawn = np.random.default_rng(2)
    texts = texts_of(asked, 480, drawn)
    found = layers.scores(np.eye(texts.types.max() + 1)[texts.types][None], asked, texts, drawn)
    assert abs(found["property"][0]) < 0.2
    assert found["control, cues known"][0] > 0.9


def test_streams_are_those_of_the_model_at_the_last_token() -> None:
    torch.manual_seed(0)
    config = GPTConfig(
        vocabulary=64, context=16, n_layer=2, n_head=2, n_key_value=2, d_model=8, d_head=4, d_ff=16,
        norm="layernorm", positions="learned", activation="gelu", initial_std=0.5,
    )  # fmt: skip
    module = GPT(config)
    module.initialise(torch.Generator().manual_seed(0))
    model = wrap(module, name="tiny")
    texts = ["1 2 3", "4 5 6 7", "8 9 10"]  # two lengths
    x = finish(streams(model, texts))
    with torch.no_grad():
        ids = torch.tensor([[4, 5, 6, 7]])
        stream = module.embedded(ids, 0)
        np.testing.assert_allclose(x[0, 1], stream[0, -1], rtol=1e-5)
        logits = module.read_out(module.norm["final"](torch.tensor(x[-1, 1]).float()))
        np.testing.assert_allclose(logits, module(ids)[0, -1], rtol=1e-4, atol=1e-5)


def test_weights_drawn_anew_keep_their_spread_and_nothing_else() -> None:
    module = nn.Linear(200, 100).requires_grad_(False)
    before = module.weight.clone()
    model = type("Opened", (), {"module": module})()
    draw_anew(model, 3)
    assert float(module.weight.std()) == pytest.approx(float(before.std()), rel=0.05)
    assert abs(float(torch.corrcoef(torch.stack([before.flatten(), module.weight.flatten()]))[0, 1])) < 0.05


@needs_result
def test_meaning_that_comes_later_would_turn_the_verdict() -> None:
    """The twin: each property's scores moved to where the claim has them."""

    def moved(each: Outcome) -> Outcome:
        n = len(next(iter(each.found.values()))["property"])
        found = {}
        for asked in properties():
            step = n // 4 if asked.about == "syntax" else n // 2
            found[asked.name] = {**each.found[asked.name], "property": [0.9 * (layer >= step) for layer in range(n)]}
        return with_found(each, **found) if each.cell.setting["weights"] == "trained" else each

    claim = layers.CLAIM
    as_found = result_of(claim, "full", outcomes(claim)).verdict
    assert as_found == recorded("layers").verdict  # type: ignore[union-attr]
    assert result_of(claim, "full", outcomes(claim, moved)).verdict == "holds"


@needs_result
def test_an_untrained_model_that_knows_makes_the_test_void() -> None:
    def knowing(each: Outcome) -> Outcome:
        if each.cell.setting["weights"] == "trained":
            return each
        found = {name: {**one, "property": [0.5] * len(one["property"])} for name, one in each.found.items()}
        return with_found(each, **found)

    assert result_of(layers.CLAIM, "full", outcomes(layers.CLAIM, knowing)).verdict == "not decided"


@needs_result
def test_labels_that_leak_make_the_test_void() -> None:
    def leaking(each: Outcome) -> Outcome:
        found = {name: {**one, "shuffled": one["property"]} for name, one in each.found.items()}
        return with_found(each, **found)

    assert result_of(layers.CLAIM, "full", outcomes(layers.CLAIM, leaking)).verdict == "not decided"


@needs_result
def test_pictures_of_all_cells_and_of_a_few() -> None:
    cells = outcomes(layers.CLAIM)
    whole = layers.CLAIM.plots(cells)
    assert [len(plot.series) for plot in whole] == [len(properties()), 2]
    assert layers.CLAIM.plots(cells[:1])
    assert not list(layers.CLAIM.plots([]))
