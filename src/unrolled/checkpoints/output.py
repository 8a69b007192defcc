"""The logits in what a module gives, whatever its make: the reader's own may give a tuple, a mapping, or only what
follows the last token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def logits_in(output: Any) -> Tensor | None:
    """(batch, n or 1, vocabulary): a tensor, the first of several, or something with `logits`."""
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    if isinstance(output, Mapping):
        output = output.get("logits")
    output = getattr(output, "logits", output)
    return output if isinstance(output, Tensor) and output.ndim == 3 else None


def logits_of(module: nn.Module, ids: Tensor, **named: Any) -> Tensor:
    """ids (batch, n) -> (batch, n or 1, vocabulary), of a module that is known to give logits."""
    found = logits_in(module(ids, **named))
    assert found is not None, "models are tried when they are opened"
    return found


def all_logits_of(module: nn.Module, ids: Tensor, **named: Any) -> Tensor:
    """ids (batch, n) -> (batch, n, vocabulary). Where only the last position's are given, each beginning is read."""
    found = logits_of(module, ids, **named)
    if "decoder_input_ids" in named or found.shape[1] == ids.shape[1]:
        return found
    before = [logits_of(module, ids[:, :n])[:, -1:] for n in range(1, ids.shape[1])]
    return torch.cat([*before, found[:, -1:]], dim=1)
