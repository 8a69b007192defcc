"""One reading says what three say: losses, the last logits, the stream's lengths."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_models
import tiny_pairs
from unrolled.errors import ProbeNotFound
from unrolled.progress import finish
from unrolled.trace import losses
from unrolled.trace.reading import saying
from unrolled.trace.writes import writes


@pytest.mark.parametrize("text", ["to be or not", "to be or not to be " * 5])
def test_one_reading(text: str) -> None:
    model = tiny_models.gpt(context=128)
    tokens = model.encode(text)
    found = finish(saying(model, tokens))
    np.testing.assert_allclose(found.losses, finish(losses(model, tokens)), rtol=1e-6)
    np.testing.assert_allclose(found.logits, finish(model.next_logits(tokens.ids)), rtol=1e-4, atol=1e-5)
    lengths = finish(writes(model, tokens)).after[[0, 2, 4], -1]
    np.testing.assert_allclose(found.lengths, lengths, rtol=1e-9)


def test_one_token_and_no_stream() -> None:
    model = tiny_models.gpt()
    assert finish(saying(model, model.encode("a"))).losses.shape == (0,)
    pair = tiny_pairs.opened("transformer")
    with pytest.raises(ProbeNotFound, match="no probe 'resid'"):
        finish(saying(pair, pair.encode("a")))
