"""How a model is told where its tokens stand, and the same model told otherwise: nothing at all, or other places.

Sinusoids and tables are added to what the first block reads, RoPE turns queries and keys, ALiBi changes the scores;
each can be left out, and each can be told to begin elsewhere than at 0. The mask can be put on or taken off as well:
a causal mask alone breaks the symmetry among positions (Haviv et al. 2022, "Transformer Language Models without
Positional Encodings Still Learn Positional Information").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from unrolled.checkpoints.model import Model
from unrolled.errors import ProbeNotFound, TextTooLong
from unrolled.models.gpt import GPT, Place
from unrolled.models.positions import alibi_slopes, sinusoids
from unrolled.models.transformer import Transformer

Scheme = Literal["learned", "sinusoidal", "rope", "alibi", "none"]
_TABLES = ("position_embeddings", "position_embedding", "embed_positions", "wpe")
"""What transformers' models call their table of positions."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Positions:
    """How a model is told positions, and a way to run it that is told them otherwise."""

    scheme: Scheme
    causal: bool
    """Whether its queries see no later key, as it was trained."""
    run: Callable[[Tensor, int | None], Tensor]
    """ids (batch, n), the first one's position (None: the model is told none) -> what its last block leaves, normed if
    the model norms it (batch, n, d_model)."""
    table: Tensor | None = None
    """(position, d_model), what is added to a token's embedding."""
    frequencies: Tensor | None = None
    """(pair,), radians a position by which RoPE turns, or sinusoids run."""
    slopes: Tensor | None = None
    """(head,) of ALiBi."""


def positions_of(model: Model) -> Positions:
    """Found by the model's make. ProbeNotFound, if it is not understood."""
    module = model.module
    if isinstance(module, GPT):
        return _of_gpt(module)
    if isinstance(module, Transformer):
        return _of_encoder(module)
    return _of_hub(model)


def check_mask(model: Model) -> None:
    """ProbeNotFound for one that is not told positions in a way known here, or whose mask cannot be changed."""
    outputs(model, (0, 1), causal=not positions_of(model).causal)


def outputs(
    model: Model, ids: Sequence[int], *, start: int | None = 0, causal: bool | None = None
) -> Float32[np.ndarray, "position d_model"]:
    """`outputs_of` one text."""
    alone: np.ndarray = outputs_of(model, [ids], start=start, causal=causal)[0]
    return alone


def outputs_of(
    model: Model, texts: Sequence[Sequence[int]], *, start: int | None = 0, causal: bool | None = None
) -> Float32[np.ndarray, "text position d_model"]:
    """What comes out at each token of equally long texts, read side by side, the first token standing at `start`.

    `start` None: the model is told no positions. `causal`: whether queries are kept from later keys; None leaves that
    as the model was trained. An encoder-decoder is asked for what its encoder makes. ProbeNotFound, TextTooLong.
    """
    for ids in texts:
        model.check_ids(ids)
    n = len(texts[0])
    if start and start + n > model.context:
        raise TextTooLong(
            f"{n} tokens from position {start} on end at {start + n}; {model.name} reads {model.context:,} at most."
        )
    run = positions_of(model).run
    masking = _Masking(causal) if causal is not None else nullcontext()
    with model.running(), masking:
        out = run(torch.tensor([list(ids) for ids in texts], device=model.device), start)
    if isinstance(masking, _Masking) and not masking.calls:
        raise ProbeNotFound(f"The mask of {model.name} cannot be changed: its attention takes a way of its own.")
    return out.float().cpu().numpy()


def _of_gpt(module: GPT) -> Positions:
    c = module.config

    def run(ids: Tensor, start: int | None) -> Tensor:
        if start is None:
            x = module.embed(ids) * (math.sqrt(c.d_model) if c.positions == "sinusoidal" else 1.0)
            place = Place()
        else:
            x = module.embedded(ids, start)
            place = module.told(start, ids.shape[1], x)
        for layer, block in enumerate(module.blocks):
            x = block(x, place, None, layer)
        return cast(Tensor, module.norm["final"](x))

    table = module.place.weight if module.place is not None else None
    return Positions(
        scheme=c.positions,
        causal=True,
        run=run,
        table=sinusoids(0, c.context, c.d_model) if c.positions == "sinusoidal" else table,
        frequencies=_frequencies(c.d_model) if c.positions == "sinusoidal" else module.frequencies,
        slopes=alibi_slopes(c.n_head) if c.positions == "alibi" else None,
    )


def _of_encoder(module: Transformer) -> Positions:
    c = module.config

    def run(ids: Tensor, start: int | None) -> Tensor:
        x = module.embed(ids) * math.sqrt(c.d_model)
        if start is not None:
            x = x + sinusoids(start, ids.shape[1], c.d_model).to(x)
        real = torch.ones_like(ids, dtype=torch.bool)
        for block in module.encoder.blocks:
            x = block(x, real)
        return cast(Tensor, module.encoder.norm["final"](x))

    return Positions(
        scheme="sinusoidal",
        causal=False,
        run=run,
        table=sinusoids(0, c.context, c.d_model),
        frequencies=_frequencies(c.d_model),
    )


def _frequencies(d_model: int) -> Tensor:
    """Of the sinusoids: pos / 10000^(2i/d_model) is pos times this."""
    return 10_000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)


def _of_hub(model: Model) -> Positions:
    """A model that transformers runs, with one table of positions or with RoPE."""
    body: Any = getattr(model.module, "base_model", None)
    named = list(body.named_modules()) if isinstance(body, nn.Module) else []
    tables = [part for name, part in named if name.split(".")[-1] in _TABLES and isinstance(part, nn.Embedding)]
    turning = [part for _, part in named if type(part).__name__.endswith("RotaryEmbedding")]
    pair = model.ear is not None and model.ear.takes_target
    if pair or len(tables) + min(len(turning), 1) != 1:
        raise ProbeNotFound(
            f"How {model.name} is told positions is not understood here: a decoder or an encoder with one table of"
            " positions or with RoPE is, and so are the families of this package."
        )

    def run(ids: Tensor, start: int | None) -> Tensor:
        with _told(tables, turning, start):
            return cast(Tensor, body(input_ids=ids).last_hidden_state)

    kinds = model.ear.kinds if model.ear is not None else ("self",)
    frequencies = getattr(turning[0], "inv_freq", None) if turning else None
    return Positions(
        scheme="rope" if turning else "learned",
        causal=kinds == ("self",),
        run=run,
        table=tables[0].weight if tables else None,
        frequencies=frequencies,
    )


@contextmanager
def _told(tables: Sequence[nn.Module], turning: Sequence[nn.Module], start: int | None) -> Iterator[None]:
    """A forward pass inside is told to begin at `start`, or nothing."""

    def moved(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        by = start or 0
        ids = tuple(x + by if isinstance(x, Tensor) and not x.is_floating_point() else x for x in inputs)
        return ids, {k: v + by if k == "position_ids" else v for k, v in named.items()}

    def nothing(module: nn.Module, inputs: Any, output: Any) -> Any:
        if isinstance(output, Tensor):
            return torch.zeros_like(output)
        cos, sin = output
        return torch.ones_like(cos), torch.zeros_like(sin)

    with ExitStack() as hooks:
        for part in (*tables, *turning):
            hook = part.register_forward_hook(nothing) if start is None else None
            hooks.callback((hook or part.register_forward_pre_hook(moved, with_kwargs=True)).remove)
        yield


class _Masking(TorchFunctionMode):
    """Puts the causal mask on every fused attention, or takes it off."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self._causal = causal
        self.calls = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        said = dict(kwargs or {})
        if func is F.scaled_dot_product_attention:
            self.calls += 1
            args, said = self._masked(args, said)
        return func(*args, **said)

    def _masked(self, args: tuple[Any, ...], said: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        mask = said.pop("attn_mask", None) if len(args) < 4 else args[3]
        said.pop("is_causal", None)
        n_query, n_key = args[0].shape[-2], args[1].shape[-2]
        past = torch.ones(n_query, n_key, dtype=torch.bool, device=args[0].device).tril(n_key - n_query)
        if mask is None:
            mask = past if self._causal else None
        elif mask.dtype == torch.bool:
            mask = mask & past if self._causal else mask | mask.transpose(-2, -1)
        else:  # ALiBi's penalty, which grows with the distance either way (for encoders its authors mirror it)
            both = torch.where(past, mask, mask.transpose(-2, -1))
            mask = both.masked_fill(~past, -torch.inf) if self._causal else both
        return args[:3], said | {"attn_mask": mask}
