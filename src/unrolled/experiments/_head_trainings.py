"""One head against several at equal parameters and width: the more heads, the narrower each.

Vaswani et al. 2017, Table 3, rows A.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch

from unrolled.experiments._claim import Found
from unrolled.experiments._gpt_shape import gpt_shape
from unrolled.experiments._text import every_window, fiction, windows
from unrolled.experiments._training import UNSCORED, Batch, accuracy, loss_of, training
from unrolled.models.gpt import GPT
from unrolled.progress import Work
from unrolled.text import tasks
from unrolled.training.recipe import Optimiser, Schedule

HEADS = (1, 2, 4, 8)
WIDTH = {"text": 64, "recall": 48}
RATES = {
    "text": {1: 1e-2, 2: 1e-2, 4: 1e-2, 8: 1e-2},
    "recall": {1: 5e-3, 2: 5e-3, 4: 2.5e-3, 8: 2.5e-3},
}
"""For each number of heads the best of three that were tried alike: see experiments/LOG.md."""
_ROWS, _LENGTH, _VOCABULARY = {"text": 16, "recall": 32}, 64, 512
_SCHEDULE = Schedule(kind="cosine", warm_up=0.06, final=0.1)


def small_gpt(task: str, heads: int) -> GPT:
    """Two layers; as many parameters whatever the number of heads."""
    width = WIDTH[task]
    config = gpt_shape(
        vocabulary=_VOCABULARY if task == "text" else tasks.task_tokenizer().vocabulary,
        context=_LENGTH if task == "text" else tasks.LENGTH,
        n_layer=2,
        n_head=heads,
        d_model=width,
        initial_std=round(0.7 / math.sqrt(width), 4),
    )
    return GPT(config)


def trained(task: str, heads: int, steps: int, seed: int) -> Work[Found]:
    """Loss in nats and accuracy on texts that were not learned from; seeds give all numbers of heads the same texts."""
    module = small_gpt(task, heads)
    module.initialise(torch.Generator().manual_seed(seed))
    drawn = np.random.default_rng([seed, 3])
    draw = partial(_text if task == "text" else _recall, _ROWS[task], drawn)
    optimiser = Optimiser(learning_rate=RATES[task][heads], beta2=0.98, weight_decay=0.01)
    yield from training(
        module, draw, steps=steps, optimiser=optimiser, schedule=_SCHEDULE, title=f"{task}, {heads} heads, seed {seed}"
    )
    module.eval()
    test = every_window(fiction("children", _VOCABULARY).held_out, _LENGTH, 200) if task == "text" else _tests()
    with torch.no_grad():
        return {"loss": float(loss_of(module, test)), "accuracy": accuracy(module, test)}


def _text(rows: int, drawn: np.random.Generator) -> Batch:
    return windows(fiction("children", _VOCABULARY).train, rows, _LENGTH, drawn)


def _tests() -> Batch:
    return _recall(300, np.random.default_rng(2026))


def _recall(rows: int, drawn: np.random.Generator) -> Batch:
    """Letters of a stretch of 8 to 19, over and over; the first time nothing is asked."""
    ids, scored = (torch.from_numpy(each.copy()) for each in tasks.task("recall").draw(drawn, rows, False))
    return ids[:, :-1], torch.where(scored[:, 1:], ids[:, 1:], torch.tensor(UNSCORED))
