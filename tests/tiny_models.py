"""Tiny random transformers models of many architectures, with weights large enough for heads to have opinions, saved
with `save_pretrained` and opened by path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from tokenizers import models, pre_tokenizers, processors

from unrolled.checkpoints import Model
from unrolled.checkpoints.gpt import gpt_model
from unrolled.models.gpt import GPT, GPTConfig
from unrolled.text import byte_tokenizer

WORDS = (
    *("the", "animal", "didn't", "cross", "street", "because", "it", "was", "too", "tired", "and"),
    *("hot", "out", "there", "that", "day", "a", "cat", "sat", "on", "mat"),
)
VOCABULARY = {word: i for i, word in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]", *WORDS])}
TEXT = (
    "the cat sat on the mat because it was too tired and the animal didn't cross the street that hot day"  # 21 tokens
)

SMALL = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GROUPED = SMALL | {"num_key_value_heads": 2, "head_dim": 8}
SEQ2SEQ = {
    "vocab_size": len(VOCABULARY),
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": None,
}

DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": SMALL,
    "llama": GROUPED,
    "qwen2": GROUPED,
    "qwen3": GROUPED,
    "mistral": GROUPED | {"sliding_window": 5},
    "gemma2": GROUPED
    | {
        "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 3.0,
        "query_pre_attn_scalar": 5,
        "sliding_window": 6,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "gpt_neox": SMALL,
    "opt": SMALL | {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "phi": SMALL,
    "gpt_oss": GROUPED
    | {
        "sliding_window": 4,
        "layer_types": ["sliding_attention", "full_attention"],
        "num_local_experts": 2,
        "num_experts_per_tok": 1,
    },
    "gpt_bigcode": SMALL | {"n_inner": 48},
    "granite": GROUPED | {"attention_multiplier": 0.5, "logits_scaling": 3.0},
    "cohere": GROUPED | {"logit_scale": 0.3},
    "stablelm": GROUPED,
}
ENCODERS: dict[str, dict[str, Any]] = {
    "bert": SMALL,
    "roberta": SMALL | {"max_position_embeddings": 66},
    "albert": SMALL | {"embedding_size": 16},
    "distilbert": {
        "vocab_size": len(VOCABULARY), "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48,
        "max_position_embeddings": 64, "pad_token_id": 0,
    },
}  # fmt: skip
PAIRS: dict[str, dict[str, Any]] = {
    "bart": SEQ2SEQ,
    "marian": SEQ2SEQ,
    "t5": {
        "vocab_size": len(VOCABULARY), "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4,
        "pad_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 0, "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 12,
    },
}  # fmt: skip
ALL = DECODERS | ENCODERS | PAIRS


def auto_class(kind: str) -> Any:
    """The class that a kind is saved with."""
    if kind in ENCODERS or kind == "longformer":
        return transformers.AutoModel
    return transformers.AutoModelForSeq2SeqLM if kind in PAIRS else transformers.AutoModelForCausalLM


def strong(module: torch.nn.Module, spread: float) -> None:
    """Random weights: matrices of standard deviation `spread`, norms around 1, tables and sinks of 1."""
    random = torch.Generator().manual_seed(0)
    for name, parameter in module.named_parameters():
        is_scale = parameter.ndim == 1 and name.endswith("weight")
        drawn = torch.randn(parameter.shape, generator=random)
        size = 1.0 if "relative" in name or "sinks" in name else spread
        parameter.data.copy_(1 + 0.2 * drawn if is_scale else drawn * size)


def save(folder: Path, kind: str, **changes: Any) -> Path:
    """A folder as Hugging Face's tools write it."""
    shape = ALL.get(kind, SMALL) | changes
    module = auto_class(kind).from_config(transformers.AutoConfig.for_model(kind, **shape))
    strong(module, 0.6 if kind in ("bart", "marian") else 0.3)  # their encoders' last states are much alike else
    module.save_pretrained(folder)
    tk = tokenizers.Tokenizer(models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    tk.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if kind in ENCODERS:
        special = [("[CLS]", 1), ("[SEP]", 2)]
        tk.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    elif kind in PAIRS:
        tk.post_processor = processors.TemplateProcessing(single="$A [SEP]", special_tokens=[("[SEP]", 2)])
    tk.add_special_tokens(["[PAD]", "[CLS]", "[SEP]"])
    tk.save(str(folder / "tokenizer.json"))
    return folder


def gpt(tokenizer: Any = None, *, head: float = 0.5, context: int = 32, **changes: Any) -> Model:
    """Our GPT over bytes, with weights of standard deviation 0.5, its head's being `head`."""
    tokenizer = tokenizer or byte_tokenizer()
    sizes = {"vocabulary": 300, "n_layer": 2, "n_head": 2, "n_key_value": 2, "d_model": 16, "d_head": 8, "d_ff": 32}
    switches = {"norm": "rmsnorm", "positions": "rope", "activation": "swiglu", "tied": False}
    module = GPT(GPTConfig(context=context, **(sizes | switches | changes))).double().eval().requires_grad_(False)
    random = torch.Generator().manual_seed(0)
    for name, parameter in module.named_parameters():
        spread = head if name.startswith("head") else 0.5
        parameter.copy_(torch.randn(parameter.shape, generator=random, dtype=torch.float64) * spread)
    return gpt_model(module, tokenizer, name="tiny", architecture="gpt", sha256=None)
