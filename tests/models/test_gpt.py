"""The GPT against Hugging Face's GPT (post-norm), GPT-2, Llama, Qwen2 and MPT (ALiBi) with the same weights, forward
and gradients, and twins that are wrong on purpose."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import transformers
from torch import Tensor, nn
from torch.testing import assert_close

from unrolled.models import attention, gpt
from unrolled.models.cache import KeyValueCache
from unrolled.models.gpt import GPT, PROBES, GPTConfig
from unrolled.models.linear import linear
from unrolled.models.positions import sinusoids

IDS = torch.randint(0, 50, (2, 11), generator=torch.Generator().manual_seed(1))
LLAMA = GPTConfig(
    vocabulary=50,
    context=32,
    n_layer=2,
    n_head=4,
    n_key_value=2,
    d_model=24,
    d_head=6,
    d_ff=40,
    norm="rmsnorm",
    norm_epsilon=1e-6,
    positions="rope",
    activation="swiglu",
    tied=False,
)
HUB = {"q_proj": "attn.query", "k_proj": "attn.key", "v_proj": "attn.value", "o_proj": "attn.output"}


KINDS = ("gpt", "gpt2", "llama", "qwen2", "mpt")


def ours_and_theirs(kind: str) -> tuple[GPT, nn.Module]:
    torch.manual_seed(0)
    pairs = {"gpt": gpt_pair, "gpt2": gpt2_pair, "mpt": mpt_pair}
    config, theirs = pairs[kind]() if kind in pairs else llama_pair(kind)
    theirs = theirs.double().eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0, 0.5)
    ours = GPT(config).double().eval()
    renamed = {"gpt": gpt_weights, "gpt2": gpt2_weights, "mpt": mpt_weights}.get(kind, llama_weights)
    ours.load_state_dict(renamed(theirs.state_dict()))
    return ours, theirs


def llama_pair(kind: str) -> tuple[GPTConfig, nn.Module]:
    shape = {"vocab_size": 50, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 6}
    shape |= {"num_key_value_heads": 2, "intermediate_size": 40, "rms_norm_eps": 1e-6}
    if kind == "llama":
        return LLAMA, transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape))
    config = GPTConfig(**(vars(LLAMA) | {"bias": "qkv"}))
    return config, transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**shape))


def llama_weights(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    swap = {
        "model.embed_tokens": "embed",
        "model.norm": "norm.final",
        "lm_head": "head",
        "model.layers": "blocks",
        "input_layernorm": "norm.attn",
        "post_attention_layernorm": "norm.mlp",
        "_proj.": ".",
    } | {f"self_attn.{a}": b for a, b in HUB.items()}
    named = {}
    for name, value in theirs.items():
        ours = name
        for a in sorted(swap, key=len, reverse=True):
            ours = ours.replace(a, swap[a])
        named[ours] = value
    return named


GPT2 = replace(gpt.gpt2_shape(2, 4, 24), vocabulary=50, context=16)


def gpt2_pair() -> tuple[GPTConfig, nn.Module]:
    shape = transformers.GPT2Config(
        vocab_size=50, n_positions=16, n_embd=24, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    return GPT2, transformers.GPT2LMHeadModel(shape)


def gpt_pair() -> tuple[GPTConfig, nn.Module]:
    shape = transformers.OpenAIGPTConfig(vocab_size=50, n_positions=16, n_embd=24, n_layer=2, n_head=4)
    return replace(GPT2, norm_place="post"), transformers.OpenAIGPTLMHeadModel(shape)


def gpt2_weights(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    named = {"embed.weight": theirs["transformer.wte.weight"], "place.weight": theirs["transformer.wpe.weight"]}
    return named | norm_weights(theirs, "norm.final", "transformer.ln_f") | block_weights(theirs)


def gpt_weights(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {"embed": "tokens_embed", "place": "positions_embed"}
    named = {f"{a}.weight": theirs[f"transformer.{b}.weight"] for a, b in names.items()}
    return named | block_weights(theirs)


def norm_weights(theirs: dict[str, Tensor], new: str, old: str) -> dict[str, Tensor]:
    return {f"{new}.{part}": theirs[f"{old}.{part}"] for part in ("weight", "bias")}


def block_weights(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {}
    for layer in range(2):
        old, new = f"transformer.h.{layer}", f"blocks.{layer}"
        named |= norm_weights(theirs, f"{new}.norm.attn", f"{old}.ln_1")
        named |= norm_weights(theirs, f"{new}.norm.mlp", f"{old}.ln_2")
        for part in ("weight", "bias"):
            qkv = theirs[f"{old}.attn.c_attn.{part}"].t().chunk(3)
            named |= {f"{new}.attn.{n}.{part}": x for n, x in zip(("query", "key", "value"), qkv, strict=True)}
            named[f"{new}.attn.output.{part}"] = theirs[f"{old}.attn.c_proj.{part}"].t()
            named[f"{new}.mlp.up.{part}"] = theirs[f"{old}.mlp.c_fc.{part}"].t()
            named[f"{new}.mlp.down.{part}"] = theirs[f"{old}.mlp.c_proj.{part}"].t()
    return named


def mpt_pair() -> tuple[GPTConfig, nn.Module]:
    config = replace(GPT2, bias="none", positions="alibi", activation="gelu")
    shape = transformers.MptConfig(d_model=24, n_heads=4, n_layers=2, expansion_ratio=4, max_seq_len=16, vocab_size=50)
    return config, transformers.MptForCausalLM(shape)


def mpt_weights(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    swap = {"transformer.wte": "embed", "transformer.norm_f": "norm.final", "transformer.blocks": "blocks"}
    swap |= {"norm_1": "norm.attn", "norm_2": "norm.mlp", "out_proj": "output", "ffn": "mlp", "_proj.": "."}
    named: dict[str, Tensor] = {}
    for name, value in theirs.items():
        if name == "lm_head.weight":
            continue
        for old, new in swap.items():
            name = name.replace(old, new)  # noqa: PLW2901
        if "Wqkv" in name:
            named |= {
                name.replace("Wqkv", n): x for n, x in zip(("query", "key", "value"), value.chunk(3), strict=True)
            }
            continue
        named[name] = value
        if "norm" in name:
            named[name.replace("weight", "bias")] = torch.zeros(24, dtype=torch.float64)  # MPT's norms have none
    return named


def tolerance(kind: str) -> dict[str, float]:
    """Theirs compute RMSNorm and rotation (Llama, Qwen2) or the softmax (MPT) in float32 whatever the dtype."""
    return {} if kind in ("gpt", "gpt2") else {"atol": 1e-4, "rtol": 1e-5}


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_logits_are_theirs(kind: str) -> None:
    ours, theirs = ours_and_theirs(kind)
    assert_close(ours(IDS), theirs(input_ids=IDS).logits, **tolerance(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_theirs(kind: str) -> None:
    ours, theirs = ours_and_theirs(kind)
    weigh = torch.linspace(-1, 1, 50, dtype=torch.float64)
    for logits in (ours(IDS), theirs(input_ids=IDS).logits):
        (logits.log_softmax(-1) * weigh).mean().backward()
    renamed = {"gpt": gpt_weights, "gpt2": gpt2_weights, "mpt": mpt_weights}.get(kind, llama_weights)
    wanted = renamed({name: p.grad for name, p in theirs.named_parameters()})
    compared = 0
    for name, parameter in ours.named_parameters():
        if kind == "mpt" and "norm" in name and name.endswith("bias"):
            continue
        assert_close(parameter.grad, wanted[name], **tolerance(kind), msg=lambda m, name=name: f"{name}: {m}")
        compared += 1
    assert compared >= 18


def unscaled(query: Tensor, key: Tensor, value: Tensor, *, causal: bool, slopes: None, dropout: float) -> Tensor:
    return attention.attend(query * query.shape[-1] ** 0.5, key, value, causal=causal)


def unmasked(query: Tensor, key: Tensor, value: Tensor, *, causal: bool, slopes: None, dropout: float) -> Tensor:
    return attention.attend(query, key, value, causal=False)


def neighbours(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    cos, sin = (t[..., :half].repeat_interleave(2, -1) for t in (cos, sin))
    return x * cos + torch.stack((-x[..., 1::2], x[..., ::2]), -1).flatten(-2) * sin


def flat(n_head: int) -> Tensor:
    return torch.full((n_head,), 0.5, dtype=torch.float64)


@pytest.mark.parametrize(
    ("kind", "name", "twin"),
    [
        ("llama", "attend", unscaled),
        ("llama", "attend", unmasked),
        ("llama", "rotate", neighbours),
        ("mpt", "alibi_slopes", flat),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)
@torch.no_grad()
def test_a_broken_formula_is_noticed(monkeypatch, kind: str, name: str, twin: object) -> None:
    ours, theirs = ours_and_theirs(kind)
    monkeypatch.setattr(gpt, name, twin)
    assert (ours(IDS) - theirs(input_ids=IDS).logits).abs().max() > 0.1


@torch.no_grad()
def test_a_norm_in_the_wrong_place_is_noticed() -> None:
    ours, theirs = ours_and_theirs("gpt")
    for block in ours.blocks:
        block.post_norm = False
    assert (ours(IDS) - theirs(input_ids=IDS).logits).abs().max() > 0.1


@torch.no_grad()
def test_sinusoids_are_a_table_that_is_not_learned() -> None:
    """The same model with a learned table that holds them, and embeddings larger by √d_model."""
    table, _ = ours_and_theirs("gpt2")
    weights = table.state_dict()
    waves = GPT(replace(GPT2, positions="sinusoidal")).double().eval()
    waves.load_state_dict({name: value for name, value in weights.items() if name != "place.weight"})
    weights |= {"place.weight": sinusoids(0, 16, 24), "embed.weight": weights["embed.weight"] * math.sqrt(24)}
    table.load_state_dict(weights)
    cache = KeyValueCache()
    parts = torch.cat([waves(part, cache=cache) for part in IDS.split([5, 6], dim=1)], dim=1)
    assert_close(parts * math.sqrt(24), table(IDS))  # the head is tied to the larger table


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@torch.no_grad()
def test_cached_is_uncached(kind: str) -> None:
    ours, _ = ours_and_theirs(kind)
    whole = ours(IDS)
    cache = KeyValueCache()
    parts = [ours(part, cache=cache) for part in IDS.split([4, 1, 3, 3], dim=1)]
    assert_close(torch.cat(parts, dim=1), whole)
    cache.crop(6)
    assert cache.length == 6
    assert_close(ours(IDS[:, 6:], cache=cache, last_only=True), whole[:, -1:])


@torch.no_grad()
def test_the_cache_grows_by_doubling() -> None:
    cache = KeyValueCache()
    for step, room in ((3, 64), (62, 128), (64, 256)):
        new = torch.randn(1, 1, step, 2)
        keys, values = cache.extend(0, new, -new)
        cache.advance(step)
        assert torch.equal(keys, -values)
        assert torch.equal(keys[:, :, -step:], new)
        assert cache.n_bytes == 2 * room * 2 * 4


@torch.no_grad()
def test_a_pass_that_was_stopped_leaves_the_cache_as_it_was() -> None:
    ours, _ = ours_and_theirs("llama")
    cache = KeyValueCache()
    ours(IDS[:, :5], cache=cache)

    def stop(*_: object) -> None:
        raise InterruptedError

    handle = ours.blocks[1].register_forward_pre_hook(stop)
    with pytest.raises(InterruptedError):
        ours(IDS[:, 5:] * 0, cache=cache)
    handle.remove()
    assert cache.length == 5
    assert_close(ours(IDS[:, 5:], cache=cache), ours(IDS)[:, 5:])


@torch.no_grad()
def test_probes_are_all_there_and_cost_no_weights() -> None:
    ours, _ = ours_and_theirs("llama")
    seen: dict[str, tuple[int, ...]] = {}
    names = {
        n: n.split(".", 2)[2] if n.startswith("blocks.") and n.count(".") > 1 else n for n, _ in ours.named_modules()
    }
    for name, module in ours.named_modules():
        if names[name] in PROBES:
            module.register_forward_hook(lambda _m, _i, out, probe=names[name]: seen.update({probe: tuple(out.shape)}))
    ours(IDS)
    assert seen.keys() == PROBES
    assert seen["attn.q"] == (2, 4, 11, 6)
    assert seen["attn.k"] == (2, 2, 11, 6)
    assert seen["mlp.act"] == (2, 11, 40)
    assert seen["logits"] == (2, 11, 50)
    assert not {n for n in ours.state_dict() if "resid" in n or n.endswith((".q", ".act"))}


@torch.no_grad()
def test_recorded_parts_add_up_to_the_residual_stream() -> None:
    ours, _ = ours_and_theirs("llama")
    seen: dict[str, Tensor] = {}
    for name, module in ours.blocks[0].named_modules():
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
    ours(IDS)
    assert_close(seen["resid.mid"], seen["resid.pre"] + seen["attn.out"])
    assert_close(seen["resid.post"], seen["resid.mid"] + seen["mlp.out"])


@torch.no_grad()
def test_a_token_changes_nothing_before_it() -> None:
    ours, _ = ours_and_theirs("gpt2")
    other = IDS.clone()
    other[:, 6] = (other[:, 6] + 1) % 50
    assert_close(ours(IDS)[:, :6], ours(other)[:, :6])
    assert not torch.allclose(ours(IDS)[:, 6:], ours(other)[:, 6:])


@torch.no_grad()
def test_without_positions_order_comes_from_the_mask_alone() -> None:
    ours = GPT(GPTConfig(**(vars(LLAMA) | {"positions": "none", "n_layer": 1}))).double()
    for parameter in ours.parameters():
        parameter.normal_(0, 0.5)
    swapped = IDS.clone()
    swapped[:, [1, 2]] = swapped[:, [2, 1]]
    assert_close(ours(IDS)[:, -1], ours(swapped)[:, -1])  # one layer sees a set


def parameters_of(config: GPTConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in GPT(config).parameters())


@pytest.mark.parametrize(
    "config", [gpt.GPT2, gpt.GPT2_MEDIUM, gpt.GPT2_LARGE, gpt.GPT2_XL], ids=lambda c: f"d{c.d_model}"
)
def test_gpt2s_four_sizes_are_as_hugging_face_builds_them(config: GPTConfig) -> None:
    shape = transformers.GPT2Config(n_embd=config.d_model, n_layer=config.n_layer, n_head=config.n_head)
    with torch.device("meta"):
        theirs = transformers.GPT2LMHeadModel(shape)
    assert parameters_of(config) == sum(parameter.numel() for parameter in theirs.parameters())


def test_gpt2_and_gpt3_have_their_published_sizes() -> None:
    assert parameters_of(gpt.GPT2) == 124_439_808
    d, n_layer = 12_288, 96
    block = 4 * d * d + 4 * d + 8 * d * d + 5 * d + 4 * d  # Q K V O with biases, MLP with biases, two norms
    by_hand = (50_257 + 2048) * d + n_layer * block + 2 * d
    assert parameters_of(gpt.GPT3) == by_hand
    assert round(by_hand / 1e9) == 175


@pytest.mark.parametrize("d_model", [24, 768])
def test_a_swiglu_of_two_thirds_has_the_same_parameters(d_model: int) -> None:
    relu, gated = replace(GPT2, d_model=d_model, activation="relu", d_ff=4 * d_model, bias="none"), "swiglu"
    swiglu = replace(relu, activation=gated, d_ff=gpt.swiglu_width(4 * d_model))
    assert parameters_of(swiglu) == pytest.approx(parameters_of(relu), rel=1e-3)


def test_weights_start_as_gpt2_says() -> None:
    model = GPT(replace(gpt.gpt2_shape(8, 4, 64), vocabulary=300, context=32))
    model.initialise(torch.Generator().manual_seed(5))
    assert model.embed.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.blocks[3].mlp.up.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.blocks[3].mlp.down.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert model.blocks[3].attn.output.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert all(bool((p == float(name.endswith("weight"))).all()) for name, p in model.named_parameters() if p.ndim == 1)
    again = GPT(model.config)
    again.initialise(torch.Generator().manual_seed(5))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_dropout_is_for_training_only() -> None:
    model = GPT(replace(GPT2, dropout=0.5)).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0, 0.5)
    assert_close(model.eval()(IDS), model.eval()(IDS))
    assert (model.train()(IDS) - model.train()(IDS)).abs().max() > 0.1


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 9])
@pytest.mark.parametrize("with_bias", [False, True])
@torch.no_grad()
def test_the_quick_linear_map_is_the_linear_map(rows: int, with_bias: bool) -> None:
    generator = torch.Generator().manual_seed(rows)
    x, weight = torch.randn(1, rows, 24, generator=generator), torch.randn(17, 24, generator=generator)
    bias = torch.randn(17, generator=generator) if with_bias else None
    wanted = nn.functional.linear(x.double(), weight.double(), None if bias is None else bias.double())
    assert_close(linear(x, weight, bias), wanted.float(), atol=1e-5, rtol=1e-5)  # float32 sums of 24 terms
