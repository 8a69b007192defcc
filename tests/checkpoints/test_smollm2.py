"""SmolLM2 itself: transformers' probabilities on the same file, and the time of opening and of one more token."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from unrolled.checkpoints import Model, open_model
from unrolled.progress import finish

TEXT = "The capital of France is"


def probabilities(logits: np.ndarray) -> np.ndarray:
    exact = np.exp(logits.astype(np.float64) - logits.max())
    return exact / exact.sum()


@pytest.fixture(scope="module")
def answer(smollm2: Model) -> np.ndarray:
    smollm2.forget()
    return probabilities(finish(smollm2.next_logits(smollm2.encode(TEXT).ids)))


def test_paris(smollm2: Model, answer: np.ndarray) -> None:
    best = int(answer.argmax())
    assert smollm2.tokenizer.piece(best) == " Paris"
    assert answer[best] == pytest.approx(0.77, abs=0.02)
    assert answer.shape == (49152,)
    assert answer.sum() == pytest.approx(1, abs=1e-12)


def test_every_probability_is_transformers(smollm2: Model, smollm2_path, answer: np.ndarray) -> None:
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        smollm2_path.parent, gguf_file=smollm2_path.name, dtype=torch.float32
    )
    with torch.no_grad():
        logits = theirs(torch.tensor([smollm2.encode(TEXT).ids])).logits[0, -1].numpy()
    largest = float(np.abs(answer - probabilities(logits)).max())
    assert largest < 1e-4  # 1.2e-7 measured


def test_a_chat_ends_its_turn_with_a_special_token(smollm2: Model) -> None:
    tokens = smollm2.encode("What is the capital of France?", chat=True)
    assert tokens.strings[0] == "<|im_start|>"
    ids = list(tokens.ids)
    for _ in range(12):
        ids.append(int(finish(smollm2.next_logits(ids)).argmax()))
        if ids[-1] in smollm2.tokenizer.eos_ids:
            break
    assert smollm2.tokenizer.is_special(ids[-1])


def test_opening_again_unpacks_nothing(smollm2: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("unpacked a second time")

    monkeypatch.setattr("unrolled.checkpoints.open.gguf_weights", never)
    open_model("smollm2")


def test_a_longer_text_costs_only_what_is_new_in_it(smollm2: Model) -> None:
    ids = list(range(100, 131))
    finish(smollm2.next_logits(ids))
    read: list[int] = []
    hook = smollm2.blocks[0].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].shape[1]))
    finish(smollm2.next_logits([*ids, 200]))
    hook.remove()
    assert read == [1]
