"""Every text that a few tokens can make: conditionals multiply to the joint, and all the joints together are 1.

The chain rule of probability, p(a b c) = p(a) p(b | a) p(c | a b), is what a language model rests on: it says one
conditional at a time, and so says a probability of whole texts. Shannon 1948, §3.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from unrolled.checkpoints import Model
from unrolled.progress import Progress, Work, finish


@dataclass(frozen=True)
class Branch:
    """A token after those before it on its path."""

    path: tuple[int, ...]
    """Numbers of the words from the text on, in their list; one more than the last stands for everything else."""
    parent: int
    """Index of the branch before it; −1 for the text."""
    conditional: float
    """Its probability, given the text and all before it."""
    joint: float
    """Product of the conditionals along its path."""


def every_text(
    model: Model, start: Sequence[int], ids: Sequence[int], length: int, *, others: bool
) -> Work[list[Branch]]:
    """All texts of `length` tokens from `ids` after `start`, depth first.

    Without `others` nothing but `ids` may follow: what the model gives them is scaled up to 1. With it, everything else
    is one more branch, which is not followed further.
    """
    branches: list[Branch] = []
    grown = _Grown(model, tuple(start), tuple(ids), length, others, branches)
    yield from grown.after(Branch((), -1, 1.0, 1.0))
    return branches


def conditionals(logits: np.ndarray, ids: Sequence[int], *, others: bool) -> Float64[np.ndarray, "word"]:
    """Probabilities of `ids` as what comes next: with everything else as the last of them, or among themselves."""
    scores = logits.astype(np.float64)
    chosen = scores[list(ids)]
    if not others:
        return np.asarray(np.exp(chosen - np.logaddexp.reduce(chosen)))
    shares = np.exp(chosen - np.logaddexp.reduce(scores))
    with_others: Float64[np.ndarray, "word"] = np.append(shares, max(0.0, 1.0 - shares.sum()))
    return with_others


@dataclass(frozen=True)
class _Grown:
    model: Model
    start: tuple[int, ...]
    ids: tuple[int, ...]
    length: int
    others: bool
    branches: list[Branch]

    def after(self, here: Branch) -> Generator[Progress, None, None]:
        """Depth first, so that each step adds one token to what the model has just read."""
        reading = self.model.next_logits((*self.start, *(self.ids[word] for word in here.path)))
        logits = finish(reading) if here.path else (yield from reading)  # after the first, one token a step
        parent, every = len(self.branches) - 1, sum(len(self.ids) ** n for n in range(1, self.length + 1))
        for word, share in enumerate(conditionals(logits, self.ids, others=self.others)):
            branch = Branch((*here.path, word), parent, float(share), here.joint * float(share))
            self.branches.append(branch)
            if word < len(self.ids) and len(branch.path) < self.length:
                yield Progress(min(len(self.branches), every), every, "branches grown")
                yield from self.after(branch)
