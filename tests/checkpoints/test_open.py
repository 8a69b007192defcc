"""Opening by name and path; the dequantised copy; devices, dtypes, memory."""

from __future__ import annotations

import dataclasses
import errno
import shutil

import numpy as np
import psutil
import pytest
import torch
from torch.testing import assert_close

from unrolled.checkpoints import cache as caches
from unrolled.checkpoints import describe, entries, entry, open_model
from unrolled.checkpoints import open as opener
from unrolled.checkpoints.run_folder import read_run_config
from unrolled.checkpoints.safetensors_header import read_header
from unrolled.errors import BadCheckpoint, BadKnob, TooLarge, UnknownModel, UnsupportedModel
from unrolled.progress import Cancelled, Progress, cancellable, finish


def logits(model, text: str = "hello w!") -> np.ndarray:
    return finish(model.next_logits(model.encode(text).ids))


def steps(path) -> list[str]:
    seen: list[Progress] = []
    finish(opener.opening(str(path)), seen.append)
    return [progress.note for progress in seen]


def copies(cache) -> list:
    return sorted((cache / "opened").glob("*"))


def test_the_second_opening_reads_the_copy_alone(cache, write_gguf, monkeypatch) -> None:
    path = write_gguf()
    first = open_model(str(path))
    assert len(copies(cache)) == 1
    monkeypatch.setattr(opener, "read_gguf", None)
    second = open_model(str(path))
    assert np.array_equal(logits(first), logits(second))
    assert first.provenance == second.provenance
    assert dataclasses.asdict(first.encode("hi<|im_end|>", chat=True)) == dataclasses.asdict(
        second.encode("hi<|im_end|>", chat=True)
    )
    assert steps(path) == []


def test_each_dtype_has_its_copy(cache, write_gguf) -> None:
    path = str(write_gguf())
    exact = logits(open_model(path, dtype="float64"))
    for dtype, close in (("float32", 1e-4), ("float16", 0.1), ("bfloat16", 1.0)):  # logits are about 10
        model = open_model(path, dtype=dtype)
        assert model.dtype == getattr(torch, dtype)
        assert_close(logits(model), exact, atol=close, rtol=close / 10)
    assert len(copies(cache)) == 4


def test_a_changed_file_is_read_again(cache, write_gguf) -> None:
    before = open_model(str(write_gguf()))
    changed = write_gguf(tensors={"output_norm.weight": np.full(32, 2, dtype=np.float32)})
    after = open_model(str(changed))
    assert before.provenance.hash != after.provenance.hash
    assert not np.allclose(logits(before), logits(after))


@pytest.mark.parametrize("damage", ["truncate", "config", "gone"])
def test_a_damaged_copy_is_made_again(cache, write_gguf, damage: str) -> None:
    path = write_gguf()
    wanted = logits(open_model(str(path)))
    (copy,) = copies(cache)
    shutil.copytree(copy, broken := copy.with_name("broken"))
    shutil.rmtree(copy)  # the opened model above keeps its mapping of the old file
    broken.rename(copy)
    if damage == "truncate":
        (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:-8])
    elif damage == "config":
        (copy / "config.toml").write_text("family = ")
    else:
        (copy / "tokenizer.json").unlink()
    assert np.array_equal(logits(open_model(str(path))), wanted)


def test_stopping_while_unpacking_leaves_nothing(cache, write_gguf) -> None:
    path = write_gguf()
    asked = iter(range(100))
    with pytest.raises(Cancelled), cancellable(lambda: next(asked) > 5):
        open_model(str(path))
    assert copies(cache) == []


def test_without_room_for_the_copy_it_opens_in_memory(cache, write_gguf, monkeypatch) -> None:
    path = write_gguf()
    wanted = logits(open_model(str(path)))
    shutil.rmtree(cache)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caches, "_flush", full)
    assert np.array_equal(logits(open_model(str(path))), wanted)
    assert copies(cache) == []
    assert "No space left" in steps(path)[-1]


def test_the_copy_is_a_run_folder_that_opens_by_itself(cache, write_gguf) -> None:
    path = write_gguf()
    model = open_model(str(path))
    wanted = logits(model)
    (copy,) = copies(cache)
    for spec in (copy, copy / "model.safetensors"):
        again = open_model(str(spec))
        assert np.array_equal(logits(again), wanted)
        assert again.provenance.hash == model.provenance.hash
    assert read_run_config(copy).config == model.module.config
    assert all(tensor.start % 64 == 0 for tensor in read_header(copy / "model.safetensors").values())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("n_layer = 2", "n_layer = 2000000000", "too few"),
        ("d_model = 32", "d_model = 2000000000", "larger than any memory|config says"),
        ("d_model = 32", 'd_model = "wide"', "not possible"),
        ("d_model = 32", "", "unknown or missing entries: d_model"),
        ("d_ff = 64", "d_ff = 96", "config says"),
        ("n_head = 4", "n_head = 3", "cannot serve 3 heads alike"),
        ("norm_epsilon = 1e-05", "norm_epsilon = nan", "not possible"),
        ("tied = true", "tied = false", "no tensor 'head.weight'"),
        ('family = "gpt"', 'family = "elman"', "family 'elman'; there are rnn, lstm"),
    ],
)
def test_run_folders_that_do_not_hold_together(cache, tmp_path, write_gguf, old: str, new: str, says: str) -> None:
    open_model(str(write_gguf()))
    folder = tmp_path / "run"
    shutil.copytree(copies(cache)[0], folder)
    text = (folder / "config.toml").read_text()
    assert old in text or "norm_epsilon" in old
    lines = ["norm_epsilon = nan" if "norm_epsilon" in old and "norm_epsilon" in n else n for n in text.splitlines()]
    (folder / "config.toml").write_text("\n".join(lines).replace(old, new))
    with pytest.raises((BadCheckpoint, UnsupportedModel), match=says):
        open_model(str(folder))


def test_unknown_names_say_what_there_is(cache) -> None:
    for name in ("smolm2", "", "../etc", "a\0b", "x" * 5000, "org/name"):
        with pytest.raises(UnknownModel, match="smollm2, minilm"):
            open_model(name)
    with pytest.raises(UnknownModel, match="unrolled models get smollm2"):
        open_model("smollm2")
    assert {each.name for each in entries() if not each.here} == {"smollm2", "minilm"}


def test_doors_can_leave_paths_out(cache, write_gguf) -> None:
    path = str(write_gguf())
    assert entry(path).here
    with pytest.raises(UnknownModel):
        entry(path, paths=False)


@pytest.mark.parametrize("name", ["weights.pt", "weights.bin", "weights.ckpt", "weights.pkl"])
def test_pickles_are_refused_with_a_way_out(cache, tmp_path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04")
    with pytest.raises(UnsupportedModel, match=r"pickle.*save_pretrained"):
        open_model(str(tmp_path / name))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["notes.txt"], "no .safetensors file"),
        (["model.safetensors"], "no config.json"),
        (["config.json", "pytorch_model.bin"], "pickle"),
        (["config.json", "other.safetensors"], "neither model.safetensors nor"),
    ],
)
def test_folders_that_are_no_checkpoint(cache, tmp_path, files: list[str], says: str) -> None:
    for name in files:
        (tmp_path / name).write_text("{}")
    with pytest.raises((BadCheckpoint, UnsupportedModel), match=says):
        open_model(str(tmp_path))


def test_devices_and_dtypes_are_checked(cache, write_gguf) -> None:
    path = str(write_gguf())
    for device in ("tpu", "cuda:999", "meta", ""):
        with pytest.raises(BadKnob, match="cpu"):
            open_model(path, device=device)
    with pytest.raises(BadKnob, match="float32, bfloat16, float16, float64"):
        open_model(path, dtype="int4")


def test_a_model_larger_than_memory_is_refused_with_the_estimate(cache, write_gguf, monkeypatch) -> None:
    path = str(write_gguf())
    free = type("Free", (), {"available": 1000})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(TooLarge, match=r"parameters and needs about 0\.0 GB as float32; 0\.0 GB are free"):
        open_model(path)
    assert copies(cache) == []


def test_describe_reads_headers(cache, write_gguf) -> None:
    path = write_gguf(fields={"general.license": "mit", "general.name": "Tiny"})
    found = describe(str(path))
    assert (found.entry.licence, found.entry.title, found.entry.context) == ("mit", "Tiny", 64)
    assert found.entry.parameters == open_model(str(path)).parameters
    assert found.entry.sha256 == open_model(str(path)).provenance.hash
    assert found.tensors["token_embd.weight"].shape == (263, 32)


def test_the_memo_of_hashes_is_only_a_memo(cache, write_gguf) -> None:
    path = write_gguf()
    wanted = finish(caches.file_hash(path))
    for broken in ("", "[]", "{", '{"a": 1}'):
        (cache / "hashes.json").write_text(broken)
        assert finish(caches.file_hash(path)) == wanted


def test_new_folders_appear_whole_or_not_at_all(tmp_path) -> None:
    target = tmp_path / "a" / "b"

    def fail_half_way() -> None:
        with caches.new_folder(target) as folder:
            (folder / "half").write_text("x")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_half_way()
    assert list(target.parent.iterdir()) == []
    for content in ("first", "second"):  # whoever comes second finds it done
        with caches.new_folder(target) as folder:
            (folder / "file").write_text(content)
    assert [(p.name, p.read_text()) for p in target.iterdir()] == [("file", "first")]
