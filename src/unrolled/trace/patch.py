"""Changing a model while it runs: a head switched off or scaled, a value replaced, a part of a block left out.

A patched model is another `Model` over the same weights. Its changes hold during its own forward passes only, and what
it has read is kept apart, so that whoever asks the unpatched model meanwhile gets the unpatched answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.errors import BadInput, BadKnob, ProbeNotFound
from unrolled.models.families import family_of
from unrolled.models.weighing import Ear, Factors, Kind
from unrolled.trace.switches import NormOff, PartOff, ResidualOff, check_switches, switched

_OF_ALL = ("norm.final", "logits")  # probes outside the blocks
_OF_BLOCKS = ("resid.pre", "resid.post")  # probes that every list of blocks has


@dataclass(frozen=True)
class HeadOff:
    """The head's part of what goes into the output projection is zero."""

    layer: int
    head: int
    kind: Kind | None = None
    """None: the model's own kind, a decoder's "self", an encoder's "encoder", an encoder-decoder's "cross"."""


@dataclass(frozen=True)
class HeadScale:
    """The head's part of what goes into the output projection, times `factor`."""

    layer: int
    head: int
    factor: float
    kind: Kind | None = None


@dataclass(frozen=True, eq=False)
class Replace:
    """A probe's value at positions 0 to n-1 becomes `value` (…, n, width); later positions stay as they are.

    In a recurrent model they go on from what was put in: a state that is replaced is the state.
    """

    probe: str
    layer: int
    value: np.ndarray

    def __post_init__(self) -> None:
        """Keeps a copy, which nobody changes afterwards."""
        value = np.array(self.value)
        value.setflags(write=False)
        object.__setattr__(self, "value", value)


Patch = HeadOff | HeadScale | Replace | PartOff | ResidualOff | NormOff
_SWITCHES = PartOff | ResidualOff | NormOff


@contextmanager
def patched(model: Model, patches: Sequence[Patch]) -> Iterator[Model]:
    """The model with these changes. Of two factors for one head both count. BadInput, BadKnob, ProbeNotFound."""
    if not isinstance(model, Model):
        raise BadInput(f"patched had a value of type {type(model).__name__}; it takes a model that unrolled.open gave.")
    given: Sequence[object] = patches
    if wrong := [each for each in given if not isinstance(each, Patch)]:
        names = ", ".join(kind.__name__ for kind in get_args(Patch))
        raise BadKnob(f"{wrong[0]!r} is no patch; there are {names}.")
    factors = _factors(model, patches)
    places = [_place(model, patch) for patch in patches if isinstance(patch, Replace)]
    switches = [patch for patch in patches if isinstance(patch, _SWITCHES)]
    check_switches(model.blocks, switches, model.name)

    @contextmanager
    def around() -> Iterator[None]:
        with ExitStack() as changes:
            if factors and model.ear is not None:
                changes.enter_context(model.ear.scaled(factors))
            if switches:
                changes.enter_context(switched(model.blocks, switches, model.name))
            if places:
                _replacing(changes, model.module, places)
            yield

    yield model.variant(around, tuple(patches))


def _factors(model: Model, patches: Sequence[Patch]) -> Factors:
    factors: dict[tuple[Kind, int, int], float] = {}
    for patch in patches:
        if not isinstance(patch, HeadOff | HeadScale):
            continue
        ear = _scalable(model)
        kind = patch.kind or ear.kinds[0]
        if kind not in ear.sizes:
            raise BadKnob(f"{model.name} has no {kind!r} attention; it has {', '.join(map(repr, ear.kinds))}.")
        n_layer, n_head = ear.sizes[kind]
        if not (0 <= patch.layer < n_layer and 0 <= patch.head < n_head):
            raise BadKnob(
                f"There is no head {patch.layer}.{patch.head}: {model.name} has layers 0 to {n_layer - 1} with heads"
                f" 0 to {n_head - 1}."
            )
        place = (kind, patch.layer, patch.head)
        factors[place] = factors.get(place, 1.0) * (0.0 if isinstance(patch, HeadOff) else patch.factor)
    return factors


def _scalable(model: Model) -> Ear:
    if model.ear is None:
        said = model.why.get("attn", "it has no attention.")
        raise ProbeNotFound(f"{model.name} has no heads that are known: {said}")
    if not model.ear.scalable:
        raise ProbeNotFound(f"The heads of {model.name} can be looked at, and not be switched off: it gives maps only.")
    return model.ear


def _place(model: Model, patch: Replace) -> tuple[nn.Module, bool, Tensor]:
    """The module, whether it is its input, and the value."""
    ours = family_of(model.module)
    there = list(_OF_BLOCKS) if ours is None else sorted(ours.probes)
    if patch.probe not in there:
        raise ProbeNotFound(f"{model.name} has no probe {patch.probe!r} to replace; it has {', '.join(there)}.")
    if patch.probe not in _OF_ALL and not 0 <= patch.layer < len(model.blocks):
        raise BadKnob(f"There is no layer {patch.layer}: {model.name} has layers 0 to {len(model.blocks) - 1}.")
    value = torch.tensor(patch.value, dtype=model.dtype, device=model.device)
    if ours is None:
        return model.blocks[patch.layer], patch.probe == "resid.pre", value
    root: nn.Module = model.module if patch.probe in _OF_ALL else model.blocks[patch.layer]
    return root.get_submodule(patch.probe), False, value


def _replacing(changes: ExitStack, root: nn.Module, places: Sequence[tuple[nn.Module, bool, Tensor]]) -> None:
    start = 0
    steps: Counter[nn.Module] = Counter()  # of points that are passed through once a step

    def begin(module: nn.Module, inputs: Any, named: dict[str, Any]) -> None:
        nonlocal start
        cache = named.get("cache") or named.get("past_key_values")
        start = 0 if cache is None else cache.length if hasattr(cache, "length") else int(cache.get_seq_length())
        steps.clear()

    def position(module: nn.Module, is_step: bool) -> int:
        """Of the first of the values that pass now."""
        steps[module] += is_step
        return start + steps[module] - is_step

    changes.callback(root.register_forward_pre_hook(begin, with_kwargs=True).remove)
    for module, is_input, value in places:
        changes.callback(_hooked(module, is_input, value, position).remove)


def _hooked(module: nn.Module, is_input: bool, value: Tensor, position: Callable[[nn.Module, bool], int]) -> Any:
    def replaced(x: Tensor) -> Tensor:
        is_step = x.ndim == 2  # (batch, width), of a recurrent model; (…, n, width) of all others
        start = position(module, is_step)
        if is_step:
            return value[..., start, :].expand_as(x) if start < value.shape[-2] else x
        part = value[..., start : start + x.shape[-2], :]
        n = part.shape[-2]
        return x if n == 0 else torch.cat([part.expand_as(x[..., :n, :]), x[..., n:, :]], dim=-2)

    def before(_: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if inputs:
            return (replaced(inputs[0]), *inputs[1:]), named
        return inputs, named | {"hidden_states": replaced(named["hidden_states"])}

    def after(_: nn.Module, inputs: Any, output: Any) -> Any:
        return replaced(output) if isinstance(output, Tensor) else (replaced(output[0]), *output[1:])

    if is_input:
        return module.register_forward_pre_hook(before, with_kwargs=True)
    return module.register_forward_hook(after)
