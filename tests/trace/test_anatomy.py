"""Parts and counts against torch's own counter of FLOPs, hand sums, the modules' parameters and planted residuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import tiny_pairs
import tiny_recurrent
from tiny_models import VOCABULARY, gpt
from unrolled.checkpoints import Model
from unrolled.checkpoints.shapes_only import shapes_only
from unrolled.errors import ProbeNotFound
from unrolled.models.gpt import GPT
from unrolled.models.int8 import with_int8_weights
from unrolled.trace.anatomy import PAIRS, Growth, Part, anatomy, whole_pass
from unrolled.trace.kept import bytes_held, kept_by

HUB = ("gpt2", "llama", "bert", "t5")
LIKE_GPT2 = {"norm": "layernorm", "positions": "learned", "activation": "gelu_tanh", "bias": "all", "tied": True}


def parts_of(model: Model) -> tuple[Part, ...]:
    two = "target" in model.probes
    return anatomy(model.module, context=model.context, vocabulary=model.vocabulary, takes_target=two)


def counted(parts: tuple[Part, ...], n: int, m: int) -> int:
    return sum(part.operations.at(n, m) for part in parts)


def theirs(module: nn.Module, n: int, m: int | None) -> int:
    """As torch counts what it runs, with attention written out."""
    ids, target = torch.zeros(1, n, dtype=torch.long), None if m is None else torch.ones(1, m, dtype=torch.long)
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        whole_pass(module, ids, target)
    return int(counter.get_total_flops())


@pytest.fixture(params=["ours", "swiglu", "transformer", *HUB])
def model(request: pytest.FixtureRequest, opened: Callable[[str], Model]) -> Model:
    made: dict[str, Callable[[], Model]] = {
        "ours": lambda: gpt(**LIKE_GPT2),
        "swiglu": lambda: gpt(n_key_value=1),
        "transformer": lambda: tiny_pairs.opened("transformer"),
    }
    return made[request.param]() if request.param in made else opened(request.param)


def test_torchs_own_counter_agrees_at_other_lengths(model: Model) -> None:
    """Counted once on a prime number of tokens, true for all."""
    parts = parts_of(model)
    for n, m in ((12, 9), (20, 15)):
        two = "target" in model.probes
        assert counted(parts, n, m) == theirs(model.module, n, m if two else None)


def test_every_parameter_is_in_one_part(model: Model) -> None:
    parts = parts_of(model)
    assert sum(part.parameters for part in parts) == sum(p.numel() for p in model.module.parameters())
    assert all(part.runs for part in parts)


@pytest.mark.parametrize("name", tiny_recurrent.NAMES)
def test_recurrent_layers_take_two_operations_a_weight(name: str) -> None:
    module = tiny_recurrent.ours(name)
    parts = anatomy(module, context=100, vocabulary=50)
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[name]
    hand = 2 * (gates * (8 * 6 + 8 * 8) + gates * (8 * 8 + 8 * 8) + 8 * 6 + 6 * 50)  # two layers, projection, head
    assert counted(parts, 7, 0) == 7 * hand
    assert [part.path for part in parts] == ["embed", "layers.0", "layers.1", "project", ""]


@pytest.mark.parametrize("kind", ["none", "additive", "dot"])
def test_of_a_recurrent_translator_pairs_are_what_grows(kind: str) -> None:
    parts = parts_of(tiny_pairs.opened(kind))
    pairs = [part.operations for part in parts if part.weight == PAIRS]
    wide = 16 if kind == "additive" else 8  # of what is mixed; scores take a vector, or a state, of 8
    assert pairs == ([] if kind == "none" else [Growth(2 * 8 + 2 * wide, 1, 1)])
    assert all(part.operations.power <= 1 for part in parts if part.weight != PAIRS)


@pytest.mark.parametrize("changes", [{}, LIKE_GPT2])
def test_shapes_alone_tell_the_same(changes: dict[str, Any]) -> None:
    real = gpt(**changes).module
    assert isinstance(real, GPT)
    with shapes_only():
        shaped = GPT(real.config).eval().requires_grad_(False)
    assert anatomy(shaped, context=32, vocabulary=50) == anatomy(real, context=32, vocabulary=50)


class Plain(nn.Module):
    """A module of nobody's make: a block that is used twice, and a part that is never used."""

    def __init__(self, *, skip: bool = True) -> None:
        super().__init__()
        self.table, self.map, self.spare = nn.Embedding(20, 8), nn.Linear(8, 8), nn.Linear(8, 4)
        self.norm, self.out, self.skip = nn.LayerNorm(8), nn.Linear(8, 20, bias=False), skip

    def forward(self, ids: Tensor) -> Any:
        x = self.table(ids)
        for _ in range(2):
            x = x + self.map(self.norm(x)) if self.skip else self.map(self.norm(x))
        return self.out(x)


def test_what_runs_twice_counts_twice_and_what_does_not_run_is_said() -> None:
    parts = {part.path: part for part in anatomy(Plain(), context=64, vocabulary=20)}
    assert parts["map"].operations == Growth(2 * 2 * 8 * 8, 1, 0)
    assert parts["spare"].operations == Growth()
    assert (parts["spare"].runs, parts["spare"].parameters) == (False, 36)


def test_sums_are_found_and_missed_where_they_are_left_out() -> None:
    def joins(skip: bool) -> dict[str, int]:
        return {part.path: part.joins for part in anatomy(Plain(skip=skip), context=64, vocabulary=20)}

    assert joins(True)["map"] >= 0
    assert set(joins(False).values()) == {-1}


@pytest.mark.parametrize(("place", "onto"), [("pre", ["embed", "attn.output"]), ("post", ["embed", "norm.attn"])])
def test_residuals_start_where_the_norm_leaves_them(place: str, onto: list[str]) -> None:
    parts = parts_of(gpt(norm_place=place, positions="rope"))
    found = {part.path: parts[part.joins].path for part in parts if part.joins >= 0}
    assert found["blocks.0.attn.output"] == onto[0]
    assert found["blocks.0.mlp.down"] == f"blocks.0.{onto[1]}"
    assert len(found) == 4


def test_torchs_multihead_attention_is_read_too() -> None:
    layer = nn.TransformerEncoderLayer(16, 4, 24, batch_first=True, dropout=0)
    module = nn.Sequential(nn.Embedding(20, 16), nn.TransformerEncoder(layer, 2), nn.Linear(16, 20)).eval()
    parts = anatomy(module, context=64, vocabulary=20)
    hand = 2 * (2 * 4 * 16 * 16 + 2 * 2 * 16 * 24) + 2 * 16 * 20
    assert counted(parts, 5, 0) == 5 * hand + 2 * 5 * 5 * 4 * 16
    assert sum(part.parameters for part in parts) == sum(p.numel() for p in module.parameters())


def test_int8_weights_are_counted() -> None:
    module = gpt().module
    assert isinstance(module, GPT)
    before, held = counted(anatomy(module, context=32, vocabulary=50), 12, 0), bytes_held(module)
    rounded = with_int8_weights(module.float())
    assert counted(anatomy(rounded, context=32, vocabulary=50), 12, 0) == before
    assert bytes_held(rounded) < held / 2


def test_a_context_too_short_to_tell_is_told_so() -> None:
    with pytest.raises(ProbeNotFound, match="reads 1 tokens at most"):
        anatomy(Plain(), context=1, vocabulary=20)


def test_what_is_kept_is_what_the_caches_hold(opened: Callable[[str], Model]) -> None:
    model = gpt(n_key_value=1)
    cache: Any = model.new_cache()
    model.read(torch.zeros(1, 5, dtype=torch.long), cache)
    held = sum(cache.keys(layer).numel() + cache.values(layer).numel() for layer in range(2))
    assert kept_by(model).each * 5 == held
    hub = opened("llama")  # two layers, two key heads of width 8
    assert (kept_by(hub).each, kept_by(hub).arithmetic) == (2 * 2 * 2 * 8, "2 × 2 × 2 × 8")
    assert kept_by(opened("bert")).each == kept_by(opened("bert")).once == 0
    assert len(VOCABULARY) == hub.vocabulary


@pytest.mark.parametrize("name", tiny_recurrent.NAMES)
def test_a_state_does_not_grow(name: str) -> None:
    model = tiny_recurrent.opened(name)
    cache: Any = model.new_cache()
    model.read(torch.zeros(1, 5, dtype=torch.long), cache)
    kept = kept_by(model)
    assert kept.once == sum(part.numel() for state in cache.layers for part in state)
    assert kept.each == kept.source == 0
