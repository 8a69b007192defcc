"""Weights derived from recorded queries and keys are the model's own eager weights, in many architectures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

from tiny_models import ALL, DECODERS, ENCODERS, PAIRS, TEXT, auto_class, save
from unrolled.checkpoints import Model, open_model, verdict
from unrolled.checkpoints.ears import EagerEar, HubEar
from unrolled.errors import BadInput, BadKnob, ProbeNotFound, TextTooLong
from unrolled.models.weighing import Attention, Kind, weight_rows
from unrolled.progress import finish
from unrolled.trace import Trace, record

TARGET = "a cat and a day"
CLOSE = 1e-5  # float32


def traced(model: Model, **said: Any) -> Trace:
    target = model.encode_target(TARGET) if model.architecture in PAIRS else None
    return finish(record(model, model.encode(TEXT), target=target, **said))


def eager(folder: Path, kind: str, trace: Trace) -> dict[Kind, list[np.ndarray]]:
    """kind -> layer -> (head, query, key), by transformers alone."""
    module = auto_class(kind).from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    said = {"input_ids": torch.tensor([trace.tokens.ids])}
    if trace.target is not None:
        said["decoder_input_ids"] = torch.tensor([trace.target.ids])
    with torch.no_grad():
        out = module(**said, output_attentions=True, use_cache=False)
    if trace.target is not None:
        found = {"encoder": out.encoder_attentions, "self": out.decoder_attentions, "cross": out.cross_attentions}
    else:
        found = {"encoder" if kind in ENCODERS else "self": out.attentions}
    return {each: [layer[0].numpy() for layer in layers] for each, layers in found.items()}


@pytest.mark.parametrize("kind", ALL)
def test_weights_are_the_models_own(opened, folder_of, kind: str) -> None:
    model = opened(kind)
    assert isinstance(model.ear, HubEar), model.why
    trace = traced(model)
    theirs = eager(folder_of(kind), kind, trace)
    assert set(trace.kinds) == set(theirs)
    for each, layers in theirs.items():
        assert trace.n_layer(each) == len(layers)
        for layer, wanted in enumerate(layers):
            assert trace.n_head(each) == len(wanted)
            assert wanted.max() > 0.3  # not near uniform, where wrong weights look right
            got = np.stack([trace.weights(layer, head, kind=each) for head in range(len(wanted))])
            np.testing.assert_allclose(got, wanted, atol=CLOSE, rtol=0)
            np.testing.assert_allclose(trace.heads(layer, [1, 5], kind=each), wanted[:, [1, 5]], atol=CLOSE, rtol=0)


@pytest.mark.parametrize("kind", DECODERS)
def test_read_in_parts_it_is_the_same(opened, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = opened(kind)
    assert model.ear.chunked
    whole = traced(model, residual=True)
    monkeypatch.setattr("unrolled.trace.recording.CHUNK", 7)
    parts = traced(model, residual=True)
    for layer in range(2):
        for head in range(4):
            np.testing.assert_allclose(parts.weights(layer, head), whole.weights(layer, head), atol=CLOSE, rtol=0)
        np.testing.assert_allclose(parts.residual(layer, "post"), whole.residual(layer, "post"), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", DECODERS)
def test_causal_models_are_said_to_be(opened, kind: str) -> None:
    trace = traced(opened(kind))
    assert trace.causal()
    assert all(not np.triu(trace.weights(layer, head), 1).any() for layer in range(2) for head in range(4))


def test_what_changes_the_weights_is_said(opened) -> None:
    gemma, mistral, gpt_oss = (traced(opened(kind)) for kind in ("gemma2", "mistral", "gpt_oss"))
    assert (gemma.explain(0).softcap, gemma.explain(0).window, gemma.explain(1).window) == (2.0, 6, None)
    assert gemma.explain(0).scaling == pytest.approx(5**-0.5)
    assert (mistral.explain(1).window, mistral.explain(1).n_head, mistral.explain(1).n_key_value) == (5, 4, 2)
    assert gpt_oss.explain(0).sinks is not None
    assert gpt_oss.explain(0).sinks.shape == (4,)
    assert gpt_oss.weights(0, 0).sum(axis=1).min() < 0.9  # the sink took its share
    t5 = traced(opened("t5"))
    assert t5.explain(0, "encoder").bias is not None
    assert (t5.causal("self"), t5.causal("encoder"), t5.causal("cross")) == (True, False, False)
    assert t5.shape("cross") == (len(t5.target), len(t5.tokens))


def broken(change: dict[str, Any]) -> Any:
    """`weight_rows` of a formula with something changed."""

    def rows_of(attention: Attention, query: Tensor, key: Tensor, rows: Tensor, first_head: int = 0) -> Tensor:
        changed = {name: made(attention) if callable(made) else made for name, made in change.items()}
        flipped = key.flip(0) if changed.pop("flip", False) else key
        return weight_rows(dataclasses.replace(attention, **changed), query, flipped, rows, first_head)

    return rows_of


def narrower(attention: Attention) -> Any:
    """A window one shorter."""
    assert attention.allowed is not None
    return lambda rows, keys: attention.allowed(rows, keys) & attention.allowed(rows + 1, keys)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("gemma2", {"softcap": None}),
        ("gemma2", {"scaling": 8**-0.5}),
        ("mistral", {"allowed": narrower}),
        ("mistral", {"allowed": None}),
        ("llama", {"flip": True}),
        ("gpt_oss", {"sinks": None}),
        ("t5", {"bias": None}),
        ("t5", {"scaling": 8**-0.5}),
        ("gpt2", {"causal": False}),
        ("granite", {"scaling": 8**-0.5}),
    ],
)
def test_a_broken_formula_is_noticed(cache, folder_of, monkeypatch, kind: str, change: dict[str, Any]) -> None:
    monkeypatch.setattr(verdict, "weight_rows", broken(change))
    model = open_model(str(folder_of(kind)))
    assert "attn" not in model.probes
    with pytest.raises(ProbeNotFound, match=r"differ from the model's own by .*so none are shown"):
        finish(record(model, model.encode(TEXT)))
    assert "attn" not in open_model(str(folder_of(kind))).probes  # remembered


def test_the_verdict_is_remembered(cache, folder_of, monkeypatch) -> None:
    folder = str(folder_of("llama"))
    assert open_model(folder).probes == {"attn", "logits", "resid"}
    monkeypatch.setattr(verdict, "eager_weights", lambda *_: pytest.fail("compared again"))
    assert open_model(folder).probes == {"attn", "logits", "resid"}
    (cache / "attention.json").write_text("[1")
    with pytest.raises(pytest.fail.Exception):
        open_model(folder)


def test_an_argument_that_is_not_understood_is_refused(cache, folder_of, monkeypatch) -> None:
    module = transformers.LlamaForCausalLM
    forward = module.forward
    monkeypatch.setattr(
        module, "forward", lambda self, *a, **k: forward(self, *a, **k, indices=torch.ones(1)), raising=True
    )
    model = open_model(str(folder_of("llama")))
    assert isinstance(model.ear, EagerEar)  # its own maps, then
    assert "attn" in model.probes


@pytest.mark.parametrize(("kind", "shape"), [("bloom", {"n_layer": 2, "n_head": 4}), ("gptj", {"rotary_dim": 4})])
def test_maps_are_taken_where_there_is_nothing_else(cache, tmp_path, monkeypatch, kind, shape) -> None:
    folder = save(tmp_path / kind, kind, **shape)
    model = open_model(str(folder))
    assert isinstance(model.ear, EagerEar)
    trace = traced(model)
    wanted = eager(folder, kind, trace)["self"][1]
    np.testing.assert_allclose(trace.weights(1, 2), wanted[2], atol=1e-6, rtol=0)
    assert trace.causal()
    with pytest.raises(ProbeNotFound, match="attention weights only, not its queries"):
        trace.query(0, 0)
    monkeypatch.setattr(model.ear, "longest", 10)
    with pytest.raises(TextTooLong, match="whole maps of its attention only, which are kept up to 10 tokens"):
        traced(model)


def test_what_has_no_attention_says_so(cache, tmp_path) -> None:
    model = open_model(str(save(tmp_path / "mamba", "mamba", state_size=4, expand=2)))
    assert "attn" not in model.probes
    with pytest.raises(ProbeNotFound, match="does not go through the registry"):
        finish(record(model, model.encode(TEXT)))


def test_maps_that_are_not_over_all_keys_are_refused(cache, tmp_path) -> None:
    shape = {"attention_window": 8, "max_position_embeddings": 66}
    model = open_model(str(save(tmp_path / "longformer", "longformer", **shape)))  # its maps are of windows
    assert model.probes == frozenset()
    with pytest.raises(ProbeNotFound, match="does not go through the registry"):
        finish(record(model, model.encode(TEXT)))


def test_texts_are_framed(opened) -> None:
    bert = opened("bert").encode("the cat")
    assert bert.strings == ("[CLS]", "the", "cat", "[SEP]")
    assert bert.spans == ((0, 0), (0, 3), (4, 7), (7, 7))
    assert opened("t5").encode("the cat").strings == ("the", "cat", "[SEP]")
    assert opened("t5").encode_target("the cat").strings == ("[PAD]", "the", "cat")
    assert opened("llama").encode("the cat").strings == ("the", "cat")
    with pytest.raises(BadInput, match="no encoder-decoder"):
        opened("llama").encode_target("the cat")


def test_positions_that_are_none_do_not_count(opened) -> None:
    model = opened("roberta")  # its padding's number is 0, so one of the 66 rows of its table stands for no position
    longest = model.encode(" ".join(["cat"] * (model.context - 2)))
    assert finish(record(model, longest)).shape() == (model.context, model.context)
    with pytest.raises(TextTooLong):
        model.encode(" ".join(["cat"] * (model.context - 1)))


def test_values_of_one_layer_are_those_alone(opened) -> None:
    model = opened("llama")
    trace = finish(record(model, model.encode(TEXT), values=[1]))
    kept = trace.layers["self"][1].value
    assert kept is not None
    assert kept.untyped_storage().nbytes() == kept.nbytes


def test_wrong_questions_get_a_sentence(opened) -> None:
    llama, t5 = opened("llama"), opened("t5")
    tokens = llama.encode(TEXT)
    trace = finish(record(llama, tokens, values=[1]))
    assert trace.value(1, 3).shape == (21, 8)
    for ask, says in [
        (lambda: trace.weights(2, 0), "no layer 2: .* has layers 0 to 1"),
        (lambda: trace.weights(0, 4), "no head 4: .* has heads 0 to 3"),
        (lambda: trace.weights(0, 0, [21]), "rows go from 0 to 20; 21 to 21"),
        (lambda: trace.weights(0, 0, kind="cross"), "no 'cross' attention; it has 'self'"),
        (lambda: trace.value(0, 0), r"values=\[0\]"),
        (lambda: trace.residual(0, "post"), "residual=True"),
        (lambda: trace.logits([0]), "logits=True"),
        (lambda: finish(record(t5, t5.encode(TEXT))), "needs a target"),
        (lambda: finish(record(llama, tokens, target=tokens)), "there is no target"),
        (lambda: finish(record(llama, tokens, values=[7])), "layer was 7; the model has layers 0 to 1"),
        (lambda: finish(record(t5, t5.encode(TEXT), target=t5.encode_target("a"), logits=True)), "no probe 'resid'"),
    ]:
        with pytest.raises((BadKnob, BadInput, ProbeNotFound), match=says):
            ask()
