"""A transformers model as a Model: which class it is opened as, what it reads, which probes it has."""

from __future__ import annotations

import inspect
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)

from unrolled.checkpoints.model import Frame, Model
from unrolled.checkpoints.pairs import TARGET
from unrolled.checkpoints.prefixes import Reader
from unrolled.checkpoints.readout import blocks_of, hub_readout
from unrolled.checkpoints.verdict import N_TRIED, fitted_ear, verdict_key
from unrolled.errors import UnsupportedModel
from unrolled.models.weighing import Kind
from unrolled.text import Tokenizer

MODEL_NAMES = frozenset(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES).union(
    MODEL_FOR_MASKED_LM_MAPPING_NAMES, MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
)
"""Model types that are opened."""

_SENTENCE = "The animal didn't cross the street because it was too tired, and it was hot out there that day. "


class _SizedReader(Reader, Protocol):
    vocabulary: int


def kinds_of(config: PretrainedConfig) -> tuple[Kind, ...]:
    """Which attentions a model of this config has, the one to look at first standing first."""
    if config.is_encoder_decoder:
        return ("cross", "encoder", "self")
    is_encoder = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    return ("encoder",) if is_encoder else ("self",)


def class_for(config: PretrainedConfig) -> Any:
    """The class whose weights are asked for. UnsupportedModel."""
    kinds = kinds_of(config)
    auto: Any = AutoModelForCausalLM if kinds == ("self",) else AutoModel if len(kinds) == 1 else AutoModelForSeq2SeqLM
    try:
        return auto._model_mapping[type(config)]
    except KeyError:
        shape = "an encoder-decoder" if len(kinds) > 1 else "an encoder" if kinds == ("encoder",) else "a decoder"
        raise UnsupportedModel(f"transformers knows the model type {config.model_type!r} not as {shape}.") from None


def without_pooler(config: PretrainedConfig) -> dict[str, bool]:
    """An encoder's pooler is left out where that can be said: checkpoints with a head of their own lack it."""
    named = inspect.signature(class_for(config).__init__).parameters
    return {"add_pooling_layer": False} if kinds_of(config) == ("encoder",) and "add_pooling_layer" in named else {}


def foreign_model(
    module: PreTrainedModel,
    reader: _SizedReader | None,
    *,
    name: str,
    tokenizer: Tokenizer,
    context: int,
    sha256: str | None,
) -> Model:
    """The model with what was found out about it."""
    config = module.config
    kinds = kinds_of(config)
    vocabulary = reader.vocabulary if reader is not None else _vocabulary(module)
    frame = _frame(config, tokenizer, kinds)
    ids, target = _tried(
        tokenizer, vocabulary, min(N_TRIED, context - _offset(module)), module.device, "cross" in kinds
    )
    key = verdict_key(sha256, module.dtype) if sha256 else None
    ear, why = fitted_ear(module, kinds, ids, target, key)
    blocks = blocks_of(module)
    readout = hub_readout(module, blocks, ids) if kinds == ("self",) else None
    probes = {"logits"} if reader is not None else set[str]()
    probes |= {"attn"} if ear is not None else set[str]()
    probes |= {TARGET} if "cross" in kinds else set[str]()
    probes |= {"resid"} if readout is not None else set[str]()
    return Model(
        name=name,
        architecture=str(config.model_type),
        module=module,
        reader=reader,
        blocks=blocks,
        ear=ear,
        readout=readout,
        frame=frame,
        why={"attn": why} if why else {},
        tokenizer=tokenizer,
        probes=frozenset(probes),
        context=context - _offset(module),
        vocabulary=vocabulary,
        sha256=sha256,
    )


def _vocabulary(module: PreTrainedModel) -> int:
    table: Any = module.get_input_embeddings()
    weight: Tensor = getattr(table, "weight", table)
    return int(weight.shape[0])


def _offset(module: PreTrainedModel) -> int:
    """Rows of a position table that stand for no position: RoBERTa's begin after the padding's number."""
    parts: Any = module.named_modules()  # of modules with attributes of their own
    tables = (part for name, part in parts if name.endswith("position_embeddings"))
    return max(
        (int(padding) + 1 for part in tables if (padding := getattr(part, "padding_idx", None)) is not None), default=0
    )


def _frame(config: PretrainedConfig, tokenizer: Tokenizer, kinds: tuple[Kind, ...]) -> Frame:
    """Decoders are given the text alone (beginning-of-text is a switch); the others what their template puts around."""
    if kinds == ("self",):
        return Frame()
    before, after = tokenizer.usual_frame()
    start = getattr(config, "decoder_start_token_id", None) if "cross" in kinds else None
    return Frame(before=before, after=after, target=(start,) if isinstance(start, int) else ())


def _tried(
    tokenizer: Tokenizer, vocabulary: int, n: int, device: torch.device, two: bool
) -> tuple[Tensor, Tensor | None]:
    """Tokens of the short text; for an encoder-decoder a target of another length."""
    ids = [id_ for id_ in tokenizer.encode(_SENTENCE).ids if id_ < vocabulary] or list(range(min(vocabulary, n)))
    ids = (ids * n)[:n]
    source = torch.tensor([ids], device=device)
    return source, source[:, : max(1, 2 * n // 3)] if two else None
