"""The logit lens against transformers' own hidden states, norm and head."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from tiny_models import DECODERS, TEXT
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.progress import finish
from unrolled.trace import lens

NORMS = {"llama": "model.norm", "gpt2": "transformer.ln_f", "gpt_neox": "gpt_neox.final_layer_norm"}


@pytest.mark.parametrize("kind", DECODERS)
def test_the_last_layer_is_what_the_model_says(opened, kind: str) -> None:
    model = opened(kind)
    assert "resid" in model.probes
    tokens = model.encode(TEXT)
    read = finish(lens(model, tokens, positions=[4, 20]))
    logits = torch.from_numpy(finish(model.next_logits(tokens.ids))).double()
    p = logits.softmax(dim=0)
    assert read.answer_ids[1] == int(p.argmax())
    assert (read.answer_ranks[-1] == 0).all()
    np.testing.assert_allclose(read.answer_probabilities[-1, 1], p.max(), rtol=1e-4)
    np.testing.assert_allclose(read.top_probabilities[-1, 1], p.sort(descending=True)[0][:5], rtol=1e-3)
    np.testing.assert_allclose(read.entropy_bits[-1, 1], -(p * p.log2()).sum(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", NORMS)
def test_every_layer_is_normed_and_read_out(opened, folder_of, kind: str) -> None:
    model = opened(kind)
    tokens = model.encode(TEXT)
    answers = [int(i) for i in np.random.default_rng(0).integers(0, model.vocabulary, 21)]
    read = finish(lens(model, tokens, answers=answers, top_n=3))
    module = transformers.AutoModelForCausalLM.from_pretrained(folder_of(kind), dtype=torch.float32)
    norm, head = module.get_submodule(NORMS[kind]), module.get_output_embeddings()
    with torch.no_grad():
        states = module(torch.tensor([tokens.ids]), output_hidden_states=True).hidden_states[:-1]  # the last is normed
        for layer, x in enumerate(states):
            p = head(norm(x[0])).softmax(dim=1)
            chosen = p[range(21), answers]
            np.testing.assert_allclose(read.answer_probabilities[layer], chosen, rtol=1e-3, atol=1e-7)
            assert read.answer_ranks[layer].tolist() == (p > chosen[:, None]).sum(dim=1).tolist()
            assert (read.top_ids[layer] == p.topk(3, dim=1)[1].numpy()).all()


def test_a_missing_norm_would_be_noticed(opened, folder_of, monkeypatch) -> None:
    from unrolled.checkpoints import readout

    model = opened("llama")
    ids = torch.tensor([model.encode(TEXT).ids])
    assert readout.hub_readout(model.module, model.blocks, ids) is not None
    monkeypatch.setattr(readout, "_norms", lambda module, blocks: iter([torch.nn.Identity()]))
    assert readout.hub_readout(model.module, model.blocks, ids) is None


def test_what_cannot_be_read_out_says_so(opened) -> None:
    model = opened("llama")
    tokens = model.encode(TEXT)
    with pytest.raises(ProbeNotFound, match="no probe 'resid'"):
        finish(lens(opened("bert"), opened("bert").encode(TEXT)))
    for said, says in [
        ({"positions": [21]}, "Positions go from 0 to 20; 21 to 21"),
        ({"positions": [3, 2]}, "named in order"),
        ({"positions": [1], "answers": [1, 2]}, "There are 1 positions"),
        ({"positions": [1], "answers": [10**6]}, "token ids below"),
    ]:
        with pytest.raises(BadKnob, match=says):
            finish(lens(model, tokens, **said))
