"""The shared formulas, in closed form and against torch's kernel."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from unrolled.models import attention
from unrolled.models.positions import alibi, alibi_slopes, rope_angles, rope_frequencies, rotate, sinusoids


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def test_weights_in_closed_form() -> None:
    query = torch.tensor([[[0.0, math.sqrt(2)]]], dtype=torch.float64)
    key = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    wanted = torch.tensor([[[1, math.e]]], dtype=torch.float64) / (1 + math.e)
    assert_close(attention.weights(query, key, causal=False), wanted)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("n_query", "n_key"), [(5, 5), (1, 5), (2, 5)])
def test_attend_is_weights_times_values(causal: bool, n_query: int, n_key: int) -> None:
    query, key, value = random(2, 6, n_query, 4), random(2, 3, n_key, 4), random(2, 3, n_key, 4) + 1
    wanted = attention.weights(query, key, causal=causal) @ attention.share_heads(value, 6)
    assert_close(attention.attend(query, key, value, causal=causal), wanted)


def test_causal_rows_see_nothing_later() -> None:
    rows = attention.weights(random(1, 4, 3), random(1, 4, 3), causal=True)[0]
    assert torch.equal(rows.triu(1), torch.zeros(4, 4, dtype=torch.float64))
    assert_close(rows.sum(-1), torch.ones(4, dtype=torch.float64))


def test_grouped_heads_are_neighbours() -> None:
    key = random(1, 2, 3, 4)
    assert torch.equal(attention.share_heads(key, 4)[0, :, 0, 0], key[0, [0, 0, 1, 1], 0, 0])


def test_rotated_scores_depend_on_distance_alone() -> None:
    query, key = random(1, 8), random(1, 8)
    frequencies = rope_frequencies(8, 10000.0).double()

    def score(i: int, j: int) -> torch.Tensor:
        turned = [rotate(x, *rope_angles(frequencies, at, 1, torch.float64)) for x, at in ((query, i), (key, j))]
        return turned[0] @ turned[1].T

    # positions are float32, as everywhere: angles are good to 1e-7 of their size
    assert_close(score(3, 1), score(13, 11), atol=1e-5, rtol=0)
    assert not torch.allclose(score(3, 1), score(3, 2), atol=1e-2)


def test_rotation_turns_the_first_pair_by_one_radian_a_position() -> None:
    x = torch.zeros(1, 4, dtype=torch.float64)
    x[0, 0] = 1.0
    turned = rotate(x, *rope_angles(rope_frequencies(4, 10000.0), 2, 1, torch.float64))
    wanted = torch.tensor([[math.cos(2), 0, math.sin(2), 0]], dtype=torch.float64)
    assert_close(turned, wanted, atol=1e-6, rtol=0)  # float32 angles


def test_frequency_factors_slow_the_turns() -> None:
    assert_close(rope_frequencies(4, 100.0, (1.0, 8.0)), torch.tensor([1.0, 0.1 / 8]))


def test_sinusoids_are_the_papers_formula() -> None:
    table = sinusoids(3, 4, 6)
    for row, position in enumerate(range(3, 7)):
        for i in range(3):
            angle = position / 10_000 ** (2 * i / 6)
            assert table[row, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-12)
            assert table[row, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-12)


def test_alibis_slopes_are_the_papers() -> None:
    assert alibi_slopes(8).tolist() == [2.0**-i for i in range(1, 9)]  # §3: 1/2, 1/4, …, 1/256
    twelve = alibi_slopes(12).tolist()
    assert twelve[:8] == [2.0**-i for i in range(1, 9)]
    assert twelve[8:] == pytest.approx([2 ** -(i + 0.5) for i in range(4)])


@pytest.mark.parametrize("n_query", [1, 2, 5])
def test_alibi_takes_off_slope_times_distance(n_query: int) -> None:
    query, key, value, slopes = random(1, 2, n_query, 4), random(1, 2, 5, 4), random(1, 2, 5, 4) + 1, alibi_slopes(2)
    wanted = torch.zeros(1, 2, n_query, 4, dtype=torch.float64)
    for head in range(2):
        for row in range(n_query):
            at = 5 - n_query + row
            scores = [query[0, head, row] @ key[0, head, j] / 2 - slopes[head] * (at - j) for j in range(at + 1)]
            wanted[0, head, row] = torch.stack(scores).softmax(0) @ value[0, head, : at + 1]
    assert_close(attention.attend(query, key, value, causal=True, slopes=slopes), wanted)
    assert alibi(slopes, torch.tensor([4]), torch.tensor([1]))[0].item() == -3 * slopes[0].item()
