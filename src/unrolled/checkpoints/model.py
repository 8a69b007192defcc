"""One opened checkpoint, whatever its make: what figures ask."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unrolled import __version__
from unrolled.checkpoints.prefixes import Cache, Prefixes, Reader, as_row
from unrolled.errors import BadInput, EmptyText, TextTooLong
from unrolled.models.gpt import GPT, KeyValueCache
from unrolled.progress import Progress, stop_if_cancelled
from unrolled.provenance import Kind, Provenance
from unrolled.text import Tokenizer, Tokens

CHUNK = 256  # tokens read between two reports of progress


class Model:
    """A causal language model with its tokenizer. Safe to use from several threads."""

    def __init__(
        self,
        *,
        name: str,
        architecture: str,
        module: nn.Module,
        reader: Reader,
        blocks: Sequence[nn.Module],
        tokenizer: Tokenizer,
        probes: frozenset[str],
        context: int,
        vocabulary: int,
        sha256: str | None,
        kind: Kind = "computed",
    ) -> None:
        """`blocks`: between them a question that nobody waits for any more is stopped."""
        self.name, self.architecture = name, architecture
        self.module, self.tokenizer, self.probes = module, tokenizer, probes
        self.context, self.vocabulary = context, vocabulary
        self.parameters = sum(parameter.numel() for parameter in module.parameters())
        first = next(module.parameters())
        self.device, self.dtype = first.device, first.dtype
        self.provenance = Provenance(
            name=name,
            kind=kind,
            hash=sha256,
            version=f"unrolled {__version__}, torch {torch.__version__.partition('+')[0]}",
            device=str(self.device),
            dtype=str(self.dtype)[6:],
        )
        self._reader = reader
        self._prefixes = Prefixes(reader)
        self._lock = threading.Lock()
        for block in blocks:
            block.register_forward_pre_hook(_stop_if_cancelled)

    def encode(self, text: str, *, bos: bool = False, chat: bool = False, reply: str = "") -> Tokens:
        """The text as this model reads it. EmptyText, TextTooLong."""
        if not text and not bos:
            raise EmptyText("The text is empty: write at least one character.")
        tokens = self.tokenizer.encode(text, bos=bos, chat=chat, reply=reply)
        self._check_length(len(tokens))
        return tokens

    def next_logits(self, ids: Sequence[int]) -> Generator[Progress, None, np.ndarray]:
        """Logits of what follows `ids`: float32 (vocabulary,). Reuses what it shares with texts read before."""
        ids = list(ids)
        self._check_ids(ids)
        prefix, receipt = self._prefixes.take(ids)
        step = CHUNK if self._reader.chunked else len(ids)
        logits: Tensor | None = None
        try:
            while (done := len(prefix.ids)) < len(ids):
                yield Progress(done, len(ids), "tokens read")
                stop_if_cancelled()
                chunk = ids[done : done + step]
                logits = self._read(chunk, prefix.cache)
                prefix.ids += chunk
        finally:
            self._prefixes.put(prefix, receipt)
        assert logits is not None  # `take` leaves at least the last token to read
        return logits.float().cpu().numpy()

    def forget(self) -> None:
        """Drops what was read: the next call is cold."""
        self._prefixes.forget()

    def kept(self) -> list[int]:
        """Lengths of the texts whose caches are kept."""
        return self._prefixes.lengths()

    def _read(self, chunk: Sequence[int], cache: Cache) -> Tensor:
        with self._lock, torch.inference_mode():
            return self._reader.read(as_row(chunk, self.device), cache)

    def _check_ids(self, ids: Sequence[int]) -> None:
        if not ids:
            raise EmptyText("There is no token to go on from: write at least one character.")
        self._check_length(len(ids))
        if not (min(ids) >= 0 and max(ids) < self.vocabulary):
            raise BadInput(f"{self.name} has tokens 0 to {self.vocabulary - 1}; {min(ids)} to {max(ids)} were given.")

    def _check_length(self, n: int) -> None:
        if n > self.context:
            raise TextTooLong(f"The text has {n:,} tokens; {self.name} reads {self.context:,} at most.")


class GPTReader:
    """Our GPT, read onwards from its cache."""

    chunked = True

    def __init__(self, module: GPT) -> None:
        self._module = module

    def new_cache(self) -> KeyValueCache:
        return KeyValueCache()

    def read(self, ids: Tensor, cache: Cache) -> Tensor:
        assert isinstance(cache, KeyValueCache)
        logits: Tensor = self._module(ids, cache=cache, last_only=True)
        return logits[0, -1]


def _stop_if_cancelled(module: nn.Module, inputs: Any) -> None:
    stop_if_cancelled()
