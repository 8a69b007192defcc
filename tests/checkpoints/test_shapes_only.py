"""Shapes without numbers: the same as the real module's, and without torch's compiler being imported."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from unrolled.checkpoints.shapes_only import shapes_only

MAKE = """
import sys
import torch
from torch import nn
from unrolled.checkpoints.shapes_only import shapes_only
with {within}:
    nn.ModuleList([nn.Embedding(5, 4), nn.Linear(4, 3), nn.LSTM(3, 2), nn.LayerNorm(2)])
print("torch._dynamo" in sys.modules)
"""


def layers() -> nn.Module:
    return nn.ModuleDict({"embed": nn.Embedding(5, 4), "map": nn.Linear(4, 3), "step": nn.GRU(3, 2)})


def test_shapes_are_those_of_the_real_module() -> None:
    with shapes_only():
        made = layers().state_dict()
    assert {name: tensor.shape for name, tensor in made.items()} == {
        name: tensor.shape for name, tensor in layers().state_dict().items()
    }
    assert all(tensor.is_meta for tensor in made.values())


def test_afterwards_modules_are_initialised_again() -> None:
    with shapes_only():
        layers()
    torch.manual_seed(0)
    first = nn.Embedding(5, 4).weight
    torch.manual_seed(0)
    assert torch.equal(first, nn.Embedding(5, 4).weight)
    assert first.std() > 0.5


@pytest.mark.parametrize(("within", "imported"), [("shapes_only()", "False"), ("torch.device('meta')", "True")])
def test_the_compiler_is_not_imported(within: str, imported: str) -> None:
    """The twin without it shows that this is what the import hangs on."""
    code = MAKE.format(within=within)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == imported
