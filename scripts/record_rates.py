"""Measures how much of this machine's matmul rate each family keeps busy, for the figure `recurrence`.

    python scripts/record_rates.py              writes src/unrolled/figures/_recurrence_rates.toml
    python scripts/record_rates.py --note "…"   with a remark that the figure shows

Each family has the shape in which it ships: its layers without embedding and head, which are alike in all. Three
pieces of work: reading one text of 256 tokens, reading 32 of them side by side, and one step of training on a batch of
8 (forward and backward). Counted are multiplications and additions of the matrix products by weights and, in a GPT, of
queries with keys and weights with values; a training step counts three times the forward pass. The rate of one product
of two 1,024 × 1,024 matrices is measured before and after, and the better one counts. Run it when nothing else runs:
half a minute.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import unrolled
from processor import processor
from unrolled.checkpoints import open_model
from unrolled.models.gpt import GPT, Attention

FAMILIES = ("rnn", "lstm", "gru", "gpt")
N = 256  # tokens
OUT = Path(__file__).resolve().parents[1] / "src" / "unrolled" / "figures" / "_recurrence_rates.toml"
HEAD = "# Written by scripts/record_rates.py, which says how it was measured. A rate: 10⁹ operations a second.\n"


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Fewest of some calls, after one that does not count."""
    work()
    return min(_once(work) for _ in range(repeats))


def _once(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def matmul_rate() -> float:
    """10⁹ multiplications and additions a second of one large product."""
    square = torch.randn(1024, 1024)
    return 2 * 1024**3 / seconds(lambda: square @ square, repeats=10) / 1e9


def operations(layers: nn.ModuleList, batch: int) -> float:
    """Multiplications and additions of the layers' matrix products on `batch` texts of N tokens, one pass forward."""
    weights = sum(parameter.numel() for parameter in layers.parameters() if parameter.ndim == 2)
    pairs = N * (N + 1) / 2  # a query and the keys that it sees
    width = sum(part.n_head * part.d_head for part in layers.modules() if isinstance(part, Attention))
    return batch * (2.0 * weights * N + 2 * 2 * pairs * width)


def through(model: Any, x: Tensor) -> Tensor:
    """x (batch, N, width) through all layers, by the kernels that training and reading use."""
    if isinstance(model, GPT):
        place = model.told(0, N, x)
        for number, block in enumerate(model.blocks):
            x = block(x, place, None, number)
        return x
    for layer in model.layers:
        x, _ = layer(x)
    return x


def rates(name: str) -> list[tuple[str, float]]:
    """What a shipped model reaches, by piece of work."""
    model: Any = open_model(name).module.train()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    layers = model.blocks if isinstance(model, GPT) else model.layers
    width = model.config.d_model if isinstance(model, GPT) else model.config.d_embed
    one, many, some = (torch.randn(batch, N, width) for batch in (1, 32, 8))

    def step() -> None:
        through(model, some).square().mean().backward()  # type: ignore[no-untyped-call]

    def read(x: Tensor) -> float:
        with torch.inference_mode():
            return operations(layers, len(x)) / seconds(lambda: through(model, x))

    found = [("reading one text", read(one)), ("reading 32 texts at once", read(many))]
    return [*found, ("a training step on 8 texts", 3 * operations(layers, len(some)) / seconds(step))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--note", default="", help="a remark that the figure shows beside the numbers")
    note = parser.parse_args().note
    before = matmul_rate()
    found = [(name, work, rate / 1e9) for name in FAMILIES for work, rate in rates(name)]
    about = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": processor(),
        "torch": torch.__version__.partition("+")[0],
        "unrolled": unrolled.__version__,
        "note": note,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in about.items()]
    lines += [f"threads = {torch.get_num_threads()}", f"matmul_gflops = {max(before, matmul_rate()):.1f}"]
    for name, work, rate in found:
        lines += ["", "[[rate]]", f'family = "{name}"', f'work = "{work}"', f"gflops = {rate:.2f}"]
    OUT.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(OUT.read_text("utf-8"))


if __name__ == "__main__":
    main()
