"""What the chapter on the block says of SmolLM2, the encoder and untrained stacks, measured again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from unrolled.checkpoints import open_model
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

FRANCE = "The capital of France is"


def ask(panel: str, *models: Model, text: str | None = FRANCE, **knobs: Any) -> Any:
    return finish(answer(figure("block").panel(panel), knobs, models=models, text=text)).result


def test_who_wrote_what(smollm2: Model) -> None:
    found = ask("stream", smollm2)
    *parts, whole = map(float, re.findall(r"\d+\.\d+", found.shared))
    assert parts == pytest.approx([0.06158, 271.148, 348.036], abs=1e-3)  # processors round differently from here on
    assert whole == pytest.approx(sum(parts), abs=1e-4)
    assert found.stream[-1, -1] > 200 * found.written[0, -1]
    late = [int(writer.split()[1]) >= 20 for writer in found.writers[1:]]
    assert found.along[1:, -1][late].sum() > 0.95 * found.stream[-1, -1]
    assert found.cosine[-1, -1] < 0
    for text in (FRANCE, "When I was young I", "12 and 13 make"):
        first = ask("stream", smollm2, text=text).stream[:, 0]
        jump = int((first[1:] / first[:-1]).argmax()) + 1
        assert found.writers[jump] == "FFN 11"
        assert 120 < first[jump] / first[jump - 1] < 160


def test_who_speaks(smollm2: Model) -> None:
    encoder = open_model("en-fr-transformer")
    relu = ask("feed_forward", encoder)
    assert relu.zero == pytest.approx(np.full(3, 0.9), abs=0.015)
    gated = ask("feed_forward", smollm2)
    assert (gated.d_model, gated.d_ff, gated.parameters) == (576, 1536, 2_654_208)
    assert gated.d_ff * 3 == gated.d_model * 8
    assert (gated.zero == 0).all()
    assert gated.negative[15:] == pytest.approx(np.full(15, 0.5), abs=0.07)
    assert (gated.carriers[-2:] < 0.04).all()


def test_what_one_block_is_missed_for(smollm2: Model) -> None:
    found = ask("each_layer", smollm2)
    loss = dict(zip(found.kinds, found.loss, strict=True))
    most = sorted(np.argsort(-loss["FFN"])[:2].tolist())
    assert most == [0, 11]
    assert (loss["FFN"][most] > 2 * found.loss_before).all()
    assert np.median(loss["FFN"]) < 1.1 * found.loss_before
    assert np.median(loss["attention"]) < 1.1 * found.loss_before
    assert (loss["residuals"] > 2 * found.loss_before).all()
    assert (loss["norms"] > 2 * found.loss_before).all()
    assert (loss["residuals"] > found.uniform).sum() > 20
    without = ask("without", smollm2, off="FFN", layer=15)
    assert without.top_strings[0] == " Paris"
    assert (without.before[0], without.after[0]) == pytest.approx((0.77, 0.59), abs=0.005)
    assert without.after.argmax() == 0


def test_untrained_stacks() -> None:
    deep = ask("depth", text=None, n_layer=24)
    post, pre, bare, no_residual = range(4)
    assert deep.gradient[bare, 0] > 1e4 * deep.gradient[bare, -1]
    assert deep.weights[pre, -1] < 0.3 * deep.weights[post, -1]
    assert (deep.apart[no_residual, -1], deep.apart[post, -1]) < (1e-6, 0.01)
    assert deep.apart[pre, -1] > 0.1
    small = ask("depth", text=None, n_layer=24, start="gpt-2")
    assert small.gradient[bare].max() < 1.1 * small.gradient[bare].min()
