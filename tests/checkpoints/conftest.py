"""A cache of its own for each test; tiny checkpoints: a GGUF that the gguf package wrote, a Hugging Face folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import tokenizers
import torch
import transformers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from unrolled.text.pieces import byte_alphabet

D_MODEL, N_HEAD, N_KEY_VALUE, D_HEAD, D_FF, N_LAYER = 32, 4, 2, 8, 64, 2
MERGES = [("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "w")]
VOCABULARY = [*byte_alphabet(), *(a + b for a, b in MERGES), "<|im_start|>", "<|im_end|>"]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}<|im_start|>"


@pytest.fixture
def write_gguf(tmp_path: Path) -> Callable[..., Path]:
    """Writes a tiny Llama; fields and tensors can be replaced, or left out with None."""
    return lambda name="tiny.gguf", fields=None, tensors=None: write_tiny(tmp_path / name, fields or {}, tensors or {})


def llama_tensors(n_vocabulary: int = len(VOCABULARY)) -> dict[str, np.ndarray]:
    """Random weights under llama.cpp's names."""
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (n_vocabulary, D_MODEL),
        "output_norm.weight": (D_MODEL,),
    }
    for layer in range(N_LAYER):
        shapes |= {
            f"blk.{layer}.attn_norm.weight": (D_MODEL,),
            f"blk.{layer}.attn_q.weight": (N_HEAD * D_HEAD, D_MODEL),
            f"blk.{layer}.attn_k.weight": (N_KEY_VALUE * D_HEAD, D_MODEL),
            f"blk.{layer}.attn_v.weight": (N_KEY_VALUE * D_HEAD, D_MODEL),
            f"blk.{layer}.attn_output.weight": (D_MODEL, N_HEAD * D_HEAD),
            f"blk.{layer}.ffn_norm.weight": (D_MODEL,),
            f"blk.{layer}.ffn_gate.weight": (D_FF, D_MODEL),
            f"blk.{layer}.ffn_up.weight": (D_FF, D_MODEL),
            f"blk.{layer}.ffn_down.weight": (D_MODEL, D_FF),
        }
    return {name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def llama_fields() -> dict[str, Any]:
    """Metadata of the tiny Llama."""
    return {
        "llama.block_count": N_LAYER,
        "llama.context_length": 64,
        "llama.embedding_length": D_MODEL,
        "llama.feed_forward_length": D_FF,
        "llama.attention.head_count": N_HEAD,
        "llama.attention.head_count_kv": N_KEY_VALUE,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.freq_base": 10000.0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": VOCABULARY,
        "tokenizer.ggml.token_type": [1] * (len(VOCABULARY) - 2) + [3, 3],
        "tokenizer.ggml.merges": [f"{a} {b}" for a, b in MERGES],
        "tokenizer.ggml.bos_token_id": len(VOCABULARY) - 2,
        "tokenizer.ggml.eos_token_id": len(VOCABULARY) - 1,
        "tokenizer.chat_template": TEMPLATE,
    }


def write_tiny(path: Path, fields: dict[str, Any], tensors: dict[str, Any], architecture: str = "llama") -> Path:
    """A GGUF file. Tensors may be arrays, or pairs of an array and a quantisation."""
    writer = gguf.GGUFWriter(path, fields.get("general.architecture", architecture))
    for name, value in (llama_fields() | fields).items():
        if value is not None and name != "general.architecture":
            add_field(writer, name, value)
    for name, value in (llama_tensors() | tensors).items():
        if isinstance(value, tuple):
            values, kind = value
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        elif value is not None:
            writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_field(writer: gguf.GGUFWriter, name: str, value: Any) -> None:
    adders = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
    adders.get(type(value), writer.add_array)(name, value)


@pytest.fixture
def byte_tokenizer() -> tokenizers.Tokenizer:
    """The vocabulary of the tiny GGUF, as the library holds it."""
    vocabulary = {token: i for i, token in enumerate(VOCABULARY)}
    tk = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=MERGES))
    tk.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tk.decoder = decoders.ByteLevel()
    tk.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in VOCABULARY[-2:]])
    return tk


@pytest.fixture
def hub_folder(tmp_path: Path, byte_tokenizer: tokenizers.Tokenizer) -> Callable[..., Path]:
    """Saves a tiny model of any causal type as a Hugging Face folder."""

    def save(kind: str = "llama", name: str = "folder", auto: str = "AutoModelForCausalLM", **changes: Any) -> Path:
        shape = {"vocab_size": len(VOCABULARY), "hidden_size": D_MODEL, "num_hidden_layers": N_LAYER}
        shape |= {"num_attention_heads": N_HEAD, "intermediate_size": D_FF, "max_position_embeddings": 64}
        shape |= {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None} | changes
        config = transformers.AutoConfig.for_model(kind, **shape)
        torch.manual_seed(0)
        module = getattr(transformers, auto).from_config(config)
        module.save_pretrained(tmp_path / name)
        byte_tokenizer.save(os.fspath(tmp_path / name / "tokenizer.json"))
        return tmp_path / name

    return save
