"""Parallel steps found by disturbing cells: against the closed forms, with twins that break the dependencies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tiny_models import gpt
from tiny_recurrent import NAMES, opened
from unrolled.checkpoints import open_model
from unrolled.errors import ProbeNotFound
from unrolled.progress import finish
from unrolled.trace.wavefront import first_steps, waiting_for


@pytest.mark.parametrize("n_layer", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_recurrent_cell_waits_for_the_one_before_and_the_one_below(name: str, n_layer: int) -> None:
    model = opened(name, n_layer=n_layer)
    ids = list(model.encode("The cat").ids)
    wanted = 1 + np.arange(n_layer)[:, None] + np.arange(len(ids))
    assert np.array_equal(finish(first_steps(model, ids)), wanted)


def test_a_transformer_takes_a_step_a_layer() -> None:
    model = gpt(n_layer=3)
    ids = list(model.encode("The cat").ids)
    assert np.array_equal(finish(first_steps(model, ids)), np.tile(np.arange(1, 4)[:, None], len(ids)))
    waits = finish(waiting_for(model, ids))
    later = np.triu(np.ones((len(ids), len(ids)), bool), 1)
    assert not waits[1, :, 0, :][later].any()  # causal: nothing waits for what comes later
    assert waits[1, :, 0, :][~later].all()


def test_one_token_takes_a_step_a_layer() -> None:
    assert finish(first_steps(opened("lstm"), [65])).tolist() == [[1], [2]]


def test_a_disturbance_does_not_grow_with_the_text() -> None:
    """A trained GRU hands on what lies far outside its range, three times as large with every token."""
    model = open_model("gru")
    ids = list(model.encode("The cat sat on the mat and looked at the dog, which did not look at the cat.").ids[:24])
    assert finish(first_steps(model, ids))[0].tolist() == list(range(1, len(ids) + 1))


def test_a_network_that_forgets_its_state_is_seen_to() -> None:
    """The twin: without the recurrent weights a layer waits for the one below only, and all tokens go at once."""
    model = opened("rnn")
    with torch.no_grad():
        for layer in model.blocks:
            layer.get_parameter("weight_hh_l0").zero_()
    ids = list(model.encode("The cat").ids)
    assert np.array_equal(finish(first_steps(model, ids)), np.tile([[1], [2]], len(ids)))


def test_it_is_one_model_and_leaves_nothing_behind() -> None:
    model = opened("gru")
    ids = list(model.encode("cat").ids)
    before = finish(model.next_logits(ids))
    finish(first_steps(model, ids))
    model.forget()
    assert np.array_equal(finish(model.next_logits(ids)), before)
    assert not any(part._forward_hooks for part in model.module.modules())


def test_a_model_whose_blocks_are_not_known() -> None:
    model = opened("rnn")
    model.blocks = ()
    with pytest.raises(ProbeNotFound, match="tiny-rnn has no list of blocks"):
        finish(first_steps(model, [65, 66]))
