"""Who wrote what into the stream, against a forward pass by hand; a sum that is one, and one that is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import tiny_models
from unrolled.errors import ProbeNotFound, TextTooLong
from unrolled.progress import finish
from unrolled.trace import writes as module_under_test
from unrolled.trace.writes import writes

TEXT = "to be or not"


def by_hand(model: Any) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """The stream before, what is written, the stream after; embedding, attention 0, MLP 0 …"""
    module, ids = model.module, torch.tensor([model.encode(TEXT).ids])
    x = module.embedded(ids, 0)
    place = module.told(0, ids.shape[1], x)
    steps = [(torch.zeros_like(x[0]), x[0], x[0])]
    for layer, block in enumerate(module.blocks):
        for part in ("attn", "mlp"):
            y = x if block.post_norm else block.norm[part](x)
            written = block.attn(y, place, None, layer) if part == "attn" else block.mlp(y)
            after = block.norm[part](x + written) if block.post_norm else x + written
            steps.append((x[0], written[0], after[0]))
            x = after
    return steps


@pytest.mark.parametrize("place", ["pre", "post"])
def test_lengths_and_products(place: str) -> None:
    model = tiny_models.gpt(norm_place=place)
    with torch.inference_mode():
        found, steps = finish(writes(model, model.encode(TEXT))), by_hand(model)
    assert found.writers == (("embedding", -1), ("attn", 0), ("mlp", 0), ("attn", 1), ("mlp", 1))
    for i, (before, written, after) in enumerate(steps):
        np.testing.assert_allclose(found.before[i], np.linalg.norm(before, axis=1), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.written[i], np.linalg.norm(written, axis=1), rtol=1e-9)
        np.testing.assert_allclose(found.meets[i], np.einsum("td,td->t", before, written), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.after[i], np.linalg.norm(after, axis=1), rtol=1e-9)
    assert found.additive == (place == "pre")


def test_shares_add_up_to_the_last_length_and_are_projections() -> None:
    model = tiny_models.gpt()
    with torch.inference_mode():
        found, steps = finish(writes(model, model.encode(TEXT))), by_hand(model)
    last = steps[-1][2].numpy()
    for i, (_, written, _) in enumerate(steps):
        cosine = np.einsum("td,td->t", written, last) / np.linalg.norm(last, axis=1)
        np.testing.assert_allclose(found.along[i], cosine, rtol=1e-9)
    np.testing.assert_allclose(found.along.sum(axis=0), np.linalg.norm(last, axis=1), rtol=1e-12)


def test_where_sums_are_normed_again_nothing_is_shared_out() -> None:
    model = tiny_models.gpt(norm_place="post")
    assert np.isnan(finish(writes(model, model.encode(TEXT))).along).all()


def test_writers_taken_for_one_another_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module_under_test._steps

    def swapped(*given: Any) -> Any:
        steps = right(*given)
        steps[1], steps[2] = steps[2], steps[1]
        return steps

    monkeypatch.setattr(module_under_test, "_steps", swapped)
    with pytest.raises(AssertionError):
        test_lengths_and_products("pre")


@pytest.mark.parametrize(("kind", "attn"), [("phi", "self_attn"), ("gpt_neox", "attention"), ("qwen3", "self_attn")])
def test_parts_of_another_make_are_told_apart_where_they_add_up(opened: Any, kind: str, attn: str) -> None:
    """In Phi and GPT-NeoX both parts read the same stream, in Qwen3 one after the other."""
    model = opened(kind)
    tokens = model.encode(tiny_models.TEXT)
    heard: list[torch.Tensor] = []
    hook = model.blocks[1].get_submodule(attn).register_forward_hook(lambda _, __, out: heard.append(out[0]))
    found = finish(writes(model, tokens))
    hook.remove()
    assert found.writers == (("embedding", -1), ("attn", 0), ("mlp", 0), ("attn", 1), ("mlp", 1))
    np.testing.assert_allclose(found.written[3], heard[0][0].norm(dim=1), rtol=1e-5)
    np.testing.assert_allclose(found.along.sum(axis=0), found.after[-1], rtol=1e-9)


@pytest.mark.parametrize("kind", ["gemma2", "opt"])
def test_parts_that_do_not_add_up_write_as_one(opened: Any, kind: str) -> None:
    """Gemma 2 norms what its parts give, OPT's FFN is no module."""
    model = opened(kind)
    found = finish(writes(model, model.encode(tiny_models.TEXT)))
    assert found.writers == (("embedding", -1), ("block", 0), ("block", 1))
    np.testing.assert_allclose(found.along.sum(axis=0), found.after[-1], rtol=1e-9)


def test_limits_are_told(opened: Any) -> None:
    with pytest.raises(ProbeNotFound, match="no probe 'resid'"):
        finish(writes(opened("bert"), opened("bert").encode("the cat")))
    model = tiny_models.gpt(context=600)
    with pytest.raises(TextTooLong, match="512 at most"):
        finish(writes(model, model.encode("a" * 513)))
