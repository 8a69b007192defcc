"""The 2017 Transformer against torch.nn.Transformer with the same weights, and twins that are wrong on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.testing import assert_close

from unrolled.models import attention, transformer
from unrolled.models.transformer import BASE, BIG, PROBES, Transformer, TransformerConfig

SHAPE = {"vocabulary": 30, "n_layer": 2, "n_head": 4, "d_model": 16, "d_ff": 24}
SOURCE = torch.randint(3, 30, (2, 9), generator=torch.Generator().manual_seed(1))
MASK = torch.ones(2, 9, dtype=torch.bool)
MASK[1, 6:] = False
TARGET = torch.randint(3, 30, (2, 7), generator=torch.Generator().manual_seed(2))
PLACES = ("post", "pre")


def strong(place: str) -> Transformer:
    """Weights of standard deviation 0.5, norms' around 1."""
    model = Transformer(TransformerConfig(**SHAPE, norm_place=place)).double()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(float(".norm." in name and name.endswith("weight")), 0.5, generator=random)
    return model


def torchs(place: str) -> nn.Transformer:
    """torch's encoder and decoder; in post-norm without the norm that it puts behind each, which the paper has not."""
    shape = {"d_model": 16, "nhead": 4, "dim_feedforward": 24, "dropout": 0.0, "batch_first": True}
    shape["norm_first"] = place == "pre"
    last = [nn.LayerNorm(16) if place == "pre" else None for _ in range(2)]
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(**shape), 2, last[0], enable_nested_tensor=False)
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**shape), 2, last[1])
    return nn.Transformer(
        d_model=16, nhead=4, batch_first=True, custom_encoder=encoder, custom_decoder=decoder
    ).double()


def torchs_weights(ours: Transformer) -> dict[str, Tensor]:
    """Our parameters, under torch's names: what is computed with them gives gradients to ours."""
    mine = dict(ours.named_parameters())
    named = {f"{stack}.norm.{part}": mine[name] for stack in ("encoder", "decoder") for part in ("weight", "bias")
             if (name := f"{stack}.norm.final.{part}") in mine}  # fmt: skip
    for stack, parts in (("encoder", ("attn", "mlp")), ("decoder", ("attn", "cross", "mlp"))):
        for layer in range(2):
            for part in ("weight", "bias"):
                old, new = f"{stack}.blocks.{layer}", f"{stack}.layers.{layer}"
                for norm, name in enumerate(parts, start=1):
                    named[f"{new}.norm{norm}.{part}"] = mine[f"{old}.norm.{name}.{part}"]
                for name, theirs in (("attn", "self_attn"), ("cross", "multihead_attn"))[: len(parts) - 1]:
                    qkv = torch.cat([mine[f"{old}.{name}.{each}.{part}"] for each in ("query", "key", "value")])
                    named[f"{new}.{theirs}.in_proj_{part}"] = qkv
                    named[f"{new}.{theirs}.out_proj.{part}"] = mine[f"{old}.{name}.output.{part}"]
                named[f"{new}.linear1.{part}"] = mine[f"{old}.mlp.up.{part}"]
                named[f"{new}.linear2.{part}"] = mine[f"{old}.mlp.down.{part}"]
    return named


def torchs_logits(ours: Transformer, place: str) -> Tensor:
    table = ours.embed.weight

    def embedded(ids: Tensor) -> Tensor:
        places = [[wave(at, i, 16) for i in range(16)] for at in range(ids.shape[1])]
        return table[ids] * 4.0 + torch.tensor(places, dtype=torch.float64)  # √16

    padding = torch.zeros(2, 9, dtype=torch.float64).masked_fill(~MASK, -math.inf)
    kept = {"src_key_padding_mask": padding, "memory_key_padding_mask": padding, "tgt_is_causal": True}
    kept["tgt_mask"] = torch.full((7, 7), -math.inf, dtype=torch.float64).triu(1)
    given = (embedded(SOURCE), embedded(TARGET))
    return functional_call(torchs(place), torchs_weights(ours), given, kept) @ table.T


def wave(position: int, i: int, d: int) -> float:
    """Vaswani et al. 2017, §3.5, one entry."""
    angle = position / 10_000 ** (2 * (i // 2) / d)
    return math.cos(angle) if i % 2 else math.sin(angle)


@pytest.mark.parametrize("place", PLACES)
def test_logits_and_gradients_are_torchs(place: str) -> None:
    ours = strong(place)
    mine, theirs = ours(SOURCE, TARGET, source_mask=MASK), torchs_logits(ours, place)
    assert_close(mine, theirs)
    assert mine.std() > 0.5
    parameters = list(ours.parameters())
    some = torch.randn(mine.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    for (name, _), a, b in zip(
        ours.named_parameters(),
        torch.autograd.grad((mine * some).sum(), parameters),
        torch.autograd.grad((theirs * some).sum(), parameters),
        strict=True,
    ):
        assert_close(a, b, msg=lambda said, name=name: f"{name}: {said}")


def unscaled(query: Tensor, *rest: Tensor, **said: object) -> Tensor:
    return attention.attend(query * query.shape[-1] ** 0.5, *rest, **said)


def over_padding(query: Tensor, key: Tensor, value: Tensor, *, causal: bool, mask: Tensor | None = None) -> Tensor:
    return attention.attend(query, key, value, causal=causal)


def looking_ahead(query: Tensor, key: Tensor, value: Tensor, *, causal: bool, mask: Tensor | None = None) -> Tensor:
    return attention.attend(query, key, value, causal=False, mask=mask)


def norm_elsewhere(x: Tensor, part: object, norm: nn.Module, drop: nn.Module, place: str) -> Tensor:
    return added(x, part, norm, drop, "pre" if place == "post" else "post")


def norm_inside(x: Tensor, part: Callable[[Tensor], Tensor], norm: nn.Module, drop: nn.Module, place: str) -> Tensor:
    return x + norm(part(x))


def sines_then_cosines(start: int, n: int, d: int) -> Tensor:
    waves = sinusoids(start, n, d)
    return torch.cat((waves[:, ::2], waves[:, 1::2]), dim=1)


def small_embeddings(self: Transformer, ids: Tensor, start: int) -> Tensor:
    return self.embed(ids) + sinusoids(start, ids.shape[1], self.config.d_model)


added, sinusoids = transformer.added, transformer.sinusoids
TWINS = [
    ("attend", unscaled),
    ("attend", over_padding),
    ("attend", looking_ahead),
    ("added", norm_elsewhere),
    ("added", norm_inside),
    ("sinusoids", sines_then_cosines),
    ("Transformer.embedded", small_embeddings),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("name", "twin"), TWINS, ids=[twin.__name__ for _, twin in TWINS])
@torch.no_grad()
def test_a_broken_formula_is_noticed(monkeypatch, place: str, name: str, twin: object) -> None:
    ours = strong(place)
    theirs = torchs_logits(ours, place)
    monkeypatch.setattr(f"unrolled.models.transformer.{name}", twin)
    assert (ours(SOURCE, TARGET, source_mask=MASK) - theirs).abs().max() > 0.1


@pytest.mark.parametrize("place", PLACES)
@torch.no_grad()
def test_what_stands_in_the_padding_changes_nothing(place: str) -> None:
    ours = strong(place)
    whole = ours(SOURCE, TARGET, source_mask=MASK)
    other = torch.where(MASK, SOURCE, (SOURCE + 1) % 30)
    assert_close(ours(other, TARGET, source_mask=MASK), whole)
    assert_close(ours(SOURCE[1:, :6], TARGET[1:]), whole[1:])  # without the padding
    assert_close(ours(SOURCE.where(MASK, 0), TARGET), whole)  # the mask from pad_id
    assert not torch.allclose(ours(other, TARGET, source_mask=MASK | True)[1], ours(SOURCE, TARGET)[1])


@torch.no_grad()
def test_a_target_token_changes_nothing_before_it_and_a_source_token_everything() -> None:
    ours = strong("post")
    whole = ours(SOURCE, TARGET)
    target, source = TARGET.clone(), SOURCE.clone()
    target[:, 4] = (target[:, 4] + 1) % 30
    changed = ours(SOURCE, target)
    assert_close(changed[:, :4], whole[:, :4])
    assert ((changed - whole)[:, 4:].abs().amax(-1) > 1e-3).all()
    source[:, -1] = (source[:, -1] + 1) % 30
    assert ((ours(source, TARGET) - whole).abs().amax(-1) > 1e-3).all()


@pytest.mark.parametrize("place", PLACES)
@torch.no_grad()
def test_step_by_step_is_all_at_once(place: str) -> None:
    ours = strong(place)
    whole = ours(SOURCE, TARGET, source_mask=MASK)
    memory, cache = ours.encode(SOURCE, MASK), ours.new_cache()
    parts = [ours.decode(part, memory, cache) for part in TARGET.split([1, 3, 1, 2], dim=1)]
    assert_close(torch.cat(parts, dim=1), whole)


@torch.no_grad()
def test_rows_chosen_go_on_from_what_they_read() -> None:
    ours = strong("post")
    rows = torch.tensor([1, 1, 0])
    memory, cache = ours.encode(SOURCE, MASK), ours.new_cache()
    ours.decode(TARGET[:, :4], memory, cache)
    cache.select(rows)
    rest = ours.decode(TARGET[rows, 4:], memory.select(rows), cache)
    assert_close(rest, ours(SOURCE, TARGET, source_mask=MASK)[rows, 4:])


@torch.no_grad()
def test_keys_of_the_source_are_made_once() -> None:
    ours = strong("post")
    made = []
    ours.decoder.blocks[0].cross.key.register_forward_hook(lambda *_: made.append(1))
    memory, cache = ours.encode(SOURCE), ours.new_cache()
    for step in TARGET.split(1, dim=1):
        ours.decode(step, memory, cache)
    assert len(made) == 1


@torch.no_grad()
def test_probes_are_all_there_and_cost_no_weights() -> None:
    ours = strong("pre")
    seen: dict[str, tuple[int, ...]] = {}
    for name, module in ours.named_modules():
        probe = ".".join(name.split(".")[-2:])
        if probe in PROBES:
            place = f"{name.split('.')[0]} {probe}"
            module.register_forward_hook(lambda _m, _i, out, place=place: seen.update({place: tuple(out.shape)}))
    ours(SOURCE, TARGET)
    assert {place.split()[1] for place in seen} == PROBES
    assert seen["encoder attn.q"] == (2, 4, 9, 4)
    assert seen["decoder attn.k"] == (2, 4, 7, 4)
    assert (seen["decoder cross.q"], seen["decoder cross.k"]) == ((2, 4, 7, 4), (2, 4, 9, 4))
    assert seen["decoder mlp.act"] == (2, 7, 24)
    assert seen["logits logits"] == (2, 7, 30)
    assert not {name for name in ours.state_dict() if "resid" in name or name.endswith((".q", ".act"))}


@pytest.mark.parametrize("place", PLACES)
@torch.no_grad()
def test_recorded_parts_add_up_to_the_residual_stream(place: str) -> None:
    ours, seen = strong(place), dict[str, Tensor]()
    for name, module in ours.decoder.blocks[0].named_modules():
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
    ours(SOURCE, TARGET)
    for before, part, after in (("pre", "attn", "mid"), ("mid", "cross", "cross"), ("cross", "mlp", "post")):
        total = seen[f"resid.{before}"] + seen[f"{part}.out"]
        norm = ours.decoder.blocks[0].norm[part]
        assert_close(seen[f"resid.{after}"], norm(total) if place == "post" else total)


def hand_sum(config: TransformerConfig) -> int:
    d, f = config.d_model, config.d_ff
    attn, mlp, norm = 4 * (d * d + d), d * f + f + f * d + d, 2 * d
    return config.vocabulary * d + config.n_layer * (attn + mlp + 2 * norm + 2 * attn + mlp + 3 * norm)


@pytest.mark.parametrize(("config", "published"), [(BASE, 65e6), (BIG, 213e6)], ids=["base", "big"])
def test_published_sizes(config: TransformerConfig, published: float) -> None:
    with torch.device("meta"):
        model = Transformer(config)
    counted = sum(parameter.numel() for parameter in model.parameters())
    assert counted == hand_sum(config) == {65e6: 63_082_496, 213e6: 214_245_376}[published]
    assert abs(counted / published - 1) < 0.04


def test_weights_start_from_the_generator_alone() -> None:
    one, other = (Transformer(TransformerConfig(**SHAPE, norm_place="pre")) for _ in range(2))
    for model in (one, other):
        model.initialise(torch.Generator().manual_seed(7))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert one.embed.weight.std().item() == pytest.approx(16**-0.5, rel=0.1)
    bound = math.sqrt(6 / (16 + 24))
    assert 0.9 * bound < one.encoder.blocks[0].mlp.up.weight.abs().max() <= bound
    assert one.decoder.blocks[1].norm["cross"].weight.eq(1).all()
    assert one.decoder.blocks[1].cross.output.bias.eq(0).all()


def test_dropout_is_for_training_only() -> None:
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(**SHAPE, dropout=0.5))
    dropped = model.train()(SOURCE, TARGET)
    assert not torch.equal(dropped, model(SOURCE, TARGET))
    assert torch.equal(model.eval()(SOURCE, TARGET), model(SOURCE, TARGET))


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"n_head": 3}, "n_head = 3"),
        ({"dropout": 1.0}, "dropout = 1.0"),
        ({"eos_id": 30}, "eos_id = 30"),
        ({"bos_id": 0}, "bos_id = 0"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(said: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        TransformerConfig(**SHAPE | said)
