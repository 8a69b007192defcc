"""Recorded states against torch.nn's own, and states that are replaced."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tiny_models import gpt
from tiny_recurrent import NAMES, Theirs, opened
from unrolled.checkpoints import Model
from unrolled.checkpoints.model import CHUNK
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.progress import finish
from unrolled.trace import HeadOff, Replace, States, patched, record_states

TEXT = "The cat sat on the mat. " * 12
OTHER = "A dog lay in the sun. " * 14
every_family = pytest.mark.parametrize("name", NAMES)


def states(model: Model, text: str = TEXT) -> States:
    return finish(record_states(model, model.encode(text)))


@every_family
@torch.no_grad()
def test_the_last_layers_h_is_torch_nns(name: str) -> None:
    model = opened(name)
    found = states(model)
    n = len(model.encode(TEXT).ids)
    assert n > CHUNK  # so that the state is carried from one part to the next
    theirs = Theirs(name, model.module)
    out, last = theirs.stack(theirs.embed(torch.tensor([found.tokens.ids])))
    assert found.h.shape == (2, n, 8)
    assert found.h.dtype == np.float32
    assert_close(torch.from_numpy(found.h[1]), out[0].float())
    if name == "lstm":
        assert_close(torch.from_numpy(found.c[:, -1]), last[1][:, 0].float())
    else:
        assert found.c is None


@torch.no_grad()
def test_the_gates_explain_the_states() -> None:
    found = states(opened("lstm"))
    before = np.concatenate([np.zeros_like(found.c[:, :1]), found.c[:, :-1]], axis=1)
    kept = found.gates["forget"] * before + found.gates["input"] * found.gates["candidate"]
    np.testing.assert_allclose(found.c, kept, atol=1e-6)
    np.testing.assert_allclose(found.h, found.gates["output"] * np.tanh(found.c), atol=1e-6)
    found = states(opened("gru"))
    before = np.concatenate([np.zeros_like(found.h[:, :1]), found.h[:, :-1]], axis=1)
    z = found.gates["update"]
    np.testing.assert_allclose(found.h, (1 - z) * found.gates["candidate"] + z * before, atol=1e-6)
    assert found.gates.keys() == {"reset", "update", "candidate"}
    assert states(opened("rnn")).gates == {}


@every_family
def test_recording_leaves_nothing_behind(name: str) -> None:
    model = opened(name)
    wanted = finish(model.next_logits(model.encode(TEXT).ids))
    states(model)
    model.forget()
    assert np.array_equal(finish(model.next_logits(model.encode(TEXT).ids)), wanted)
    assert not any(part._forward_hooks for part in model.module.modules())


def test_a_transformer_has_none() -> None:
    model = gpt(context=400)
    with pytest.raises(ProbeNotFound, match=r"tiny has no probe 'h': it carries no state .* It has attn, attn.k"):
        states(model)


@every_family
def test_a_state_that_is_replaced_is_the_state(name: str) -> None:
    """With every state of another text put in for n tokens, what follows is that other text's."""
    model = opened(name)
    n, donor = 20, states(model, OTHER)
    parts = {"h": donor.h, "c": donor.c} if name == "lstm" else {"h": donor.h}
    patches = [Replace(probe, layer, values[layer, :n]) for probe, values in parts.items() for layer in (0, 1)]
    ids, other = model.encode(TEXT).ids[:24], model.encode(OTHER).ids
    with patched(model, patches) as changed:
        found = finish(changed.next_logits(ids))
    wanted = finish(model.next_logits(other[:n] + ids[n:]))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.abs(found - finish(model.next_logits(ids))).max() > 1e-3


@every_family
def test_replaced_by_itself_nothing_changes(name: str) -> None:
    model = opened(name)
    own = states(model)
    ids = model.encode(TEXT).ids[:50]
    with patched(model, [Replace("h", 0, own.h[0, :30]), Replace("h", 1, own.h[1, :7])]) as changed:
        np.testing.assert_allclose(finish(changed.next_logits(ids)), finish(model.next_logits(ids)), atol=1e-5)


def test_patches_that_do_not_go() -> None:
    model = opened("gru")
    value = np.zeros((3, 8), np.float32)
    with pytest.raises(ProbeNotFound, match=r"no probe 'c' to replace; it has gate.candidate, gate.reset, gate.update"):
        patched(model, [Replace("c", 0, value)]).__enter__()
    with pytest.raises(BadKnob, match="There is no layer 2"), patched(model, [Replace("h", 2, value)]):
        pass
    with pytest.raises(ProbeNotFound, match="its layers are recurrent"), patched(model, [HeadOff(0, 0)]):
        pass
