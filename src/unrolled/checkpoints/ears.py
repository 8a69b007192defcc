"""Ears for transformers models: through the registry of attention functions, or by what the model itself gives back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from unrolled.checkpoints.listening import implementation, listening
from unrolled.errors import ProbeNotFound
from unrolled.models.weighing import Attention, Factors, Heard, Kind

_MAPS: dict[Kind, tuple[str, ...]] = {
    "self": ("decoder_attentions", "attentions"),
    "encoder": ("encoder_attentions", "attentions"),
    "cross": ("cross_attentions",),
}
"""Where a model's output holds its eager weights."""


class HubEar:
    """Queries, keys, and how they become weights, heard through the registry."""

    longest: int | None = None
    scalable = True

    def __init__(self, module: PreTrainedModel, kinds: tuple[Kind, ...], *, chunked: bool) -> None:
        self._module, self.kinds, self.chunked = module, kinds, chunked
        self.takes_target = "cross" in kinds
        self.kind_by_module: dict[int, Kind] = {}
        self.sizes: dict[Kind, tuple[int, int]] = {}
        self.plain = False

    def new_cache(self, n: int) -> DynamicCache | None:
        return DynamicCache() if self.chunked else None  # without a config: layers with a window keep everything too

    def forward(
        self, ids: Tensor, target: Tensor | None, cache: DynamicCache | None, hear: Callable[[Heard], None]
    ) -> None:
        with listening(self._module, self.kind_of, hear=hear, plain=self.plain):
            self._module(**inputs(self._module, ids, target), use_cache=cache is not None, **_past(cache))

    def kind_of(self, module: nn.Module, n_query: int, n_key: int) -> Kind:
        """Which attention a module is; of an encoder-decoder's, as was found out when it was opened."""
        return self.kinds[0] if len(self.kinds) == 1 else self.kind_by_module[id(module)]

    def scaled(self, factors: Factors) -> AbstractContextManager[None]:
        return listening(self._module, self.kind_of, factors=factors)


class EagerEar:
    """Weights that the model gives back itself: n × n, so for short texts only."""

    chunked, scalable = False, False

    def __init__(
        self, module: PreTrainedModel, kinds: tuple[Kind, ...], longest: int, sizes: dict[Kind, tuple[int, int]]
    ) -> None:
        self._module, self.kinds, self.sizes = module, kinds, sizes
        self.longest: int | None = longest
        self.takes_target = "cross" in kinds

    def new_cache(self, n: int) -> None:
        return None

    def forward(self, ids: Tensor, target: Tensor | None, cache: None, hear: Callable[[Heard], None]) -> None:
        for kind, layers in eager_weights(self._module, self.kinds, ids, target).items():
            for layer, weights in enumerate(layers):
                hear(Heard(kind=kind, layer=layer, attention=_given(kind, weights), start=0, weights=weights))

    def scaled(self, factors: Factors) -> AbstractContextManager[None]:
        raise NotImplementedError


def eager_weights(
    module: PreTrainedModel, kinds: Sequence[Kind], ids: Tensor, target: Tensor | None
) -> dict[Kind, list[Tensor]]:
    """kind -> for each layer (head, query, key), as the model's own eager attention gives them. ProbeNotFound."""
    with implementation(module, "eager"):
        out = module(**inputs(module, ids, target), use_cache=False, output_attentions=True)
    found: dict[Kind, list[Tensor]] = {}
    for kind in kinds:
        given = next((maps for name in _MAPS[kind] if (maps := getattr(out, name, None))), None)
        if not given or any(not isinstance(each, Tensor) or each.ndim != 4 for each in given):
            raise ProbeNotFound(f"{type(module).__name__} does not give its attention weights back.")
        found[kind] = [each[0] for each in given]
        n, m = ids.shape[1], (ids if target is None else target).shape[1]
        shape = {"encoder": (n, n), "self": (m, m), "cross": (m, n)}[kind]
        if not all(_are_weights(each, shape) for each in found[kind]):
            raise ProbeNotFound(f"{type(module).__name__} gives back something else than a weight for every key.")
    return found


def _are_weights(maps: Tensor, shape: tuple[int, int]) -> bool:
    """Whether every row could come out of a softmax over all keys; a sink's share may lack."""
    return maps.shape[1:] == shape and bool((maps >= 0).all()) and bool((maps.sum(dim=-1) <= 1.05).all())


def inputs(module: PreTrainedModel, ids: Tensor, target: Tensor | None) -> dict[str, Any]:
    """Arguments of a forward pass that reads `ids`, all positions told, no logits but the last where that goes."""
    said: dict[str, Any] = {"input_ids": ids}
    if "logits_to_keep" in inspect.signature(module.forward).parameters:
        said["logits_to_keep"] = 1
    if target is not None:
        said["decoder_input_ids"] = target
    return said


def _past(cache: DynamicCache | None) -> dict[str, Any]:
    return {} if cache is None else {"past_key_values": cache}


def _given(kind: Kind, weights: Tensor) -> Attention:
    """What can be said of weights whose making is not known."""
    n_head, n_query, _ = weights.shape
    causal = kind == "self" and n_query > 1 and not bool(weights.triu(1).any())
    return Attention(n_head=n_head, n_key_value=n_head, scaling=float("nan"), causal=causal)
