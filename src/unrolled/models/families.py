"""The families written out here, by the name that a config.toml and `unrolled train --family` say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from unrolled.models import gpt, gru, lstm, rnn, seq2seq, transformer


@dataclass(frozen=True, kw_only=True)
class Family:
    """A model's two classes, and the names of its probes."""

    config: type[Any]
    """Its frozen dataclass of sizes and switches."""
    model: type[nn.Module]
    """Made from a config."""
    probes: frozenset[str]
    """Named points; see the model's file."""
    kind: Literal["causal", "recurrent", "pair"]
    """What reads it: a text with keys and values kept, a text with a state carried on, a source and a target."""


FAMILIES: Mapping[str, Family] = {
    "rnn": Family(config=rnn.RNNConfig, model=rnn.RNN, probes=rnn.PROBES, kind="recurrent"),
    "lstm": Family(config=lstm.LSTMConfig, model=lstm.LSTM, probes=lstm.PROBES, kind="recurrent"),
    "gru": Family(config=gru.GRUConfig, model=gru.GRU, probes=gru.PROBES, kind="recurrent"),
    "gpt": Family(config=gpt.GPTConfig, model=gpt.GPT, probes=gpt.PROBES, kind="causal"),
    "seq2seq": Family(config=seq2seq.Seq2SeqConfig, model=seq2seq.Seq2Seq, probes=seq2seq.PROBES, kind="pair"),
    "transformer": Family(
        config=transformer.TransformerConfig, model=transformer.Transformer, probes=transformer.PROBES, kind="pair"
    ),
}


def family_of(module: nn.Module) -> Family | None:
    """The family that a module is of, if it is one of these."""
    return next((family for family in FAMILIES.values() if isinstance(module, family.model)), None)
