"""chrF against sacrebleu, copying against what can be said beforehand, and twins that turn the verdict."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sacrebleu import sentence_chrf

from experiments.recorded import outcomes, with_found
from unrolled.experiments import _copying as copying
from unrolled.experiments import bottleneck as claim
from unrolled.experiments._claim import Outcome
from unrolled.experiments._letters import chrf
from unrolled.experiments._results import result_of
from unrolled.progress import finish
from unrolled.text import pairs


def test_chrf_is_that_of_sacrebleu() -> None:
    targets = [target for _, target in pairs("en-fr").test[:40]]
    for said, right in [*pairwise(targets), ("", "a"), ("a", "a"), ("ab cd", "abcd"), ("x", "y")]:
        assert chrf(said, right) == pytest.approx(sentence_chrf(said, [right]).score, abs=1e-9)


def test_all_three_have_about_as_many_parameters() -> None:
    sizes = [sum(p.numel() for p in copying.made(family, 0).parameters()) for family in copying.WIDTHS]
    assert max(sizes) < 1.01 * min(sizes)


def test_even_weights_are_alike_and_padding_keeps_none() -> None:
    weights = torch.tensor([[0.7, 0.2, 0.1, 0.0], [0.4, 0.3, 0.2, 0.1]])
    torch.testing.assert_close(copying.even(weights)[0], torch.tensor([1 / 3, 1 / 3, 1 / 3, 0.0]))
    torch.testing.assert_close(copying.even(weights)[1], torch.full((4,), 0.25))


def test_with_even_weights_the_context_knows_no_order() -> None:
    """What attention hands on is then the mean of all states, whatever is asked of it."""
    model = copying.made("attention", 0)
    with torch.no_grad():
        model.attn.vector.normal_()  # type: ignore[union-attr]
    ids, _ = copying.batch(np.random.default_rng(0), 2, 6)
    heard: list[torch.Tensor] = []
    hook = model.attn.out.register_forward_hook(lambda _, __, out: heard.append(out))  # type: ignore[union-attr]
    with torch.no_grad(), copying.evened(model):
        states = model.encode(ids[:, :7]).states
        copying.Paired(model)(ids)
    hook.remove()
    for out in heard:
        torch.testing.assert_close(out[:, 0], states.mean(1))
    with torch.no_grad():
        assert model.attn.weights._forward_hooks == {}  # type: ignore[union-attr]


def test_a_batch_asks_for_what_stands_in_it() -> None:
    ids, wanted = copying.batch(np.random.default_rng(0), 3, 5)
    source, target = ids.chunk(2, dim=1)
    assert torch.equal(source, wanted)
    assert torch.equal(target[:, 1:], wanted[:, :-1])
    assert wanted[:, -1].tolist() == [copying.EOS] * 3
    assert target[:, 0].tolist() == [copying.BOS] * 3


def test_a_training_of_a_few_steps_is_measured_and_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "TESTED", 10)
    found = [finish(copying.copying("none", 100, 3)) for _ in range(2)]
    assert found[0] == found[1]
    assert len(found[0]["exact"]) == len(copying.LENGTHS)
    assert found[0]["exact"][-1] == 0


def _with_values(family: str, task: str, **values: Any) -> Callable[[Outcome], Outcome]:
    def change(each: Outcome) -> Outcome:
        hit = each.cell.family == family and each.cell.setting["task"] == task
        return with_found(each, **values) if hit else each

    return change


def sound(each: Outcome) -> Outcome:
    """A recorded cell, had one state lost a point more with each word: only then can the verdict turn."""
    if each.cell.family != "none" or each.cell.setting["task"] != "translation":
        return each
    return with_found(each, chrf=[a - b for a, b in zip(each.found["chrf"], each.found["words"], strict=True)])


def test_the_growing_gap_is_what_the_verdict_hangs_on() -> None:
    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM)).verdict == "does not hold here"
    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM, sound)).verdict == "holds with limits"


def test_attention_that_is_even_turns_the_verdict() -> None:
    """The twin was measured: the same trained models, their weights made even."""
    evened = {each.cell.seed: each.found["exact_evened"] for each in _copied("attention")}

    def change(each: Outcome) -> Outcome:
        hit = each.cell.family == "attention" and each.cell.setting["task"] == "copying"
        return with_found(each, exact=evened[each.cell.seed]) if hit else sound(each)

    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM, change)).verdict == "does not hold here"


def test_a_state_that_holds_everything_turns_the_verdict() -> None:
    change = _with_values("none", "copying", exact=[1.0] * len(copying.LENGTHS))
    found = outcomes(claim.CLAIM, lambda each: sound(change(each)))
    assert result_of(claim.CLAIM, "full", found).verdict == "does not hold here"


def test_even_weights_that_do_as_well_leave_it_undecided() -> None:
    change = _with_values("even", "copying", exact=[1.0] * len(copying.LENGTHS))
    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM, change)).verdict == "not decided"


def test_the_fifths_are_disjoint_and_all_of_the_pairs() -> None:
    counts = [len(each.found["words"]) for each in outcomes(claim.CLAIM) if each.cell.family == "transformer"]
    assert sum(counts) == len(pairs("en-fr").test)


def test_pictures_of_part_of_the_cells() -> None:
    whole = outcomes(claim.CLAIM)
    assert [len(plot.series) for plot in claim.plots(whole)] == [3, 4]
    assert [len(plot.series) for plot in claim.plots(whole[:1])] == [1]
    assert not claim.plots([])


def _copied(family: str) -> list[Outcome]:
    return [
        each for each in outcomes(claim.CLAIM) if each.cell.family == family and each.cell.setting["task"] == "copying"
    ]
