"""Claim 14: losses by context against closed forms, and twins that turn the verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from experiments.recorded import outcomes, with_found
from unrolled.experiments import _by_context as reading
from unrolled.experiments import _test_book, families
from unrolled.experiments._claim import Outcome
from unrolled.experiments._results import result_of
from unrolled.experiments._small import SHAPES, beyond_the_table, small
from unrolled.progress import finish

CLAIM = families.CLAIM
IDS = torch.from_numpy(np.random.default_rng(0).integers(0, 50, 32 * 20 + 1))
TABLE = torch.from_numpy(np.random.default_rng(1).normal(0, 2, (50, 50))).log_softmax(-1)


def after_one(ids: Tensor) -> Tensor:
    """A model that looks at the last token alone."""
    return TABLE[ids]


def with_position(ids: Tensor) -> Tensor:
    """A model that is surer of token 0 at each position of a window: its logit is the position's number / 50."""
    logits = torch.zeros(*ids.shape, 50, dtype=torch.float64)
    logits[..., 0] = torch.arange(ids.shape[1]) / 50
    return logits


def test_each_chunk_is_read_at_every_place() -> None:
    """Who looks at one token only loses the same at all places: what stands in the table."""
    found = finish(reading.by_context(after_one, IDS, ""))
    cost = -TABLE[IDS[:-1], IDS[1:]].view(-1, reading.CHUNK).mean(1)
    assert found.shape == (reading.chunks_of(len(IDS)), reading.PLACES)
    torch.testing.assert_close(found, cost[reading.PLACES - 1 : 20 - reading.PLACES + 1, None].expand_as(found))


def test_a_place_is_a_place_in_the_window() -> None:
    found = finish(reading.by_context(with_position, torch.zeros_like(IDS), ""))
    t = torch.arange(reading.WINDOW, dtype=torch.float64) / 50
    expected = ((t.exp() + 49).log() - t).view(reading.PLACES, reading.CHUNK).mean(1)
    torch.testing.assert_close(found, expected.expand_as(found))


def test_destroyed_context_is_all_but_the_tokens_of_the_first_place() -> None:
    found = finish(reading.destroyed(after_one, IDS, np.random.default_rng(2), ""))
    near = finish(reading.by_context(after_one, IDS, ""))[:: reading.SPARSE, 0]
    torch.testing.assert_close(found, near)


def test_what_destroys_context_is_a_passage() -> None:
    """In a text that counts, all that stands before the true tokens counts too, from somewhere."""
    seen: list[Tensor] = []

    def noting(ids: Tensor) -> Tensor:
        seen.append(ids)
        return torch.zeros(*ids.shape, 2_000)

    finish(reading.destroyed(noting, torch.arange(1_500), np.random.default_rng(5), ""))
    rows = torch.cat(seen)
    far, near = rows[:, : reading.WINDOW - reading.CHUNK], rows[:, reading.WINDOW - reading.CHUNK :]
    assert bool((far.diff(dim=1) == 1).all())
    assert bool((near.diff(dim=1) == 1).all())
    assert len(set(far[:, 0].tolist())) > 1
    assert not bool((near[:, 0] == far[:, -1] + 1).any())


def test_who_looks_far_back_gains_from_context_and_not_from_noise() -> None:
    """A model that expects again what came 40 tokens ago, in a text that repeats every 40."""
    text = torch.from_numpy(np.random.default_rng(3).integers(0, 50, 40)).repeat(20)

    def copying(ids: Tensor) -> Tensor:
        logits = torch.zeros(*ids.shape, 50, dtype=torch.float64)
        logits[:, 39:] = 5.0 * torch.nn.functional.one_hot(ids[:, : ids.shape[1] - 39], 50)
        return logits

    places = finish(reading.by_context(copying, text, ""))
    noise = finish(reading.destroyed(copying, text, np.random.default_rng(4), ""))
    uniform, copied = math.log(50), math.log(49 * math.exp(-5) + 1)
    assert float(places[:, 0].mean()) == pytest.approx(uniform)
    assert float(places[:, -1].mean()) == pytest.approx(copied)
    assert float(noise.mean()) > uniform


def test_sizes_are_equal_within_two_percent() -> None:
    sizes = [beyond_the_table(small(family, 512, 0)) for family in SHAPES]
    assert max(sizes) / min(sizes) < 1.02


def test_exchanged_labels_are_the_same_labels_elsewhere() -> None:
    ids = torch.arange(5_000)
    given, wanted = _test_book.drawing(ids, np.random.default_rng(0), exchanged=True)()
    plain, following = _test_book.drawing(ids, np.random.default_rng(0), exchanged=False)()
    assert torch.equal(given, plain)
    assert torch.equal(wanted.flatten().sort()[0], following.flatten().sort()[0])
    assert float((wanted == following).float().mean()) < 0.01


def test_counting_tokens_is_the_unigram_entropy() -> None:
    train = torch.tensor([0] * 2 + [1] * 0)  # with one more of each: 3/4 and 1/4
    first, chunk = (reading.PLACES - 1) * reading.CHUNK + 1, torch.tensor([0, 1] * (reading.CHUNK // 2))
    ids = torch.cat([torch.zeros(first, dtype=torch.long), chunk, torch.zeros(first - 1, dtype=torch.long)])
    expected = -(math.log(3 / 4) + math.log(1 / 4)) / 2
    assert _test_book.loss_of_counts(train, ids, 2)["unigram"] == pytest.approx(expected)


def exchanged(each: Outcome, other: dict[str, Outcome]) -> Outcome:
    """A shipped model's cell with what another one found."""
    if "trained" not in each.cell.setting:
        return each
    names = {"gpt": "lstm", "lstm": "gpt"}
    return with_found(each, **other[names.get(each.cell.family, each.cell.family)].found)


def test_labels_of_two_families_exchanged_turn_the_verdict() -> None:
    shipped = {e.cell.family: e for e in outcomes(CLAIM) if "trained" in e.cell.setting}
    said = result_of(CLAIM, "full", outcomes(CLAIM, lambda each: exchanged(each, shipped)))
    assert said.verdict == "does not hold here"


def test_a_model_that_gains_from_noise_leaves_it_undecided() -> None:
    def change(each: Outcome) -> Outcome:
        pieces = each.found.get("gain_destroyed_pieces")
        return with_found(each, gain_destroyed_pieces=[0.2 + gain / 10 for gain in pieces]) if pieces else each

    assert result_of(CLAIM, "full", outcomes(CLAIM, change)).verdict == "not decided"


def test_labels_that_teach_although_exchanged_leave_it_undecided() -> None:
    def change(each: Outcome) -> Outcome:
        return with_found(each, nats=3.0) if "control" in each.cell.setting else each

    assert result_of(CLAIM, "full", outcomes(CLAIM, change)).verdict == "not decided"


def test_far_context_that_costs_who_learned_nothing_leaves_it_undecided() -> None:
    def change(each: Outcome) -> Outcome:
        return with_found(each, cost_destroyed=0.1) if "control" in each.cell.setting else each

    assert result_of(CLAIM, "full", outcomes(CLAIM, change)).verdict == "not decided"


def test_half_of_the_cells_measure_and_draw_what_they_can() -> None:
    few = [each for each in outcomes(CLAIM) if "trained" not in each.cell.setting]
    long = [each for each in outcomes(CLAIM) if "trained" in each.cell.setting]
    assert "gpt before gated" not in CLAIM.measure(few)
    assert "far context, few tokens" not in CLAIM.measure(long)
    assert [len(CLAIM.plots(cells)) for cells in ([], few, long, [*few, *long])] == [0, 1, 1, 2]
