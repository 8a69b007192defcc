"""The order of the text: every token once an epoch, a function of (seed, step), the same for all families."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from small_runs import small, text_file
from unrolled.training.batches import PairBatches, Pairs, Special
from unrolled.training.folder import create, read_run
from unrolled.training.order import NOT_A_TARGET, Windows
from unrolled.training.run import make_batches

TOKENS = np.arange(1, 102, dtype=np.uint16)  # each token is its own place, so that targets name places


@pytest.mark.parametrize("context", [7, 10, 16, 100])
def test_every_token_is_predicted_once_an_epoch(context: int) -> None:
    windows = Windows(TOKENS, context, batch=1, seed=5)
    for epoch in range(3):
        steps = range(epoch * windows.per_epoch + 1, (epoch + 1) * windows.per_epoch + 1)
        rows = [windows.rows(step) for step in steps]
        targets = torch.cat([y[0] for _, y in rows])
        assert sorted(targets[targets != NOT_A_TARGET].tolist()) == list(range(2, 102))
        for x, y in rows:
            assert x.shape == y.shape == (1, context)
            real = y != NOT_A_TARGET
            assert bool((y[real] == x[real] + 1).all())


def test_an_order_is_a_function_of_seed_and_step() -> None:
    windows, again = Windows(TOKENS, 7, 4, seed=5), Windows(TOKENS, 7, 4, seed=5)
    backwards = [again.rows(step) for step in range(40, 0, -1)][::-1]
    for step, (x, y) in enumerate(backwards, start=1):
        assert torch.equal(windows.rows(step)[0], x)
        assert torch.equal(windows.rows(step)[1], y)
    assert not torch.equal(Windows(TOKENS, 7, 4, seed=6).rows(1)[0], windows.rows(1)[0])
    first, second = ([n for _, n in windows.numbers(step)] for step in (1, 1 + windows.per_epoch))
    assert first != second


def test_processes_share_a_batch() -> None:
    windows = Windows(TOKENS, 7, 6, seed=5)
    parts = [windows.rows(3, rank, 3)[0] for rank in range(3)]
    assert torch.equal(torch.stack(parts, dim=1).flatten(0, 1), windows.rows(3)[0])


def test_all_families_see_the_same(tmp_path: Path) -> None:
    text = text_file(tmp_path)
    sizes = "model={ context = 16, n_layer = 1, d_embed = 8, d_hidden = 8 }"
    found = []
    for name, changes in (("gpt", ()), ("lstm", ("family=lstm", sizes))):
        list(create(small(text, *changes), tmp_path / name, "cpu"))
        found.append(make_batches(read_run(tmp_path / name)))
    for step in range(1, 30):
        assert torch.equal(found[0].train(step).ids, found[1].train(step).ids)
        assert torch.equal(found[0].train(step).targets, found[1].train(step).targets)


def pairs_of(lengths: list[int]) -> Pairs:
    """Pair i is source [3 + i] and a target of that many tokens 3 + i."""
    sides = [side for i, n in enumerate(lengths) for side in ([3 + i], [3 + i] * n)]
    return Pairs(np.concatenate(sides).astype(np.uint16), np.cumsum([len(side) for side in sides]))


def test_pairs_once_an_epoch_and_framed() -> None:
    lengths = [1 + i % 9 for i in range(50)]
    batches = PairBatches(pairs_of(lengths), pairs_of([2, 3]), Special(0, 1, 2), batch=8, seed=1)
    seen: Counter[int] = Counter()
    for step in range(1, batches.per_epoch + 1):
        batch = batches.train(step)
        assert batch.source is not None
        assert batch.source_mask is not None
        for row, (x, y) in enumerate(zip(batch.ids.tolist(), batch.targets.tolist(), strict=True)):
            i = batch.source[row, 0].item() - 3
            n = lengths[int(i)]
            assert x == [1] + [3 + i] * n + [0] * (len(x) - n - 1)
            assert y == [3 + i] * n + [2] + [NOT_A_TARGET] * (len(y) - n - 1)
            assert batch.source[row].tolist() == [3 + i, 2]
            assert batch.source_mask[row].all()
            seen[int(i)] += 1
    assert seen == Counter(range(50))
    assert sum(batch.count for batch in batches.held_out()) == 2 + 1 + 3 + 1
