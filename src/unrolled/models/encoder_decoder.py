"""What the two encoder-decoders have in common: how they are called step by step, and their special tokens."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor


class EncoderDecoder(Protocol):
    """models/seq2seq.py and models/transformer.py."""

    config: Any
    """With vocabulary, context, pad_id, bos_id and eos_id."""

    def encode(self, source: Tensor, mask: Tensor | None = None) -> Any:
        """source (batch, n), mask (batch, n) True where a token is real -> memory, which has `select`."""

    def decode(self, target: Tensor, memory: Any, cache: Any = None) -> Tensor:
        """target (batch, m), after what `cache` holds -> logits (batch, m, vocabulary)."""

    def new_cache(self) -> Any:
        """What `decode` carries from step to step; it has `select`."""


def check_special(config: Any) -> None:
    """ValueError, a sentence, if the special tokens are not three of the vocabulary's."""
    ids = {"pad_id": config.pad_id, "bos_id": config.bos_id, "eos_id": config.eos_id}
    for name, id_ in ids.items():
        if not 0 <= id_ < config.vocabulary:
            raise ValueError(f"{name} = {id_} is not possible: the vocabulary has tokens 0 to {config.vocabulary - 1}.")
    if len(set(ids.values())) < len(ids):
        said = ", ".join(f"{name} = {id_}" for name, id_ in ids.items())
        raise ValueError(f"{said} are not three different tokens.")
