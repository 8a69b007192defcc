"""The ladder's panel: recorded means and live answers re-made in another way, its arithmetic read back."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from unrolled.checkpoints import ladder
from unrolled.errors import BadInput, BadKnob
from unrolled.figures import answer, figure
from unrolled.figures._emergence_measured import mean_told
from unrolled.models.gpt import GPT
from unrolled.progress import finish
from unrolled.text.tasks import TASKS, ids_of, text_of
from unrolled.trace.answering import answer as written
from unrolled.trace.answering import score


def ask(**knobs: Any) -> Any:
    return finish(answer(figure("emergence").panel("measured"), knobs)).result


def greedy(module: GPT, prompt: str, count: int) -> str:
    """Without a cache: the whole text is read again for each character."""
    ids = list(ids_of(prompt))
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(module(torch.tensor([ids]))[0, -1].argmax()))
    return text_of(np.array(ids[-count:]))


@pytest.mark.parametrize(("task", "prompt"), [("recall", ""), ("addition", "7+95"), ("scratchpad", "347+298:")])
def test_what_each_size_writes_is_greedy_decoding(task: str, prompt: str) -> None:
    found = ask(problem=task, prompt=prompt)
    for rung, said, right in zip(ladder.rungs(), found.written, found.is_right, strict=True):
        assert said == greedy(rung.module, found.prompt, len(found.right))
        assert right == (said == found.right)


def test_likelihoods_are_those_of_one_plain_pass() -> None:
    found = ask(problem="addition", prompt="347+298")
    assert (found.prompt, found.right) == ("347+298=", "0645")
    whole = torch.from_numpy(ids_of(found.prompt + found.right))
    for rung, said in zip(ladder.rungs(), found.character_log_likelihood, strict=True):
        with torch.no_grad():
            logs = rung.module(whole[None])[0].log_softmax(-1)
        places = range(len(found.prompt), len(whole))
        np.testing.assert_allclose(said, [float(logs[i - 1, whole[i]]) for i in places], atol=1e-4)


def test_exact_match_by_one_pass_is_that_of_writing() -> None:
    ids, _ = TASKS["recall"].draw(np.random.default_rng(5), 12, True)
    for rung in ladder.rungs()[1:5]:
        said = score(rung.module, ids, 5)
        for row, exact in zip(ids, said.exact, strict=True):
            text = text_of(row)
            assert exact == (greedy(rung.module, text[:-5], 5) == text[-5:])


def test_the_example_shows_the_jump() -> None:
    found = ask()
    assert (found.prompt, found.right) == ("blackhorseblack", "horse")
    assert list(found.is_right) == [False, False, *[True] * 6]  # one layer, then two and more


def test_another_right_answer_is_no_longer_written() -> None:
    """A twin: with one letter of the repetition changed, what follows is not what was there."""
    module = ladder.rungs()[-1].module
    said = written(module, ids_of("blackhorseblack"), ids_of("mouse"))
    assert text_of(said.ids) == "horse"
    assert said.log_likelihoods[0] < -2


def test_curves_are_means_over_the_recorded_trainings() -> None:
    found, said = ask(problem="scratchpad"), json.loads((ladder.FOLDER / ladder.MEASURED).read_bytes())
    for row, size in enumerate(said["sizes"]):
        runs = [run["measured"]["scratchpad"] for run in said["runs"] if run["size"] == size and not run["control"]]
        assert found.seeds[row] == len(runs)
        for save in (0, -1):
            exact = [run[save][0] for run in runs]
            assert found.exact_match[row, save] == pytest.approx(math.fsum(exact) / len(exact))
            assert found.exact_match_low[row, save] == min(exact)
            assert found.log_likelihood_high[row, save] == max(run[save][1] for run in runs)


def test_shipped_weights_are_those_that_were_measured() -> None:
    """Half precision included: the last save of the first training, measured again on fresh texts."""
    said = ladder.measured()
    ids, _ = TASKS["addition"].draw(np.random.default_rng(2026), 200, True)
    for rung in ladder.rungs()[:6]:
        run = next(r for r in said["runs"] if r["size"] == rung.name and r["seed"] == 0 and not r["control"])
        exact, likelihood = run["measured"]["addition"][-1]
        now = score(rung.module, ids, 4)
        assert abs(float(now.exact.mean()) - exact) < 0.11  # other texts: three standard errors of 200
        assert abs(float(now.log_likelihood.mean()) - likelihood) < 0.12


def test_the_printed_terms_add_up_and_give_the_printed_mean() -> None:
    for told in (*ask(problem="scratchpad").arithmetic, mean_told([-0.00004, -2.5, -1 / 3])):
        terms, whole, count, mean = re.fullmatch(r"\((.*)\) ÷ \d+ = (\S+) ÷ (\d+) = (\S+)", told).groups()  # type: ignore[union-attr]
        numbers = [float(t.strip("()").replace("−", "-")) for t in terms.split(" + ")]
        total = float(whole.replace("−", "-"))
        assert len(numbers) == int(count)
        assert math.fsum(numbers) == pytest.approx(total, abs=1e-9)
        assert float(mean.replace("−", "-")) == pytest.approx(total / int(count), abs=0.5001e-4)


def test_recall_jumps_from_one_layer_to_two_and_width_does_not_help() -> None:
    found = ask()
    assert list(found.layers[:3]) == [1, 1, 2]
    assert found.exact_match[:2, -1].max() < 0.05
    assert found.exact_match[4, -1] > 0.5
    assert found.wide < 0.05


@pytest.mark.parametrize(
    ("knobs", "error", "said"),
    [
        ({"prompt": "abc"}, BadInput, "repeats nothing"),
        ({"problem": "addition", "prompt": "blackhorseblack"}, BadInput, "no sum"),
        ({"prompt": "a" * 49}, BadKnob, "at most 48"),
        ({"problem": "chess"}, BadKnob, "recall, addition, scratchpad"),
    ],
)
def test_what_cannot_be_asked_gets_a_sentence(knobs: dict[str, str], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        ask(**knobs)
