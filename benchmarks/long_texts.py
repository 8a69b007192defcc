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
    with random_gpt2.folder() as folder:
        found = measured(str(folder), "12 × 12 heads, 1,024 tokens", random_gpt2.text(1024), random_gpt2.text(8))
    for n in (4096, 8192):
        found += measured("smollm2", f"SmolLM2, {n:,} tokens", prose(n), "The first ship of the winter.")
    return found


def measured(model: str, name: str, text: str, short: str) -> list[Row]:
    """In a server of its own: two texts are kept by one that has read two."""
    with browser() as chrome, server("--model", model) as (address, process):
        read(address, model, short)
        own = process.memory_info().rss
        with peak_of(process) as peak:
            reading = read(address, model, text)
            ours = view(chrome, address, model, text, peak)
    found = [Row(name=f"{name}: reading it", ours=reading, unit="s")]
    for what, field, unit, size, target in MEASURED[:2]:
        found.append(Row(name=f"{name}: {what}", ours=getattr(ours, field) / size, unit=unit, target=target))
    above = (ours.peak - own) / 1e9
    return [*found, Row(name=f"{name}: memory above the model", ours=above, unit="GB", target="under 1 GB")]


def prose(n: int) -> str:
    """Exactly n of SmolLM2's tokens, no sentence twice, cut at the end of a token."""
    tokenizer = open_model("smollm2").tokenizer
    whole = " ".join(SENTENCE.format(number) for number in range(n // 10))
    text = whole[: tokenizer.encode(whole).spans[n - 1][1]]
    assert len(tokenizer.encode(text)) == n
    return text
