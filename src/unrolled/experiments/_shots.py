"""A task asked after 0 to 8 examples, after examples that are wrong, and in a chat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrolled.checkpoints import Model
from unrolled.experiments._asking import Ids, answers, ids_of
from unrolled.experiments._claim import Found
from unrolled.experiments._word_tasks import TASKS, Item, WordTask
from unrolled.progress import Progress, Work

SHOTS = (0, 1, 2, 4, 8)
MOST = SHOTS[-1]


def shown(model: Model, task: WordTask, seed: int, asked: int) -> Work[Found]:
    """Exact match and log-likelihood after each of SHOTS, after examples that are wrong, and in a chat."""
    items = task.drawn(seed)
    examples, tests = items[:MOST], items[MOST : MOST + asked]
    right = [ids_of(model, f" {answer}") for _, answer in tests]
    found: dict[str, dict[str, float]] = {}
    prompts = {str(k): [ids_of(model, task.prompt(examples[:k], each)) for each, _ in tests] for k in SHOTS}
    for name, wrong in misleading(task, examples, seed).items():
        prompts[name] = [ids_of(model, task.prompt(wrong, each)) for each, _ in tests]
    prompts["sentence"] = [in_chat(model, task, each) for each, _ in tests]
    for number, (name, rows) in enumerate(prompts.items()):
        yield Progress(number, len(prompts), f"{task.name}, {name}")
        said = answers(model, rows, right)
        found[name] = {"exact": said.exact, "log_likelihood": said.log_likelihood}
    return found


def misleading(task: WordTask, examples: Sequence[Item], seed: int) -> dict[str, list[Item]]:
    """Examples with one another's answers, examples of another task, and answers drawn from all of the task's."""
    drawn = np.random.default_rng([seed, 2])
    other = another(task)
    every = sorted({answer for _, answer in task.items(drawn)})
    return {
        "exchanged": list(zip([q for q, _ in examples], exchanged([a for _, a in examples]), strict=True)),
        "another task": other.drawn(seed)[:MOST],
        "random": [(question, every[drawn.integers(len(every))]) for question, _ in examples],
    }


def exchanged(answers: Sequence[str]) -> list[str]:
    """The answers moved on by as many places as leave the fewest where they were."""
    moved = [[*answers[k:], *answers[:k]] for k in range(1, len(answers))]
    return min(moved, key=lambda each: sum(a == b for a, b in zip(each, answers, strict=True)))


def in_chat(model: Model, task: WordTask, asked: str) -> Ids:
    """The question in words in the model's chat, and the beginning of a whole sentence that answers it."""
    return model.encode(task.question.format(asked), chat=True, reply=task.sentence.format(asked)).ids


def another(task: WordTask) -> WordTask:
    """The next one that is told in another way."""
    names = list(TASKS)
    at = names.index(task.name)
    return next(TASKS[name] for name in [*names[at:], *names] if TASKS[name].told != task.told)
