"""Parts of blocks switched off, against the blocks' parts put together by hand without them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import tiny_models
import tiny_recurrent
from unrolled.checkpoints import Model
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.progress import finish
from unrolled.trace import NormOff, PartOff, ResidualOff, losses, patched, switches
from unrolled.trace.each_block import losses_without_each

PLACES = [{"norm_place": "pre"}, {"norm_place": "post"}, {"norm_place": "pre", "norm": "layernorm", "bias": "all"}]
OFF: list[list[Any]] = [
    [PartOff(0, "attn")],
    [PartOff(1, "mlp")],
    [ResidualOff(0, "attn")],
    [ResidualOff(1, "mlp"), ResidualOff(1, "attn")],
    [NormOff(0, "mlp")],
    [NormOff(0, "attn"), NormOff(1, "attn"), ResidualOff(0, "mlp")],
    [PartOff(0, "mlp"), ResidualOff(0, "mlp")],
]


def by_hand(model: Model, ids: Tensor, off: list[Any]) -> Tensor:
    """Logits, (position, vocabulary)."""
    module: Any = model.module
    x = module.embedded(ids, 0)
    place = module.told(0, ids.shape[1], x)
    for layer, block in enumerate(module.blocks):
        for part in ("attn", "mlp"):
            norm = block.norm[part]

            def normed(y: Tensor, norm: Any = norm, bare: bool = NormOff(layer, part) in off) -> Tensor:
                return y * norm.weight + (0 if getattr(norm, "bias", None) is None else norm.bias) if bare else norm(y)

            y = x if block.post_norm else normed(x)
            written = block.attn(y, place, None, layer) if part == "attn" else block.mlp(y)
            written = written * 0 if PartOff(layer, part) in off else written
            x = written if ResidualOff(layer, part) in off else x + written
            x = normed(x) if block.post_norm else x
    return module.read_out(module.norm["final"](x))[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("off", OFF)
def test_it_is_as_if_it_were_not_there(place: dict[str, Any], off: list[Any]) -> None:
    model = tiny_models.gpt(**place)
    ids = model.encode("to be").ids
    with torch.inference_mode(), patched(model, off) as changed:
        found = np.stack([finish(changed.next_logits(ids[:n])) for n in range(1, 6)])
        expected = by_hand(model, torch.tensor([ids]), off)
        plain = by_hand(model, torch.tensor([ids]), [])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert (expected - plain).abs().max() > 1e-2
    np.testing.assert_allclose(finish(model.next_logits(ids)), plain[-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("broken", ["_unnormed", "_zero"])
def test_a_switch_that_does_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr(switches, broken, lambda module, inputs, output: output)
    off = [NormOff(0, "mlp")] if broken == "_unnormed" else [PartOff(0, "attn")]
    with pytest.raises(AssertionError):
        test_it_is_as_if_it_were_not_there(PLACES[0], off)


def test_what_is_not_there_is_told() -> None:
    model, lstm = tiny_models.gpt(), tiny_recurrent.opened("lstm")
    with (
        pytest.raises(BadKnob, match="There is no layer 2: tiny has layers 0 to 1"),
        patched(model, [PartOff(2, "mlp")]),
    ):
        pass
    with pytest.raises(ProbeNotFound, match="whose residuals and norms cannot"), patched(lstm, [NormOff(0, "mlp")]):
        pass


@pytest.mark.parametrize("place", PLACES[:2])
def test_all_variants_in_one_batch_are_those_one_by_one(place: dict[str, Any]) -> None:
    model = tiny_models.gpt(**place)
    tokens = model.encode("to be or not")
    kinds = [
        lambda layer: [PartOff(layer, "mlp")],
        lambda layer: [ResidualOff(layer, "attn"), ResidualOff(layer, "mlp")],
        lambda layer: [NormOff(layer, "attn")],
    ]
    found = finish(losses_without_each(model, tokens, kinds))
    assert found.shape == (3, 2)
    for number, kind in enumerate(kinds):
        for layer in range(2):
            with patched(model, kind(layer)) as changed:
                alone = finish(losses(changed, tokens)).mean() / np.log(2)
            assert found[number, layer] == pytest.approx(alone, rel=1e-5)
