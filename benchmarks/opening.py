"""Opening SmolLM2, the first time and later, against transformers reading the same GGUF file.

Each opening happens in a process of its own; what is imported is imported before the clock starts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from run import Row

from unrolled.checkpoints import entry

OURS = """
import sys, time
from unrolled.checkpoints import open_model
begun = time.perf_counter()
model = open_model(sys.argv[1])
print(time.perf_counter() - begun)
"""
THEIRS = """
import sys, time
from pathlib import Path
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
path = Path(sys.argv[1])
begun = time.perf_counter()
AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
print(time.perf_counter() - begun)
"""


def seconds(code: str, path: Path, cache: str) -> float:
    """What the code, run on the file with an own cache folder, prints."""
    env = {**os.environ, "UNROLLED_CACHE": cache, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    done = subprocess.run([sys.executable, "-c", code, str(path)], env=env, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def rows() -> list[Row]:
    path = entry("smollm2").path
    assert path, "make bench gets smollm2 first"
    with tempfile.TemporaryDirectory(prefix="unrolled-bench-") as cache:
        first = seconds(OURS, path, cache)
        later = median(seconds(OURS, path, cache) for _ in range(3))
        theirs = seconds(THEIRS, path, cache)
    return [
        Row(name="opening SmolLM2, first", ours=first, unit="s", rival="transformers gguf_file", theirs=theirs),
        Row(
            name="opening SmolLM2, later",
            ours=later,
            unit="s",
            rival="transformers gguf_file",
            theirs=theirs,
            target="under 1 s",
        ),
    ]
