"""Path lengths: found by nudging and search in real networks, equal to the formulas for every distance up to 64."""

from __future__ import annotations

import operator
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from unrolled.errors import BadKnob
from unrolled.figures import _path_networks as networks
from unrolled.figures import answer, figure
from unrolled.figures._path_networks import NAMES, WIDTH, Reach, edges, length_of, path_of, started
from unrolled.models.convolution import CausalConvolution
from unrolled.models.windowed_attention import WindowedAttention
from unrolled.progress import finish
from unrolled.trace import edges_of, shortest_path

REACHES = (Reach(kernel=3, window=4), Reach(kernel=2, window=1), Reach(kernel=5, window=7), Reach(kernel=64, window=90))
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def ask(panel: str | None = None, **knobs: Any) -> Any:
    return finish(answer(figure("path_length").panel(panel), knobs)).result


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reach", REACHES, ids=str)
def test_the_search_finds_what_the_formula_says(name: str, reach: Reach) -> None:
    """n = 2 … 64, from the first token and from one in the middle to the last."""
    for n in range(2, 65):
        for source in {0, n // 2, n - 1}:
            found = shortest_path(lambda layer: edges(name, n, layer, reach), source, n - 1, most=n)  # noqa: B023
            assert found == path_of(name, source, n - 1, reach)
            assert len(found) - 1 == length_of(name, n - 1 - source, reach)


def test_the_wiring_is_that_of_a_network_that_reads_from_left_to_right() -> None:
    reach, n = REACHES[0], 12
    back = np.arange(n)[None] - np.arange(n)[:, None]  # how far the target stands behind the source
    np.testing.assert_array_equal(edges("recurrent", n, 0, reach), back == 1)
    np.testing.assert_array_equal(edges("attention", n, 0, reach), back >= 0)
    np.testing.assert_array_equal(edges("convolution", n, 0, reach), (back >= 0) & (back <= 2))
    for layer in range(3):
        dilated = np.isin(back, [0, 3**layer, 2 * 3**layer])
        np.testing.assert_array_equal(edges("dilated convolution", n, layer, reach), dilated)
    np.testing.assert_array_equal(edges("restricted attention", n, 0, reach), (back >= 0) & (back <= 4))


def test_nothing_flows_backwards() -> None:
    for name in NAMES:
        assert shortest_path(lambda layer: edges(name, 9, layer, REACHES[0]), 8, 0, most=4) is None  # noqa: B023


class OneShort(CausalConvolution):
    """An off-by-one: padded by one too few, so that everything slips."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.cat((x[:, :1], x[:, :-1]), dim=1))


class Unmasked(WindowedAttention):
    """The mask left out that hides what stands before the text, and later keys let in."""

    def windows(self, x: Tensor) -> Tensor:
        return x[:, None].expand(-1, x.shape[1], -1, -1).transpose(2, 3)[..., : self.reach + 1]


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("convolution", lambda: OneShort(WIDTH, 3)),
        ("convolution", lambda: CausalConvolution(WIDTH, 2)),
        ("convolution", lambda: CausalConvolution(WIDTH, 4)),
        ("restricted attention", lambda: WindowedAttention(WIDTH, 3)),
        ("restricted attention", lambda: WindowedAttention(WIDTH, 5)),
        ("restricted attention", lambda: Unmasked(WIDTH, 4)),
        ("attention", lambda: WindowedAttention(WIDTH, 18)),
    ],
)
def test_a_broken_network_is_noticed(name: str, broken: Any) -> None:
    """Off by one in the reach either way, a mask left out: over all pairs of 20 tokens the formula fails somewhere."""
    found = edges_of(started(broken()), 20, WIDTH)

    def fails(source: int, target: int) -> bool:
        length = shortest_path(lambda _: found, source, target, most=20)
        said = length_of(name, target - source, REACHES[0]) if target >= source else None
        return (None if length is None else len(length) - 1) != said

    assert any(fails(source, target) for source in range(20) for target in range(20))
    right = edges(name, 20, 0, REACHES[0])
    assert not np.array_equal(found, right)


def test_twenty_tokens_nineteen_steps_against_one() -> None:
    found = ask("path")
    assert dict(zip(found.names, found.lengths.tolist(), strict=True)) == {
        "recurrent": 19, "attention": 1, "convolution": 10, "dilated convolution": 3, "restricted attention": 5,
    }  # fmt: skip
    np.testing.assert_array_equal(found.lengths, found.by_formula)
    assert found.searched


def test_paths_begin_and_end_where_they_should_and_follow_the_wiring() -> None:
    found = ask("path", n=20, i=17, j=4)
    assert (found.first, found.last) == (4, 17)
    for number, name in enumerate(found.names):
        of_network = found.node_network == number
        steps, tokens = found.node_step[of_network], found.node_token[of_network]
        assert (tokens[0], tokens[-1]) == (4, 17)
        np.testing.assert_array_equal(steps, np.arange(found.lengths[number] + 1))
        mine = found.edge_network == number
        wires = set(zip(*(getattr(found, f"edge_{k}")[mine].tolist() for k in ("step", "from", "to")), strict=True))
        for step, (a, b) in enumerate(zip(tokens[:-1].tolist(), tokens[1:].tolist(), strict=True)):
            assert (step if name == "dilated convolution" else 0, a, b) in wires


def test_beyond_64_the_formula_is_used_and_said_to_be() -> None:
    searched, formula = (finish(answer(figure("path_length").panel("path"), {"n": n, "j": n})) for n in (64, 65))
    assert (searched.result.searched, formula.result.searched) == (True, False)
    assert "search in five small networks" in searched.provenance[0].name
    assert "formulas" in formula.provenance[0].name
    thousand = ask("path", n=1000, j=1000)
    assert thousand.lengths.tolist() == [999, 1, 500, 7, 250]
    assert thousand.node_token.max() == 1000
    assert not len(thousand.edge_from)


def test_one_token_has_no_way_to_go() -> None:
    found = ask("path", i=5, j=5)
    assert found.lengths.tolist() == [0] * 5
    assert set(found.arithmetic) == {"the same token: 0 steps"}


def test_a_token_beyond_the_text_is_its_last() -> None:
    found = ask("path", n=8, i=3, j=20)
    assert (found.first, found.last) == (3, 8)
    with pytest.raises(BadKnob, match="n was 1; it takes a whole number from 2 to 1000"):
        ask("path", n=1)


@pytest.mark.parametrize(("n", "kernel", "window"), [(20, 3, 4), (64, 2, 1), (777, 7, 13), (1000, 64, 256), (2, 2, 1)])
def test_the_printed_arithmetic_holds(n: int, kernel: int, window: int) -> None:
    found = ask("path", n=n, j=n, kernel=kernel, window=window)
    for text, length in zip(found.arithmetic, found.lengths.tolist(), strict=True):
        assert holds(text.rpartition(":")[0] or text.rpartition(" = ")[0] + f" = {length}")
        assert f"{length:,} " in text


def holds(text: str) -> bool:
    """Whether each side of each sign in "9 × 2 = 18 < 19 ≤ 20 = 10 × 2" is in that relation to the next."""
    chain = text.rpartition(";")[2]
    parts = re.split(r" ([=<≤]) ", chain)
    if len(parts) < 3:
        return "every token sees every earlier one" in text
    relations = {"=": operator.eq, "<": operator.lt, "≤": operator.le}
    return all(relations[parts[k]](value(parts[k - 1]), value(parts[k + 1])) for k in range(1, len(parts), 2))


def value(text: str) -> int:
    text = text.replace(",", "").replace(" layers", "").strip()
    if power := re.fullmatch(r"(\d+)([⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text):
        raised: int = int(power[1]) ** int(power[2].translate(SUPERSCRIPTS))
        return raised
    factors = [value(part) for part in text.split(" × ")] if " × " in text else []
    if factors:
        return int(np.prod(np.array(factors, dtype=object)))
    if " − " in text:
        left, right = text.split(" − ")
        return int(left) - int(right)
    return int(text)


def test_a_wrong_sum_would_be_noticed() -> None:
    assert holds("9 × 2 = 18 < 19 ≤ 20 = 10 × 2")
    assert not holds("9 × 2 = 18 < 19 ≤ 20 = 11 × 2")
    assert not holds("3² = 9 ≤ 8 < 27 = 3³")


@pytest.mark.parametrize(("n", "d"), [(20, 512), (1000, 4096), (2, 1)])
def test_table_1_and_its_numbers(n: int, d: int) -> None:
    found = ask("cost", n=n, d=d)
    row = {name: k for k, name in enumerate(found.names)}
    assert found.complexity[row["attention"]] == "O(n²·d)"
    assert found.complexity[row["recurrent"]] == "O(n·d²)"
    assert (found.sequential[row["recurrent"]], found.path[row["recurrent"]]) == ("O(n)", "O(n)")
    assert (found.path[row["dilated convolution"]], found.path[row["restricted attention"]]) == (
        "O(log_k(n))",
        "O(n/r)",
    )
    assert found.operations.tolist() == [n * d * d, n * n * d, 3 * n * d * d, 3 * n * d * d, 4 * n * d]
    assert found.stack.tolist() == [layers * one for layers, one in zip(found.layers, found.operations, strict=True)]
    assert found.longest.tolist() == [length_of(name, n - 1, REACHES[0]) for name in NAMES]
    assert found.pairs == sum(len(range(t)) for t in range(1, n + 1))
    for text, operations in zip(found.arithmetic, found.operations.tolist(), strict=True):
        assert holds(text)
        assert text.endswith(f" = {operations:,}")


def test_attention_is_the_cheaper_layer_while_the_text_is_shorter_than_the_vector_is_wide() -> None:
    for n, cheaper in ((511, True), (512, False), (513, False)):
        found = ask("cost", n=n, d=512)
        recurrent, attention = found.operations[:2]
        assert (attention < recurrent) == cheaper
        assert ("the attention layer takes fewer" in found.comparison) == cheaper


def test_recorded_times_say_so() -> None:
    found = finish(answer(figure("path_length").panel("times"), {}))
    (source,) = found.provenance
    assert source.kind == "recorded"
    assert source.hash
    result = found.result
    assert result.milliseconds.shape == (len(NAMES), len(result.n)) == result.low.shape
    assert (result.low <= result.milliseconds).all()
    assert (result.milliseconds <= result.high).all()


def test_a_search_ends_where_there_is_no_way() -> None:
    none = np.zeros((4, 4), dtype=bool)
    assert shortest_path(lambda _: none, 0, 3, most=9) is None
    assert shortest_path(lambda _: np.eye(4, dtype=bool), 0, 3, most=9) is None
    assert shortest_path(lambda _: none, 2, 2, most=9) == [2]


def test_the_networks_that_are_searched_are_the_models_own() -> None:
    assert isinstance(networks.step_of("recurrent", 0, REACHES[0]).layer, torch.nn.RNN)  # type: ignore[attr-defined]
    assert type(networks.step_of("attention", 0, REACHES[0]).attn).__module__ == "unrolled.models.gpt"  # type: ignore[attr-defined]
