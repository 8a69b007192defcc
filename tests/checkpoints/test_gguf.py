"""GGUF files: what is in them, against transformers and the gguf package; damage and malice."""

from __future__ import annotations

import hashlib
import random
import struct
from pathlib import Path

import gguf
import numpy as np
import psutil
import pytest
import torch
import transformers
from torch.testing import assert_close

from unrolled.checkpoints import open_model
from unrolled.checkpoints.gguf import gguf_config, gguf_names, unpermute
from unrolled.checkpoints.gguf_header import read_gguf
from unrolled.checkpoints.gguf_tokenizer import gguf_tokenizer
from unrolled.errors import BadCheckpoint, UnrolledError, UnsupportedModel
from unrolled.progress import finish

Kind = gguf.GGMLQuantizationType


def logits(model, text: str) -> np.ndarray:
    return finish(model.next_logits(model.encode(text).ids))


def theirs(path: Path, ids: tuple[int, ...]) -> np.ndarray:
    module = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    with torch.no_grad():
        return module(torch.tensor([ids])).logits[0, -1].numpy()


def test_logits_are_transformers_on_the_same_file(cache, write_gguf) -> None:
    path = write_gguf()
    model = open_model(str(path))
    assert_close(logits(model, "hello w!"), theirs(path, model.encode("hello w!").ids), atol=1e-4, rtol=1e-4)  # float32
    assert (model.architecture, model.context, model.vocabulary) == ("llama", 64, 263)
    assert model.provenance.hash == hashlib.sha256(path.read_bytes()).hexdigest()


def test_without_undoing_the_permutation_they_are_not(cache, write_gguf, monkeypatch) -> None:
    path = write_gguf()
    monkeypatch.setattr("unrolled.checkpoints.gguf.unpermute", lambda rows, n_head: rows)
    model = open_model(str(path))
    assert np.abs(logits(model, "hello w!") - theirs(path, model.encode("hello w!").ids)).max() > 0.1


def test_unpermute_undoes_llama_cpps_converter() -> None:
    rows = np.arange(24).reshape(24, 1)
    permuted = rows.reshape(2, 2, 6, 1).swapaxes(1, 2).reshape(24, 1)  # convert_hf_to_gguf.py, LlamaModel.permute
    assert np.array_equal(unpermute(permuted, 2), rows)


@pytest.mark.parametrize("kind", [Kind.F16, Kind.BF16, Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, Kind.Q5_1, Kind.Q8_0])
def test_quantised_weights_are_the_gguf_packages(tmp_path, write_gguf, kind) -> None:
    values = np.random.default_rng(0).normal(size=(263, 32)).astype(np.float32)
    path = write_gguf(tensors={"token_embd.weight": (values, kind)})
    wanted = gguf.quants.dequantize(gguf.quants.quantize(values, kind), kind)
    assert np.array_equal(read_gguf(path).read("token_embd.weight"), wanted)


def test_an_untied_head_and_rope_factors_are_read(cache, write_gguf) -> None:
    head = np.random.default_rng(1).normal(size=(263, 32)).astype(np.float32)
    factors = np.array([1, 1, 4, 8], dtype=np.float32)
    plain = open_model(str(write_gguf()))
    model = open_model(str(write_gguf("other.gguf", tensors={"output.weight": head, "rope_freqs.weight": factors})))
    assert model.module.config.rope_factors == (1, 1, 4, 8)
    assert not model.module.config.tied
    assert_close(model.module.frequencies * torch.from_numpy(factors), plain.module.frequencies)
    assert_close(model.module.head.weight.numpy(), head)


@pytest.mark.parametrize("rule", ["default", "gpt-2", "smollm", "llama-bpe", "qwen2"])
def test_word_rules_give_back_the_text(write_gguf, rule: str) -> None:
    tokenizer = gguf_tokenizer(read_gguf(write_gguf(fields={"tokenizer.ggml.pre": rule})), 263)
    text = "Hello we'll  have 12345 naïve\r\n\n  chars 😀 日本"
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens.ids) == text
    assert tokens.strings[-1] == "‹AC›"


@pytest.mark.parametrize(
    ("rule", "cuts"),
    [
        ("gpt-2", ["a", " 12345", "'ll"]),
        ("smollm", ["a", " ", "1", "2", "3", "4", "5", "'ll"]),
        ("llama-bpe", ["a", " ", "123", "45", "'ll"]),
        ("qwen2", ["a", " ", "1", "2", "3", "4", "5", "'ll"]),
    ],
)
def test_word_rules_cut_as_their_models_do(write_gguf, rule: str, cuts: list[str]) -> None:
    tokenizer = gguf_tokenizer(read_gguf(write_gguf(fields={"tokenizer.ggml.pre": rule})), 263)
    found = tokenizer._tk.pre_tokenizer.pre_tokenize_str("a 12345'll")
    assert [piece.replace("Ġ", " ") for piece, _ in found] == cuts


def sentencepiece_fields() -> dict[str, object]:
    words = ["▁", "h", "e", "l", "o", "he", "ll", "hell", "hello", "▁hello", "w", "▁w"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": None,
        "tokenizer.ggml.merges": None,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * 259 + [-float(i) for i in range(len(words))],
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * len(words),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }


def test_sentencepiece_vocabularies(write_gguf) -> None:
    tensors = {"token_embd.weight": np.zeros((271, 32), dtype=np.float32)}
    tokenizer = gguf_tokenizer(read_gguf(write_gguf(fields=sentencepiece_fields(), tensors=tensors)), 271)
    tokens = tokenizer.encode("hello w é</s>", bos=True)
    assert tokens.strings[:5] == ("<s>", " hello", " w", " ", "‹C3›")
    assert tokens.spans[:6] == ((0, 0), (0, 5), (5, 7), (7, 8), (8, 9), (8, 9))
    assert not tokenizer.is_special(tokens.ids[-1])
    assert tokenizer.is_special(tokens.ids[0])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"general.architecture": "mamba"}, "architecture 'mamba'"),
        ({"tokenizer.ggml.pre": "viking"}, "rule 'viking'"),
        ({"tokenizer.ggml.model": "rwkv"}, "type 'rwkv'"),
        ({"llama.rope.scaling.type": "yarn"}, "'yarn'"),
        ({"llama.expert_count": 8}, "mixture of experts"),
        ({"llama.rope.dimension_count": 4}, "different widths"),
    ],
)
def test_what_is_not_supported_is_said(cache, write_gguf, fields, says: str) -> None:
    with pytest.raises(UnsupportedModel, match=says):
        open_model(str(write_gguf(fields=fields)))


def test_tensors_that_a_llama_does_not_have_are_not_ignored(cache, write_gguf) -> None:
    path = write_gguf(tensors={"blk.0.attn_q_norm.weight": np.ones(8, dtype=np.float32)})
    with pytest.raises(UnsupportedModel, match="attn_q_norm"):
        open_model(str(path))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"llama.block_count": 2**31 - 1}, "layers"),
        ({"llama.block_count": 3}, "3 layers"),
        ({"llama.block_count": None}, "does not say"),
        ({"llama.embedding_length": 0}, "whole number"),
        ({"llama.embedding_length": float("nan")}, "whole number"),
        ({"llama.embedding_length": 64}, "config says"),
        ({"llama.feed_forward_length": 2**31 - 1}, "config says"),
        ({"llama.attention.head_count": 3}, "3 heads"),
        ({"llama.rope.freq_base": float("nan")}, "positive number"),
        ({"llama.attention.layer_norm_rms_epsilon": float("inf")}, "positive number"),
        ({"llama.context_length": "long"}, "whole number"),
        ({"tokenizer.ggml.tokens": ["a", "b"]}, "token_type of another length|does not hold together"),
        ({"tokenizer.ggml.tokens": ["a"] * 263}, "twice"),
        ({"tokenizer.ggml.tokens": [f"t{i}" for i in range(500)]}, "500 tokens"),
        ({"tokenizer.ggml.merges": ["x y z"]}, "does not hold together"),
        ({"tokenizer.ggml.merges": ["x"]}, "does not hold together"),
        ({"tokenizer.ggml.merges": None}, "no merges"),
        ({"general.alignment": 3}, "alignment"),
    ],
)
def test_metadata_that_cannot_be_is_said(cache, write_gguf, fields, says: str) -> None:
    path = write_gguf(fields=fields)
    with pytest.raises(BadCheckpoint, match=says) as error:
        open_model(str(path))
    assert str(path) in str(error.value)


def hostile(n_tensors: int = 0, n_fields: int = 0, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, n_tensors, n_fields) + rest


def named(name: str) -> bytes:
    return struct.pack("<Q", len(name)) + name.encode()


def tensor(name: str, shape: tuple[int, ...], offset: int, kind: int = 0) -> bytes:
    return named(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"GGUF", "ends within"),
        (b"PK\3\4" + bytes(60), "letters GGUF"),
        (b"GGUF\x09" + bytes(60), "version 9"),
        (hostile(n_tensors=2**62), "claims"),
        (hostile(n_fields=2**63), "claims"),
        (hostile(n_fields=1, rest=struct.pack("<Q", 2**63) + bytes(64)), "ends within"),
        (hostile(n_fields=1, rest=named("a") + struct.pack("<IIQ", 9, 8, 2**60) + bytes(64)), "claims"),
        (hostile(n_fields=1, rest=named("a") + struct.pack("<IIQ", 9, 4, 2**61) + bytes(64)), "claims"),
        (hostile(n_fields=1, rest=named("a") + struct.pack("<IIQ", 9, 9, 1) + bytes(64)), "unknown type 9"),
        (hostile(n_fields=1, rest=named("a") + struct.pack("<I", 77) + bytes(64)), "unknown type 77"),
        (hostile(n_fields=1, rest=struct.pack("<Q", 1) + b"\xff" + bytes(64)), "UTF-8"),
        (hostile(n_fields=2, rest=(named("a") + struct.pack("<II", 4, 1)) * 2 + bytes(64)), "twice"),
        (hostile(n_tensors=1, rest=tensor("a", (2**40, 2**40), 0) + bytes(64)), "too short"),
        (hostile(n_tensors=1, rest=tensor("a", (4,), 2**60) + bytes(64)), "too short"),
        (hostile(n_tensors=1, rest=tensor("a", (0,), 0) + bytes(64)), "impossible"),
        (hostile(n_tensors=1, rest=tensor("a", (4,), 8) + bytes(64)), "no multiple"),
        (hostile(n_tensors=1, rest=tensor("a", (33,), 0, kind=8) + bytes(64)), "impossible"),
        (hostile(n_tensors=1, rest=tensor("a", (4,), 0, kind=99) + bytes(64)), "quantisation 99"),
        (hostile(n_tensors=1, rest=named("a") + struct.pack("<I", 2**31) + bytes(64)), "axes"),
        (hostile(n_tensors=2, rest=tensor("a", (16,), 0) + tensor("b", (16,), 32) + bytes(128)), "same place"),
        (hostile(n_tensors=2, rest=tensor("a", (8,), 0) + tensor("a", (8,), 32) + bytes(128)), "twice"),
    ],
)
def test_hostile_headers_cost_nothing_and_are_named(tmp_path, data: bytes, says: str) -> None:
    path = tmp_path / "hostile.gguf"
    path.write_bytes(data)
    before = psutil.Process().memory_info().rss
    with pytest.raises((BadCheckpoint, UnsupportedModel), match=says) as error:
        read_gguf(path)
    assert str(path) in str(error.value)
    assert psutil.Process().memory_info().rss - before < 50e6


def test_a_truncated_file_is_named_and_leaves_nothing_behind(cache, write_gguf) -> None:
    path = write_gguf()
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(BadCheckpoint, match="truncated"):
        open_model(str(path))
    assert not list(cache.rglob("model.safetensors"))


@pytest.mark.parametrize("seed", range(4))
def test_damage_gives_a_model_or_a_sentence(cache, write_gguf, seed: int) -> None:
    path = write_gguf()
    whole, dice = path.read_bytes(), random.Random(seed)
    header = min(t.offset for t in read_gguf(path).tensors.values())
    for _ in range(300):
        data = bytearray(whole[: dice.randrange(len(whole))] if dice.random() < 0.2 else whole)
        for _ in range(dice.choice((0, 1, 1, 4, 16)) if len(data) > 8 else 0):
            at = dice.randrange(min(len(data), header))
            data[at] = dice.choice((0, 0xFF, 0x7F, dice.randrange(256)))
        path.write_bytes(data)
        try:
            file = read_gguf(path)
            config = gguf_config(file)
            gguf_names(file, config)
            gguf_tokenizer(file, config.vocabulary).encode("hello w", chat=True)
        except UnrolledError as error:
            assert str(error).strip()  # noqa: PT017  (a model is as good)
