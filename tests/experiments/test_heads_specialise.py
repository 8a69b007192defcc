"""Claim 9: names, agreement, who is removed and what for; random heads in place of scored ones turn the verdict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.recorded import outcomes, with_found
from unrolled.experiments import heads_specialise
from unrolled.experiments._claim import Cell, Outcome
from unrolled.experiments._head_material import SETS, agreement_rows, list_rows, material, repeated, verb_ids
from unrolled.experiments._head_removal import DRAWS, loss, scored_and_others, trials_of
from unrolled.experiments._head_trainings import HEADS, small_gpt
from unrolled.experiments._results import recorded, result_of
from unrolled.figures._head_scores import arcs_text, texts
from unrolled.progress import finish
from unrolled.reporting._looks import looks_of

needs_result = pytest.mark.skipif(recorded("heads_specialise") is None, reason="no result comes along")


def test_no_sentence_is_in_two_sets() -> None:
    sets = [material(seed) for seed in range(SETS)]
    for kind in ("sentences", "arcs"):
        every = [one for each in sets for one in getattr(each, kind)]
        assert len(set(every)) == len(every)
    assert not {one for each in sets for one in each.sentences} & set(texts()[0])
    assert len({each.seed for each in sets} - {0}) == SETS


def test_arcs_join_the_words_that_they_say() -> None:
    for notation in material(0).arcs:
        sentence, arcs = arcs_text(notation)
        words = sentence.removesuffix(".").split()
        said = {(relation, words[head]) for _, head, relation in arcs}
        assert max(max(a, b) for a, b, _ in arcs) < len(words)
        assert {r for r, _ in said} <= set("daso")
        assert len({head for r, head in said if r in "so"}) == 1  # the verb


def test_agreement_of_names() -> None:
    assert heads_specialise.kappa("ffpi", "ffpi") == 1
    assert heads_specialise.kappa("aabb", "abab") == 0  # half the same, as chance has it
    assert heads_specialise.kappa("aab.", "aabb") == pytest.approx((0.75 - 0.375) / (1 - 0.375))


def test_others_are_as_many_of_the_same_layers() -> None:
    names = [["induction"] * 5 + ["local"], ["induction", "local", "first token"], ["induction"] * 3]
    chosen, others = scored_and_others(names, "induction", np.random.default_rng(0))
    assert sorted(layer for layer, _ in chosen) == [0, 1]  # one other in layer 0, none in layer 2
    assert all(names[layer][head] == "induction" for layer, head in chosen)
    for draw in others:
        assert sorted(layer for layer, _ in draw) == [0, 1]
        assert all(names[layer][head] != "induction" for layer, head in draw)
    assert len(others) == DRAWS


def test_numbers_of_heads_have_equal_parameters() -> None:
    for task in ("text", "recall"):
        assert len({sum(w.numel() for w in small_gpt(task, heads).parameters()) for heads in HEADS}) == 1


def test_losses_are_what_they_say() -> None:
    """Of our GPT: by hand from the logits of single texts."""
    from unrolled.checkpoints import open_model

    model = open_model("gpt")
    trials = trials_of(model, np.random.default_rng(0), 2)
    assert torch.equal(trials.repeated[:, :24], trials.repeated[:, 24:])
    by_hand = []
    for ids, before in trials.lists:
        said = model.all_logits(torch.tensor([list(ids)])).float().log_softmax(-1)[0]
        by_hand.append(-sum(float(said[at - 1, ids[at]]) for at in range(before, len(ids))))
    assert loss(model, "lists", trials) == pytest.approx(np.mean(by_hand), rel=1e-4)
    singular, plural = verb_ids(model)
    right = []
    for ids, many in trials.agreement:
        two = model.all_logits(torch.tensor([list(ids)])).float()[0, -1, [singular, plural]].softmax(-1)
        right.append(-float(two[int(many)].log()))
    assert loss(model, "agreement", trials) == pytest.approx(np.mean(right), rel=1e-4)


def test_trials_are_drawn_from_the_seed() -> None:
    from unrolled.checkpoints import open_model

    model = open_model("gpt")
    rows = [list_rows(model, 4, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]
    assert [many for _, many in agreement_rows(model, 4, np.random.default_rng(0))] == [False, True, False, True]
    assert repeated(model, 3, np.random.default_rng(0)).shape == (3, 48)


def test_weights_drawn_anew_get_no_names(tmp_path: Path) -> None:
    """A cell of the control, run."""
    cell = Cell(claim="heads_specialise", family="gpt", setting={"weights": "drawn anew", "rows": 2}, seed=11)
    found = finish(heads_specialise.run(cell, tmp_path))
    assert sum(row.count(".") for row in found["names"]) >= 15
    assert "removed" not in found


@needs_result
def test_others_removed_in_place_of_the_scored_ones_turn_the_verdict() -> None:
    def random(each: Outcome) -> Outcome:
        if "removed" not in each.found:
            return each
        removed = {
            kind: one if kind == "whole" else {**one, "own": one["own_random"][0], "plain": one["plain_random"][0]}
            for kind, one in each.found["removed"].items()
        }
        return with_found(each, removed=removed)

    claim = heads_specialise.CLAIM
    assert result_of(claim, "full", outcomes(claim, random)).verdict == "does not hold here"


@needs_result
def test_names_dealt_out_at_random_turn_the_verdict() -> None:
    def shuffled(each: Outcome) -> Outcome:
        if "names" not in each.found:
            return each
        letters = np.random.default_rng(each.cell.seed).permutation(list("".join(each.found["names"])))
        return with_found(each, names=["".join(letters)])

    claim = heads_specialise.CLAIM
    assert result_of(claim, "full", outcomes(claim, shuffled)).verdict == "does not hold here"


@needs_result
def test_random_heads_with_names_make_the_test_void() -> None:
    def named(each: Outcome) -> Outcome:
        if each.cell.setting.get("weights") != "drawn anew":
            return each
        return with_found(each, names=[row.replace(".", "i", 1) for row in each.found["names"]])

    claim = heads_specialise.CLAIM
    assert result_of(claim, "full", outcomes(claim, named)).verdict == "not decided"


@needs_result
def test_pictures_of_all_cells_and_of_a_few() -> None:
    cells = outcomes(heads_specialise.CLAIM)
    assert [len(plot.series) for plot in heads_specialise.CLAIM.plots(cells)] == [2, 2]
    assert all(len(set(looks_of(plot.series))) == 2 for plot in heads_specialise.CLAIM.plots(cells))
    assert len(heads_specialise.CLAIM.plots(cells[:1])) == 1
    assert not list(heads_specialise.CLAIM.plots([]))
