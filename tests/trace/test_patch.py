"""Heads off, scaled, values replaced: as if the weights had been changed by hand; and only while it is asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tiny_models import TEXT
from unrolled.checkpoints import Model
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.progress import finish
from unrolled.trace import HeadOff, HeadScale, Replace, losses, patched, record

OUTPUTS = {
    "gpt2": "transformer.h.{}.attn.c_proj",
    "llama": "model.layers.{}.self_attn.o_proj",
    "mistral": "model.layers.{}.self_attn.o_proj",
    "gemma2": "model.layers.{}.self_attn.o_proj",
    "gpt_oss": "model.layers.{}.self_attn.o_proj",
    "gpt_neox": "gpt_neox.layers.{}.attention.dense",
    "opt": "model.decoder.layers.{}.self_attn.out_proj",
    "phi": "model.layers.{}.self_attn.dense",
    "bert": "encoder.layer.{}.attention.output.dense",
}
"""Where each architecture's output projection lies."""


def by_hand(model: Model, path: str, layer: int, head: int, factor: float) -> Callable[[], None]:
    """Multiplies the head's part of the output projection's weight; gives what undoes it."""
    projection = model.module.get_submodule(path.format(layer))
    weight: Tensor = projection.weight.data  # (out, in); Conv1D's is (in, out)
    across = weight if isinstance(projection, nn.Linear) else weight.T
    before, width = weight.clone(), across.shape[1] // 4
    across[:, head * width : (head + 1) * width] *= factor

    def undo() -> None:
        weight.copy_(before)

    return undo


def read(model: Model) -> np.ndarray:
    """What a model makes of the text: losses of a decoder, the last layer's weights of an encoder."""
    tokens = model.encode(TEXT)
    if "logits" in model.probes:
        return finish(losses(model, tokens))
    return finish(record(model, tokens)).heads(1, slice(None))


@pytest.mark.parametrize("factor", [0.0, 2.5])
@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_head_off_is_its_weights_at_zero(opened, kind: str, factor: float) -> None:
    model = opened(kind)
    before = read(model)
    layer, head = 0, 2
    patch = HeadOff(layer, head) if factor == 0 else HeadScale(layer, head, factor)
    with patched(model, [patch]) as changed:
        ours = read(changed)
    undo = by_hand(model, OUTPUTS[kind], layer, head, factor)
    try:
        wanted = read(model)
    finally:
        undo()
    np.testing.assert_allclose(ours, wanted, atol=1e-4, rtol=1e-4)
    assert np.abs(wanted - before).max() > 1e-3
    np.testing.assert_allclose(read(model), before, atol=1e-5, rtol=1e-5)


def test_heads_of_an_encoder_decoder(opened) -> None:
    model = opened("t5")
    source, target = model.encode(TEXT), model.encode_target("a cat and a day")
    before = finish(losses(model, source, target=target))
    undo = by_hand(model, "decoder.block.{}.layer.1.EncDecAttention.o", 1, 3, 0.0)
    try:
        wanted = finish(losses(model, source, target=target))
    finally:
        undo()
    with patched(model, [HeadOff(1, 3, "cross")]) as changed:
        ours = finish(losses(changed, source, target=target))
    np.testing.assert_allclose(ours, wanted, atol=1e-4, rtol=1e-4)
    assert np.abs(wanted - before).max() > 1e-3


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_caches_are_kept_apart(opened, kind: str) -> None:
    model = opened(kind)
    model.forget()
    ids = model.encode(TEXT).ids
    cold = finish(model.next_logits(ids))
    with patched(model, [HeadOff(0, 1)]) as off, patched(model, [HeadOff(0, 2)]) as other:
        first = finish(off.next_logits(ids))
        second = finish(other.next_logits(ids))
        assert np.abs(first - cold).max() > 1e-3
        assert np.abs(first - second).max() > 1e-3
        np.testing.assert_allclose(finish(model.next_logits(ids)), cold, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(finish(off.next_logits(ids)), first, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(finish(other.next_logits(ids[:12])), _cold(other, ids[:12]), atol=1e-5, rtol=1e-5)


def _cold(model: Model, ids: tuple[int, ...]) -> np.ndarray:
    fresh = copy.copy(model)
    fresh.forget()
    return finish(fresh.next_logits(ids))


def test_questions_in_between_are_not_patched(opened, monkeypatch) -> None:
    monkeypatch.setattr("unrolled.trace.recording.CHUNK", 4)
    model = opened("llama")
    tokens = model.encode(TEXT)
    cold = finish(model.next_logits(tokens.ids))
    plain = finish(record(model, tokens)).heads(1, slice(None))
    with patched(model, [HeadOff(0, 1)]) as off:
        wanted = finish(record(off, tokens)).heads(1, slice(None))
        work = record(off, tokens)
        next(work), next(work)
        model.forget()
        np.testing.assert_allclose(finish(model.next_logits(tokens.ids)), cold, atol=1e-5, rtol=1e-5)
        ours = finish(work).heads(1, slice(None))
    assert np.array_equal(ours, wanted)
    assert np.abs(ours - plain).max() > 1e-4


def test_nothing_changed_is_nothing_changed(opened) -> None:
    model = opened("qwen3")
    before = read(model)
    with patched(model, []) as same, patched(model, [HeadScale(1, 1, 1.0)]) as scaled:
        np.testing.assert_allclose(read(same), before, atol=1e-6)
        np.testing.assert_allclose(read(scaled), before, atol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_replaced_stream_is_what_follows(opened, kind: str) -> None:
    model = opened(kind)
    tokens, other = model.encode(TEXT), model.encode(TEXT.replace("cat", "animal"))
    theirs = finish(record(model, other, residual=True))
    with patched(model, [Replace("resid.post", 0, theirs.residual(0, "post"))]) as changed:
        np.testing.assert_allclose(finish(losses(changed, tokens))[2:], finish(losses(model, other))[2:], atol=1e-4)
    with patched(model, [Replace("resid.pre", 1, theirs.residual(1, "pre")[:5])]) as changed:
        got = finish(record(changed, tokens, residual=True)).residual(1, "post")
    np.testing.assert_allclose(got[:5], theirs.residual(1, "post")[:5], atol=1e-4, rtol=1e-4)
    assert np.abs(got[5:] - theirs.residual(1, "post")[5:]).max() > 1e-3
    ids = tokens.ids
    with patched(model, [Replace("resid.post", 0, theirs.residual(0, "post"))]) as changed:
        finish(changed.next_logits(ids[:9]))  # read onwards from a cache, the positions are still right
        np.testing.assert_allclose(
            finish(changed.next_logits(ids)), finish(model.next_logits(other.ids)), atol=1e-4, rtol=1e-4
        )


def test_what_cannot_be_changed_gets_a_sentence(opened) -> None:
    model = opened("llama")
    zeros = np.zeros((3, 32))
    for patch, says in [
        (HeadOff(2, 0), r"no head 2\.0: .* layers 0 to 1 with heads 0 to 3"),
        (HeadOff(0, 4), r"no head 0\.4"),
        (HeadOff(0, 0, "cross"), "no 'cross' attention"),
        (Replace("attn.q", 0, zeros), "no probe 'attn.q' to replace; it has resid.pre, resid.post"),
        (Replace("resid.post", 5, zeros), "no layer 5"),
    ]:
        with pytest.raises((BadKnob, ProbeNotFound), match=says), patched(model, [patch]):
            pass
    with pytest.raises(ValueError, match="read-only"):
        Replace("resid.post", 0, zeros).value[0] = 1


def test_a_head_of_ours(opened) -> None:
    from unrolled.models.gpt import GPT, GPTConfig
    from unrolled.trace import wrap

    torch.manual_seed(0)
    config = GPTConfig(
        vocabulary=30, context=64, n_layer=2, n_head=4, n_key_value=2, d_model=32, d_head=8, d_ff=48, norm="layernorm",
        positions="learned", activation="gelu", bias="all",
    )  # fmt: skip
    model = wrap(GPT(config), name="gpt")
    for parameter in model.module.parameters():
        parameter.data.normal_(0, 0.4)
    tokens = model.encode("3 1 4 1 5 9 2 6 5 3 5")
    undo = by_hand(model, "blocks.{}.attn.output", 1, 2, 0.0)
    wanted = finish(losses(model, tokens))
    undo()
    with patched(model, [HeadOff(1, 2)]) as off:
        np.testing.assert_allclose(finish(losses(off, tokens)), wanted, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(finish(off.next_logits(tokens.ids)), _cold(off, tokens.ids), atol=1e-5)
    q = finish(record(model, model.encode("7 7 2 6 5 3 5 8 9 7 9")))
    replaced = np.stack([q.query(0, head) for head in range(4)])
    with patched(model, [Replace("attn.q", 0, replaced)]) as changed:
        got = finish(record(changed, tokens))
    np.testing.assert_allclose(np.stack([got.query(0, head) for head in range(4)]), replaced, atol=1e-6)
