"""An opened model: reuse of what was read, stopping, threads, limits; on a tiny GGUF and on Hugging Face folders."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from unrolled.checkpoints import Model, open_model
from unrolled.checkpoints.model import CHUNK
from unrolled.checkpoints.prefixes import Prefixes
from unrolled.errors import BadInput, EmptyText, TextTooLong
from unrolled.models.gpt import PROBES
from unrolled.progress import Cancelled, cancellable, finish

IDS = [int(i) for i in np.random.default_rng(0).integers(0, 260, 40)]
FULL = ("llama", "gpt2", "qwen2", "gpt_neox", "bloom")
WINDOWED_OR_RECURRENT = ("mistral", "gemma2", "mamba", "rwkv")


def logits(model: Model, ids: list[int]) -> np.ndarray:
    return finish(model.next_logits(ids))


def cold(model: Model, ids: list[int]) -> np.ndarray:
    model.forget()
    return logits(model, ids)


@pytest.fixture
def tiny(cache, write_gguf) -> Model:
    return open_model(str(write_gguf()))


def folder_of_kind(hub_folder, kind: str):
    window = {"sliding_window": 4} if kind in ("mistral", "gemma2") else {}
    kv = {"num_key_value_heads": 2} if kind in ("llama", "qwen2", "mistral", "gemma2") else {}
    return hub_folder(kind, **window, **kv)


def test_what_figures_see(tiny) -> None:
    assert tiny.probes == PROBES | {"attn", "resid"}
    assert (tiny.vocabulary, tiny.context, tiny.architecture) == (263, 64, "llama")
    assert tiny.parameters == sum(p.numel() for p in tiny.module.parameters())
    values = logits(tiny, IDS)
    assert values.dtype == np.float32
    assert values.shape == (263,)
    said = tiny.provenance
    assert (said.kind, said.device, said.dtype) == ("computed", "cpu", "float32")
    assert said.version.startswith("unrolled 0.1.0, torch 2.")


def test_the_same_cold_call_gives_the_same_bits(tiny) -> None:
    assert np.array_equal(cold(tiny, IDS), cold(tiny, IDS))


def test_logits_are_the_whole_models_last(tiny) -> None:
    whole = tiny.module(torch.tensor([IDS]))[0, -1].detach().numpy()
    assert_close(cold(tiny, IDS), whole, atol=1e-5, rtol=1e-5)  # float32, other shapes of the products


def check_reuse(model: Model) -> list[int]:
    """Typing on, deleting, changing the middle and coming back agree with cold runs. Gives the lengths kept."""
    texts = [IDS[:20], IDS[:21], IDS[:24], IDS[:23], IDS[:18] + IDS[30:34], IDS[:40], IDS[:40]]
    warm = [logits(model, ids) for ids in texts]
    kept = model.kept()
    for ids, values in zip(texts, warm, strict=True):
        assert_close(values, cold(model, ids), atol=1e-5, rtol=1e-5)  # float32
    return kept


def test_reuse_is_cold(tiny) -> None:
    assert check_reuse(tiny) == [40]


@pytest.mark.parametrize("kind", FULL)
def test_reuse_is_cold_in_transformers(cache, hub_folder, kind: str) -> None:
    assert check_reuse(open_model(str(folder_of_kind(hub_folder, kind)))) == [40]


@pytest.mark.parametrize("kind", WINDOWED_OR_RECURRENT)
def test_caches_that_cannot_be_cropped_are_not_reused(cache, hub_folder, kind: str) -> None:
    assert check_reuse(open_model(str(folder_of_kind(hub_folder, kind)))) == []


def test_three_texts_are_kept_and_the_oldest_goes(tiny) -> None:
    texts = [[i, *IDS[1:12]] for i in range(4)]
    for ids in texts:
        logits(tiny, ids)
    assert tiny.kept() == [12, 12, 12]
    logits(tiny, [*texts[1], 5])  # reused and now the youngest
    assert tiny.kept() == [12, 12, 13]


def test_caches_are_bounded_in_bytes(tiny) -> None:
    prefixes = Prefixes(tiny._reader, most_bytes=0)
    prefix, receipt = prefixes.take(IDS)
    tiny._reader.read(torch.tensor([IDS]), prefix.cache)
    prefix.ids += IDS
    prefixes.put(prefix, receipt)
    assert prefixes.lengths() == []


def test_forgetting_covers_what_is_being_read(tiny, monkeypatch) -> None:
    monkeypatch.setattr("unrolled.checkpoints.model.CHUNK", 16)  # what one chunk holds is read without a halt
    work = tiny.next_logits(IDS)
    next(work)
    tiny.forget()
    finish(work)
    assert tiny.kept() == []


def test_long_texts_are_read_in_chunks_with_progress(cache, write_gguf) -> None:
    model = open_model(str(write_gguf(fields={"llama.context_length": 3 * CHUNK})))
    ids = [i % 260 for i in range(2 * CHUNK + 5)]
    seen: list[int] = []
    values = finish(model.next_logits(ids), lambda progress: seen.append(progress.done))
    assert seen == [0, CHUNK, 2 * CHUNK]
    finish(model.next_logits([*ids[:-1], 7]), lambda progress: seen.append(progress.done))
    assert seen == [0, CHUNK, 2 * CHUNK]  # one more token is a single step, of which there is nothing to tell
    whole = model.module(torch.tensor([ids]))[0, -1].detach().numpy()
    assert_close(values, whole, atol=1e-4, rtol=1e-4)  # float32 over 500 positions


def check_stopping(model: Model) -> None:
    wanted = cold(model, IDS)
    model.forget()
    logits(model, IDS[:20])
    for stop_at in range(1, 4):  # at the chunk's start, before the first block, between blocks
        asked = 0

        def dropped(stop_at: int = stop_at) -> bool:
            nonlocal asked
            asked += 1
            return asked >= stop_at

        with pytest.raises(Cancelled), cancellable(dropped):
            logits(model, [*IDS[:20], *IDS[5:25]])
        assert_close(logits(model, IDS[:21]), cold_twin(model, IDS[:21]), atol=1e-5, rtol=1e-5)
    assert_close(logits(model, IDS), wanted, atol=1e-5, rtol=1e-5)


def cold_twin(model: Model, ids: list[int]) -> np.ndarray:
    """A cold run that leaves the kept caches alone."""
    reader = model._reader
    with torch.inference_mode():
        return reader.read(torch.tensor([ids]), reader.new_cache()).numpy()


def test_stopping_between_layers_leaves_caches_right(tiny) -> None:
    check_stopping(tiny)


def test_stopping_between_layers_leaves_transformers_caches_right(cache, hub_folder) -> None:
    check_stopping(open_model(str(folder_of_kind(hub_folder, "llama"))))


def test_threads_do_not_disturb_each_other(tiny) -> None:
    texts = [[*IDS[:n], n] for n in range(5, 35)]
    wanted = [cold(tiny, ids) for ids in texts]
    tiny.forget()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda ids: logits(tiny, ids), texts))
    for values, right in zip(found, wanted, strict=True):
        assert_close(values, right, atol=1e-5, rtol=1e-5)
    assert len(tiny.kept()) <= 3


def test_interleaved_readers_of_one_model_do_not_wait_for_each_other(tiny, monkeypatch) -> None:
    monkeypatch.setattr("unrolled.checkpoints.model.CHUNK", 16)
    first, second = tiny.next_logits(IDS), tiny.next_logits(IDS)
    next(first), next(second)
    done = threading.Event()
    thread = threading.Thread(target=lambda: (finish(second), finish(first), done.set()), daemon=True)
    thread.start()
    assert done.wait(20)


def test_limits_are_said(tiny) -> None:
    with pytest.raises(EmptyText, match="empty"):
        tiny.encode("")
    with pytest.raises(EmptyText):
        logits(tiny, [])
    with pytest.raises(TextTooLong, match=r"65 tokens; .* reads 64"):
        tiny.encode("x" * 65)
    with pytest.raises(TextTooLong):
        logits(tiny, [0] * 65)
    with pytest.raises(BadInput, match="0 to 262"):
        logits(tiny, [263])
    assert len(tiny.encode("", bos=True)) == 1
