"""The lens against the model itself: its last layer is the model's answer, its first the embedding read out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from unrolled.errors import ProbeNotFound
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

FRANCE = "The capital of France is"


def ask(model: Model, text: str = FRANCE, **knobs: Any) -> Any:
    return finish(answer(figure("lens").panel("lens"), knobs, models=[model], text=text)).result


def test_the_last_layer_is_what_the_model_says(smollm2: Model) -> None:
    found = ask(smollm2)
    said = finish(answer(figure("next_token").panel("distribution"), {}, models=[smollm2], text=FRANCE)).result
    assert found.top_strings[-1][-1] == said.top_strings[0][0] == " Paris"
    assert found.top_probabilities[-1, -1] == pytest.approx(said.top_probabilities[0][0], abs=1e-4)
    assert (found.final_rank[-1] == 1).all()
    assert found.entropy_bits[-1, -1] == pytest.approx(said.entropy_bits[0], abs=1e-3)


def test_the_first_layer_is_the_embedding_read_out(smollm2: Model) -> None:
    found = ask(smollm2)
    module, ids = smollm2.module, smollm2.encode(FRANCE).ids
    with torch.inference_mode():
        x = module.embed(torch.tensor(ids))
        by_hand = (
            x * torch.rsqrt((x**2).mean(-1, keepdim=True) + module.config.norm_epsilon) * module.norm["final"].weight
        )
        probabilities = (by_hand @ module.embed.weight.T).softmax(-1)
    np.testing.assert_allclose(found.top_probabilities[0], probabilities.amax(-1), atol=1e-4)


def test_shapes_and_names(smollm2: Model) -> None:
    found = ask(smollm2, last=2)
    assert found.tokens == (" France", " is")
    assert (found.first, len(found.layers)) == (3, 31)
    assert found.final_rank.shape == found.top_probabilities.shape == (31, 2)
    assert (found.final_rank >= 1).all()
    assert ((found.final_rank == 1) == (np.array(found.top_strings) == np.array(found.final_strings))).mean() > 0.95


def test_a_model_without_a_known_stream_is_told_so(smollm2: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "probes", frozenset({"attn"}))
    with pytest.raises(ProbeNotFound, match="it needs resid"):
        ask(smollm2)
