"""What a report says that a model opens, against the figures themselves: models of many makes, every panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

import unrolled
from own_modules import Recurrent
from unrolled.errors import ProbeNotFound, UnrolledError
from unrolled.experiments._catalogue import claims
from unrolled.figures import Panel, catalogue

_DECODER = {"vocab_size": 60, "max_position_embeddings": 32, "num_attention_heads": 2, "num_hidden_layers": 2}
_SMALL = _DECODER | {"hidden_size": 16, "intermediate_size": 32}
_OLD = {"vocab_size": 60, "n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 2}


class Heads(nn.Module):
    """A reader's own: embedding, nn.MultiheadAttention, head; it looks both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(60, 16), nn.Linear(16, 60)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        logits: Tensor = self.head(x + self.attention(x, x, x)[0])
        return logits


class Told(nn.Module):
    """A reader's own: a table of 32 places and blocks of torch under a causal mask, in the manner of nanoGPT."""

    def __init__(self, gives: str, places: int = 32) -> None:
        super().__init__()
        self.embed, self.place, self.head = nn.Embedding(60, 16), nn.Embedding(places, 16), nn.Linear(16, 60)
        block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.blocks, self.gives = nn.TransformerEncoder(block, 2), gives

    def forward(self, ids: Tensor) -> Any:
        n = ids.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(n)
        x = self.embed(ids) + self.place(torch.arange(n))
        logits: Tensor = self.head(self.blocks(x, mask=mask, is_causal=True))
        last = (logits[:, [-1]], None)
        return {"all": logits, "tuple": (logits, None), "mapping": {"logits": logits}, "last": last}[self.gives]


class Stateful(nn.Module):
    """A reader's own GRU that gives its state too."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.layers, self.head = nn.Embedding(60, 16), nn.GRU(16, 16, batch_first=True), nn.Linear(16, 60)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        read, state = self.layers(self.embed(ids))
        return self.head(read), state


def hub(name: str, model: str, **config: Any) -> Callable[[], nn.Module]:
    """A model of transformers with first weights."""
    made: Any = getattr(transformers, f"{name}Config")(**config)
    return lambda: getattr(transformers, name + model)(made)  # type: ignore[no-any-return]


MODELS: dict[str, Callable[[], nn.Module]] = {
    "gpt2": hub("GPT2", "LMHeadModel", **_OLD),
    "llama": hub("Llama", "ForCausalLM", **_SMALL),
    "bloom, told positions by its scores": hub(
        "Bloom", "ForCausalLM", vocab_size=60, hidden_size=16, n_layer=2, n_head=2
    ),
    "gptj, which gives weights only": hub("GPTJ", "ForCausalLM", **_OLD, rotary_dim=4),
    "gemma2, whose scores are capped": hub("Gemma2", "ForCausalLM", **_SMALL, num_key_value_heads=1, head_dim=8),
    "mamba, which has no attention": hub(
        "Mamba", "ForCausalLM", vocab_size=60, hidden_size=16, num_hidden_layers=2, state_size=4
    ),
    "bert": hub("Bert", "Model", **_SMALL),
    "t5": hub("T5", "ForConditionalGeneration", vocab_size=60, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2),
    "an encoder of torch": lambda: nn.Sequential(
        nn.Embedding(60, 16), nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2)
    ),
    "opt": hub("OPT", "ForCausalLM", **_SMALL, ffn_dim=32, word_embed_proj_dim=16),
    "mistral, which looks 4 tokens back": hub(
        "Mistral", "ForCausalLM", **_SMALL, num_key_value_heads=1, head_dim=8, sliding_window=4
    ),
    "mpt, told positions by its scores": hub(
        "Mpt", "ForCausalLM", vocab_size=60, d_model=16, n_heads=2, n_layers=2, max_seq_len=32
    ),
    "gpt-neo, whose attention is written out": hub(
        "GPTNeo",
        "ForCausalLM",
        vocab_size=60,
        hidden_size=16,
        num_layers=2,
        num_heads=2,
        attention_types=[[["global", "local"], 1]],
        max_position_embeddings=32,
    ),
    "rwkv, which overwrites its state": hub(
        "Rwkv",
        "ForCausalLM",
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=2,
        attention_hidden_size=16,
        intermediate_size=32,
        context_length=32,
    ),
    "roberta": hub("Roberta", "Model", **_SMALL | {"max_position_embeddings": 40}),
    "deberta, told distances": hub("DebertaV2", "Model", **_SMALL),
    "bert that sorts texts": hub("Bert", "ForSequenceClassification", **_SMALL),
    "bart": hub(
        "Bart",
        "ForConditionalGeneration",
        vocab_size=60,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=32,
    ),
    "ten tokens, of which no prime number is left": hub(
        "GPT2", "LMHeadModel", **_OLD | {"n_positions": 10, "n_embd": 42}
    ),
    "heads of one's own": Heads,
    "a table of places": lambda: Told("all"),
    "a table of places, logits in a tuple": lambda: Told("tuple"),
    "a table of places, logits in a mapping": lambda: Told("mapping"),
    "a table of places, the last logits alone": lambda: Told("last"),
    "a GRU that gives its state": Stateful,
    "no attention at all": lambda: nn.Sequential(nn.Embedding(60, 16), nn.Linear(16, 60)),
    "an LSTM of one's own": Recurrent,
}


def asked(panel: Panel, model: unrolled.Model) -> str:
    """The refusal of a panel, "" where it answers. Anything that is no sentence of ours is raised."""
    given: dict[str, Any] = {}
    kinds = {accepted.kind for accepted in panel.inputs.values()}
    if "text" in kinds:
        given["text"] = "3 4 5 3 4 6"
    if "target" in kinds and "target" in model.probes:
        given["target"] = "3 4 5"
    if panel.title == "heads (find)":
        given |= {"query": "4", "key": "3"}
    try:
        unrolled.ask(panel.figure, panel=panel.name, models=model, **given)
    except UnrolledError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", MODELS)
def test_a_report_and_the_figures_say_the_same(name: str) -> None:
    torch.manual_seed(0)
    model = unrolled.open(MODELS[name]().eval())
    said = unrolled.report(model)
    for figure in catalogue().values():
        for panel in figure.panels.values():
            if panel.takes_model:
                refusal = asked(panel, model)
                assert (panel.name in said.opens.get(figure.name, ())) == (not refusal), (panel.title, refusal)
                assert (panel.title in said.closed) == bool(refusal)
                assert not refusal or refusal.endswith((".", "none"))


def test_probes_alone_would_say_too_much() -> None:
    """Or the test above would not notice a panel that forgets to look at the model itself."""
    model = unrolled.open(MODELS["gptj, which gives weights only"]().eval())
    panel = catalogue()["attention_calculator"].panels["head"]
    assert panel.why_closed(model.name, model.probes) is None
    assert "weights only" in (panel.why_not(model) or "")
    with pytest.raises(ProbeNotFound):
        unrolled.ask("attention_calculator", panel="head", models=model, text="3 4 5")


@pytest.mark.parametrize("places", [9, 32, 100])
def test_the_end_of_a_table_of_places_is_found(places: int) -> None:
    assert unrolled.open(Told("all", places)).context == places


def test_how_a_module_gives_its_logits_changes_no_number() -> None:
    found = []
    for gives in ("all", "tuple", "mapping", "last"):
        torch.manual_seed(0)
        model = unrolled.open(Told(gives))
        found.append(unrolled.ask("surprise", models=model, text="3 4 5 3 4 6").result.bits[0])
    torch.testing.assert_close(found[1:], [found[0]] * 3, equal_nan=True, rtol=1e-5, atol=1e-5)


def test_a_report_leaves_the_gradients_of_a_module_alone() -> None:
    module = Told("all").train()
    module(torch.tensor([[1, 2, 3]])).sum().backward()
    before = {name: x.grad.clone() for name, x in module.named_parameters() if x.grad is not None}
    unrolled.report(module)
    torch.testing.assert_close({name: x.grad for name, x in module.named_parameters() if x.grad is not None}, before)


def test_claims_that_panels_name_are_experiments() -> None:
    named = {panel.claim for each in catalogue().values() for panel in each.panels.values() if panel.claim}
    assert named
    assert named <= set(claims())


def test_a_decoder_that_says_not_how_it_begins_asks_for_its_text() -> None:
    model = unrolled.open(MODELS["t5"]().eval())
    with pytest.raises(UnrolledError, match="type what it reads"):
        unrolled.ask("architecture", models=model, text="3 4 5")
