"""The next token as SmolLM2 has it: the known answer, the chain rule, sampling with a seed, the tree's sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from unrolled.errors import BadInput, BadKnob, EmptyText, ProbeNotFound, TextTooLong
from unrolled.figures import answer, figure
from unrolled.progress import finish

if TYPE_CHECKING:
    from unrolled.checkpoints import Model

FRANCE = "The capital of France is"


def ask(panel: str, *models: Model, text: str = FRANCE, **knobs: Any) -> Any:
    return finish(answer(figure("next_token").panel(panel), knobs, models=models, text=text)).result


def test_paris_comes_first(smollm2: Model) -> None:
    found = ask("distribution", smollm2)
    assert found.top_strings[0][0] == " Paris"
    assert found.top_probabilities[0][0] == pytest.approx(0.77, abs=0.02)
    assert found.vocabulary_size[0] == 49_152


def test_probabilities_are_over_the_whole_vocabulary(smollm2: Model) -> None:
    found = ask("distribution", smollm2, vocabulary=True, top_n=50)
    assert found.top_probabilities[0].sum() + found.rest_probability[0] == pytest.approx(1, abs=1e-12)
    logits = torch.tensor(found.sorted_logits[0], dtype=torch.float64)
    assert len(logits) == 49_152
    np.testing.assert_allclose(found.top_probabilities[0], logits.softmax(0)[:50], atol=1e-12)
    expected = torch.distributions.Categorical(logits=logits).entropy() / np.log(2)
    assert found.entropy_bits[0] == pytest.approx(float(expected), abs=1e-9)
    assert found.effective_choices[0] == pytest.approx(2 ** found.entropy_bits[0])


def test_spans_cover_the_text_and_pieces_of_a_character_show_their_bytes(smollm2: Model) -> None:
    text = "naïve 👋 中文 שלום"
    found = ask("distribution", smollm2, text=text)
    assert {at for start, end in found.token_spans[0] for at in range(start, end)} == set(range(len(text)))
    assert any("‹" in string for string in found.tokens[0])


def test_a_special_token_typed_is_text(smollm2: Model) -> None:
    found = ask("distribution", smollm2, text="<|im_start|>")
    assert len(found.tokens[0]) > 1
    assert "".join(found.tokens[0]) == "<|im_start|>"


def test_clicking_appends_the_text_that_the_token_stands_for(smollm2: Model) -> None:
    found = ask("distribution", smollm2, text="My favourite emoji is 👋", top_n=50)
    for token, appended in zip(found.top_ids[0], found.top_text[0], strict=True):
        whole = not smollm2.tokenizer.is_special(int(token)) and "\ufffd" not in smollm2.tokenizer.decode([int(token)])
        assert bool(appended) == whole
        if appended:
            assert smollm2.tokenizer.decode([int(token)]) == appended


def test_chat_puts_the_text_into_the_template_and_the_reply_after_it(smollm2: Model) -> None:
    found = ask("distribution", smollm2, text="Hi", chat=True, reply="Hello")
    joined = "".join(found.tokens[0])
    assert joined.startswith("<|im_start|>")
    assert joined.endswith("<|im_start|>assistant\nHello")
    assert "<|im_start|>user\nHi<|im_end|>" in joined


def test_a_sample_is_the_same_for_the_same_seed_and_drawn_with_the_printed_chances(smollm2: Model) -> None:
    knobs = {"n_tokens": 6, "temperature": 0.8, "top_p": 0.9}
    one, two, other = (ask("sample", smollm2, seed=seed, **knobs) for seed in (1, 1, 2))
    assert one.text == two.text
    assert one.text != other.text
    following = ask("distribution", smollm2, text=FRANCE + one.strings[0][0], temperature=0.8, top_p=0.9, top_n=50)
    place = following.top_strings[0].index(one.strings[0][1])
    assert one.probabilities[0][1] == pytest.approx(following.top_probabilities[0][place], abs=1e-4)


def test_greedy_takes_the_likeliest_each_time(smollm2: Model) -> None:
    found = ask("sample", smollm2, temperature=0, n_tokens=4)
    assert found.probabilities[0].tolist() == [1.0] * 4
    text = FRANCE
    for token in found.strings[0]:
        assert ask("distribution", smollm2, text=text).top_strings[0][0] == token
        text += token


def test_the_tree_is_made_of_distributions(smollm2: Model) -> None:
    found = ask("tree", smollm2, width=2, depth=2)
    first = ask("distribution", smollm2)
    roots = [node for node in range(len(found.strings[0])) if found.parent[0][node] == -1]
    assert [found.strings[0][node] for node in roots] == list(first.top_strings[0][:2])
    assert len(found.strings[0]) == 2 + 4
    for node, parent in enumerate(found.parent[0]):
        before = found.joint[0][parent] if parent >= 0 else 1.0
        assert found.joint[0][node] == pytest.approx(before * found.probability[0][node], rel=1e-12)
    after = ask("distribution", smollm2, text=FRANCE + found.strings[0][0])
    assert found.probability[0][1] == pytest.approx(after.top_probabilities[0][0], abs=1e-5)


def test_two_models_stand_side_by_side(smollm2: Model) -> None:
    found = ask("distribution", smollm2, smollm2)
    assert found.top_strings[0] == found.top_strings[1]
    assert len(found.entropy_bits) == 2


def test_bad_input_is_told_so(smollm2: Model) -> None:
    with pytest.raises(EmptyText, match="no text yet"):
        ask("distribution", smollm2, text="  ")
    with pytest.raises(TextTooLong, match=r"60,000 characters; at most 50,000"):
        ask("distribution", smollm2, text="a" * 60_000)
    with pytest.raises(TextTooLong, match=r"reads 8,192 at most"):
        ask("distribution", smollm2, text="a b " * 10_000)
    with pytest.raises(BadInput, match="needs a model"):
        ask("distribution")
    with pytest.raises(BadInput, match="at most 5 models; 6 were given"):
        ask("distribution", *[smollm2] * 6)
    with pytest.raises(BadKnob, match=r"temperature was 2\.5; it takes a number from 0 to 2"):
        ask("distribution", smollm2, temperature=2.5)


def test_a_model_without_logits_does_not_open_it(smollm2: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "probes", frozenset({"h", "c"}))
    with pytest.raises(ProbeNotFound, match=r"needs logits, and smollm2 has no such probe \(it has c, h\)"):
        ask("distribution", smollm2)
