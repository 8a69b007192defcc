"""One opened checkpoint, whatever its make: what figures ask."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.checkpoints.output import all_logits_of
from unrolled.checkpoints.prefixes import Cache, Prefixes, Reader, as_row, next_stop
from unrolled.checkpoints.results import Results
from unrolled.errors import BadInput, EmptyText, ProbeNotFound, TextTooLong
from unrolled.models.families import family_of
from unrolled.models.weighing import Ear
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.provenance import COMPUTED_BY, Provenance
from unrolled.text import Tokenizer, Tokens

CHUNK = 256  # tokens read between two reports of progress
_ALONE = nullcontext()
_MOST_VARIANTS = 4  # of which caches are kept

T = TypeVar("T")
Around = Callable[[], AbstractContextManager[Any]]
Readout = Callable[[Tensor], Tensor]
"""The residual stream after the last block (…, d_model) -> logits (…, vocabulary)."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Special tokens around every text, e.g. [CLS] and [SEP]."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    target: tuple[int, ...] = ()
    """Before a decoder's text, in an encoder-decoder."""


NO_FRAME = Frame()


@dataclass(frozen=True, kw_only=True)
class Training:
    """That a model's weights come from a training of ours."""

    said: str
    """Who trained it, by which recipe and seed: a provenance's words."""
    seed: int
    """Of the first weights."""
    pairs: str = ""
    """The domain of the sentence pairs that an encoder-decoder learned from, in words; "" where it is not known."""


class Model:
    """A causal language model with its tokenizer. Safe to use from several threads."""

    def __init__(
        self,
        *,
        name: str,
        architecture: str,
        module: nn.Module,
        reader: Reader | None,
        blocks: Sequence[nn.Module],
        ear: Ear | None = None,
        readout: Readout | None = None,
        frame: Frame = NO_FRAME,
        why: Mapping[str, str] | None = None,
        tokenizer: Tokenizer,
        probes: frozenset[str],
        context: int,
        vocabulary: int,
        sha256: str | None,
        training: Training | None = None,
    ) -> None:
        """`reader`: None for what says no next token. `blocks`: between them a question that nobody waits for any more
        is stopped. `ear`: how its attentions are heard. `readout`: final norm and unembedding. `why`: reasons why
        probes are missing."""
        self.name, self.architecture = name, architecture
        self.module, self.tokenizer, self.probes = module, tokenizer, probes
        self.context, self.vocabulary = context, vocabulary
        self.parameters = sum(parameter.numel() for parameter in module.parameters())
        first = next(module.parameters())
        self.device, self.dtype = first.device, first.dtype
        self.provenance = Provenance(
            name=name,
            kind="computed" if training is None else "trained",
            hash=sha256,
            version=COMPUTED_BY,
            device=str(self.device),
            dtype=str(self.dtype)[6:],
            training=None if training is None else training.said,
        )
        self.training = training
        self.blocks, self.ear, self.readout, self.frame = tuple(blocks), ear, readout, frame
        self.why = dict(why or {})
        self._reader = reader
        self._prefixes = Prefixes(reader) if reader is not None else None
        self._results = Results()
        self._lock = threading.Lock()
        self._around: Around = nullcontext
        self._variants: OrderedDict[Hashable, Prefixes] = OrderedDict()
        for block in blocks:
            block.register_forward_pre_hook(_stop_if_cancelled)

    def encode(self, text: str, *, bos: bool = False, chat: bool = False, reply: str = "") -> Tokens:
        """The text as this model reads it. EmptyText, TextTooLong."""
        if not text and not bos:
            raise EmptyText("The text is empty: write at least one character.")
        tokens = self.tokenizer.encode(text, bos=bos, chat=chat, reply=reply)
        tokens = self.tokenizer.framed(tokens, self.frame.before, self.frame.after)
        self._check_length(len(tokens))
        return tokens

    def encode_target(self, text: str) -> Tokens:
        """The text as this model's decoder reads it, where it has one besides its encoder; "" is its first token."""
        if not (self.frame.target or (self.ear is not None and self.ear.takes_target)):
            raise BadInput(f"{self.name} is no encoder-decoder: it reads one text, and there is no target.")
        tokens = self.tokenizer.framed(self.tokenizer.encode(text), self.frame.target, ())
        self._check_length(len(tokens))
        return tokens

    @contextmanager
    def running(self) -> Iterator[nn.Module]:
        """The module, for one forward pass at a time; with what this variant of the model changes in it."""
        with self._lock, torch.inference_mode(), self._around():
            yield self.module

    def variant(self, around: Around, key: Hashable) -> Model:
        """The same model with something changed during its forward passes. Variants of equal `key` share caches."""
        changed = copy.copy(self)
        changed._around = around
        changed._results = Results()
        if self._reader is not None:
            changed._reader = copy.copy(self._reader)
            changed._reader.chunked &= self.ear is None or self.ear.chunked
            changed._prefixes = self._variants.pop(key, None) or Prefixes(changed._reader)
            self._variants[key] = changed._prefixes
            while len(self._variants) > _MOST_VARIANTS:
                self._variants.popitem(last=False)
        return changed

    def next_logits(self, ids: Sequence[int]) -> Generator[Progress, None, np.ndarray]:
        """Logits of what follows `ids`: float32 (vocabulary,). Reuses what it shares with texts read before."""
        ids = list(ids)
        self.check_ids(ids)
        if self._prefixes is None or self._reader is None:
            raise ProbeNotFound(f"{self.name} has no logits: it does not say what comes next.")
        prefix, receipt = self._prefixes.take(ids)
        step = CHUNK if self._reader.chunked else len(ids)
        logits: Tensor | None = None
        begun = len(prefix.ids)
        try:
            while (done := len(prefix.ids)) < len(ids):
                chunk = ids[done : min(done + step, next_stop(prefix.cache, done, len(ids)))]
                if done > begun or done + len(chunk) < len(ids):  # of a single step there is nothing to tell
                    yield Progress(done, len(ids), "tokens read")
                stop_if_cancelled()
                logits = self.read(as_row(chunk, self.device), prefix.cache)
                prefix.ids += chunk
        finally:
            self._prefixes.put(prefix, receipt)
        assert logits is not None  # `take` leaves at least the last token to read
        return logits.float().cpu().numpy()

    def keeping(self, name: str, key: Hashable, work: Callable[[], Work[T]]) -> Work[T]:
        """The value of `work`, kept for whoever asks again: the last of each name, and the one before where it is
        small enough."""
        found, value = self._results.get(name, key)
        if not found:
            self._results.make_room(name)
            value = yield from work()
            self._results.put(name, key, value)
        result: T = value
        return result

    def embeddings(self, ids: Sequence[int]) -> np.ndarray:
        """Rows of the table that tokens are looked up in: float32 (token, d_model)."""
        rows: Tensor = self._table().weight[list(ids)]
        return rows.detach().float().cpu().numpy()

    def _table(self) -> Any:
        """Of one of our families, of a transformers model, or the first of a module of the reader's own."""
        if family_of(self.module) is not None:
            return self.module.embed
        if hasattr(self.module, "get_input_embeddings"):
            return self.module.get_input_embeddings()  # type: ignore[operator]
        return next(part for part in self.module.modules() if isinstance(part, nn.Embedding))

    def reading(self, ids: Sequence[int], listening: Callable[[int], AbstractContextManager[None]]) -> Work[None]:
        """Reads `ids` cold, in parts where that goes; `listening(start)` is around each part's forward pass."""
        ids = list(ids)
        self.check_ids(ids)
        if self._reader is None:
            raise ProbeNotFound(f"{self.name} reads no text onwards: it is no decoder.")
        cache = self._reader.new_cache()
        step = CHUNK if self._reader.chunked else len(ids)
        for start in range(0, len(ids), step):
            yield Progress(start, len(ids), "tokens read")
            stop_if_cancelled()
            with self.running(), listening(start):
                self._reader.read(as_row(ids[start : start + step], self.device), cache)

    def new_cache(self) -> Cache:
        """An empty one, for `read`."""
        if self._reader is None:
            raise ProbeNotFound(f"{self.name} has no logits: it does not say what comes next.")
        return self._reader.new_cache()

    def read(self, ids: Tensor, cache: Cache, around: AbstractContextManager[Any] = _ALONE) -> Tensor:
        """ids (batch, n), read in one pass after what `cache` holds -> logits of the first row's last position.

        `around` is entered for the pass, when no other runs."""
        assert self._reader is not None  # `new_cache` has said so
        with self.running(), around:
            return self._reader.read(ids, cache)

    def all_logits(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids (batch, n), after what `cache` holds or from nothing -> (batch, n, vocabulary)."""
        with self.running() as module:
            return all_logits_of(module, ids, **({} if cache is None else {"cache": cache}))

    def forget(self) -> None:
        """Drops what was read: the next call is cold."""
        self._results.clear()
        for prefixes in (self._prefixes, *self._variants.values()):
            if prefixes is not None:
                prefixes.forget()

    def kept(self) -> list[int]:
        """Lengths of the texts whose caches are kept."""
        return self._prefixes.lengths() if self._prefixes is not None else []

    def check_ids(self, ids: Sequence[int]) -> None:
        """EmptyText, TextTooLong, BadInput."""
        if not ids:
            raise EmptyText("There is no token to go on from: write at least one character.")
        self._check_length(len(ids))
        if not (min(ids) >= 0 and max(ids) < self.vocabulary):
            raise BadInput(f"{self.name} has tokens 0 to {self.vocabulary - 1}; {min(ids)} to {max(ids)} were given.")

    def _check_length(self, n: int) -> None:
        if n > self.context:
            raise TextTooLong(f"The text has {n:,} tokens; {self.name} reads {self.context:,} at most.")


def _stop_if_cancelled(module: nn.Module, inputs: Any) -> None:
    stop_if_cancelled()
