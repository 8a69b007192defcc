"""How well a language model predicts a text: surprisal, perplexity, bits per byte.

A token's surprisal is -ln p of it given what stands before it (Shannon 1948). Perplexity is exp of their mean (Jelinek
et al. 1977). Tokenizers cut texts differently, so that perplexities over two vocabularies do not compare; bits per byte
of the same text do.

A text may be longer than what a model attends to. Then it is read in windows that overlap: each token is scored once,
in the first window that holds it, so that all but the first window's have at least window - stride tokens before them.
A recurrent model carries its state through the whole text instead, or is read in windows too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from unrolled.checkpoints import Model
from unrolled.checkpoints.prefixes import Cache
from unrolled.errors import BadInput, BadKnob, EmptyText, ProbeNotFound
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.text import Tokenizer

WINDOW = 1024
"""Tokens that a window has at most, if it is not said."""
_TOGETHER = 2048  # tokens read in one pass: short windows are read side by side
_READ_OUT = 128  # positions whose logits are held at a time


@dataclass(frozen=True, kw_only=True)
class Span:
    """How far a model looks back in a long text. Either windows, or one state carried through it all."""

    window: int | None
    """Tokens read at once; None: all that came before."""
    stride: int | None
    """Tokens by which a window stands further on than the one before it."""

    @property
    def carried(self) -> bool:
        """Whether the state is carried from the first token to the last."""
        return self.window is None


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well a text was predicted, and how it was read."""

    surprisals: Float64[np.ndarray, "token"] = field(repr=False)
    """-ln p of each scored token given those before it, in nats."""
    ids: Int64[np.ndarray, "token"] = field(repr=False)
    """The scored tokens."""
    bytes: int
    """UTF-8 bytes that the scored tokens stand for."""
    first_scored: bool
    """Whether the text's first token is scored: only a beginning-of-text token leaves it something to go by."""
    span: Span
    bos: bool
    """Whether a beginning-of-text token was put before the text. It is read, not scored."""
    lossless: bool
    """Whether the tokens spell the text byte by byte; if not, bits per byte leave out what was lost."""

    @property
    def tokens(self) -> int:
        """How many tokens were scored."""
        return len(self.surprisals)

    @property
    def nats_per_token(self) -> float:
        """The mean surprisal: cross-entropy of the text under the model."""
        return float(self.surprisals.mean())

    @property
    def perplexity(self) -> float:
        """exp(nats per token): as unsure as among so many equally likely tokens."""
        with np.errstate(over="ignore"):
            return float(np.exp(np.float64(self.nats_per_token)))

    @property
    def bits_per_byte(self) -> float:
        """Surprisal of all scored tokens together in bits, over their bytes."""
        return float(self.surprisals.sum()) / math.log(2) / self.bytes if self.bytes else math.nan


Measure = Callable[[Tensor, Tensor], Tensor]
"""Logits (n, vocabulary) and the tokens that came (n,) -> numbers for each of them (n, k), the surprisal first."""


def surprisal(logits: Tensor, came: Tensor) -> Tensor:
    """-ln p of what came, in nats: (n, 1)."""
    return logits.logsumexp(dim=1, keepdim=True) - logits.gather(1, came[:, None])


def score(
    model: Model,
    text: str,
    *,
    window: int | None = None,
    stride: int | None = None,
    bos: bool = False,
    carry: bool | None = None,
) -> Work[Score]:
    """Scores every token of `text` but a first one that has nothing before it.

    Args:
        model: a causal language model of any make.
        text: of any length.
        window: tokens read at once; None: what the model was made for, 1,024 at most.
        stride: tokens from one window's start to the next one's; None: half a window.
        bos: put the model's beginning-of-text token before the text, so that the first token is scored too.
        carry: carry a recurrent model's state through the whole text; None: if it has one, and no window is named.

    Raises:
        EmptyText: there is no token to score.
        BadKnob: a window longer than the model reads, a stride that leaves a token with nothing before it, a state to
            carry where there is none.
    """
    found, _ = yield from measured_score(model, text, surprisal, window=window, stride=stride, bos=bos, carry=carry)
    return found


def measured_score(
    model: Model,
    text: str,
    measure: Measure,
    *,
    window: int | None = None,
    stride: int | None = None,
    bos: bool = False,
    carry: bool | None = None,
) -> Work[tuple[Score, Float64[np.ndarray, "token k"]]]:
    """As `score`, and beside it all that `measure` says of each scored token."""
    if "logits" not in model.probes:
        raise ProbeNotFound(f"{model.name} has no logits: it does not say what comes next.")
    span = span_of(model, window=window, stride=stride, carry=carry)
    ids = model.tokenizer.encode(text, bos=bos).ids
    if len(ids) < 2:
        why = "it has one" if ids else "it is empty"
        raise EmptyText(f"The text needs two tokens at least, one to read and one to score; {why}.")
    has_bos = bos and ids[0] == model.tokenizer.bos_id
    found = yield from measured(model, ids, span, measure)
    skipped = 0 if has_bos else first_bytes(model.tokenizer, text, ids[0])
    scored = Score(
        surprisals=found[:, 0],
        ids=np.array(ids[1:], np.int64),
        bytes=len(text.encode()) - skipped,
        first_scored=has_bos,
        span=span,
        bos=has_bos,
        lossless=model.tokenizer.decode(ids) == text,
    )
    return scored, found


def span_of(model: Model, *, window: int | None = None, stride: int | None = None, carry: bool | None = None) -> Span:
    """Windows or a carried state, each bound checked against the model."""
    has_state = "h" in model.probes
    if carry and not has_state:
        raise BadKnob(f"{model.name} has no state to carry on: it is read in windows; leave carry off.")
    if carry and (window is not None or stride is not None):
        raise BadKnob("A state that is carried has no window and no stride: name those with reset.")
    if carry or (carry is None and has_state and window is None and stride is None):
        return Span(window=None, stride=None)
    window = min(model.context, WINDOW) if window is None else window
    if not 2 <= window <= model.context:
        raise BadKnob(f"window was {window}; {model.name} takes 2 to {model.context:,} tokens.")
    stride = max(1, window // 2) if stride is None else stride
    if not 1 <= stride < window:
        raise BadKnob(
            f"stride was {stride}; it takes 1 to {window - 1}, so that every token has another before it in its window."
        )
    return Span(window=window, stride=stride)


def measured(model: Model, ids: Sequence[int], span: Span, measure: Measure) -> Work[Float64[np.ndarray, "token k"]]:
    """What `measure` says of every id but the first: (n - 1, k)."""
    low, high = min(ids), max(ids)
    if low < 0 or high >= model.vocabulary:
        raise BadInput(
            f"{model.name} has tokens 0 to {model.vocabulary - 1:,}, the text {low} to {high:,}: its tokenizer is"
            " another model's."
        )
    row = torch.tensor(ids, dtype=torch.long, device=model.device)
    out: list[np.ndarray] = []
    for start, found in _carried(model, row, measure) if span.carried else _windows(model, row, span, measure):
        out.append(found)
        yield Progress(start - 1 + len(found), len(ids) - 1, "tokens scored")
        stop_if_cancelled()
    return np.concatenate(out)


def surprisals_side_by_side(model: Model, texts: Sequence[Sequence[int]]) -> list[Float64[np.ndarray, "token"]]:
    """-ln p of every id but the first of each of some short texts, in nats; all are read in one pass.

    What stands behind a shorter one's end is not seen by it: a causal model does not look ahead.
    """
    for ids in texts:
        model.check_ids(ids)
    longest = max(len(ids) for ids in texts)
    rows = torch.tensor([[*ids, *[ids[-1]] * (longest - len(ids))] for ids in texts], device=model.device)
    found = _read_out(model, rows, None, 0, surprisal)[:, :, 0]
    return [row[: len(ids) - 1] for row, ids in zip(found, texts, strict=True)]


def windows(n: int, window: int, stride: int) -> Iterator[tuple[int, int, int]]:
    """(start, first, end) of each window of a text of n tokens: it holds start … end - 1 and scores first … end - 1.

    Nothing stands before token 0, which is never scored.
    """
    first = 1
    for start in range(0, n, stride):
        end = min(start + window, n)
        yield start, first, end
        first = end
        if end == n:
            return


def first_bytes(tokenizer: Tokenizer, text: str, first: int) -> int:
    """UTF-8 bytes of `text` that its first token stands for."""
    piece, spelled = tokenizer.piece_bytes(first), text.encode()
    if spelled.startswith(piece):
        return len(piece)
    if piece.startswith(b" ") and spelled.startswith(piece[1:]):  # a space that SentencePiece put in front
        return len(piece) - 1
    return len(text[: tokenizer.encode(text).spans[0][1]].encode())  # spelled otherwise: the characters it covers


def _windows(model: Model, row: Tensor, span: Span, measure: Measure) -> Iterator[tuple[int, np.ndarray]]:
    """Index of a first scored token and what is said from it on; windows that are alike are read side by side."""
    assert span.window is not None
    assert span.stride is not None
    most = max(1, _TOGETHER // span.window)
    alike: list[tuple[int, int, int]] = []
    for each in windows(len(row), span.window, span.stride):
        if alike and (len(alike) == most or _shape(each) != _shape(alike[0])):
            yield from _side_by_side(model, row, alike, measure)
            alike = []
        alike.append(each)
    yield from _side_by_side(model, row, alike, measure)


def _shape(window: tuple[int, int, int]) -> tuple[int, int]:
    start, first, end = window
    return end - start, first - start


def _side_by_side(
    model: Model, row: Tensor, alike: Sequence[tuple[int, int, int]], measure: Measure
) -> Iterator[tuple[int, np.ndarray]]:
    rows = torch.stack([row[start:end] for start, _, end in alike])
    skip = alike[0][1] - alike[0][0] - 1  # positions whose next token was scored before
    found = _read_out(model, rows, None, skip, measure)
    for (_, first, _), each in zip(alike, found, strict=True):
        yield first, each


def _carried(model: Model, row: Tensor, measure: Measure) -> Iterator[tuple[int, np.ndarray]]:
    """One reading from the first token to the last, in parts for the sake of memory and progress."""
    cache = model.new_cache()
    for start in range(0, len(row) - 1, WINDOW):
        yield start + 1, _read_out(model, row[None, start : start + WINDOW + 1], cache, 0, measure)[0]


def _read_out(model: Model, rows: Tensor, cache: Cache | None, skip: int, measure: Measure) -> np.ndarray:
    """rows (batch, n + 1), of which n are read after what `cache` holds -> what `measure` says of what follows each of
    them but the first `skip`: (batch, n - skip, k)."""
    said = rows[:, 1 + skip :].reshape(-1)
    logits_at = _reading(model, rows[:, :-1], cache, skip)
    parts = [slice(at, at + _READ_OUT) for at in range(0, len(said), _READ_OUT)]
    found = [measure(logits_at(part), said[part]).double().cpu().numpy() for part in parts]
    return np.concatenate(found).reshape(len(rows), len(said) // len(rows), -1)


def _reading(model: Model, rows: Tensor, cache: Cache | None, skip: int) -> Callable[[slice], Tensor]:
    """Reads, and gives a function from positions to logits: those of a long text never stand in memory at once."""
    readout = model.readout
    if readout is None:
        whole = model.all_logits(rows, cache)[:, skip:].flatten(0, 1)
        return lambda part: _wide(whole[part])
    heard: list[Tensor] = []
    model.read(rows, model.new_cache() if cache is None else cache, _listening(model, heard))
    stream = heard[0][:, skip:].flatten(0, 1)

    def logits_at(part: slice) -> Tensor:
        with torch.inference_mode():
            return _wide(readout(stream[part]))

    return logits_at


def _wide(logits: Tensor) -> Tensor:
    """Half precision is too coarse for a sum over the vocabulary."""
    return logits if logits.dtype == torch.float64 else logits.float()


@contextmanager
def _listening(model: Model, heard: list[Tensor]) -> Iterator[None]:
    """What the last block gives, during one forward pass."""
    hook = model.blocks[-1].register_forward_hook(
        lambda _, __, out: heard.append(out if isinstance(out, Tensor) else out[0])
    )
    try:
        yield
    finally:
        hook.remove()
