"""The reader's own modules: what is found in them, and that what is derived is what they do."""

from __future__ import annotations

import numpy as np
import pytest
import tokenizers
import torch
import torch.nn.functional as F
import transformers
from tokenizers import models
from torch import Tensor, nn

from tiny_models import TEXT, VOCABULARY, strong
from unrolled.errors import BadInput, ProbeNotFound, TextTooLong
from unrolled.progress import finish
from unrolled.trace import HeadOff, lens, patched, record, report, wrap

N, D, H = 50, 32, 4


class Mixer(nn.Module):
    """Attention through torch's fused function, with what varies."""

    def __init__(self, mask: str) -> None:
        super().__init__()
        self.qkv, self.out, self.mask = nn.Linear(D, 3 * D), nn.Linear(D, D), mask
        self.weights: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        q, k, v = (part.view(1, n, H, -1).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        causal = torch.ones(n, n, dtype=torch.bool).tril()
        near = causal.triu(-2)
        distance = (torch.arange(n) - torch.arange(n)[:, None]).float()
        said = {
            "causal": {"is_causal": True},
            "bool": {"attn_mask": causal},
            "float": {"attn_mask": torch.zeros(n, n).masked_fill(~causal, -torch.inf)},
            "window": {"attn_mask": near, "scale": 0.7},
            "alibi": {"attn_mask": (0.3 * distance).masked_fill(~causal, -torch.inf)},
            "none": {},
            "dropout": {"dropout_p": 0.1},
        }[self.mask]
        scores = (q @ k.transpose(2, 3)) * said.get("scale", (D // H) ** -0.5)
        allowed = {"window": near, "none": torch.ones(n, n, dtype=torch.bool)}.get(self.mask, causal)
        if self.mask == "alibi":
            scores = scores + 0.3 * distance
        self.weights = scores.masked_fill(~allowed, -torch.inf).softmax(dim=-1)[0]
        return self.out(F.scaled_dot_product_attention(q, k, v, **said).transpose(1, 2).reshape(1, n, D))


class Block(nn.Module):
    def __init__(self, mask: str) -> None:
        super().__init__()
        self.mixer, self.norm = Mixer(mask), nn.LayerNorm(D)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mixer(self.norm(x))


class Own(nn.Module):
    """A small language model of the reader's."""

    context = 24

    def __init__(self, mask: str) -> None:
        super().__init__()
        self.embed, self.norm, self.head = nn.Embedding(N, D), nn.LayerNorm(D), nn.Linear(D, N)
        self.blocks = nn.ModuleList(Block(mask) for _ in range(3))
        strong(self, 0.4)

    def forward(self, ids: Tensor) -> dict[str, Tensor]:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        return {"logits": self.head(self.norm(x))}


@pytest.mark.parametrize("mask", ["causal", "bool", "float", "window", "alibi", "none"])
def test_fused_attention_is_heard(mask: str) -> None:
    module = Own(mask)
    model = wrap(module, name="own")
    causal = mask != "none"
    assert model.probes == ({"attn", "logits", "resid"} if causal else {"attn"})
    tokens = model.encode("3 14 15 9 26 5 35 8 9 7")
    trace = finish(record(model, tokens))
    assert trace.kinds == (("self",) if causal else ("encoder",))
    assert trace.causal() == causal
    with torch.no_grad():
        logits = module(torch.tensor([tokens.ids]))["logits"][0]
    for layer in range(3):
        wanted = module.blocks[layer].mixer.weights
        np.testing.assert_allclose(trace.heads(layer, slice(None)), wanted, atol=1e-5)
    if causal:
        np.testing.assert_allclose(finish(model.next_logits(tokens.ids)), logits[-1], atol=1e-4, rtol=1e-4)
        assert finish(lens(model, tokens)).answer_ids.tolist() == logits.argmax(dim=1).tolist()
    with (
        pytest.raises(ProbeNotFound, match="can be looked at, and not be switched off"),
        patched(model, [HeadOff(0, 0)]),
    ):
        pass
    with pytest.raises(TextTooLong, match="24 at most"):
        model.encode(" ".join("1" * 25))


def test_a_report_says_what_was_found() -> None:
    said = str(report(wrap(Own("causal"), name="mine")))
    assert "mine has the probes attn, logits, resid." in said
    assert "3 attentions of the kind 'self' with 4 heads each can be recorded." in said
    assert "3 blocks, a final norm and a head" in said


class Stack(nn.Module):
    """torch's own Transformer layers."""

    def __init__(self, **said: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(N, D)
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(D, H, 48, batch_first=True, **said), 2, enable_nested_tensor=False
        )
        self.head = nn.Linear(D, N)
        strong(self, 0.4)

    def forward(self, ids: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        return self.head(self.layers(self.embed(ids), mask=mask, is_causal=True))


@pytest.mark.parametrize("norm_first", [True, False])
def test_multihead_attention_is_heard(norm_first: bool) -> None:
    module = Stack(norm_first=norm_first)
    model = wrap(module)
    assert model.probes == {"attn", "logits", "resid"}
    tokens = model.encode("3 14 15 9 26 5 35")
    trace = finish(record(model, tokens, residual=True, values=[0]))
    x = torch.from_numpy(trace.residual(0, "post"))[None]
    x = module.layers.layers[1].norm1(x) if norm_first else x
    mask = nn.Transformer.generate_square_subsequent_mask(7)
    with torch.no_grad():
        wanted = module.layers.layers[1].self_attn(x, x, x, attn_mask=mask, average_attn_weights=False)[1][0]
    np.testing.assert_allclose(trace.heads(1, slice(None)), wanted, atol=1e-5)
    assert trace.value(0, 1).shape == (7, 8)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm, self.head = nn.Embedding(N, D), nn.LSTM(D, D, batch_first=True), nn.Linear(D, N)

    def forward(self, ids: Tensor) -> tuple[Tensor, None]:
        return self.head(self.lstm(self.embed(ids))[0]), None


def test_a_recurrent_net_says_what_it_lacks() -> None:
    found = report(Recurrent())
    assert found.probes == {"logits"}
    assert "Recurrent parts (lstm) run in torch's fused kernel" in str(found)
    assert "scaled_dot_product_attention" in found.missing["attn"]
    model = wrap(Recurrent())
    with pytest.raises(ProbeNotFound, match="no probe 'attn'"):
        finish(record(model, model.encode("1 2")))


def test_what_is_not_understood_is_refused() -> None:
    assert "dropout" in report(wrap(Own("dropout"))).missing["attn"]
    with pytest.raises(BadInput, match=r"no nn\.Embedding"):
        wrap(nn.Linear(2, 2), name="map")
    with pytest.raises(BadInput, match=r"mine does not run on token ids of shape \(1, 8\)"):
        wrap(nn.Sequential(nn.Embedding(5, 4), nn.Linear(3, 3)), name="mine")
    with pytest.raises(BadInput, match="A dict is no tokenizer"):
        wrap(Own("causal"), tokenizer={})


def test_a_tokenizer_of_any_make() -> None:
    tk = tokenizers.Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    assert wrap(Own("causal"), tokenizer=tk).encode("b").ids == (1,)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tk, eos_token="b")
    assert wrap(Own("causal"), tokenizer=fast).tokenizer.eos_ids == (1,)


def test_a_transformers_model_in_hand() -> None:
    config = transformers.LlamaConfig(
        vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    module = transformers.LlamaForCausalLM(config)
    strong(module, 0.3)
    model = wrap(module, name="hand")
    assert model.probes == {"attn", "logits", "resid"}
    assert model.context == 64
    tokens = model.encode(" ".join(str(i % 20) for i in range(len(TEXT.split()))))
    trace = finish(record(model, tokens))
    module.set_attn_implementation("eager")
    with torch.no_grad():
        wanted = module(torch.tensor([tokens.ids]), output_attentions=True).attentions[1][0]
    np.testing.assert_allclose(trace.heads(1, slice(None)), wanted, atol=1e-5)
    assert "2 attentions" in str(report(module))
