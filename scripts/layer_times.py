"""How long one layer takes, for texts of growing length: what the panel `times` of the figure `path_length` shows.

    PYTHONPATH=src python scripts/layer_times.py        writes src/unrolled/figures/_path_times.toml

Forward passes in float32, batch of one, on the CPU; the networks take turns, so that a busy moment hits all of them.
Run it on a machine that does nothing else.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from processor import processor
from unrolled.figures._path_networks import NAMES, FullAttention
from unrolled.models.convolution import CausalConvolution
from unrolled.models.rnn import RNNLayer
from unrolled.models.windowed_attention import WindowedAttention
from unrolled.provenance import COMPUTED_BY

OUT = Path("src") / "unrolled" / "figures" / "_path_times.toml"
D, KERNEL, WINDOW = 256, 3, 32
LENGTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
ROUNDS = 15


def layers() -> dict[str, nn.Module]:
    """One layer of each, of one width."""
    torch.manual_seed(0)
    made = {
        "recurrent": RNNLayer(D, D, "tanh"),
        "attention": FullAttention(D),
        "convolution": CausalConvolution(D, KERNEL),
        "dilated convolution": CausalConvolution(D, KERNEL, KERNEL),
        "restricted attention": WindowedAttention(D, WINDOW),
    }
    return {name: made[name].eval() for name in NAMES}


@torch.inference_mode()
def measured(n: int, made: dict[str, nn.Module]) -> dict[str, list[float]]:
    """Milliseconds of each pass."""
    x = torch.randn(1, n, D)
    taken: dict[str, list[float]] = {name: [] for name in made}
    for turn in range(ROUNDS + 3):
        for name, layer in made.items():
            begun = time.perf_counter()
            layer(x)
            if turn >= 3:  # the first passes warm the machine up
                taken[name].append(1000 * (time.perf_counter() - begun))
    return taken


def main() -> None:
    made = layers()
    rows = {n: measured(n, made) for n in LENGTHS}
    lines = [
        "# Written by scripts/layer_times.py. Times of one forward pass through one layer, in ms.",
        f'date = "{dt.datetime.now(dt.UTC).date()}"',
        f"machine = {json.dumps(processor())}",
        f"threads = {torch.get_num_threads()}",
        f'version = "{COMPUTED_BY}"',
        f"rounds = {ROUNDS}",
        f"d = {D}\nkernel = {KERNEL}\nwindow = {WINDOW}",
        f"n = {list(LENGTHS)}",
    ]
    for title, share in (("milliseconds", 50), ("low", 25), ("high", 75)):
        lines += ["", f"[{title}]"]
        for name in NAMES:
            numbers = ", ".join(f"{np.percentile(rows[n][name], share):.4f}" for n in LENGTHS)
            lines.append(f'"{name}" = [{numbers}]')
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{OUT} is written.")


if __name__ == "__main__":
    main()
