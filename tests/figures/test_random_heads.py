"""Heads of random models get no names: at most 1 % of them, however sharp, with every kind of positions.

Weights of standard deviation .02 make attention even, .5 puts all of it on one key. Words are tokens; the vocabulary
has all words of the texts that heads are scored on, and more to draw random ones from.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tokenizers
import torch
import transformers
from tokenizers import models, pre_tokenizers, processors

from unrolled.figures import _head_scores as heads
from unrolled.figures._head_labels import UNCLASSIFIED, labels_of
from unrolled.figures._head_probing import scores_of
from unrolled.models.gpt import GPT, GPTConfig
from unrolled.progress import finish
from unrolled.trace.wrapping import wrap

if TYPE_CHECKING:
    from unrolled.checkpoints import Model
    from unrolled.trace import Kind

SPREADS = (0.02, 0.05, 0.1, 0.2, 0.5)
WIDTHS = ((64, 8), (256, 16))  # and heads
MOST_NAMED = 0.01


@cache
def words() -> dict[str, int]:
    """Of the sentences, and as many again that are none."""
    sentences, arcs = heads.texts()
    text = " ".join([*sentences, *(heads.arcs_text(one)[0] for one in arcs)])
    found = sorted(set(re.findall(r"\w+|[^\w\s]", text)))
    made_up = ["".join("abcdefghij"[int(digit)] for digit in str(number)) for number in range(10_000, 10_400)]
    return {word: number for number, word in enumerate(["[UNK]", "[CLS]", "[SEP]", *found, *made_up])}


def tokenizer(framed: bool = False) -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.WordLevel(words(), unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens(["[UNK]", "[CLS]", "[SEP]"])
    if framed:
        ends = [("[CLS]", 1), ("[SEP]", 2)]
        made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return made


def gpt(spread: float, positions: str, width: int, n_head: int, loud: float = 1.0) -> Model:
    """`loud`: how much larger the table of positions is than that of tokens."""
    sizes = {"n_head": n_head, "n_key_value": n_head, "d_model": width, "d_head": width // n_head, "d_ff": 2 * width}
    config = GPTConfig(
        vocabulary=len(words()), context=128, n_layer=2, norm="layernorm", positions=positions,  # type: ignore[arg-type]
        activation="gelu", bias="all", initial_std=spread, **sizes,
    )  # fmt: skip
    module = GPT(config).requires_grad_(False)
    module.initialise(torch.Generator().manual_seed(width))
    if loud != 1:
        module.place.weight.mul_(loud)
    return wrap(module, tokenizer=tokenizer(), name="random")


def bert(spread: float, width: int, n_head: int) -> Model:
    torch.manual_seed(width)
    config = transformers.BertConfig(
        vocab_size=len(words()), hidden_size=width, num_hidden_layers=2, num_attention_heads=n_head,
        intermediate_size=2 * width, max_position_embeddings=128, initializer_range=spread,
    )  # fmt: skip
    return wrap(transformers.BertModel(config), tokenizer=tokenizer(framed=True), name="random")


def names(model: Model, kind: Kind = "self") -> Counter[str]:
    return Counter(label for row in labels_of(finish(scores_of(model, kind))) for label in row)


def share_named(found: Counter[str]) -> float:
    return 1 - found[UNCLASSIFIED] / found.total()


@pytest.mark.parametrize("positions", ["learned", "rope", "none"])
def test_random_decoders_stay_unclassified(positions: str) -> None:
    found = sum((names(gpt(spread, positions, *width)) for spread in SPREADS for width in WIDTHS), Counter())
    assert found.total() == 240
    assert share_named(found) <= MOST_NAMED, found


def test_random_encoders_stay_unclassified() -> None:
    found = sum((names(bert(spread, *width), "encoder") for spread in SPREADS for width in WIDTHS), Counter())
    assert found.total() == 240
    assert share_named(found) <= MOST_NAMED, found


def loud_names() -> Counter[str]:
    """Of heads that see little but positions: the same in every text."""
    return sum(
        (names(gpt(spread, "learned", width, 16, loud=10)) for spread in (0.1, 0.2, 0.5) for width in (192, 256)),
        Counter(),
    )


def test_positions_that_are_the_same_in_all_texts_name_nothing() -> None:
    found = loud_names()
    assert share_named(found) <= MOST_NAMED, found


def test_an_interval_over_short_texts_alone_would_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: positions no clusters, no long texts."""
    monkeypatch.setattr(heads, "long_probes", lambda *_, **__: [])
    monkeypatch.setattr(heads, "_over_positions", over_texts_alone)
    found = loud_names()
    assert share_named(found) > 3 * MOST_NAMED, found


def over_texts_alone(texts: list[np.ndarray], n_head: int) -> np.ndarray:
    """As it was before."""
    means = [np.nansum(rows, axis=1) / (~np.isnan(rows)).sum(axis=1).clip(1) for rows in texts]
    return heads._interval(means, n_head)


def test_a_text_of_unknown_tokens_names_nothing() -> None:
    """Peaked heads of a model that knows none of the words: read all the same, each sentence would be one token again
    and again, and a third of the heads got names."""
    config = transformers.GPT2Config(
        vocab_size=600, n_positions=128, n_embd=256, n_layer=3, n_head=16, initializer_range=0.2,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    found = names(wrap(transformers.GPT2LMHeadModel(config), name="random"))
    assert found == {UNCLASSIFIED: 48}
