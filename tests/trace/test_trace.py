"""Our GPT's traces against the formula and against transformers; tiles, rows, parts, logits, losses, cancelling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_models import TEXT, VOCABULARY
from unrolled.checkpoints import Model
from unrolled.errors import BadKnob, EmptyText
from unrolled.models.attention import attend, weights
from unrolled.models.gpt import GPT, GPTConfig
from unrolled.progress import Cancelled, cancellable, finish
from unrolled.trace import Trace, logits_of, losses, record, wrap

N_LAYER, N_HEAD, N_TOKEN = 3, 4, 40


@pytest.fixture(scope="module")
def gpt() -> Model:
    """A tiny grouped-query GPT with strong weights, in float64; what a trace gives is float32."""
    config = GPTConfig(
        vocabulary=len(VOCABULARY), context=64, n_layer=N_LAYER, n_head=N_HEAD, n_key_value=2, d_model=32, d_head=8,
        d_ff=48, norm="rmsnorm", positions="rope", activation="swiglu",
    )  # fmt: skip
    torch.manual_seed(0)
    module = GPT(config).double()
    for parameter in module.parameters():
        parameter.data.normal_(0, 0.5) if parameter.ndim > 1 else None
    return wrap(module, name="gpt")


@pytest.fixture(scope="module")
def trace(gpt: Model) -> Trace:
    text = " ".join(str(i * 7 % len(VOCABULARY)) for i in range(N_TOKEN))
    return finish(record(gpt, gpt.encode(text), values=range(N_LAYER), residual=True, logits=True))


def heard(gpt: Model, trace: Trace) -> dict[str, torch.Tensor]:
    """Every named point in one plain forward pass."""
    found: dict[str, torch.Tensor] = {}
    hooks = [
        part.register_forward_hook(lambda _, __, out, name=name: found.__setitem__(name, out[0]))
        for name, part in gpt.module.named_modules()
    ]
    with torch.no_grad():
        gpt.module(torch.tensor([trace.tokens.ids]))
    for hook in hooks:
        hook.remove()
    return found


def test_weights_are_the_formula(gpt, trace) -> None:
    points = heard(gpt, trace)
    for layer in range(N_LAYER):
        q, k, v = (points[f"blocks.{layer}.attn.{name}"] for name in "qkv")
        wanted = weights(q, k, causal=True)
        np.testing.assert_allclose(trace.heads(layer, slice(None)), wanted, atol=1e-6, rtol=1e-5)
        for head in range(N_HEAD):
            np.testing.assert_allclose(trace.query(layer, head), q[head], atol=1e-5, rtol=1e-5)
            np.testing.assert_allclose(trace.key(layer, head), k[head // 2], atol=1e-5, rtol=1e-5)
            np.testing.assert_allclose(trace.value(layer, head), v[head // 2], atol=1e-5, rtol=1e-5)
            mixed = trace.weights(layer, head) @ trace.value(layer, head)
            np.testing.assert_allclose(mixed, attend(q, k, v, causal=True)[head], atol=1e-5, rtol=1e-4)


def test_residual_stream_and_logits(gpt, trace) -> None:
    points = heard(gpt, trace)
    for layer in range(N_LAYER):
        for point in ("pre", "mid", "post"):
            np.testing.assert_allclose(
                trace.residual(layer, point), points[f"blocks.{layer}.resid.{point}"], atol=1e-4, rtol=1e-4
            )
    np.testing.assert_allclose(trace.logits([0, 39, 3]), points["logits"][[0, 39, 3]], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(
        finish(logits_of(gpt, trace.tokens, [39, 3, 3])), points["logits"][[39, 3, 3]], atol=1e-4, rtol=1e-4
    )
    wanted = F.cross_entropy(points["logits"][:-1], torch.tensor(trace.tokens.ids[1:]), reduction="none")
    np.testing.assert_allclose(finish(losses(gpt, trace.tokens)), wanted, atol=1e-4, rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.tuples(st.integers(-45, 45), st.integers(-45, 45)),
    columns=st.tuples(st.integers(-45, 45), st.integers(-45, 45)),
    layer=st.integers(0, N_LAYER - 1),
    head=st.integers(0, N_HEAD - 1),
)
def test_tiles_are_cut_from_the_whole(trace, rows, columns, layer, head) -> None:
    whole = trace.weights(layer, head)
    tile = trace.weights(layer, head, slice(*rows), slice(*columns))
    np.testing.assert_allclose(tile, whole[slice(*rows), slice(*columns)], atol=1e-6, rtol=1e-5)


def test_rows_in_any_order(trace) -> None:
    whole = trace.weights(1, 2)
    np.testing.assert_allclose(trace.weights(1, 2, [9, 0, 9], [3, 1]), whole[[9, 0, 9]][:, [3, 1]], atol=1e-6)
    np.testing.assert_allclose(trace.heads(1, [30, 2])[2], whole[[30, 2]], atol=1e-6)
    assert trace.weights(1, 2, [], [1]).shape == (0, 1)
    assert trace.heads(1, []).shape == (N_HEAD, 0, N_TOKEN)


def test_only_what_is_asked_is_worked_out(trace, monkeypatch) -> None:
    from unrolled.trace import trace as module

    asked: list[tuple[int, ...]] = []
    rows_of = module.weight_rows
    monkeypatch.setattr(
        module, "weight_rows", lambda a, q, k, *rest: asked.append((*q.shape, *k.shape)) or rows_of(a, q, k, *rest)
    )
    trace.weights(0, 3, slice(5, 8), slice(0, 2))
    assert asked == [(1, 3, 8, 1, 8, 8)]  # one head, three rows, the eight keys that these see


def test_rows_sum_to_one_and_see_nothing_later(trace) -> None:
    for layer in range(N_LAYER):
        every = trace.heads(layer, slice(None))
        np.testing.assert_allclose(every.sum(axis=2), 1, atol=1e-5)
        assert not np.triu(every, 1).any()


def test_a_later_token_changes_nothing_before_it(gpt, trace) -> None:
    ids = list(trace.tokens.ids)
    text = " ".join(map(str, [*ids[:-1], (ids[-1] + 1) % len(VOCABULARY)]))
    other = finish(record(gpt, gpt.encode(text)))
    np.testing.assert_allclose(other.heads(2, slice(0, -1)), trace.heads(2, slice(0, -1)), atol=1e-6)
    assert np.abs(other.heads(2, [-1 % N_TOKEN]) - trace.heads(2, [-1 % N_TOKEN])).max() > 1e-3


def test_short_parts_give_the_same(gpt, trace, monkeypatch) -> None:
    monkeypatch.setattr("unrolled.trace.recording.CHUNK", 3)
    parts = finish(record(gpt, trace.tokens, values=[1], residual=True))
    for layer in range(N_LAYER):
        np.testing.assert_allclose(parts.heads(layer, slice(None)), trace.heads(layer, slice(None)), atol=1e-6)
    np.testing.assert_allclose(parts.value(1, 0), trace.value(1, 0), atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(parts.residual(2, "mid"), trace.residual(2, "mid"), atol=1e-6, rtol=1e-6)


def test_the_same_call_gives_the_same_numbers(gpt, trace) -> None:
    finish(gpt.next_logits(trace.tokens.ids[:20]))  # a cache of earlier texts is not used
    again = finish(record(gpt, trace.tokens))
    assert np.array_equal(again.heads(2, slice(None)), trace.heads(2, slice(None)))


def test_it_is_stopped_and_leaves_nothing_behind(gpt, trace, monkeypatch) -> None:
    monkeypatch.setattr("unrolled.trace.recording.CHUNK", 8)
    work = record(gpt, trace.tokens, residual=True)
    assert (next(work).done, next(work).done) == (0, 8)
    with cancellable(lambda: True), pytest.raises(Cancelled):
        next(work)
    hooks = [part for part in gpt.module.modules() if part._forward_hooks]
    assert not hooks
    again = finish(record(gpt, trace.tokens))
    np.testing.assert_allclose(again.heads(2, slice(None)), trace.heads(2, slice(None)), atol=1e-6)


def test_stopped_between_layers(gpt, trace) -> None:
    asks = iter([False, False, False, True])
    with cancellable(lambda: next(asks)), pytest.raises(Cancelled):
        finish(record(gpt, trace.tokens))
    assert not [part for part in gpt.module.modules() if part._forward_hooks]


def test_questions_without_an_answer(gpt, trace) -> None:
    with pytest.raises(BadKnob, match="Positions go from 0 to 39; 40 to 40"):
        finish(logits_of(gpt, trace.tokens, [40]))
    with pytest.raises(BadKnob, match="No position"):
        finish(logits_of(gpt, trace.tokens, []))
    with pytest.raises(EmptyText, match="two tokens"):
        finish(losses(gpt, gpt.encode("3")))


@pytest.mark.parametrize("kind", ["llama", "gemma2", "granite", "cohere", "gpt2", "opt"])
def test_foreign_logits_and_losses(opened, folder_of, kind: str) -> None:
    import transformers

    model = opened(kind)
    tokens = model.encode(TEXT)
    module = transformers.AutoModelForCausalLM.from_pretrained(folder_of(kind), dtype=torch.float32)
    with torch.no_grad():
        logits = module(torch.tensor([tokens.ids])).logits[0]
    np.testing.assert_allclose(finish(logits_of(model, tokens, range(21))), logits, atol=1e-4, rtol=1e-4)
    wanted = F.cross_entropy(logits[:-1], torch.tensor(tokens.ids[1:]), reduction="none")
    np.testing.assert_allclose(finish(losses(model, tokens)), wanted, atol=1e-4, rtol=1e-4)


def test_logits_of_an_encoder_decoder(opened, folder_of) -> None:
    import transformers

    model = opened("t5")
    tokens, target = model.encode(TEXT), model.encode_target("a cat and a day")
    module = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder_of("t5"), dtype=torch.float32)
    with torch.no_grad():
        said = {"input_ids": torch.tensor([tokens.ids]), "decoder_input_ids": torch.tensor([target.ids])}
        logits = module(**said).logits[0]
    np.testing.assert_allclose(finish(logits_of(model, tokens, [5, 1], target=target)), logits[[5, 1]], atol=1e-4)
    wanted = F.cross_entropy(logits[:-1], torch.tensor(target.ids[1:]), reduction="none")
    np.testing.assert_allclose(finish(losses(model, tokens, target=target)), wanted, atol=1e-4, rtol=1e-4)
