"""Recording queries and keys over the plain forward pass, and TransformerLens' run_with_cache on the same weights.

The plain pass reads the same parts of the text into the same cache and gives the last position's logits, too. Pairs in
one process, in turns; the median of the pairs' ratios. TransformerLens takes its turns in a process of its own, against
a plain pass of its own. In CPU seconds on one thread, which other programs on the machine disturb least. Two minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time
from typing import Any

import peers
import random_gpt2
import torch
from run import Row

from unrolled.checkpoints import Model, open_model
from unrolled.checkpoints.model import CHUNK
from unrolled.models.gpt import GPT, GPTConfig
from unrolled.progress import finish
from unrolled.text import Tokens
from unrolled.trace import record, wrap

LENGTHS = (64, 256, 512)
SECONDS = 8.0  # of the clock, for a measurement; five turns at least, forty at most
SMALL = GPTConfig(
    vocabulary=random_gpt2.VOCABULARY,
    context=1024,
    n_layer=12,
    n_head=12,
    n_key_value=12,
    d_model=768,
    d_head=64,
    d_ff=3072,
    norm="layernorm",
    positions="learned",
    activation="gelu_tanh",
    bias="all",
)
"""GPT-2 small as one of our own."""


def plain(model: Model, ids: list[int]) -> None:
    """The forward pass that `record` makes, with nobody listening."""
    assert model.ear is not None
    row, cache = torch.tensor([ids]), model.ear.new_cache(len(ids))
    for start in range(0, len(ids), CHUNK):
        part = row[:, start : start + CHUNK]
        with model.running() as module:
            if isinstance(module, GPT):
                module(part, cache=cache, last_only=True)
            else:
                module(input_ids=part, past_key_values=cache, use_cache=True, logits_to_keep=1)


def in_turns(first: Callable[[], object], second: Callable[[], object]) -> list[tuple[float, float]]:
    """CPU seconds of both, turn by turn, each being first as often as second."""
    found: list[tuple[float, float]] = []
    first(), second()
    begun = perf_counter()
    while len(found) < 5 or (len(found) < 40 and perf_counter() - begun < SECONDS):
        pair = {work: seconds(work) for work in ((first, second) if len(found) % 2 else (second, first))}
        found.append((pair[first], pair[second]))
    return found


def seconds(work: Callable[[], object]) -> float:
    """Of the CPU, all threads."""
    begun = process_time()
    work()
    return process_time() - begun


def pairs(model: Model, n: int) -> list[tuple[float, float]]:
    """Seconds of the plain pass and of recording."""
    ids = random_gpt2.ids(n)
    tokens = Tokens(text="", ids=tuple(ids), strings=("",) * n, spans=((0, 0),) * n)
    return in_turns(lambda: plain(model, ids), lambda: finish(record(model, tokens)))


def overhead(times: list[tuple[float, float]]) -> float:
    """Per cent."""
    return 100 * (median(recorded / alone for alone, recorded in times) - 1)


def own_rows() -> list[Row]:
    torch.manual_seed(0)
    small = wrap(GPT(SMALL).requires_grad_(False), name="GPT-2 small's size")
    return [
        Row(
            name=f"recording over plain, {model.name}, {n} tokens",
            ours=overhead(pairs(model, n)),
            unit="%",
            target="under 5 %",
        )
        for model in (small, open_model("smollm2"))
        for n in LENGTHS
    ]


def peer_rows() -> list[Row]:
    """The same weights through transformers and through TransformerLens."""
    with random_gpt2.folder() as folder:
        model = open_model(str(folder))
        ours = {n: pairs(model, n) for n in LENGTHS}
        texts = [random_gpt2.ids(n) for n in LENGTHS]
        try:
            theirs = peers.ask("transformer_lens_cache.py", model=str(folder), texts=texts, repeats=5)
        except peers.Died as fate:
            theirs = [None] * len(LENGTHS)
            print(f"TransformerLens: {fate}")
    return [row for n, times in zip(LENGTHS, theirs, strict=True) for row in compared(n, ours[n], times)]


def compared(n: int, ours: list[tuple[float, float]], theirs: dict[str, Any] | None) -> list[Row]:
    name = f"transformers' GPT-2, {n} tokens"
    recorded = 1000 * median(time for _, time in ours)
    if theirs is None:
        return [Row(name=f"recording {name}", ours=recorded, unit="ms", rival="TransformerLens died")]
    rows = []
    for way, said in (("everything", "run_with_cache"), ("queries_keys", "run_with_cache, queries and keys")):
        over = overhead(list(zip(theirs["plain"], theirs[way], strict=True)))
        rows += [
            Row(name=f"recording {name}", ours=recorded, unit="ms", rival=said, theirs=1000 * median(theirs[way])),
            Row(
                name="  over its plain pass", ours=overhead(ours), unit="%", rival=said, theirs=over, target="under 5 %"
            ),
        ]
    return rows


def rows() -> list[Row]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [*own_rows(), *peer_rows()]
    finally:
        torch.set_num_threads(threads)
