"""Text written by a language model, one token after the other (Shannon 1948, §3; sampling, Holtzman et al. 2020)."""

from __future__ import annotations

import codecs
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from unrolled.checkpoints import Model
from unrolled.errors import BadKnob, ModelError, TextTooLong
from unrolled.progress import Progress
from unrolled.sampling import distribution_of

HOTTEST = 2.0
"""The highest temperature."""

Stopped = Literal["length", "end"]
"""As many tokens as were asked for, or the model ended its text."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a token is drawn from a distribution; as it stands, from the model's own."""

    temperature: float = 1.0
    """Divides the logits; 0 takes the likeliest token."""
    top_k: int = 0
    """Only the k likeliest; 0 keeps all."""
    top_p: float = 1.0
    """Only the fewest likeliest that reach this probability together; 1 keeps all."""
    min_p: float = 0.0
    """None less likely than this share of the likeliest; 0 keeps all."""

    def __post_init__(self) -> None:
        bounds = {"temperature": HOTTEST, "top_k": None, "top_p": 1, "min_p": 1}
        for name, high in bounds.items():
            value = getattr(self, name)
            if not (value >= 0 and (high is None or value <= high)):
                to = "0 or more" if high is None else f"a number from 0 to {high:g}"
                raise BadKnob(f"{name} was {value:g}; it takes {to}.")

    def draw(self, logits: np.ndarray, random: np.random.Generator) -> int:
        """One token; equal logits keep the order of their ids."""
        if np.isnan(logits).any():
            raise ModelError("The model's logits are not numbers (NaN): its weights are damaged.")
        if self.temperature == 0:
            return int(logits.argmax())
        shaped = distribution_of(
            logits, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, min_p=self.min_p
        )
        return int(shaped.order[shaped.draw(random)])


@dataclass(frozen=True)
class Drawn:
    """One token more."""

    id: int
    text: str
    """What it adds that is whole characters: a character in several tokens comes with its last."""


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """What was written."""

    ids: tuple[int, ...]
    """Every token drawn, one that ends the text too."""
    text: str
    stopped: Stopped


def generating(
    model: Model, ids: Sequence[int], n_tokens: int, sampling: Sampling, *, seed: int = 0
) -> Generator[Progress | Drawn, None, Continuation]:
    """Goes on from `ids`: yields Progress while it reads them, then each token as it is drawn. Same seed, same text.

    Raises:
        TextTooLong: what is asked for does not fit into the model's context; says how many tokens do.
    """
    check_room(model, len(ids), n_tokens)
    random = np.random.default_rng(seed)
    characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
    drawn: list[int] = []
    text, stopped = "", "length"
    while len(drawn) < n_tokens and stopped == "length":
        logits = yield from _reading(model, (*ids, *drawn), quiet=bool(drawn))
        drawn.append(token := sampling.draw(logits, random))
        stopped = "end" if token in model.tokenizer.eos_ids else "length"
        is_last = stopped == "end" or len(drawn) == n_tokens
        piece = b"" if model.tokenizer.is_special(token) else model.tokenizer.piece_bytes(token)
        whole = characters.decode(piece, final=is_last)
        text += whole
        yield Drawn(token, whole)
    return Continuation(ids=tuple(drawn), text=text, stopped="end" if stopped == "end" else "length")


def check_room(model: Model, n_read: int, n_tokens: int) -> None:
    """TextTooLong, if a prompt of `n_read` tokens and `n_tokens` more do not fit."""
    if n_tokens < 1:
        raise BadKnob(f"tokens was {n_tokens}; it takes 1 or more.")
    room = model.context - n_read
    if room < n_tokens:
        read = f"{n_read:,} token{'' if n_read == 1 else 's'}"
        fit = f"{room:,} more fit" if room > 0 else "no more fit"
        raise TextTooLong(
            f"The prompt has {read} and {model.name} reads {model.context:,} at most: {fit},"
            f" {n_tokens:,} were asked for."
        )


def _reading(model: Model, ids: Sequence[int], *, quiet: bool) -> Generator[Progress, None, np.ndarray]:
    """The logits; after the prompt, one token a step, without word of progress."""
    work = model.next_logits(ids)
    while True:
        try:
            told = next(work)
        except StopIteration as end:
            logits: np.ndarray = end.value
            return logits
        if not quiet:
            yield told
