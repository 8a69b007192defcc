"""What a text's loss becomes with something switched off in one block alone, for every block in one reading.

All variants travel side by side as rows of a batch: at each block those that differ in it join, made from the row in
which everything is on. So the weights of a block are read once, not once a variant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from unrolled.checkpoints.model import Model
from unrolled.checkpoints.prefixes import as_row
from unrolled.errors import ProbeNotFound, TextTooLong
from unrolled.models.gpt import GPT
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.text import Tokens
from unrolled.trace.reading import BATCH
from unrolled.trace.switches import Switch, switched

LONGEST = 64
"""Tokens: there are as many copies of the text as variants."""


def losses_without_each(
    model: Model, tokens: Tokens, kinds: Sequence[Callable[[int], Sequence[Switch]]]
) -> Work[Float64[np.ndarray, "kind layer"]]:
    """Mean loss in bits a token. `kinds`: from a block's number to what is switched off in it. NaN where the numbers
    are none. ProbeNotFound, TextTooLong."""
    if not isinstance(model.module, GPT):
        raise ProbeNotFound(f"{model.name} does not run as our GPT, so its blocks cannot be run one by one.")
    if len(tokens) > LONGEST:
        raise TextTooLong(
            f"The text has {len(tokens):,} tokens for {model.name}; every block is tried on {LONGEST} at most. Give a"
            " shorter piece of it."
        )
    rows = yield from _rows(model, tokens, kinds)
    out, step = np.empty(len(rows)), max(1, BATCH // len(tokens))
    for at in range(0, len(rows), step):
        yield Progress(at, len(rows), "variants read out")
        stop_if_cancelled()
        out[at : at + step] = _losses(model, rows[at : at + step, :-1], torch.tensor(tokens.ids[1:]))
    found: np.ndarray = out.reshape(-1, len(kinds)).T
    return found


def _rows(model: Model, tokens: Tokens, kinds: Sequence[Callable[[int], Sequence[Switch]]]) -> Work[Tensor]:
    """(block × kind, token, d_model) after the last block."""
    ids, blocks = as_row(tokens.ids, model.device), model.blocks
    module: Any = model.module
    x: Tensor
    with model.running():
        x = module.embedded(ids, 0)
        place = module.told(0, ids.shape[1], x)
    for layer, block in enumerate(blocks):
        yield Progress(layer, len(blocks), "blocks tried")
        stop_if_cancelled()
        with model.running():
            joining = []
            for kind in kinds:
                with switched(blocks, kind(layer), model.name):
                    joining.append(block(x[:1], place, None, layer))
            x = torch.cat([block(x, place, None, layer), *joining])
    return x[1:]


def _losses(model: Model, x: Tensor, wanted: Tensor) -> np.ndarray:
    """x (row, token, d_model) -> (row,), in bits a token."""
    assert model.readout is not None
    with torch.inference_mode():
        logits = model.readout(x).float()
        said = logits.gather(2, wanted.to(x.device).expand(len(x), -1)[..., None])[..., 0]
        found: np.ndarray = (logits.logsumexp(dim=2) - said).double().mean(dim=1).cpu().numpy() / math.log(2)
    return found
