"""Our GPT as a Model: read onwards from its cache, heard at its named points, read out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any

from torch import Tensor, nn

from unrolled.checkpoints.known import GPT_PROBES
from unrolled.checkpoints.model import Model, Readout, Training
from unrolled.checkpoints.prefixes import CachedReader
from unrolled.checkpoints.scaling import scale_heads
from unrolled.models.cache import KeyValueCache
from unrolled.models.gpt import GPT
from unrolled.models.positions import alibi, alibi_slopes
from unrolled.models.weighing import Attention, Factors, Heard, Kind
from unrolled.text import Tokenizer


class GPTEar:
    """Our GPT, heard at its named points; keys and values lie in its cache anyway."""

    kinds: tuple[Kind, ...] = ("self",)
    chunked, takes_target, scalable = True, False, True
    longest: int | None = None

    def __init__(self, module: GPT) -> None:
        self._module = module
        self.sizes: dict[Kind, tuple[int, int]] = {"self": (module.config.n_layer, module.config.n_head)}
        c = module.config
        bias = partial(alibi, alibi_slopes(c.n_head)) if c.positions == "alibi" else None
        self._attention = Attention(
            n_head=c.n_head, n_key_value=c.n_key_value, scaling=c.d_head**-0.5, causal=True, bias=bias
        )

    def new_cache(self, n: int) -> KeyValueCache:
        return KeyValueCache(room=n, n_layer=self._module.config.n_layer)

    def forward(self, ids: Tensor, target: Tensor | None, cache: KeyValueCache, hear: Callable[[Heard], None]) -> None:
        with ExitStack() as hooks:
            for layer, block in enumerate(self._module.blocks):
                heard = partial(self._hear, hear, layer, cache.length)
                hooks.callback(block.attn.q.register_forward_hook(heard).remove)  # type: ignore[union-attr]
            self._module(ids, cache=cache, last_only=True)

    def scaled(self, factors: Factors) -> AbstractContextManager[None]:
        config, blocks = self._module.config, self._module.blocks
        return scale_heads(
            factors, config.n_head, config.d_head, lambda _, layer: blocks[layer].get_submodule("attn.output")
        )

    def _hear(
        self, hear: Callable[[Heard], None], layer: int, start: int, module: nn.Module, inputs: Any, query: Tensor
    ) -> None:
        hear(Heard(kind="self", layer=layer, attention=self._attention, start=start, query=query[0]))


def gpt_readout(module: GPT) -> Readout:
    """Final norm and head."""
    return lambda x: module.logits(module.read_out(module.norm["final"](x)))


def gpt_model(
    module: GPT,
    tokenizer: Tokenizer,
    *,
    name: str,
    architecture: str,
    sha256: str | None,
    training: Training | None = None,
) -> Model:
    """Our GPT with its tokenizer, every probe in place."""
    return Model(
        name=name,
        architecture=architecture,
        module=module,
        reader=CachedReader(module, KeyValueCache),
        blocks=list(module.blocks),
        ear=GPTEar(module),
        readout=gpt_readout(module),
        tokenizer=tokenizer,
        probes=GPT_PROBES,
        context=module.config.context,
        vocabulary=module.config.vocabulary,
        sha256=sha256,
        training=training,
    )
