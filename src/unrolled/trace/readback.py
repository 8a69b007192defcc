"""Reading earlier tokens back out of a recurrent state, with a linear probe in closed form.

For each distance d a ridge regression (Hoerl & Kennard 1970) goes from the state after token t to the identity of the
token d steps before: one output for each token, 1 where it was that token and 0 where not. What it finds can be read
out of the state linearly; what it does not find may be there all the same, in another form. The control is the same
probe fitted to the same tokens in shuffled order: it can know which tokens are frequent and no more (cf. Hewitt &
Liang 2019).

With targets of 0 and 1 the regression is a vote. Each position that it was fitted on has a weight, the same for all
distances, and gives it to the token that stood d steps before itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from unrolled.checkpoints.model import Model
from unrolled.errors import ProbeNotFound
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.trace.states import points_of

Part = Literal["everything", "h"]
"""h of every layer and, in an LSTM, c; or h of the last layer alone, which is what the model speaks from."""

LENGTH = 96
"""Tokens of a window; each is read from an empty state."""
FURTHEST = 16
"""Largest distance; of each window the tokens from this one on are used, so that all distances have the same ones."""
TRAINING, TESTING = 160, 48
"""Windows that the probe is fitted on, and those of another text that it is tested on."""
RIDGE = 0.01
"""The penalty, as a share of the mean squared length that the states have along one of their dimensions."""
_EVERY = 4  # of the test positions one in so many is scored: neighbours say nearly the same
_CHARACTERS = 8 * LENGTH  # of text that a window is cut from


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """A fitted probe, and how well it did on the held-out text."""

    classes: Int64[np.ndarray, "token"]
    """Ids of the tokens that it can name: those of the training windows, going up."""
    mean: Tensor
    """Of the states that it was fitted on (unit,)."""
    voters: Tensor
    """(sample, unit): their product with a state, less the mean, is each sample's vote."""
    votes_for: Tensor
    """(distance, sample): the place among the classes of the token that a sample votes for."""
    n_test: int
    """Held-out positions that it was tested on."""
    right: Float64[np.ndarray, "distance window"]
    """Share of a held-out window's positions at which the true token came first."""
    shuffled: Float64[np.ndarray, "distance window"]
    """The same for the probe that was fitted to shuffled tokens."""
    median_rank: Float64[np.ndarray, "distance"]
    """Of the true token among all that it can name; 1 is first, one it cannot name comes last."""

    @property
    def n_training(self) -> int:
        """Positions that it was fitted on."""
        return len(self.voters)

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        return self.voters.nbytes + self.votes_for.nbytes

    def votes(self, state: Tensor) -> Tensor:
        """state (…, unit) -> the weight of each sample's vote, (…, sample)."""
        return (state - self.mean) @ self.voters.T

    def scores_of(self, votes: Tensor, distance: int) -> Tensor:
        """What the votes say for each token that it can name, `distance` steps before: (…, token)."""
        return _scores(votes, self.votes_for[distance], len(self.classes))


def fit_probe(model: Model, part: Part, training: str, held_out: str) -> Work[Probe]:
    """Fits on windows of one text and tests on windows of another, the same ones whatever the model."""
    seen, before = yield from _states(model, part, training, TRAINING)
    classes, labels = np.unique(before, return_inverse=True)
    votes_for = torch.from_numpy(labels.reshape(before.shape).T.copy())  # (distance, sample)
    yield Progress(0, 2, "probe fitted")
    mean, voters = ridge(seen)
    unseen, truth = yield from _states(model, part, held_out, TESTING, _EVERY)
    true = torch.from_numpy(_known(classes, truth).T.copy())
    yield Progress(1, 2, "probe fitted")
    votes = (unseen - mean) @ voters.T
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(seen)))
    found = _ranks(votes, votes_for, true, len(classes))
    control = _ranks(votes, votes_for[:, order], true, len(classes))
    by_window = (FURTHEST + 1, TESTING, -1)
    return Probe(
        classes=classes,
        mean=mean,
        voters=voters,
        votes_for=votes_for,
        n_test=len(unseen),
        right=(found == 1).reshape(by_window).mean(axis=2),
        shuffled=(control == 1).reshape(by_window).mean(axis=2),
        median_rank=np.median(found, axis=1),
    )


def ridge(states: Tensor) -> tuple[Tensor, Tensor]:
    """states X (sample, unit) -> their mean, and (X - mean) (C + λI)⁻¹ with their scatter C: (sample, unit)."""
    mean = states.double().mean(dim=0)
    centred = states.double() - mean
    scatter = centred.T @ centred
    scatter += RIDGE * scatter.diagonal().mean() * torch.eye(len(scatter), dtype=torch.float64)
    return mean.float(), centred.float() @ torch.linalg.inv(scatter).float()


def carried(model: Model, part: Part, rows: Int64[np.ndarray, "row token"]) -> Tensor:
    """What the model carries on after each token of each row: (row, token, unit)."""
    points = {place: point for place, point in points_of(model).items() if place[0] in ("h", "c")}
    if part == "h":
        last = max(layer for _, layer in points)
        points = {place: point for place, point in points.items() if place == ("h", last)}
    heard: dict[tuple[str, int], list[Tensor]] = {place: [] for place in points}
    with ExitStack() as hooks, model.running() as module:
        for place, point in points.items():
            hook = point.register_forward_hook(lambda _, __, x, into=heard[place]: into.append(x))
            hooks.callback(hook.remove)
        module(torch.from_numpy(rows).to(model.device), last_only=True)
    return torch.cat([torch.stack(steps, dim=1) for steps in heard.values()], dim=2).float().cpu()


def windows(model: Model, text: str, n_window: int) -> Int64[np.ndarray, "window token"]:
    """Pieces of LENGTH tokens from evenly spaced places of a text."""
    return np.array(list(islice(_cut(model, text, n_window), n_window)), dtype=np.int64)


def _cut(model: Model, text: str, n_window: int) -> Iterator[Sequence[int]]:
    """The windows; where a piece is too short for one in this vocabulary, a longer one is taken."""
    for start in np.linspace(0, len(text) - 4 * _CHARACTERS, n_window).astype(int):
        begin = text.index(" ", int(start)) + 1
        size = _CHARACTERS
        while len(ids := model.tokenizer.encode(text[begin : begin + size]).ids) < LENGTH + 1:
            size *= 2
            if begin + size > len(text):
                raise ProbeNotFound(f"{model.name} makes too few tokens of the text that its states are read on.")
        yield ids[:LENGTH]


def _states(model: Model, part: Part, text: str, n_window: int, every: int = 1) -> Work[tuple[Tensor, np.ndarray]]:
    """States of the used positions (sample, unit); the tokens 0 to FURTHEST steps before each (sample, distance)."""
    rows = windows(model, text, n_window)
    places = np.arange(FURTHEST, LENGTH, every)
    states = []
    for at in range(0, n_window, 32):
        yield Progress(at, n_window, "windows read")
        stop_if_cancelled()
        states.append(carried(model, part, rows[at : at + 32])[:, places])
    before = places[:, None] - np.arange(FURTHEST + 1)  # (place, distance)
    return torch.cat(states).flatten(0, 1), rows[:, before].reshape(-1, FURTHEST + 1)


def _known(classes: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Each id's place among the classes, -1 for one that the probe cannot name."""
    at = np.searchsorted(classes, ids).clip(max=len(classes) - 1)
    return np.where(classes[at] == ids, at, -1)


def _scores(votes: Tensor, votes_for: Tensor, n_class: int) -> Tensor:
    """votes (…, sample), counted for what each sample votes for, and each token's share among them: (…, token)."""
    share = torch.bincount(votes_for, minlength=n_class).float() / len(votes_for)
    counted = torch.zeros(*votes.shape[:-1], n_class).index_add_(-1, votes_for, votes)
    return counted + share


def _ranks(votes: Tensor, votes_for: Tensor, true: Tensor, n_class: int) -> np.ndarray:
    """(distance, sample): how many tokens speak louder than the true one, and one; all of them if it has no name."""
    found = []
    for each, right in zip(votes_for, true, strict=True):
        stop_if_cancelled()
        scores = _scores(votes, each, n_class)
        mine = scores.gather(1, right.clamp(min=0)[:, None])
        found.append(torch.where(right >= 0, 1 + (scores > mine).sum(dim=1), n_class).numpy())
    return np.stack(found)
