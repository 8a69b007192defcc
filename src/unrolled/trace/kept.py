"""What a model keeps of the tokens that it has read, so that the next one need not read them all again: keys and
values, which grow with the text, or a state, which does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from unrolled.checkpoints.model import Model
from unrolled.checkpoints.prefixes import as_row
from unrolled.models.gpt import GPTConfig
from unrolled.models.gru import GRUConfig
from unrolled.models.lstm import LSTMConfig
from unrolled.models.rnn import RNNConfig
from unrolled.models.seq2seq import Seq2SeqConfig
from unrolled.models.transformer import TransformerConfig

_TRIED = 3  # tokens that a foreign model is given


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Numbers, to be multiplied with the bytes that one takes."""

    each: int = 0
    """For every token read; in an encoder-decoder for every token of the target."""
    source: int = 0
    """For every token of the source."""
    once: int = 0
    """However long the text is."""
    arithmetic: str
    """How `each`, or where that is 0 `once`, comes about: "2 × 30 × 3 × 64"; "" for nothing."""
    what: str
    """In words."""


def kept_by(model: Model) -> Kept:
    """What this model keeps. A foreign one is tried on a few tokens."""
    found = kept_by_config(getattr(model.module, "config", None))
    if found is not None:
        return found
    if "logits" not in model.probes:
        return Kept(arithmetic="", what="nothing: it reads a whole text at once and goes on with none")
    cache: Any = model.new_cache()
    model.read(as_row([0] * _TRIED, model.device), cache)
    layers = [each for each in getattr(getattr(cache, "layers", None), "layers", []) if hasattr(each, "keys")]
    if not layers or cache.length != _TRIED or not cache.n_bytes:
        return Kept(arithmetic="", what="nothing: for the next token it reads the whole text again")
    numbers = sum(layer.keys[0].numel() + layer.values[0].numel() for layer in layers) // _TRIED
    return Kept(each=numbers, arithmetic=_as_keys(layers, numbers), what="keys and values of every layer")


def kept_by_config(config: Any) -> Kept | None:
    """The same for the families written out here; None for others."""
    if isinstance(config, GPTConfig):
        each = 2 * config.n_layer * config.n_key_value * config.d_head
        said = f"2 × {config.n_layer} × {config.n_key_value} × {config.d_head}"
        return Kept(each=each, arithmetic=said, what="keys and values of every layer")
    if isinstance(config, TransformerConfig):
        each = 2 * config.n_layer * config.d_model
        said = f"2 × {config.n_layer} × {config.d_model:,}"
        return Kept(each=each, source=each, arithmetic=said, what="keys and values of the decoder, and of the source")
    if isinstance(config, (RNNConfig, LSTMConfig, GRUConfig)):
        states = 2 if isinstance(config, LSTMConfig) else 1
        said = f"{'2 × ' if states == 2 else ''}{config.n_layer} × {config.d_hidden:,}"
        what = "the state: h and c of every layer" if states == 2 else "the state: h of every layer"
        return Kept(once=states * config.n_layer * config.d_hidden, arithmetic=said, what=what)
    return _seq2seq(config) if isinstance(config, Seq2SeqConfig) else None


def _seq2seq(config: Seq2SeqConfig) -> Kept:
    states = 2 if config.cell == "lstm" else 1
    source = {"none": 0, "additive": 3 * config.d_hidden, "dot": config.d_hidden}[config.attention]
    said = f"{'2 × ' if states == 2 else ''}{config.n_layer} × {config.d_hidden:,}"
    what = "the decoder’s state" + (", and the encoder’s states with their keys" if source else " alone")
    return Kept(once=states * config.n_layer * config.d_hidden, source=source, arithmetic=said, what=what)


def _as_keys(layers: list[Any], numbers: int) -> str:
    shapes = {(layer.keys.shape[1], layer.keys.shape[3], layer.values.shape[3]) for layer in layers}
    if len(shapes) == 1:
        heads, d_key, d_value = shapes.pop()
        if d_key == d_value:
            return f"2 × {len(layers)} × {heads} × {d_key}"
    return f"{numbers:,}"


def bytes_held(module: nn.Module) -> int:
    """Of all weights, as they are held now: parameters, and those that were rounded to int8."""
    rounded = (x for x in module.buffers() if x.dtype in (torch.int8, torch.bfloat16))
    tensors = {id(x): x for x in (*module.parameters(), *rounded)}
    return sum(x.numel() * x.element_size() for x in tensors.values())
