"""Claim 2: the task, the starts and the context in use against closed forms; shuffled labels turn the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unrolled.experiments import _context, _recall, _training, memory_length
from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._results import result_of
from unrolled.progress import Progress, finish

CLAIM = memory_length.CLAIM
AS_SAID = {"rnn": 10, "lstm": 200, "gru": 100, "attention": 400}


def test_a_text_holds_its_symbol_once_and_at_the_lag() -> None:
    ids, wanted = _recall.recall(7, 200, torch.Generator().manual_seed(0))
    assert ids.shape == (200, 8)
    assert torch.equal(ids[:, :1], wanted)
    assert ((ids < _recall.SYMBOLS).sum(1) == 1).all()
    assert (ids[:, -1] == _recall.CUE).all()


def test_controls_say_nothing_of_what_is_wanted() -> None:
    ids, _ = _recall.recall(7, 200, torch.Generator().manual_seed(0), "absent")
    assert (ids >= _recall.SYMBOLS).all()
    ids, wanted = _recall.recall(7, 20_000, torch.Generator().manual_seed(0), "shuffled")
    assert float((ids[:, :1] == wanted).float().mean()) == pytest.approx(_recall.CHANCE, abs=0.01)


@pytest.mark.parametrize(("family", "gates"), [("lstm", 4), ("gru", 3)])
def test_chrono_forgets_after_two_to_the_longest_lag(family: str, gates: int) -> None:
    """A gate at sigmoid(b) forgets with a time of 1/(1 − f) = 1 + exp(b), here 2 to 100."""
    bias = torch.randn(gates * 500, dtype=torch.float64)
    _recall.chrono(bias, family, 100, torch.Generator().manual_seed(0))
    time = 1 / (1 - bias[500:1_000].sigmoid())
    assert float(time.min()) == pytest.approx(2, abs=0.5)
    assert float(time.max()) == pytest.approx(100, abs=0.5)
    writes = bias[:500]
    torch.testing.assert_close(writes, -bias[500:1_000] if family == "lstm" else torch.zeros_like(writes))


def test_the_identity_with_relu_holds_what_it_has() -> None:
    model = _recall.made("rnn", "memory", 9, _recall.Recipe(rate=0.001, reach=1.0), torch.Generator().manual_seed(0))
    (layer,) = model.model.layers  # type: ignore[union-attr,misc]
    h = torch.rand(2, _recall.WIDTH)
    torch.testing.assert_close(layer(torch.zeros(2, 5, _recall.WIDTH), (h,))[0][:, -1], h)


def test_the_attention_has_about_the_weights_of_the_lstm() -> None:
    recipe, drawn = _recall.Recipe(rate=0.001, reach=1.0), torch.Generator()
    attention, lstm = (
        sum(p.numel() for name, p in _recall.made(f, "ordinary", 20, recipe, drawn).named_parameters())
        for f in ("attention", "lstm")
    )
    assert attention == pytest.approx(lstm, rel=0.1)


class _SixBack(nn.Module):
    """Says the token that stands six before the next one; where there is none, that all are alike."""

    def forward(self, ids: Tensor) -> Tensor:
        said = torch.zeros(*ids.shape, 10)
        said[:, 5:] = 30.0 * nn.functional.one_hot(ids[:, :-5], 10)
        return said


def test_losses_by_context_of_a_model_that_looks_six_tokens_back() -> None:
    ids = torch.tensor([3, 1, 4, 0, 5, 9] * 200)
    found = _context.losses(_SixBack(), ids, 250)
    blind = [math.log(10)] * 3  # 1, 2 and 4 tokens
    torch.testing.assert_close(found, [*blind, *[0.0] * 6], atol=1e-5, rtol=1e-5)
    assert 4 < _context.needed(_context.CONTEXTS, found, 0.02) <= 8


def test_needed_lies_between_lengths_on_a_log_scale() -> None:
    assert _context.needed((1, 2, 4), (2.0, 1.0, 0.0), 0.5) == pytest.approx(2**1.5)
    assert _context.needed((1, 2, 4), (0.1, 0.2, 0.3), 0.02) == 1


def test_blocks_of_all_parts_lie_apart() -> None:
    starts = sorted(s for part in range(5) for s in _context.blocks(torch.zeros(50_000), part, 5, 3))
    assert (starts[0], starts[-1]) == (200, 50_000 - _context.BLOCK)
    assert min(b - a for a, b in pairwise(starts)) > _context.BLOCK


def test_a_mean_of_logs() -> None:
    found = memory_length.geometric([10, 40])
    assert found.mean == pytest.approx(20)
    assert found.low * found.high == pytest.approx(20**2)


def _measured(longest: Mapping[str, int], **changes: Any) -> list[Outcome]:
    """What every cell would have found, had each family learnt lags up to these, with either start."""
    found = []
    for cell in CLAIM.plan("full", 3):
        if "blocks" in cell.setting:
            enough = {**longest, "gpt": 200}[cell.family]
            value: Mapping[str, Any] = {"loss": [0.0 if c >= enough else 1.0 for c in _context.CONTEXTS]}
        elif "control" in cell.setting:
            value = {"accuracy": changes.get(cell.setting["control"], 0.125)}
        else:
            value = {"longest": longest[cell.family], "walk": []}
        found.append(Outcome(cell=cell, found=value, seconds=1.0, machine="", versions=""))
    return found


def test_the_rule_says_what_the_article_says() -> None:
    assert result_of(CLAIM, "full", _measured(AS_SAID)).verdict == "holds"
    short = result_of(CLAIM, "full", _measured({**AS_SAID, "lstm": 40}))
    assert short.verdict == "does not hold here"
    assert result_of(CLAIM, "full", _measured({**AS_SAID, "rnn": 40})).verdict == "does not hold here"


def test_shuffled_labels_turn_the_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention, taught with the labels of other texts by the claim's own code, learns no lag."""

    def broken(model: nn.Module, lag: int, rate: float, steps: int, drawn: torch.Generator, title: str) -> Any:
        return _recall.learning(model, lag, rate, steps, drawn, title, "shuffled")

    setting = {"start": "ordinary", "lags": [5], "steps": 60}
    cell = Cell(claim="memory_length", family="attention", setting=setting, seed=0)
    assert finish(memory_length.run(cell, tmp_path))["longest"] == 5
    monkeypatch.setattr(memory_length, "learning", broken)
    twin = finish(memory_length.run(cell, tmp_path))
    assert twin["longest"] == 0
    said = result_of(CLAIM, "full", _measured({**AS_SAID, "attention": twin["longest"]}))
    assert said.verdict == "does not hold here"


@pytest.mark.parametrize("control", ["absent", "shuffled"])
def test_a_control_that_is_answered_leaves_it_undecided(control: str) -> None:
    assert result_of(CLAIM, "full", _measured(AS_SAID, **{control: 0.5})).verdict == "not decided"


def test_a_training_that_was_ended_has_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the texts after it say: the lag goes on."""
    answers = iter([0.98, 0.96])
    monkeypatch.setattr(_recall, "accuracy", lambda model, batch: next(answers))
    monkeypatch.setattr(_recall, "training", _one_step)
    model = _recall.made("rnn", "ordinary", 5, _recall.Recipe(rate=0.1, reach=1.0), torch.Generator())
    done = finish(_recall.learning(model, 5, 0.1, 10, torch.Generator(), ""))
    assert (done.learnt, done.accuracy) == (True, 0.96)


def _one_step(*told: Any, enough: Any, **more: Any) -> Any:
    step = _training.Step(step=10, loss=0.1, gradient_norm=1.0)
    yield Progress(1, 1, "")
    assert enough(step)
    return [step]
