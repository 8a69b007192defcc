"""The figure `recurrence` against recordings, closed forms and the arithmetic as it is printed."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tiny_models import gpt
from tiny_recurrent import NAMES, opened
from unrolled.errors import BadInput, BadKnob, ProbeNotFound
from unrolled.figures import Answer, answer, figure
from unrolled.figures._arithmetic import DECIMALS
from unrolled.figures._long_sums import long_sum, squashed
from unrolled.figures._order import swapped, words_of
from unrolled.figures._recurrence_rates import recording
from unrolled.figures._tables import tables
from unrolled.progress import finish
from unrolled.trace import readback, record_states

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

TEXT = "The dog bit the man, and"
NUMBER = r"\(?−?\d+\.\d+\)?"


def answered(panel: str, models: list[Model], text: str = TEXT, **knobs: Any) -> Answer:
    return finish(answer(figure("recurrence").panel(panel), knobs, models=models, text=text))


def ask(panel: str, models: list[Model], text: str = TEXT, **knobs: Any) -> Any:
    return answered(panel, models, text, **knobs).result


def value(said: str) -> Fraction:
    return Fraction(said.strip("()").replace("−", "-"))


def rounded(exact: Fraction, said: str) -> bool:
    """Whether `said` is `exact` rounded to the decimals that it shows, or to four; needless zeros are left out."""
    decimals = max(DECIMALS, len(said.strip("()").partition(".")[2]))
    return abs(exact - value(said)) <= Fraction(1, 2 * 10**decimals)


FUNCTIONS = {"tanh": math.tanh, "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "relu": lambda x: max(x, 0)}


def check_line(line: str) -> float:
    """Every printed product and sum follows from what is printed before it; gives what the line comes to."""
    if call := re.fullmatch(rf"(tanh|sigmoid|relu)\(({NUMBER})\) = ({NUMBER})", line):
        exact = FUNCTIONS[call[1]](float(value(call[2])))
        assert abs(exact - float(value(call[3]))) <= 0.51 * 10**-DECIMALS, line
        return float(value(call[3]))
    products, *sums, total = line.split(" = ")
    written = [product for product in products.split(" + ") if not product.startswith("[")]
    factors = [[value(factor) for factor in product.split("×")] for product in written]
    exact_products = [left * right for left, right in factors]
    if not sums:
        assert len(written) == 1
        assert rounded(exact_products[0], total), line
        return float(value(total))
    terms = [value(term) for term in sums[0].split(" + ")]
    assert len(terms) == len(products.split(" + "))
    digits = max(len(each.partition(".")[2]) for each in re.findall(r"\d+\.\d+", products) or ["."])
    for product, term in zip(exact_products, terms, strict=False):
        assert abs(product - term) <= Fraction(1, 2 * 10 ** (digits + 2)), line
    assert rounded(sum(terms, Fraction(0)), total), line
    return float(value(total))


@pytest.mark.parametrize("name", [*NAMES, "before", "relu"])
def test_the_printed_arithmetic_leads_to_the_models_own_h(name: str) -> None:
    changes = {"before": {"reset": "before"}, "relu": {"nonlinearity": "relu"}}.get(name, {})
    model = opened({"before": "gru", "relu": "rnn"}.get(name, name), **changes)
    for unit, token, layer in ((0, 0, 0), (3, 4, 1), (7, -1, 1)):
        found = ask("unit", [model], unit=unit, token=token, layer=layer)
        ends = [check_line(line) for line in found.lines]
        assert len(found.names) == len(ends)
        assert found.names[-1].startswith("h")
        assert ends[-1] == pytest.approx(found.h, abs=1.5e-4)
        assert found.term_values.sum() == pytest.approx(found.total, abs=1e-9)


def test_a_wrong_term_in_print_would_be_noticed() -> None:
    line = long_sum([0.3, -1.2], [0.5, 0.25], [("rest", 0.1)])
    assert line == "0.30×0.50 + (−1.20)×0.25 + [rest] = 0.15 + (−0.30) + 0.10 = −0.05"
    check_line(line)
    for broken in (line.replace("= 0.15", "= 0.16"), line.replace("−0.05", "−0.06"), line.replace("0.10 =", "0.11 =")):
        with pytest.raises(AssertionError):
            check_line(broken)


@pytest.mark.parametrize("seed", range(40))
def test_long_sums_add_up_as_printed(seed: int) -> None:
    random = np.random.default_rng(seed)
    scale = 10.0 ** random.integers(-4, 3)
    left, right = random.standard_normal((2, int(random.integers(1, 9)))) * scale
    others = [("others", float(random.standard_normal() * scale)), ("bias", float(random.standard_normal()))]
    exact = float(left @ right) + sum(each for _, each in others)
    said, decimals = squashed(exact, "tanh", math.tanh)
    line = long_sum(left.tolist(), right.tolist(), others, decimals)
    assert check_line(line) == pytest.approx(exact, abs=10**-decimals)
    assert line.rpartition(" = ")[2] == said.partition("(")[2].partition(")")[0]
    check_line(said)


def test_states_are_the_recording_ordered_by_how_much_they_vary() -> None:
    models = [opened(name) for name in NAMES]
    found = ask("states", models, layer=1, units=5, last=4)
    for number, model in enumerate(models):
        h = finish(record_states(model, model.encode(TEXT))).h[1, -4:]
        order = np.argsort(-h.astype(np.float64).std(axis=0), kind="stable")[:5]
        np.testing.assert_array_equal(found.units[number], order)
        np.testing.assert_array_equal(found.h[number], h.T[order])
        assert found.first[number] == len(TEXT) - 4
        assert found.columns[number] == found.tokens[number][-4:]
    assert found.n_layer == 2


def test_words_change_places_and_nothing_else() -> None:
    assert swapped("The dog, it bit: the man!", 1, 5) == "The man, it bit: the dog!"
    assert swapped("Don't you sing", 0, 2) == "sing you Don't"
    assert words_of("Don’t stop — now") == ("Don’t", "stop", "now")
    assert swapped("a b", 1, 1) == "a b"


@pytest.mark.parametrize("name", NAMES)
def test_order_changes_the_state_and_not_the_bag(name: str) -> None:
    model = opened(name)
    found = ask("order", [model], first=1, second=4, layer=1)
    assert found.swapped_text == "The man bit the dog, and"
    assert found.same_bag == (True,)
    assert found.bag_distance == (0.0,)
    assert found.bag_cosine[0] == pytest.approx(1)
    h, other = (
        finish(record_states(model, model.encode(text))).h[1, -1].astype(float) for text in (TEXT, found.swapped_text)
    )
    np.testing.assert_allclose(found.difference[0], other - h)
    assert found.distance[0] == pytest.approx(float(np.sqrt(((other - h) ** 2).sum())))
    assert found.relative[0] == pytest.approx(found.distance[0] / np.linalg.norm(h))
    assert found.distance[0] > 0
    assert found.kl_bits[0] > 0
    nothing = ask("order", [model], first=2, second=2)
    assert nothing.distance == (0.0,)
    assert nothing.kl_bits == (0.0,)
    assert nothing.cosine[0] == pytest.approx(1)


def test_another_token_is_another_bag() -> None:
    """The control would notice: one capital more, and the bags are not the same."""
    model = opened("rnn")
    assert ask("order", [model], "dog bites man", first=0, second=2).same_bag == (True,)  # bytes know no word's begin
    found = ask("order", [model], "a b", first=0, second=1)
    assert found.same_bag == (True,)
    from unrolled.figures._order import bag_of

    bags = [bag_of(model, model.encode(text)) for text in ("Dog bites man", "dog bites man")]
    assert np.abs(bags[0] - bags[1]).max() > 1e-3


def test_the_wavefront_counts_what_is_ready() -> None:
    models = [opened("lstm"), gpt(n_layer=3)]
    found = ask("wavefront", models, "The cat sat", step=2)
    assert found.n_steps == (2 + 8 - 1, 3)
    assert found.cells == (16, 24)
    assert found.ready == (3, 16)
    assert found.last_step == 10
    assert found.by_length[0].tolist() == [2, 3, 4, 5, 6, 7, 8, 9]
    assert found.by_length[1].tolist() == [3] * 8
    assert found.tokens[0] == tuple("The cat ")


def test_a_recording_is_said_to_be_one() -> None:
    found = answered("wavefront", [opened("gru")], "The cat", step=1)
    assert [entry.kind for entry in found.provenance] == ["computed", "recorded"]
    shares = recording().rates
    assert {rate.family for rate in shares} == {"rnn", "lstm", "gru", "gpt"}
    assert all(0 < rate.share < 1.2 for rate in shares)
    np.testing.assert_allclose(found.result.recorded_share, [each.share for each in shares])
    captions = [table.caption for table in tables(found)]
    assert not any("matmul" in caption for caption in captions)  # no table of a model that is none


def test_one_of_several_models_is_asked_and_named() -> None:
    models = [opened("rnn"), opened("gru")]
    found = answered("unit", models, which=1, unit=2, token=3)
    assert found.result.model == "tiny-gru"
    assert [entry.name for entry in found.provenance] == ["tiny-gru"]
    assert found.result.parts == ("reset", "update", "candidate_input", "candidate_state")


def test_readback_says_what_the_probe_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readback, "TRAINING", 24)
    monkeypatch.setattr(readback, "TESTING", 12)
    model = opened("gru", d_hidden=24)
    found = answered("readback", [model], furthest=5)
    result = found.result
    assert result.distances.tolist() == [0, 1, 2, 3, 4, 5]
    assert result.own_tokens[0] == tuple(reversed(TEXT))[:6]
    for low, mean, high in zip(result.low[0], result.accuracy[0], result.high[0], strict=True):
        assert 0 <= low <= mean <= high <= 1
    first = result.own_rank[0] == 1
    assert [a == b for a, b in zip(result.own_found[0], result.own_tokens[0], strict=True)] == first.tolist()
    assert result.accuracy[0][0] > result.control[0][0] + 0.1
    assert ask("readback", [model], "a", furthest=5).own_tokens == (("a",),)  # one token: itself
    assert ask("readback", [model], reads="h").n_unit == (24,)
    assert [entry.kind for entry in found.provenance] == ["computed", "computed"]


@pytest.mark.parametrize(
    ("panel", "text", "knobs", "said"),
    [
        ("states", TEXT, {"layer": 2}, "layer was 2; tiny-rnn has layers 0 to 1"),
        ("unit", TEXT, {"unit": 8}, "unit was 8; tiny-rnn on this text has units 0 to 7"),
        ("unit", TEXT, {"token": 99}, "token was 99"),
        ("unit", TEXT, {"which": 1}, "which was 1; 1 models were given"),
        ("unit", TEXT, {"part": "forget"}, "part was forget; a unit of tiny-rnn has state"),
        ("order", TEXT, {"second": 9}, "second was 9; the text has words 0 to 5"),
        ("order", TEXT, {"layer": 5}, "layer was 5"),
    ],
)
def test_what_is_out_of_range_is_said(panel: str, text: str, knobs: dict[str, int], said: str) -> None:
    with pytest.raises(BadKnob, match=said):
        ask(panel, [opened("rnn")], text, **knobs)


def test_a_single_token_or_word() -> None:
    model = opened("lstm")
    assert ask("states", [model], "a").h[0].shape == (8, 1)
    assert ask("wavefront", [model], "a").n_steps == (2,)
    assert ask("unit", [model], "a").h_before == 0
    with pytest.raises(BadInput, match="“Hello” has 1 word; to exchange two, type a second one"):
        ask("order", [model], "Hello", first=0, second=1)


def test_a_transformer_has_no_state() -> None:
    with pytest.raises(ProbeNotFound, match="it needs h, and tiny has no such probe"):
        ask("states", [gpt()])
