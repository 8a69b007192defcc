"""Tokens a second in training, against transformers' GPT-2 of the same shape, with the same data, loss and optimiser.

Both learn the same batches, turn by turn, so that a busy machine slows both; times are the process's own CPU seconds on
one thread. The share of the matmul rate counts 6 floating-point operations a parameter and token that a matrix product
reads (Kaplan et al. 2020, §2.1), and attention's own 12 · layers · width · context.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from run import Row
from transformers import GPT2Config, GPT2LMHeadModel

from unrolled.progress import finish
from unrolled.training.batches import Batch
from unrolled.training.folder import create, read_run
from unrolled.training.processes import Processes
from unrolled.training.recipe import overridden, read_recipe, recipe_of
from unrolled.training.run import Run, open_run

ROUNDS = 7
GPT2 = ("model.norm=layernorm", "model.positions=learned", "model.activation=gelu_tanh", "model.bias=all")
"""What makes of the shipped recipe's GPT a GPT-2 of its size; dropout is 0 in both."""


def opened(folder: Path, *changes: str) -> Run:
    """A run before its first step."""
    table = read_recipe("gpt") | {"bound": {"steps": 1000}, "keep": []}
    recipe = recipe_of(overridden(table, changes), "the benchmark")
    finish(create(recipe, folder, "cpu"))
    return open_run(read_run(folder), Processes(), "cpu")


def theirs(run: Run) -> GPT2LMHeadModel:
    """transformers' GPT-2 with the sizes of ours."""
    c = run.folder.config
    sizes = {"n_positions": c.context, "n_embd": c.d_model, "n_layer": c.n_layer, "n_head": c.n_head, "n_inner": c.d_ff}
    off = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "use_cache": False}
    special = {"bos_token_id": None, "eos_token_id": None}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=c.vocabulary, **sizes, **off, **special))
    ours, count = (sum(p.numel() for p in m.parameters()) for m in (run.module, model))
    assert ours == count, f"{ours} parameters against {count}"
    return model.train()


def their_step(model: GPT2LMHeadModel, optimiser: torch.optim.Optimizer, batch: Batch) -> None:
    """As transformers' users write it; torch's own fused AdamW and clipping, as ours."""
    logits = model(batch.ids).logits
    loss = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()
    loss.item()


def work_a_token(run: Run) -> float:
    """Floating-point operations that training takes a token."""
    c = run.folder.config
    weights = sum(p.numel() for name, p in run.module.named_parameters() if p.ndim == 2 and name != "place.weight")
    return float(6 * weights + 12 * c.n_layer * c.d_model * c.context)


def matmul_rate() -> float:
    """Floating-point operations a CPU second in a large float32 product."""
    square, times = torch.randn(1024, 1024), []
    for _ in range(5):
        begun = time.process_time()
        _ = square @ square
        times.append(time.process_time() - begun)
    return 2 * 1024**3 / median(times)


def rows() -> list[Row]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory(prefix="unrolled-bench-") as folder:
            return _rows(opened(Path(folder) / "run", *GPT2))
    finally:
        torch.set_num_threads(before)


def _rows(run: Run) -> list[Row]:
    model = theirs(run)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    ours, others, rates = [], [], []
    for _ in range(ROUNDS + 1):
        batch = run.batches.train(run.step + 1)
        marks = [time.process_time()]
        run.learn(stop=False)
        marks.append(time.process_time())
        their_step(model, optimiser, batch)
        marks.append(time.process_time())
        ours.append(batch.count / (marks[1] - marks[0]))
        others.append(batch.count / (marks[2] - marks[1]))
        rates.append(matmul_rate())
    tokens, rate = median(ours[1:]), median(rates[1:])  # the first round warms up
    name = f"training a token, {tokens:,.0f} a CPU second"
    micro, rival = 1e6 / tokens, "transformers' GPT-2"
    return [
        Row(name=name, ours=micro, unit="µs", rival=rival, theirs=1e6 / median(others[1:]), target="1.2 ×"),
        Row(name="  share of the matmul rate", ours=100 * tokens * work_a_token(run) / rate, unit="%"),
    ]
