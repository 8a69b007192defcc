"""Answers against a plain forward pass, prompts as they read, and twins that turn the verdict."""

from __future__ import annotations

import operator
import re

import numpy as np
import pytest
import torch

from experiments.recorded import outcomes, with_found
from tiny_models import gpt
from unrolled.experiments import few_shot as claim
from unrolled.experiments._asking import answers, shared, written
from unrolled.experiments._claim import Outcome
from unrolled.experiments._results import result_of
from unrolled.experiments._shots import MOST, another, exchanged, misleading
from unrolled.experiments._word_problems import TEMPLATES, cut_off, problem, reason
from unrolled.experiments._word_tasks import KINDS, TASKS

PROMPTS = [[5, 6, 7, 8], [5, 6, 9], [5, 6, 7, 3, 2]]
RIGHT = [[1, 2], [3], [4, 4, 4]]
_OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def test_answers_are_those_of_one_plain_pass_each() -> None:
    model = gpt(n_layer=2)
    likely, exact = [], []
    for prompt, right in zip(PROMPTS, RIGHT, strict=True):
        with torch.inference_mode():
            said = model.module(torch.tensor([[*prompt, *right[:-1]]]))[0, len(prompt) - 1 :].log_softmax(-1)
        likely.append(float(said.gather(1, torch.tensor(right)[:, None]).mean()))
        exact.append(said.argmax(-1).tolist() == right)
    found = answers(model, PROMPTS, RIGHT)
    assert found.log_likelihood == pytest.approx(np.mean(likely), abs=1e-5)
    assert found.exact == np.mean(exact)


def test_what_greedy_decoding_writes_is_right() -> None:
    """The twin of all wrong answers: the model's own are exact, and one other token makes them wrong."""
    model = gpt(n_layer=2)
    prompts = [prompt[:3] for prompt in PROMPTS]
    own = []
    for prompt in prompts:
        ids = list(prompt)
        for _ in range(4):
            with torch.inference_mode():
                ids.append(int(model.module(torch.tensor([ids]))[0, -1].argmax()))
        own.append(ids[3:])
    assert answers(model, prompts, own).exact == 1
    assert answers(model, prompts, [[*ids[:-1], (ids[-1] + 1) % 4] for ids in own]).exact == 0
    assert written(model, prompts, 4) == [model.tokenizer.decode(ids) for ids in own]


def test_prompts_share_what_they_begin_with() -> None:
    assert shared(PROMPTS) == 2
    assert shared([[1, 2], [1, 2]]) == 2
    assert answers(gpt(), [[1, 2], [1, 2]], [[3], [3]]).exact in (0, 1)  # something is left to read


def test_a_prompt_reads_as_it_should() -> None:
    task = TASKS["antonym"]
    assert task.prompt([("hot", "cold")], "big") == "Give the opposite of each word.\nhot -> cold\nbig ->"
    assert task.prompt([], "big").endswith("word.\nbig ->")


@pytest.mark.parametrize("name", TASKS)
def test_examples_and_questions_are_apart_and_enough(name: str) -> None:
    items = TASKS[name].drawn(3)
    asked = [question for question, _ in items]
    assert len(set(asked)) == len(asked) >= MOST + claim.ASKED["full"]
    assert another(TASKS[name]).told != TASKS[name].told


def test_answers_follow_from_the_questions() -> None:
    for question, answer in TASKS["sums of two digits"].drawn(0):
        a, b = map(int, question.split(" + "))
        assert a + b == int(answer)
    assert dict(TASKS["last letter"].drawn(0))["house"] == "e"
    assert dict(TASKS["kind"].drawn(0))["wolf"] == "animal"


def test_misleading_examples_mislead() -> None:
    task = TASKS["capital"]
    examples = task.drawn(0)[:MOST]
    wrong = misleading(task, examples, 0)
    assert not set(wrong["exchanged"]) & set(examples)
    assert sorted(answer for _, answer in wrong["exchanged"]) == sorted(answer for _, answer in examples)
    assert {answer for _, answer in misleading(TASKS["kind"], TASKS["kind"].drawn(0)[:MOST], 0)["random"]} <= set(KINDS)
    assert exchanged(["a", "a", "b", "b"]) == ["b", "b", "a", "a"]


def test_word_problems_are_solved_by_their_steps() -> None:
    drawn = np.random.default_rng(0)
    for number in range(200):
        each = problem(drawn, number % TEMPLATES)
        sums = re.findall(r"(\d+) ([+*-]) (\d+) = (\d+)", each.steps)
        assert len(sums) == 2
        assert all(_OPERATIONS[sign](int(left), int(right)) == int(is_) for left, sign, right, is_ in sums)
        assert int(sums[-1][-1]) == each.answer > 0


def test_what_a_model_goes_on_with_is_cut_off() -> None:
    assert cut_off(" 3 + 4 = 7.\nQ: Another") == " 3 + 4 = 7."
    assert cut_off("One.\n\nTwo.<|im_end|>") == "One."
    assert reason(" 3 + 4 = 7. The answer is 7.") == " 3 + 4 = 7."


def test_examples_that_bring_nothing_turn_the_verdict() -> None:
    """As if the model had not looked at them."""

    def change(each: Outcome) -> Outcome:
        return each if each.cell.family == "word problems" else with_found(each, **{str(MOST): each.found["0"]})

    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM, change)).verdict in (
        "does not hold here",
        "not decided",
    )


def test_exchanged_answers_that_do_as_well_leave_it_undecided() -> None:
    def change(each: Outcome) -> Outcome:
        return each if each.cell.family == "word problems" else with_found(each, exchanged=each.found[str(MOST)])

    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM, change)).verdict == "not decided"


def test_examples_of_another_task_in_their_place_turn_the_verdict() -> None:
    """The twin was measured: the same questions after eight examples of another task."""

    def change(each: Outcome) -> Outcome:
        if each.cell.family == "word problems":
            return each
        other = each.found["another task"]
        return with_found(each, **{str(MOST): other}, exchanged={**other, "exact": other["exact"] - 0.1})

    assert result_of(claim.CLAIM, "full", outcomes(claim.CLAIM, change)).verdict == "does not hold here"


def test_pictures_of_part_of_the_cells() -> None:
    whole = outcomes(claim.CLAIM)
    assert [len(plot.series) for plot in claim.plots(whole)] == [4, 2]
    assert [len(plot.series) for plot in claim.plots(whole[:1])] == [4]
    assert not claim.plots([])
