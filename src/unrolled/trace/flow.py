"""A text on its way through a model: how large each token's vector is after each part."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.checkpoints.prefixes import as_row
from unrolled.progress import Progress, Work
from unrolled.text import Tokens
from unrolled.trace.anatomy import whole_pass


def sizes_after(
    model: Model, tokens: Tokens, target: Tokens | None, paths: Collection[str], most: int
) -> Work[dict[str, Float32[np.ndarray, "token"]]]:
    """Root mean square of the vector that each of these modules gives for each token, in one pass over the first `most`
    tokens; nothing for a module that gives something else."""
    yield Progress(0, 1, "tokens flowing through")
    heard: dict[str, list[Tensor]] = {path: [] for path in paths}
    ids, read = (None if text is None else as_row(text.ids[:most], model.device) for text in (tokens, target))
    assert ids is not None
    with model.running() as module, ExitStack() as hooks:
        for path, values in heard.items():
            hooks.callback(module.get_submodule(path).register_forward_hook(_listening(values)).remove)
        whole_pass(module, ids, read)
    return {path: torch.cat(values).cpu().numpy() for path, values in heard.items() if values}


def _listening(values: list[Tensor]) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) and output else output
        x = getattr(first, "data", first)  # of a packed sequence its rows
        if isinstance(x, Tensor) and x.is_floating_point() and x.ndim in (2, 3) and (x.ndim == 2 or len(x) == 1):
            rows = x.reshape(-1, x.shape[-1]).float()
            values.append(rows.square().mean(dim=1).sqrt())

    return hook
