"""In which parallel step each cell of a model can be computed, found out on the model itself.

A cell is what one layer holds at one position. Each is disturbed in turn, and the cells that change are those that wait
for it. A cell's step is the longest chain of cells that it waits for, itself included: with enough processors that many
steps, one after the other, are needed before it is there, and no fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.errors import ProbeNotFound
from unrolled.models.families import family_of
from unrolled.progress import Progress, Work, stop_if_cancelled

_SEEN = 1e-4  # of a layer's largest value: a change by less may be rounding


def check_blocks(model: Model) -> None:
    """ProbeNotFound for one whose layers are not known."""
    if not model.blocks:
        raise ProbeNotFound(
            f"{model.name} has no list of blocks that was found: what its layers hold is not known here."
        )


def first_steps(model: Model, ids: list[int]) -> Work[Int64[np.ndarray, "layer position"]]:
    """The first parallel step, from 1, in which each layer's cell at each position can be there."""
    check_blocks(model)
    waits = yield from waiting_for(model, ids)
    steps = np.ones(waits.shape[:2], dtype=np.int64)
    while True:
        after = np.where(waits, steps[None, None] + 1, 1).max(axis=(2, 3))
        if np.array_equal(after, steps):
            return steps
        steps = after


def waiting_for(model: Model, ids: list[int]) -> Work[Bool[np.ndarray, "layer position cause place"]]:
    """Whether cell (layer, position) changes when cell (cause, place) of its own layer or of the one below is
    disturbed. Of farther cells nothing need be known: whoever waits for them waits for one in between."""
    n_layer, n = len(model.blocks), len(ids)
    rows = torch.tensor([ids] * (n + 1), dtype=torch.long, device=model.device)  # row i is disturbed at i, the last not
    waits = np.zeros((n_layer, n, n_layer, n), dtype=bool)
    for layer in range(n_layer):
        yield Progress(layer, n_layer, "layers disturbed")
        stop_if_cancelled()
        heard = _heard(model, rows, layer)
        for reader, values in heard.items():
            changed = (values[:-1] - values[-1:]).abs().amax(dim=2) > _SEEN * values[
                -1
            ].abs().max()  # (place, position)
            waits[reader, :, layer, :] = changed.T.cpu().numpy()
        waits[layer, np.arange(n), layer, np.arange(n)] = False  # itself
    return waits


class _Enough(Exception):
    """What was wanted has been heard."""


def _heard(model: Model, rows: Tensor, layer: int) -> dict[int, Tensor]:
    """What this layer and the next hold, (row, position, width) each, when row i of this layer is disturbed at i."""
    heard: dict[int, Tensor] = {}
    last = min(layer + 1, len(model.blocks) - 1)

    def hear(number: int, values: Tensor) -> None:
        heard[number] = values.float()
        if number == last:
            raise _Enough

    with model.running() as module, _listening(model, layer, last, hear), suppress(_Enough):
        module(rows)
    return heard


@contextmanager
def _listening(model: Model, layer: int, last: int, hear: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Hooks that disturb one layer and tell what it and the next give."""
    recurrent = "h" in model.probes and family_of(model.module) is not None
    with ExitStack() as hooks:
        if recurrent:
            hooks.callback(model.blocks[layer].get_submodule("h").register_forward_hook(_Disturbing()).remove)
        else:
            hooks.callback(model.blocks[layer].register_forward_hook(_disturb_all).remove)
        for number in {layer, last}:
            hook = model.blocks[number].register_forward_hook(lambda _, __, out, at=number: hear(at, _values(out)))
            hooks.callback(hook.remove)
        yield


def _values(output: Any) -> Tensor:
    """A block gives its values alone, or first in a tuple."""
    values: Tensor = output if isinstance(output, Tensor) else output[0]
    return values


def _disturbance(values: Tensor) -> Tensor:
    """As large as the last row's values are, which nobody disturbs, the same each time: a GRU hands on what lies far
    outside its range, and measured by all rows a disturbance would grow with every token."""
    random = torch.Generator().manual_seed(0)
    return torch.randn(values.shape[-1], generator=random).to(values) * values[-1].abs().max().clamp(min=1e-3)


def _disturb_all(module: nn.Module, inputs: Any, output: Any) -> Any:
    """Row i of a block's output changes at position i."""
    values = _values(output).clone()
    places = torch.arange(values.shape[1], device=values.device)
    values[places, places] += _disturbance(values)
    return values if isinstance(output, Tensor) else (values, *output[1:])


class _Disturbing:
    """Row i of a recurrent layer's h changes after token i, before the next token is read."""

    def __init__(self) -> None:
        self._token = 0

    def __call__(self, module: nn.Module, inputs: Any, h: Tensor) -> Tensor:
        """h (row, unit) of one token."""
        changed = h.clone()
        changed[self._token] += _disturbance(h)
        self._token += 1
        return changed
