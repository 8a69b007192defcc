"""Recall of a symbol after a lag of distractors, and the models that learn it, all of one width.

After Hochreiter & Schmidhuber 1997, §5.2: a symbol, then lag − 1 distractors, which are other ids drawn at random, then
a cue, at which the symbol is asked for. Memory for `lag` steps is all that it takes. Starts that are made for memory:
Tallec & Ollivier 2018 for gates, Le et al. 2015 for a simple network.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unrolled.experiments._gpt_shape import gpt_shape
from unrolled.experiments._training import Batch, Step, accuracy, training
from unrolled.models.gpt import GPT, GPTConfig
from unrolled.models.gru import GRU, GRUConfig
from unrolled.models.lstm import LSTM, LSTMConfig
from unrolled.models.rnn import RNN, RNNConfig
from unrolled.progress import Progress
from unrolled.training.recipe import Optimiser

SYMBOLS, WIDTH, ROWS = 8, 64, 32
"""To be recalled, and as many distractors; units; texts a step."""
CUE, VOCABULARY = 2 * SYMBOLS, 2 * SYMBOLS + 1
LEARNT = 0.97
"""Share of fresh texts that must be answered right."""
CHANCE = 1 / SYMBOLS
Task = Literal["recall", "absent", "shuffled"]


def recall(lag: int, rows: int, drawn: torch.Generator, task: Task = "recall") -> Batch:
    """ids (row, lag + 1): a symbol, distractors, the cue; what is wanted (row, 1): the symbol.

    In the controls it cannot be known: `absent` has a distractor in its place, `shuffled` the symbol of another row as
    label.
    """
    ids = SYMBOLS + torch.randint(SYMBOLS, (rows, lag + 1), generator=drawn)
    symbol = torch.randint(SYMBOLS, (rows,), generator=drawn)
    ids[:, -1] = CUE
    if task != "absent":
        ids[:, 0] = symbol
    if task == "shuffled":
        symbol = symbol.roll(1)
    return ids, symbol[:, None]


class Answering(nn.Module):
    """A language model that is asked at the cue alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> Tensor:
        """ids (row, position) -> logits (row, 1, vocabulary)."""
        return self.model(ids, last_only=True)  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model starts and how fast it learns; searched over the same grid for every family."""

    rate: float
    """Adam's learning rate."""
    reach: float
    """Embeddings start uniform between ± this; a GPT's weights with a deviation of this over √width."""


def made(family: str, start: str, lag: int, recipe: Recipe, drawn: torch.Generator) -> nn.Module:
    """A model of one layer. `start` is `ordinary`, or `memory`: one that was published for long lags."""
    sizes: Mapping[str, Any] = {"vocabulary": VOCABULARY, "context": lag + 1, "n_layer": 1}
    width: Mapping[str, Any] = {"d_embed": WIDTH, "d_hidden": WIDTH, "initial_range": recipe.reach}
    makers: Mapping[str, Callable[[], Any]] = {
        "rnn": lambda: RNN(RNNConfig(**sizes, **width, nonlinearity="relu" if start == "memory" else "tanh")),
        "lstm": lambda: LSTM(LSTMConfig(**sizes, **width)),
        "gru": lambda: GRU(GRUConfig(**sizes, **width)),
        "attention": lambda: GPT(attention_shape(lag, recipe.reach)),
    }
    model = makers[family]()
    model.initialise(drawn)
    if start == "memory":
        _for_memory(family, model.layers[0], lag, drawn)
    return Answering(model)


def attention_shape(lag: int, reach: float) -> GPTConfig:
    """One layer, four heads, an MLP of twice the width: about as many weights as the LSTM."""
    return gpt_shape(
        vocabulary=VOCABULARY,
        context=lag + 1,
        n_layer=1,
        n_head=4,
        d_model=WIDTH,
        d_ff=2 * WIDTH,
        initial_std=reach / WIDTH**0.5,
    )


@torch.no_grad()
def _for_memory(family: str, layer: nn.RNNBase, lag: int, drawn: torch.Generator) -> None:
    _, from_hidden, bias, _ = layer.parameters()
    if family == "rnn":
        nn.init.eye_(from_hidden)
    else:
        chrono(bias, family, lag, drawn)


@torch.no_grad()
def chrono(bias: Tensor, family: str, longest: int, drawn: torch.Generator) -> None:
    """Biases of gates (gate × width) so that units forget after 1 to `longest` steps: log U(1, longest − 1) to keep,
    and in an LSTM as much less to write. Tallec & Ollivier 2018, equation 16."""
    width = len(bias) // (4 if family == "lstm" else 3)
    keeps = torch.log(1 + (longest - 2) * torch.rand(width, generator=drawn))
    bias.zero_()
    bias[width : 2 * width] = keeps  # an LSTM's forget gate, a GRU's update gate
    if family == "lstm":
        bias[:width] = -keeps


@dataclass(frozen=True, kw_only=True)
class Learning:
    """What came of a training."""

    steps: int
    """Until it was learnt, or all there were."""
    accuracy: float
    """Afterwards, on 512 fresh texts, labels never shuffled."""
    learnt: bool
    """Whether LEARNT of 256 other fresh texts were right, which ended the training, or of these 512."""


def learning(
    model: nn.Module, lag: int, rate: float, steps: int, drawn: torch.Generator, title: str, task: Task = "recall"
) -> Generator[Progress, None, Learning]:
    """Trains until the task is learnt, `steps` at most; every tenth step it is tried on fresh texts."""

    passed = False

    def enough(step: Step) -> bool:
        nonlocal passed
        if step.step % 10 == 0 and step.loss <= 0.5:
            passed = accuracy(model, recall(lag, 256, drawn, task)) >= LEARNT
        return passed

    adam = Optimiser(learning_rate=rate, beta2=0.999, weight_decay=0.0, clip=1.0)
    done = yield from training(
        model, lambda: recall(lag, ROWS, drawn, task), steps=steps, optimiser=adam, title=title, enough=enough
    )
    fresh = recall(lag, 512, drawn, "absent" if task == "absent" else "recall")
    right = accuracy(model, fresh)
    return Learning(steps=len(done), accuracy=right, learnt=passed or right >= LEARNT)
