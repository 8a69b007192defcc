"""Tokens read back out of a state: against numpy's own ridge regression, and planted memories of known length."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tiny_models import gpt
from tiny_recurrent import opened
from unrolled.checkpoints import Model
from unrolled.errors import ProbeNotFound
from unrolled.progress import finish
from unrolled.trace import readback, record_states
from unrolled.trace.readback import FURTHEST, LENGTH, RIDGE, Probe, carried, fit_probe, ridge, windows

LETTERS = "abcdefgh"


def text(seed: int, n: int = 60_000) -> str:
    """Random letters with a space here and there: no letter says anything of another."""
    draw = np.random.default_rng(seed)
    return "".join(draw.choice([*LETTERS, " "], n))


def fitted(model: Model, part: str = "everything", monkeypatch: pytest.MonkeyPatch | None = None) -> Probe:
    return finish(fit_probe(model, part, text(1), text(2)))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readback, "TRAINING", 24)
    monkeypatch.setattr(readback, "TESTING", 12)


def remembering(steps: int) -> Model:
    """A planted memory: the layer's first units hold the embedding of this token, the next those of the one before …"""
    width = 6 * (steps + 1)
    model = opened("rnn", n_layer=1, d_hidden=width, nonlinearity="relu")
    (layer,) = model.blocks
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.get_parameter("weight_ih_l0")[:6].copy_(torch.eye(6))
        layer.get_parameter("weight_hh_l0")[6:, :-6].copy_(torch.eye(width - 6))
        model.module.embed.weight.abs_()  # relu lets them through as they are
    return model


def test_it_is_the_ridge_regression() -> None:
    random = np.random.default_rng(0)
    states = random.standard_normal((50, 4)).astype(np.float32)
    targets = random.standard_normal((50, 3))
    mean, voters = ridge(torch.from_numpy(states))
    x = states.astype(np.float64) - states.mean(axis=0)
    scatter = x.T @ x
    penalty = RIDGE * np.trace(scatter) / 4
    stacked = np.vstack([x, np.sqrt(penalty) * np.eye(4)])  # least squares with the penalty as four more rows
    weights = np.linalg.lstsq(stacked, np.vstack([targets - targets.mean(0), np.zeros((4, 3))]), rcond=None)[0]
    new = random.standard_normal(4)
    votes = (torch.from_numpy(new.astype(np.float32)) - mean) @ voters.T
    np.testing.assert_allclose(votes.numpy() @ targets, (new - states.mean(0)) @ weights, rtol=1e-4, atol=1e-6)


def test_a_planted_memory_is_read_as_far_as_it_goes() -> None:
    probe = fitted(remembering(3))
    right = probe.right.mean(axis=1)
    assert (right[:4] > 0.99).all()
    assert (right[4:] < 0.3).all()  # nine letters: chance is a ninth
    assert (probe.median_rank[:4] == 1).all()
    assert (probe.shuffled.mean(axis=1) < 0.3).all()


def test_a_wrong_time_index_would_be_noticed() -> None:
    """The twin: one step further is another token."""
    probe, model = fitted(remembering(2)), remembering(2)
    ids = list(model.encode("abcdefgh").ids)
    votes = probe.votes(carried(model, "everything", np.array([ids]))[0, -1])
    said = [int(probe.classes[int(probe.scores_of(votes, d).argmax())]) for d in range(3)]
    assert said == ids[-1:-4:-1]
    assert said != ids[-2:-5:-1]


def test_what_is_carried_on_is_what_was_recorded() -> None:
    model = opened("lstm")
    tokens = model.encode("The cat sat.")
    states = finish(record_states(model, tokens))
    whole = carried(model, "everything", np.array([tokens.ids]))[0].numpy()
    assert whole.shape == (len(tokens.ids), 2 * 2 * 8)  # h and c of two layers
    parts = [states.c[0], states.c[1], states.h[0], states.h[1]]
    found = sorted(whole.T.tolist())
    np.testing.assert_allclose(found, sorted(np.concatenate(parts, axis=1).T.tolist()), atol=1e-6)
    np.testing.assert_allclose(carried(model, "h", np.array([tokens.ids]))[0], states.h[1], atol=1e-6)


def test_windows_are_pieces_of_the_text() -> None:
    model, corpus = opened("gru"), text(3)
    found = windows(model, corpus, 5)
    assert found.shape == (5, LENGTH)
    assert all(model.tokenizer.decode(row.tolist()) in corpus for row in found)


def test_a_token_it_has_never_seen_comes_last() -> None:
    model = remembering(1)
    probe = finish(fit_probe(model, "everything", text(1), text(2).replace("a", "Z")))
    assert probe.n_training == 24 * (LENGTH - FURTHEST)
    assert ord("Z") not in probe.classes
    assert probe.right[0].mean() < 0.95


def test_a_model_without_a_state() -> None:
    with pytest.raises(ProbeNotFound, match="has no probe 'h'"):
        carried(gpt(), "h", np.array([[65]]))
