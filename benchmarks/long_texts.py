"""Where BertViz has died: 1,024 tokens on the model of GPT-2 small's size, 4,096 and 8,192 on SmolLM2, ours alone.

Seconds and bytes as in attention_view. Memory is what the server holds at most, while the model reads the text and
while the picture is made, above what it holds once the model has answered about a few words. About three minutes.
"""

from __future__ import annotations

import random_gpt2
from attention_view import MEASURED, browser, peak_of, read, server, view
from run import Row

from unrolled.checkpoints import open_model

SENTENCE = "The keeper of the lighthouse wrote down every ship that passed, and in winter he read number {} aloud."


def rows() -> list[Row]:
    found = []
    with random_gpt2.folder() as folder:
        found += measured(str(folder), "12 × 12 heads", {1024: random_gpt2.text(1024)}, random_gpt2.text(8))
    return found + measured("smollm2", "SmolLM2", {n: prose(n) for n in (4096, 8192)}, "The first ship of the winter.")


def measured(model: str, name: str, texts: dict[int, str], short: str) -> list[Row]:
    found = []
    with browser() as chrome, server("--model", model) as (address, process):
        read(address, model, short)
        own = process.memory_info().rss
        for n, text in texts.items():
            with peak_of(process) as peak:
                reading = read(address, model, text)
                ours = view(chrome, address, model, text, peak)
            title = f"{name}, {n:,} tokens"
            found.append(Row(name=f"{title}: reading it", ours=reading, unit="s"))
            for what, field, unit, size, target in MEASURED[:2]:
                found.append(Row(name=f"{title}: {what}", ours=getattr(ours, field) / size, unit=unit, target=target))
            above = (ours.peak - own) / 1e9
            found.append(Row(name=f"{title}: memory above the model", ours=above, unit="GB", target="under 1 GB"))
    return found


def prose(n: int) -> str:
    """Exactly n of SmolLM2's tokens, no sentence twice, cut at the end of a token."""
    tokenizer = open_model("smollm2").tokenizer
    whole = " ".join(SENTENCE.format(number) for number in range(n // 10))
    text = whole[: tokenizer.encode(whole).spans[n - 1][1]]
    assert len(tokenizer.encode(text)) == n
    return text
