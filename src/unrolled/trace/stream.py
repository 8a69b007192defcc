"""The residual stream, heard before, between and after the parts of the blocks; all positions, or those asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.errors import BadKnob, ProbeNotFound
from unrolled.models.gpt import Block

Point = Literal["pre", "mid", "post", "attn", "mlp"]
"""Of a block: before its attention, between attention and MLP, after the MLP; and what each of the two writes."""

Place = tuple[int, Point]


class Stream:
    """What has been heard so far: (block, point) -> (positions, d_model)."""

    def __init__(self, n: int, places: dict[Place, nn.Module], positions: Sequence[int] | None = None) -> None:
        """`n`: positions of the text. `positions`: those to keep, each once, going up; None for all."""
        self._n, self._places = n, places
        self._positions = None if positions is None else torch.tensor(list(positions), dtype=torch.long)
        self.heard: dict[Place, Tensor] = {}

    @contextmanager
    def listening(self, start: int) -> Iterator[None]:
        """Around a forward pass that reads on from position `start`."""
        with ExitStack() as hooks:
            for place, module in self._places.items():
                if place[1] == "pre":
                    hook = module.register_forward_pre_hook(self._input(place, start), with_kwargs=True)
                else:
                    hook = module.register_forward_hook(self._output(place, start))
                hooks.callback(hook.remove)
            yield

    def _input(self, place: Place, start: int) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            self._hear(place, start, inputs[0] if inputs else named["hidden_states"])

        return hook

    def _output(self, place: Place, start: int) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            self._hear(place, start, output if isinstance(output, Tensor) else output[0])

        return hook

    def _hear(self, place: Place, start: int, x: Tensor) -> None:
        n = x.shape[1]
        if self._positions is None:
            at, rows = torch.arange(start, start + n), torch.arange(n)
        else:
            at = torch.nonzero((self._positions >= start) & (self._positions < start + n))[:, 0]
            rows = self._positions[at] - start
        if place not in self.heard:
            total = self._n if self._positions is None else len(self._positions)
            self.heard[place] = x.new_empty(total, x.shape[2])
        self.heard[place][at.to(x.device)] = x[0, rows.to(x.device)]


def all_places(model: Model) -> dict[Place, nn.Module]:
    """Every point of every block; "mid" where the parts of a block are known."""
    places: dict[Place, nn.Module] = {}
    for number, block in enumerate(model.blocks):
        places[number, "pre"] = places[number, "post"] = block
        if isinstance(block, Block):
            places[number, "mid"] = block.resid["mid"]
    return places


def last_place(model: Model) -> dict[Place, nn.Module]:
    """After the last block: what the final norm and the head read."""
    return {(len(model.blocks) - 1, "post"): model.blocks[-1]}


def check_readable(model: Model) -> None:
    """ProbeNotFound, if the residual stream is not known."""
    if model.readout is None:
        raise ProbeNotFound(
            f"{model.name} has no probe 'resid': its final norm and head were not found, so nothing between its blocks"
            " can be read out."
        )


def check_positions(positions: Sequence[int], n: int) -> None:
    """BadKnob, if one is not in the text."""
    if not positions:
        raise BadKnob("No position was asked for: name at least one.")
    if not (min(positions) >= 0 and max(positions) < n):
        raise BadKnob(f"Positions go from 0 to {n - 1}; {min(positions)} to {max(positions)} were asked for.")
