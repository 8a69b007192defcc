"""A model of GPT-2 small's size with random weights, as a folder that we and every peer open, and texts for it.

12 layers of 12 heads, width 768 (Radford et al. 2019). Weights with a standard deviation of 0.1 instead of 0.02, so
that heads prefer some tokens to others. Nothing is fetched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tokenizers
import torch
from tokenizers import models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel

VOCABULARY = 50_257


@contextmanager
def folder() -> Iterator[Path]:
    """config.json, model.safetensors and a tokenizer of made-up words; gone in the end."""
    with tempfile.TemporaryDirectory(prefix="unrolled-bench-") as name:
        torch.manual_seed(0)
        config = GPT2Config(vocab_size=VOCABULARY, initializer_range=0.1)
        GPT2LMHeadModel._from_config(config).save_pretrained(name)
        words = {word(number): number for number in range(VOCABULARY)}
        tokenizer = tokenizers.Tokenizer(models.WordLevel(words, unk_token=word(0)))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.save(str(Path(name) / "tokenizer.json"))
        yield Path(name)


def ids(n: int) -> list[int]:
    """n tokens, the same every time."""
    return torch.randint(1000, 10_000, (n,), generator=torch.Generator().manual_seed(n)).tolist()


def text(n: int) -> str:
    """The text that is read as `ids(n)`."""
    return " ".join(map(word, ids(n)))


def word(number: int) -> str:
    """Letters only, for heads are scored on tokens that look like words."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))
