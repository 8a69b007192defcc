"""The GPT against Hugging Face's Llama, Qwen2 and GPT-2 with the same weights, and twins that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import transformers
from torch import Tensor, nn
from torch.testing import assert_close

from unrolled.models import attention, gpt
from unrolled.models.gpt import GPT, PROBES, GPTConfig, KeyValueCache
from unrolled.models.linear import linear

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


def ours_and_theirs(kind: str) -> tuple[GPT, Callable[[Tensor], Tensor]]:
    torch.manual_seed(0)
    config, theirs = gpt2_pair() if kind == "gpt2" else llama_pair(kind)
    theirs = theirs.double().eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0, 0.5)
    ours = GPT(config).double().eval()
    rename = gpt2_weights if kind == "gpt2" else llama_weights
    ours.load_state_dict(rename(theirs.state_dict()))
    return ours, lambda ids: theirs(input_ids=ids).logits


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


def gpt2_pair() -> tuple[GPTConfig, nn.Module]:
    config = GPTConfig(
        vocabulary=50,
        context=16,
        n_layer=2,
        n_head=4,
        n_key_value=4,
        d_model=24,
        d_head=6,
        d_ff=96,
        norm="layernorm",
        positions="learned",
        activation="gelu_tanh",
        bias="all",
    )
    shape = transformers.GPT2Config(
        vocab_size=50, n_positions=16, n_embd=24, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    return config, transformers.GPT2LMHeadModel(shape)


def gpt2_weights(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    named = {"embed.weight": theirs["transformer.wte.weight"], "place.weight": theirs["transformer.wpe.weight"]}
    for part in ("weight", "bias"):
        named[f"norm.final.{part}"] = theirs[f"transformer.ln_f.{part}"]
        for layer in range(2):
            old, new = f"transformer.h.{layer}", f"blocks.{layer}"
            named[f"{new}.norm.attn.{part}"] = theirs[f"{old}.ln_1.{part}"]
            named[f"{new}.norm.mlp.{part}"] = theirs[f"{old}.ln_2.{part}"]
            qkv = theirs[f"{old}.attn.c_attn.{part}"].t().chunk(3)
            named |= {f"{new}.attn.{n}.{part}": x for n, x in zip(("query", "key", "value"), qkv, strict=True)}
            named[f"{new}.attn.output.{part}"] = theirs[f"{old}.attn.c_proj.{part}"].t()
            named[f"{new}.mlp.up.{part}"] = theirs[f"{old}.mlp.c_fc.{part}"].t()
            named[f"{new}.mlp.down.{part}"] = theirs[f"{old}.mlp.c_proj.{part}"].t()
    return named


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2"])
@torch.no_grad()
def test_logits_are_theirs(kind: str) -> None:
    ours, theirs = ours_and_theirs(kind)
    if kind == "gpt2":
        assert_close(ours(IDS), theirs(IDS))
    else:  # their RMSNorm and rotation compute in float32 whatever the dtype
        assert_close(ours(IDS), theirs(IDS), atol=1e-4, rtol=1e-5)


def unscaled(query: Tensor, key: Tensor, value: Tensor, *, causal: bool) -> Tensor:
    return attention.attend(query * query.shape[-1] ** 0.5, key, value, causal=causal)


def unmasked(query: Tensor, key: Tensor, value: Tensor, *, causal: bool) -> Tensor:
    return attention.attend(query, key, value, causal=False)


def neighbours(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    cos, sin = (t[..., :half].repeat_interleave(2, -1) for t in (cos, sin))
    return x * cos + torch.stack((-x[..., 1::2], x[..., ::2]), -1).flatten(-2) * sin


@pytest.mark.parametrize(
    ("name", "twin"), [("attend", unscaled), ("attend", unmasked), ("rotate", neighbours)], ids=lambda x: str(x)[:20]
)
@torch.no_grad()
def test_a_broken_formula_is_noticed(monkeypatch, name: str, twin: object) -> None:
    ours, theirs = ours_and_theirs("llama")
    monkeypatch.setattr(gpt, name, twin)
    assert (ours(IDS) - theirs(IDS)).abs().max() > 0.1


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


@pytest.mark.parametrize(
    ("n_layer", "n_head", "d_model", "published"), [(12, 12, 768, 124439808), (48, 25, 1600, 1557611200)]
)
def test_gpt2s_published_sizes(n_layer: int, n_head: int, d_model: int, published: int) -> None:
    with torch.device("meta"):
        model = GPT(
            GPTConfig(
                vocabulary=50257,
                context=1024,
                n_layer=n_layer,
                n_head=n_head,
                n_key_value=n_head,
                d_model=d_model,
                d_head=d_model // n_head,
                d_ff=4 * d_model,
                norm="layernorm",
                positions="learned",
                activation="gelu_tanh",
                bias="all",
            )
        )
    assert sum(parameter.numel() for parameter in model.parameters()) == published


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 9])
@pytest.mark.parametrize("with_bias", [False, True])
@torch.no_grad()
def test_the_quick_linear_map_is_the_linear_map(rows: int, with_bias: bool) -> None:
    generator = torch.Generator().manual_seed(rows)
    x, weight = torch.randn(1, rows, 24, generator=generator), torch.randn(17, 24, generator=generator)
    bias = torch.randn(17, generator=generator) if with_bias else None
    wanted = nn.functional.linear(x.double(), weight.double(), None if bias is None else bias.double())
    assert_close(linear(x, weight, bias), wanted.float(), atol=1e-5, rtol=1e-5)  # float32 sums of 24 terms
