"""Hugging Face folders: transformers' own numbers, and one sentence for each thing that is wrong."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from unrolled.checkpoints import describe, open_model
from unrolled.checkpoints.safetensors_header import read_header
from unrolled.errors import BadCheckpoint, ProbeNotFound, UnsupportedModel
from unrolled.progress import finish


def edit(path: Path, **changes: object) -> None:
    said = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({k: v for k, v in (said | changes).items() if v is not None}))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "mistral"])
def test_logits_are_transformers(cache, hub_folder, kind: str) -> None:
    folder = hub_folder(kind, **({"num_key_value_heads": 2} if kind == "mistral" else {}))
    model = open_model(str(folder))
    ids = model.encode("hello w!").ids
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        wanted = theirs(torch.tensor([ids])).logits[0, -1].numpy()
    assert_close(finish(model.next_logits(ids)), wanted, atol=1e-5, rtol=1e-5)  # float32
    assert model.probes == {"attn", "logits", "resid"}
    assert (model.vocabulary, model.architecture) == (263, kind)
    assert model.provenance.hash == describe(str(folder)).entry.sha256


def test_small_files_give_ends_names_and_template(cache, hub_folder) -> None:
    folder = hub_folder()
    edit(
        folder / "tokenizer_config.json",
        bos_token="<|im_start|>",
        eos_token={"content": "<|im_end|>"},
        chat_template="{{ bos_token }}{{ messages[0].content }}{{ eos_token }}",
    )
    edit(folder / "generation_config.json", eos_token_id=[5, 262])
    tokenizer = open_model(str(folder)).tokenizer
    assert (tokenizer.bos_id, tokenizer.eos_ids) == (261, (262, 5))
    assert tokenizer.encode("h", chat=True).strings == ("<|im_start|>", "h", "<|im_end|>")
    (folder / "chat_template.jinja").write_text("w{{ messages[0].content }}")
    assert open_model(str(folder)).encode("h", chat=True).strings == ("w", "h")


def test_shards_open(cache, hub_folder) -> None:
    folder = hub_folder()
    whole = open_model(str(folder))
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = {"model-1.safetensors": names[:7], "model-2.safetensors": names[7:]}
    for shard, held in shards.items():
        save_file({name: tensors[name] for name in held}, folder / shard, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: shard for shard, held in shards.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    model = open_model(str(folder))
    ids = model.encode("hello").ids
    assert_close(
        finish(model.next_logits(ids)), finish(whole.next_logits(ids)), atol=1e-6, rtol=1e-6
    )  # placed otherwise
    (folder / "model-2.safetensors").unlink()
    with pytest.raises(BadCheckpoint, match=r"model-2.safetensors', which is not beside it"):
        open_model(str(folder))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model_type": "unheard_of"}, "model type 'unheard_of'"),
        ({"model_type": "unheard_of", "auto_map": {"AutoModelForCausalLM": "code.Model"}}, "auto_map"),
        ({"model_type": None}, "model type None"),
        ({"is_encoder_decoder": True}, "not as an encoder-decoder"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised"),
        ({"num_hidden_layers": 10**9}, "1000000000 layers"),
        ({"hidden_size": 10**9}, "config.json"),
        ({"vocab_size": 10**12}, "config.json"),
        ({"num_hidden_layers": 3}, "lacks weights"),
        ({"intermediate_size": 48}, "do not go with config.json"),
        ({"num_attention_heads": 5}, "folder"),
        ({"hidden_act": "magic"}, "config.json"),
        ({"rms_norm_eps": "small"}, "folder"),
    ],
)
def test_configs_that_do_not_go_are_said(cache, hub_folder, changes, says: str) -> None:
    folder = hub_folder(num_key_value_heads=2)
    edit(folder / "config.json", **changes)
    with pytest.raises((BadCheckpoint, UnsupportedModel), match=says) as error:
        open_model(str(folder))
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


def test_no_code_from_the_folder_runs(cache, hub_folder) -> None:
    folder = hub_folder()
    mark = folder / "ran"
    (folder / "code.py").write_text(f"open({str(mark)!r}, 'w')")
    edit(folder / "config.json", auto_map={"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"})
    assert open_model(str(folder)).architecture == "llama"  # transformers' own Llama
    assert not mark.exists()


@pytest.mark.parametrize("broken", ["", "[]", "{", "\xff", "[" * 100000])
def test_broken_configs_are_said(cache, hub_folder, broken: str) -> None:
    folder = hub_folder()
    (folder / "config.json").write_text(broken, encoding="latin-1")
    with pytest.raises(BadCheckpoint, match=r"config\.json"):
        open_model(str(folder))


def test_missing_weights_are_not_filled_in(cache, hub_folder) -> None:
    folder = hub_folder()
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadCheckpoint, match=r"lacks weights.*layers\.1\.mlp\.up_proj"):
        open_model(str(folder))


def test_without_a_tokenizer_it_says_so(cache, hub_folder) -> None:
    folder = hub_folder()
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match=r"tokenizer.json is no tokenizer"):
        open_model(str(folder))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BadCheckpoint, match=r"has no tokenizer \(tokenizer.json\)"):
        open_model(str(folder))


def test_an_encoder_opens_without_logits(cache, hub_folder) -> None:
    folder = hub_folder("bert", auto="AutoModel", architectures=["BertModel"])
    assert describe(str(folder)).entry.probes == {"attn"}
    model = open_model(str(folder))
    assert model.probes == {"attn"}
    with pytest.raises(ProbeNotFound, match="has no logits"):
        finish(model.next_logits([1, 2]))


def safetensors(header: object, data: bytes = b"") -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def one(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "too short"),
        (b"\0\0\0", "too short"),
        (struct.pack("<Q", 2**63) + bytes(50), "claims a header"),
        (safetensors(b"{" * 50), "not JSON"),
        (safetensors(b"[" * 200000), "not JSON"),
        (safetensors([1]), "lists no tensors"),
        (safetensors({"a": 1}), "makes no sense"),
        (safetensors({"a": one(dtype="F31")}, bytes(8)), "makes no sense"),
        (safetensors({"a": one(dtype=[])}, bytes(8)), "makes no sense"),
        (safetensors({"a": one(shape=[2**40, 2**40])}, bytes(8)), "makes no sense"),
        (safetensors({"a": one(shape=[-2])}, bytes(8)), "makes no sense"),
        (safetensors({"a": one(shape=[2.0])}, bytes(8)), "makes no sense"),
        (safetensors({"a": one(offsets=[8, 0])}, bytes(8)), "makes no sense"),
        (safetensors({"a": one(), "b": one()}, bytes(8)), "overlaps"),
        (safetensors({"a": one(), "b": one(offsets=[16, 24])}, bytes(24)), "leaves a gap"),
        (safetensors({"a": one()}, bytes(7)), "truncated"),
        (safetensors({"a": one()}, bytes(9)), "truncated"),
    ],
)
def test_hostile_safetensors_headers(cache, hub_folder, data: bytes, says: str) -> None:
    path = hub_folder() / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(BadCheckpoint, match=says) as error:
        read_header(path)
    assert str(path) in str(error.value)
    with pytest.raises(BadCheckpoint, match=says):
        open_model(str(path.parent))
