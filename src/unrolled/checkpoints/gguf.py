"""A Llama-type GGUF file as one of our GPTs.

llama.cpp rotates neighbouring entries of queries and keys where `positions` rotates entries half a head apart, so its
converter has permuted the rows of the q and k weights; that is undone here (for architecture "llama"; "qwen2" files are
not permuted).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from unrolled.checkpoints.gguf_header import GGUFFile
from unrolled.errors import BadCheckpoint, UnsupportedModel
from unrolled.models.gpt import GPTConfig

ARCHITECTURES = ("llama", "qwen2")

_BLOCK_TENSORS = {
    "attn_norm.weight": "norm.attn.weight",
    "attn_q.weight": "attn.query.weight",
    "attn_k.weight": "attn.key.weight",
    "attn_v.weight": "attn.value.weight",
    "attn_output.weight": "attn.output.weight",
    "ffn_norm.weight": "norm.mlp.weight",
    "ffn_gate.weight": "mlp.gate.weight",
    "ffn_up.weight": "mlp.up.weight",
    "ffn_down.weight": "mlp.down.weight",
}
_BLOCK_BIASES = {"attn_q.bias": "attn.query.bias", "attn_k.bias": "attn.key.bias", "attn_v.bias": "attn.value.bias"}


def gguf_config(file: GGUFFile) -> GPTConfig:
    """The model's shape from the metadata, each number checked."""
    architecture = file.fields.get("general.architecture")
    if architecture not in ARCHITECTURES:
        raise UnsupportedModel(
            f"{file.path} holds the architecture {architecture!r}; from GGUF {' and '.join(ARCHITECTURES)} are opened."
            " Other architectures open from their Hugging Face folder."
        )
    _refuse_variants(file, architecture)
    number = _Numbers(file, architecture)
    d_model, n_head = number.whole("embedding_length"), number.whole("attention.head_count")
    d_head = number.whole("attention.key_length", d_model // n_head)
    if (
        number.whole("attention.value_length", d_head) != d_head
        or number.whole("rope.dimension_count", d_head) != d_head
    ):
        raise UnsupportedModel(f"{file.path} has keys, values or rotations of different widths.")
    n_key_value = number.whole("attention.head_count_kv", n_head)
    if n_head % n_key_value or d_head % 2:
        raise BadCheckpoint(f"{file.path} has {n_head} heads for {n_key_value} key-value heads of width {d_head}.")
    return GPTConfig(
        vocabulary=file.tensors["token_embd.weight"].shape[0] if "token_embd.weight" in file.tensors else 0,
        context=_context(file, number),
        n_layer=number.whole("block_count"),
        n_head=n_head,
        n_key_value=n_key_value,
        d_model=d_model,
        d_head=d_head,
        d_ff=number.whole("feed_forward_length"),
        norm="rmsnorm",
        norm_epsilon=number.real("attention.layer_norm_rms_epsilon"),
        positions="rope",
        rope_base=number.real("rope.freq_base", 10000.0),
        rope_factors=_rope_factors(file, number, d_head),
        activation="swiglu",
        bias="qkv" if "blk.0.attn_q.bias" in file.tensors else "none",
        tied="output.weight" not in file.tensors,
    )


def gguf_names(file: GGUFFile, config: GPTConfig) -> dict[str, str]:
    """Our name -> the file's, of every weight; an error if one is missing, of another shape, or left over."""
    names = {"embed.weight": "token_embd.weight", "norm.final.weight": "output_norm.weight"}
    if not config.tied:
        names["head.weight"] = "output.weight"
    of_block = _BLOCK_TENSORS | (_BLOCK_BIASES if config.bias == "qkv" else {})
    if config.n_layer * len(of_block) > len(file.tensors):
        raise BadCheckpoint(f"{file.path} says it has {config.n_layer} layers, and has {len(file.tensors)} tensors.")
    for layer in range(config.n_layer):
        names |= {f"blocks.{layer}.{ours}": f"blk.{layer}.{theirs}" for theirs, ours in of_block.items()}
    missing = [theirs for theirs in names.values() if theirs not in file.tensors]
    if missing:
        raise BadCheckpoint(f"{file.path} has no tensor {missing[0]!r} ({len(missing)} of {len(names)} are missing).")
    extra = file.tensors.keys() - set(names.values()) - {"rope_freqs.weight"}
    if extra:
        raise UnsupportedModel(
            f"{file.path} has tensors that a plain Llama does not have: {', '.join(sorted(extra)[:4])}."
        )
    return names


def gguf_weights(file: GGUFFile, config: GPTConfig, names: Mapping[str, str]) -> Iterator[tuple[str, np.ndarray]]:
    """Every weight under our name, float32, one at a time."""
    permuted = file.fields["general.architecture"] == "llama"
    for ours, theirs in names.items():
        values = file.read(theirs)
        if permuted and ".attn.query." in ours:
            values = unpermute(values, config.n_head)
        elif permuted and ".attn.key." in ours:
            values = unpermute(values, config.n_key_value)
        yield ours, values


def unpermute(rows: np.ndarray, n_head: int) -> np.ndarray:
    """llama.cpp's row order (0, d/2, 1, d/2+1, …) back to (0, 1, …, d-1) within each head."""
    in_pairs = rows.reshape(n_head, -1, 2, *rows.shape[1:])  # (head, d/2, 2, …)
    return in_pairs.swapaxes(1, 2).reshape(rows.shape)


class _Numbers:
    """Metadata of one architecture as checked numbers."""

    def __init__(self, file: GGUFFile, architecture: str) -> None:
        self.file, self.architecture = file, architecture

    def whole(self, name: str, default: int | None = None) -> int:
        value = self._get(name, default)
        if type(value) is not int or not 1 <= value < 2**31:
            raise self._bad(name, value, "a whole number of 1 or more")
        return value

    def real(self, name: str, default: float | None = None) -> float:
        value = self._get(name, default)
        if type(value) not in (int, float) or not math.isfinite(value) or value <= 0:
            raise self._bad(name, value, "a positive number")
        return float(value)

    def _get(self, name: str, default: Any) -> Any:
        value = self.file.fields.get(f"{self.architecture}.{name}", default)
        if value is None:
            raise BadCheckpoint(f"{self.file.path} does not say its {self.architecture}.{name}.")
        return value

    def _bad(self, name: str, value: Any, want: str) -> BadCheckpoint:
        shown = "a list" if isinstance(value, (list, np.ndarray)) else repr(value)[:60]
        return BadCheckpoint(f"{self.file.path} has {self.architecture}.{name} = {shown}, which should be {want}.")


def _refuse_variants(file: GGUFFile, architecture: str) -> None:
    scaling = file.fields.get(f"{architecture}.rope.scaling.type", "none")
    if scaling != "none":
        raise UnsupportedModel(f"{file.path} stretches its positions by {scaling!r}, which is not opened yet.")
    if file.fields.get(f"{architecture}.expert_count", 0):
        raise UnsupportedModel(f"{file.path} is a mixture of experts, which is not opened from GGUF.")


def _context(file: GGUFFile, number: _Numbers) -> int:
    """Positions; no more than the sliding window, within which it makes no difference."""
    context = number.whole("context_length")
    return min(context, number.whole("attention.sliding_window", context))


def _rope_factors(file: GGUFFile, number: _Numbers, d_head: int) -> tuple[float, ...] | None:
    if "rope_freqs.weight" in file.tensors:
        factors = file.read("rope_freqs.weight")
        if factors.shape != (d_head // 2,) or not np.isfinite(factors).all() or (factors <= 0).any():
            raise BadCheckpoint(f"{file.path} has rope_freqs.weight that are not {d_head // 2} positive numbers.")
        return tuple(map(float, factors))
    return None
