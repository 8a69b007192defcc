"""docs/add-a-model.md is true: its file, its line and its recipe make a family that trains and opens."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serving import ROOT
from small_runs import text_file

DOCUMENT = (ROOT / "docs" / "add-a-model.md").read_text(encoding="utf-8")
FILE = re.compile(r"^`(src/\S+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINE = re.compile(r'^    "mgu": Family.*\n', re.MULTILINE)
TEXT = "It was a dark night"
SMALL = ("model.d_embed=16", "model.d_hidden=24", "model.context=32", "text.vocabulary=300", "batch=4")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's source with what the document adds."""
    tree = tmp_path_factory.mktemp("added")
    left_out = shutil.ignore_patterns("__pycache__", "page", "shipped")
    shutil.copytree(ROOT / "src" / "unrolled", tree / "src" / "unrolled", ignore=left_out)
    shutil.copy(ROOT / "pyproject.toml", tree)
    files = dict(FILE.findall(DOCUMENT))
    assert set(files) == {"src/unrolled/models/mgu.py", "src/unrolled/training/recipes/mgu.toml"}
    for name, code in files.items():
        assert not (tree / name).exists(), f"{name} is in the project already; the document should add another model"
        (tree / name).write_text(code, encoding="utf-8")
    families = tree / "src" / "unrolled" / "models" / "families.py"
    code = families.read_text(encoding="utf-8").replace("import gpt, gru, lstm,", "import gpt, gru, lstm, mgu,")
    (line,) = LINE.findall(DOCUMENT)
    families.write_text(code.replace('    "gpt": Family', f'{line}    "gpt": Family'), encoding="utf-8")
    return tree


def run(tree: Path, *arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=tree, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trained(tree: Path) -> Path:
    text, settings = text_file(tree), [word for setting in SMALL for word in ("--set", setting)]
    told = ("--family", "mgu", "--text", str(text), "--steps", "12", "--out", "runs/mgu", *settings)
    run(tree, "-m", "unrolled", "train", *told)
    return tree / "runs" / "mgu"


def test_the_document_passes_the_linters(tree: Path) -> None:
    name = "src/unrolled/models/mgu.py"
    run(tree, "-m", "ruff", "check", "--no-cache", name)
    run(tree, "-m", "ruff", "format", "--no-cache", "--check", name)


def test_it_trains_and_opens(tree: Path, trained: Path) -> None:
    said = json.loads(
        run(tree, "-m", "unrolled", "figure", "next_token", "--model", str(trained), "--text", TEXT, "--json")
    )
    shares = said["data"]
    assert sum(shares["top_probabilities"][0]) <= 1
    info = run(tree, "-m", "unrolled", "models", "info", str(trained))
    assert "next_token" in info


EQUATIONS = """
import sys, torch
from unrolled.models.mgu import MGUConfig, MGU, MGULayer
torch.manual_seed(0)
layer = MGULayer(5, 7).double()
for p in layer.parameters():
    torch.nn.init.normal_(p, std=0.7)
x = torch.randn(2, 6, 5, dtype=torch.float64)
W, b = layer.from_input.weight, layer.from_input.bias
U_f, U_n = layer.forget_from_h.weight, layer.candidate_from_h.weight
h, hs = torch.zeros(2, 7, dtype=torch.float64), []
for t in range(6):
    f = 1 / (1 + torch.exp(-(x[:, t] @ W[:7].T + b[:7] + h @ U_f.T)))
    n = torch.tanh(x[:, t] @ W[7:].T + b[7:] + (f * h) @ U_n.T)
    h = h + f * (n - h)
    hs.append(h)
ours, (last,) = layer(x)
torch.testing.assert_close(ours, torch.stack(hs, 1))
torch.testing.assert_close(last, h)
"""


def test_its_equations_are_the_paper_s(tree: Path) -> None:
    run(tree, "-c", EQUATIONS)


def test_listening_changes_nothing_and_its_state_is_carried(tree: Path) -> None:
    run(
        tree,
        "-c",
        "import torch\n"
        "from unrolled.models.mgu import MGUConfig, MGU\n"
        "from unrolled.models.recurrent import RecurrentState\n"
        "model = MGU(MGUConfig(vocabulary=11, context=8, n_layer=2, d_embed=6, d_hidden=9)).double()\n"
        "model.initialise(torch.Generator().manual_seed(3))\n"
        "ids, cache = torch.randint(11, (1, 9)), RecurrentState()\n"
        "whole = model(ids)\n"
        "parts = torch.cat([model(ids[:, :4], cache=cache), model(ids[:, 4:], cache=cache)], 1)\n"
        "torch.testing.assert_close(parts, whole)\n"
        "heard = []\n"
        "model.layers[1].gate.forget.register_forward_hook(lambda *a: heard.append(a[2]))\n"
        "torch.testing.assert_close(model(ids), whole)\n"
        "assert len(heard) == 9\n",
    )
