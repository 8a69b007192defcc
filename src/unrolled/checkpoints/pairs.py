"""Our encoder-decoders as a Model with a target: which probes there are, and how their attentions are heard.

All attentions are heard at their named points, as queries and keys; of additive attention also the vector v, which
makes scores of their sums. Without attention there is nothing to hear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.checkpoints.model import Frame, Model, Training
from unrolled.checkpoints.scaling import scale_heads
from unrolled.models import gru, lstm, transformer
from unrolled.models.seq2seq import Additive, Dot, Seq2Seq, Seq2SeqConfig
from unrolled.models.transformer import Transformer, TransformerConfig
from unrolled.models.weighing import Attention, Ear, Factors, Heard, Kind
from unrolled.text import Tokenizer

TARGET = "target"
"""Probe of an encoder-decoder: its decoder reads a text of its own."""

Pair = Seq2Seq | Transformer
PairConfig = Seq2SeqConfig | TransformerConfig


class TransformerEar:
    """The 2017 Transformer, heard at the named points of encoder, decoder and of the attention between them."""

    kinds: tuple[Kind, ...] = ("cross", "encoder", "self")
    chunked, takes_target, scalable = False, True, True
    longest: int | None = None

    def __init__(self, module: Transformer) -> None:
        self._module = module
        config = module.config
        self.sizes: dict[Kind, tuple[int, int]] = dict.fromkeys(self.kinds, (config.n_layer, config.n_head))
        self._scaling = (config.d_model // config.n_head) ** -0.5

    def new_cache(self, n: int) -> None:
        return None

    def forward(self, ids: Tensor, target: Tensor | None, cache: None, hear: Callable[[Heard], None]) -> None:
        with _hooks() as hook:
            for kind in self.kinds:
                for layer, part in enumerate(self._parts(kind)):
                    self._listen(hook, kind, layer, part, hear)
            self._module(ids, target, source_mask=_all_real(ids))

    def scaled(self, factors: Factors) -> AbstractContextManager[None]:
        n_head, d_model = self._module.config.n_head, self._module.config.d_model
        return scale_heads(factors, n_head, d_model // n_head, lambda kind, layer: self._parts(kind)[layer].output)

    def _parts(self, kind: Kind) -> list[Any]:
        stack = self._module.encoder if kind == "encoder" else self._module.decoder
        return [block.cross if kind == "cross" else block.attn for block in stack.blocks]

    def _listen(self, hook: Hook, kind: Kind, layer: int, part: Any, hear: Callable[[Heard], None]) -> None:
        """Keys and values come before the query that looks at them."""
        n_head = self._module.config.n_head
        attention = Attention(n_head=n_head, n_key_value=n_head, scaling=self._scaling, causal=kind == "self")
        kept: dict[str, Tensor] = {}
        hook(part.k, lambda key: kept.update(key=key[0]))
        hook(part.v, lambda value: kept.update(value=value[0]))

        def asked(query: Tensor) -> None:
            key, value = kept["key"], kept["value"]
            hear(Heard(kind=kind, layer=layer, attention=attention, start=0, query=query[0], key=key, value=value))

        hook(part.q, asked)


class AlignmentEar:
    """Attention between a recurrent decoder and its encoder: one layer, one head."""

    kinds: tuple[Kind, ...] = ("cross",)
    chunked, takes_target, scalable = False, True, False
    longest: int | None = None

    def __init__(self, module: Seq2Seq) -> None:
        self._module = module
        self.sizes: dict[Kind, tuple[int, int]] = {"cross": (1, 1)}

    def new_cache(self, n: int) -> None:
        return None

    def forward(self, ids: Tensor, target: Tensor | None, cache: None, hear: Callable[[Heard], None]) -> None:
        heard: dict[str, list[Tensor]] = {"q": [], "k": []}
        with _hooks() as hook:
            for name, values in heard.items():
                hook(self._module.attn.get_submodule(name), values.append)  # type: ignore[union-attr]
            self._module(ids, target, source_mask=_all_real(ids))
        whole = {name: torch.cat(values, dim=1) for name, values in heard.items()}  # (1, n, …): a head's, as batch of 1
        vector = self._module.attn.vector.detach() if isinstance(self._module.attn, Additive) else None
        attention = Attention(n_head=1, n_key_value=1, scaling=1.0, causal=False, additive=vector)  # neither is scaled
        hear(Heard(kind="cross", layer=0, attention=attention, start=0, query=whole["q"], key=whole["k"]))

    def scaled(self, factors: Factors) -> AbstractContextManager[None]:
        raise NotImplementedError


Hook = Callable[[nn.Module, Callable[[Tensor], Any]], None]


@contextmanager
def _hooks() -> Iterator[Hook]:
    """What is given the output of a point is told it until the end of the block."""
    with ExitStack() as hooks:

        def hook(point: nn.Module, told: Callable[[Tensor], Any]) -> None:
            def hear(module: nn.Module, inputs: Any, output: Tensor) -> None:
                told(output)

            hooks.callback(point.register_forward_hook(hear).remove)

        yield hook


def _all_real(ids: Tensor) -> Tensor:
    """One text has no padding, whatever its tokens are."""
    return torch.ones_like(ids, dtype=torch.bool)


def pair_probes(config: PairConfig) -> frozenset[str]:
    """Points that a model of this config has, "target", and "attn" where its attentions can be recorded. Not "logits":
    what comes next is asked of models that read one text."""
    if isinstance(config, TransformerConfig):
        absent = {"logits"} if config.norm_place == "pre" else {"logits", "norm.final"}
        return transformer.PROBES - absent | {"attn", TARGET}
    cell = gru.PROBES if config.cell == "gru" else lstm.PROBES
    attn = set[str]() if config.attention == "none" else {"attn", "attn.q", "attn.k", "attn.weights", "attn.out"}
    return frozenset({TARGET, "memory", *(f"decoder.{probe}" for probe in cell - {"logits"}), *attn})


def pair_model(
    module: Pair,
    tokenizer: Tokenizer,
    *,
    name: str,
    architecture: str,
    sha256: str | None,
    training: Training | None = None,
) -> Model:
    """Our encoder-decoder with its tokenizer: a source is followed by eos, a target begins with bos."""
    config = module.config
    if isinstance(module, Transformer):
        ear: Ear | None = TransformerEar(module)
        blocks: list[nn.Module] = [*module.encoder.blocks, *module.decoder.blocks]
    else:
        ear = AlignmentEar(module) if isinstance(module.attn, Additive | Dot) else None
        blocks = [module.encoder, *module.decoder]
    return Model(
        name=name,
        architecture=architecture,
        module=module,
        reader=None,
        blocks=blocks,
        ear=ear,
        frame=Frame(after=(config.eos_id,), target=(config.bos_id,)),
        why={} if ear is not None else {"attn": "its decoder sees the encoder's last state only."},
        tokenizer=tokenizer,
        probes=pair_probes(config),
        context=config.context,
        vocabulary=config.vocabulary,
        sha256=sha256,
        training=training,
    )
