"""SmolLM2 writing 64 tokens after a prompt of 32, greedy, against transformers' generate on the same file.

In float32 both must write the same tokens. int8 weights are another model, if a close one: beside what they save stands
what they cost, the perplexity of a text that the model has not seen. llama.cpp runs the file's 4-bit weights as they
are, where its Python package is installed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import torch
from run import Row

from unrolled.checkpoints import Model, entry, open_model
from unrolled.checkpoints.int8 import int8_model
from unrolled.generating import Drawn, Sampling, generating
from unrolled.progress import finish
from unrolled.scoring import score
from unrolled.text import corpus

PROMPT = "The keeper of the lighthouse wrote down every ship that passed, and in winter he read the names aloud"
N_READ, N_WRITTEN, ROUNDS = 32, 64, 5
SCORED = 6000  # characters

Write = Callable[[], list[int]]


def rows() -> list[Row]:
    exact, rounded = open_model("smollm2"), int8_model(open_model("smollm2"))
    ids = [*exact.encode(PROMPT * 2).ids][:N_READ]
    writers = {
        "float32": ours(exact, ids),
        "int8": ours(rounded, ids),
        "transformers": theirs(ids),
        **({"llama.cpp": llama_cpp(ids)} if importlib.util.find_spec("llama_cpp") else {}),
    }
    seconds = taking_turns(writers)
    assert writers["float32"]() == writers["transformers"](), "float32 must write what transformers writes"
    pace = {name: 1000 * each / N_WRITTEN for name, each in seconds.items()}
    against = [("transformers' generate, float32", pace["transformers"]), ("llama.cpp, Q4_1", pace.get("llama.cpp"))]
    return [
        *(row(f"writing, {kind}", pace[kind.split()[0]], *rival) for kind in KINDS for rival in against),
        cost(exact, rounded),
    ]


KINDS = ("float32", "int8 weights")


def row(name: str, pace: float, rival: str, theirs: float | None) -> Row:
    """Milliseconds a token. A rival that is not there is named all the same."""
    rival = rival if theirs is not None else f"{rival}: not installed"
    target = "2 ×" if rival.startswith("transformers") else ""
    return Row(name=name, ours=pace, unit="ms", rival=rival, theirs=theirs, target=target)


def taking_turns(writers: dict[str, Write]) -> dict[str, float]:
    """Median seconds of each, after a first round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in writers}
    for counts in (False, *[True] * ROUNDS):
        for name, write in writers.items():
            begun = perf_counter()
            assert len(write()) == N_WRITTEN
            if counts:
                times[name].append(perf_counter() - begun)
    return {name: median(each) for name, each in times.items()}


def ours(model: Model, ids: list[int]) -> Write:
    def write() -> list[int]:
        model.forget()
        work = generating(model, ids, N_WRITTEN, Sampling(temperature=0))
        return [event.id for event in work if isinstance(event, Drawn)]

    return write


def theirs(ids: list[int]) -> Write:
    from transformers import AutoModelForCausalLM

    path = entry("smollm2").path
    assert path, "make bench gets smollm2 first"
    model: Any = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    read = torch.tensor([ids])
    exactly = {"min_new_tokens": N_WRITTEN, "max_new_tokens": N_WRITTEN, "do_sample": False, "pad_token_id": 0}

    def write() -> list[int]:
        with torch.inference_mode():
            written = model.generate(read, attention_mask=torch.ones_like(read), eos_token_id=None, **exactly)
        tokens: list[int] = written[0, N_READ:].tolist()
        return tokens

    return write


def llama_cpp(ids: list[int]) -> Write:
    from llama_cpp import Llama

    path, threads = entry("smollm2").path, torch.get_num_threads()
    llama = Llama(str(path), n_ctx=256, n_threads=threads, n_threads_batch=threads, verbose=False)

    def write() -> list[int]:
        llama.reset()
        return [token for token, _ in zip(llama.generate(ids, temp=0.0), range(N_WRITTEN), strict=False)]

    return write


def cost(exact: Model, rounded: Model) -> Row:
    """What int8 weights do to the score of a text."""
    text = corpus("fiction").test[:SCORED]
    before, after = (finish(score(model, text, window=512, stride=256)) for model in (exact, rounded))
    name = f"perplexity of {after.tokens:,} tokens, int8 weights"
    rival, target = "float32 weights", "within 1 %"
    return Row(name=name, ours=after.perplexity, unit="", rival=rival, theirs=before.perplexity, target=target)
