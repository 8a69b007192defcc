"""The figure `block`: its arithmetic as printed, its sums, what it refuses; the traces have tests of their own."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tiny_models
import tiny_recurrent
from unrolled.errors import BadInput, BadKnob, ProbeNotFound
from unrolled.figures import _block_words as words
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

TEXT = "to be or not"
NUMBER = r"\(?−?[\d.]+\)?"


def ask(panel: str, *models: Model, text: str | None = TEXT, **knobs: Any) -> Any:
    return finish(answer(figure("block").panel(panel), knobs, models=models, text=text)).result


def value(text: str) -> float:
    return float(text.strip("()").replace("−", "-"))


def decimals(text: str) -> int:
    return len(text.strip("()").partition(".")[2])


def check_length(said: str) -> float:
    """`a×a + 2×b + c×c = p + q + r = s; √s = d`: each side is what the printed figures give."""
    left, terms, total = re.fullmatch(r"(.*) = (.*) = (.*); √.*", said).groups()  # type: ignore[union-attr]
    root, length = re.search(rf"√({NUMBER}) = ({NUMBER})", said).groups()  # type: ignore[union-attr]
    products = [value(a) * value(b) for a, b in (each.split("×") for each in left.split(" + "))]
    printed = terms.split(" + ")
    places = max(map(decimals, printed))
    assert_allclose([value(each) for each in printed], products, atol=0.51 * 10.0**-places)
    assert sum(map(value, printed)) == pytest.approx(value(total), abs=1e-9 * max(1, value(total)))
    assert root == total
    assert math.sqrt(value(total)) == pytest.approx(
        value(length), abs=0.51 * 10.0 ** -(2 if value(length) >= 10 else 4)
    )
    return value(length)


@pytest.mark.parametrize(
    ("before", "meets", "written"),
    [(2.6013, -0.4472, 2.5428), (429.89, 6907.66, 30.85), (22700.1, -5.2, 3.3), (0, 0, 0.02)],
)
def test_the_length_of_a_sum_in_words(before: float, meets: float, written: float) -> None:
    exact = math.sqrt(before**2 + 2 * meets + written**2)
    assert check_length(words.length_of_sum(before, meets, written)) == pytest.approx(exact, rel=1e-4, abs=5.1e-5)


def test_arithmetic_that_does_not_add_up_is_noticed() -> None:
    for wrong in (
        "1.00×1.00 + 2×0.50 + 2.00×2.00 = 1.00 + 1.00 + 4.10 = 6.10; √6.10 = 2.4698",
        "1.00×1.00 + 2×0.50 + 2.00×2.00 = 1.00 + 1.00 + 4.00 = 6.10; √6.10 = 2.4698",
        "1.00×1.00 + 2×0.50 + 2.00×2.00 = 1.00 + 1.00 + 4.00 = 6.00; √6.00 = 2.4698",
    ):
        with pytest.raises(AssertionError):
            check_length(wrong)


def test_what_is_said_of_the_stream_is_what_was_measured() -> None:
    found = ask("stream", tiny_models.gpt(), back=3)
    assert found.writers == ("embedding", "attention 0", "FFN 0", "attention 1", "FFN 1")
    assert (found.count, found.token, found.additive) == (len(TEXT), len(TEXT) - 4, True)
    for said, length in zip(found.arithmetic[1:], found.stream[1:, found.token], strict=True):
        assert check_length(said) == pytest.approx(length, abs=5.1e-5 if length < 10 else 5.1e-3)
    names, terms, total = found.shared.split(" = ")
    assert names == "[embedding] + [attention] + [FFN]"
    assert sum(map(value, terms.split(" + "))) == pytest.approx(value(total), abs=5.1e-5)
    assert value(total) == pytest.approx(found.stream[-1, found.token], abs=5.1e-5)
    assert value(terms.split(" + ")[1]) == pytest.approx(found.along[[1, 3], found.token].sum(), abs=1e-4)
    assert (np.abs(found.cosine[1:]) <= 1).all()
    assert np.isnan(found.cosine[0]).all()


def test_a_post_norm_model_says_that_nothing_adds_up() -> None:
    found = ask("stream", tiny_models.gpt(norm_place="post"))
    assert (found.additive, found.shared) == (False, "")
    assert "normed again" in found.arithmetic[1]


@pytest.mark.parametrize("kind", ["relu", "gelu", "gelu_tanh", "swiglu"])
def test_units_in_words(kind: str) -> None:
    found = ask("feed_forward", tiny_models.gpt(activation=kind), layer=1)
    functions = {"relu": words.relu, "gelu": words.gelu, "gelu_tanh": words.gelu_tanh, "swiglu": words.silu}
    assert (np.diff(found.writes) <= 0).all()
    for said, z, act, written in zip(found.arithmetic, found.sums, found.values, found.writes, strict=True):
        name, inside, out = re.match(rf"(\w+)\(({NUMBER})\) = ({NUMBER})", said).groups()  # type: ignore[union-attr]
        assert name == {"relu": "ReLU", "swiglu": "SiLU"}.get(kind, "GELU")
        assert functions[kind](value(inside)) == pytest.approx(value(out), abs=5.1e-5)
        assert value(inside) == pytest.approx(z, abs=5.1e-5)
        products = re.findall(rf"({NUMBER})×({NUMBER}) = ({NUMBER})", said)
        assert len(products) == 1 + (kind == "swiglu")
        for a, b, c in products:
            assert value(a) * value(b) == pytest.approx(value(c), abs=5.1e-5)
        if kind == "swiglu":
            assert value(products[0][2]) == pytest.approx(act, abs=5.1e-5)
        assert value(products[-1][2]) == pytest.approx(written, abs=5.1e-5)


def test_curves_shares_and_sizes() -> None:
    found = ask("feed_forward", tiny_models.gpt())
    zero = np.abs(found.z).argmin()
    assert found.functions == ("ReLU", "GELU", "SiLU")
    assert_allclose(found.curves[:, zero], 0, atol=1e-12)
    assert_allclose(found.curves[:, -1], [5, words.gelu(5), words.silu(5)], rtol=1e-9)
    assert found.histogram.sum() + found.outside == pytest.approx(1)
    assert found.parameters == 3 * found.d_model * found.d_ff  # SwiGLU without biases
    two = ask("feed_forward", tiny_models.gpt(activation="relu", bias="all"))
    assert two.parameters == 2 * two.d_model * two.d_ff + two.d_model + two.d_ff
    assert two.zero[0] > 0 == found.zero[0]


def test_depth_has_every_arrangement_at_every_depth() -> None:
    found = ask("depth", text=None, n_layer=2, d_model=32)
    assert found.arrangements == ("post-norm", "pre-norm", "no norm", "no residual")
    assert found.gradient.shape == found.stream.shape == found.apart.shape == (4, 3)
    assert found.weights.shape == (4, 2)
    other = ask("depth", text=None, n_layer=2, d_model=32, seed=1)
    assert (found.gradient != other.gradient).all()


def test_nothing_reaches_further_down_without_norms() -> None:
    """At 24 blocks: pre-norm keeps the gradient within a factor of ten, no norm lets it explode."""
    found = ask("depth", text=None, n_layer=24, d_model=32)
    spread = found.gradient.max(axis=1) / found.gradient.min(axis=1)
    assert spread[1] < 10
    assert spread[2] > 1e4
    assert found.apart[3, -1] < 1e-6 < found.apart[1, -1]  # no residual: positions become one


def test_without_is_the_patched_model_and_the_sums_agree() -> None:
    model = tiny_models.gpt()
    found = ask("without", model, off="FFN", layer=1)
    assert found.off == ("FFN 1",)
    assert_allclose(found.stream_before[:2], found.stream_after[:2])
    assert found.stream_before[2] != found.stream_after[2]
    assert found.loss_after == pytest.approx(found.surprisal_after[1:].mean())
    each = ask("each_layer", model)
    assert each.loss[each.kinds.index("FFN"), 1] == pytest.approx(found.loss_after, rel=1e-5)
    assert each.loss_before == pytest.approx(found.loss_before, rel=1e-5)
    assert each.uniform == pytest.approx(math.log2(300))
    both = ask("without", model, off="residuals", blocks=128)
    assert len(both.off) == 4
    one = ask("without", model, off="residuals", part="attention", blocks=128)
    assert one.off == ("residual around attention 0", "residual around attention 1")


def test_numbers_that_overflow_are_said_to() -> None:
    model = tiny_models.gpt()
    model.module.embed.weight.mul_(1e100)
    found = ask("without", model, off="norms", blocks=2)
    assert np.isfinite(found.before).all()
    assert not found.finite
    assert np.isnan(found.after).all()
    assert np.isnan(found.kl_bits)


def test_beyond_the_end_is_the_end() -> None:
    """A knob keeps its number when the reader takes a smaller model or a shorter text."""
    model = tiny_models.gpt()
    np.testing.assert_array_equal(ask("stream", model, back=99).stream, ask("stream", model, back=11).stream)
    assert ask("feed_forward", model, layer=7, back=99).layer == 1
    assert ask("without", model, layer=7, off="FFN").off == ask("without", model, layer=1, off="FFN").off


def test_bad_input_is_told_in_a_sentence() -> None:
    model = tiny_models.gpt()
    with pytest.raises(BadInput, match="is one token for tiny"):
        ask("each_layer", model, text="a")
    with pytest.raises(BadKnob, match="n_layer was 49; it takes a whole number from 2 to 48"):
        ask("depth", text=None, n_layer=49)
    for panel, missing in {"stream": "resid", "feed_forward": "mlp.act", "without": "resid"}.items():
        with pytest.raises(ProbeNotFound, match=f"it needs {missing}"):
            ask(panel, tiny_recurrent.opened("lstm"), text="a")


def test_one_token_has_no_loss_and_still_a_next_token() -> None:
    found = ask("without", tiny_models.gpt(), text="a", off="attention")
    assert math.isnan(found.loss_before)
    assert found.finite
    assert found.before.sum() <= 1
