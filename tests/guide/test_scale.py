"""What the chapter on scale says of SmolLM2 and of exact match, measured again."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled import guide
from unrolled.checkpoints import Model, open_model
from unrolled.figures import answer, figure
from unrolled.progress import finish

PLACES = {place.id: place for place in guide.chapter("scale").places}


@pytest.fixture(scope="module")
def smollm2() -> Model:
    return open_model("smollm2")


def shares(model: Model, place: str) -> dict[str, float]:
    """The likeliest next tokens where a figure of the chapter starts, with their probabilities."""
    start = PLACES[place].state
    text, reply = start["text"], start["knobs"]["reply"]
    logits = finish(model.next_logits(model.encode(text, chat=True, reply=reply).ids)).astype(np.float64)
    chances = np.exp(logits - np.logaddexp.reduce(logits))
    return {model.tokenizer.piece(int(token)): float(chances[token]) for token in np.argsort(-chances)[:40]}


def test_without_steps_it_names_what_stands_in_the_question(smollm2: Model) -> None:
    found = shares(smollm2, "at_once")
    assert list(found)[:2] == ["2", "3"]
    assert 0.005 <= found["7"] <= 0.015


def test_with_the_steps_written_out_it_reads_the_answer_off_but_cannot_take_the_step(smollm2: Model) -> None:
    assert shares(smollm2, "with_steps")["7"] > 0.9
    lost = shares(smollm2, "one_step")
    assert lost["5"] > 0.9
    assert lost.get("7", 0.0) < 0.05
    whole = PLACES["with_steps"].state["knobs"]["reply"]
    assert whole.startswith(PLACES["one_step"].state["knobs"]["reply"] + "7.")


def test_the_sums_about_sums() -> None:
    assert 0.3**4 < 0.01
    assert round(100 * 0.95**4) == 81
    assert pytest.approx(0.5, abs=0.02) == 2000 * 0.25**6
    assert round(10**-0.076, 2) == 0.84
    assert pytest.approx((1500, 1.7), rel=0.01) == (175e9 / 117e6, 300 / 175)
    assert 10 / 27 < 1
    assert pytest.approx(3, abs=0.1) == 10 * 8 / 27


def test_in_recall_the_likelihood_leaps_too_and_on_the_scratchpad_it_rises_before_the_answers() -> None:
    ladder = figure("emergence").panel(PLACES["ladder"].state["panel"])
    recall, scratchpad = (finish(answer(ladder, {"problem": problem})).result for problem in ("recall", "scratchpad"))
    assert [int(parameters / 1000) for parameters in recall.parameters[:2]] == [2, 9]
    one_layer = recall.layers == 1
    assert recall.exact_match[one_layer, -1].max() < 0.01
    assert recall.exact_match[~one_layer, -1].min() > 0.2
    rise = np.diff(recall.log_likelihood[:, -1])
    assert rise.argmax() == one_layer.sum() - 1
    assert rise.max() > 3 * rise[0]
    assert np.exp(np.diff(scratchpad.log_likelihood[:2, -1]))[0] > 1.9
    assert scratchpad.exact_match[:2, -1].max() < 0.1
