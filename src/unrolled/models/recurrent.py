"""What the recurrent families share: the state that is carried on, the points that are listened to, the way through a
stack of layers, and how weights start that are not the family's own.

As language models the three have one shape: embedding, recurrent layers of one width, a projection back to the width of
the embedding, and the embedding table as head (tied, Press & Wolf 2017), with dropout between the layers and never
along time (Zaremba et al. 2014).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What one layer carries from a token to the next, each (batch, d_hidden): h, and in an LSTM c."""

EVERY = 64
"""Tokens between two snapshots of a long text."""
NEWEST = 16
"""Tokens at the end of a text after each of which a snapshot stays, if the text was read in such steps."""


class RecurrentState:
    """The state after the tokens read so far. A forward pass that was stopped half way leaves it as it was.

    A state cannot be taken back by a token as keys and values can. So each `advance` leaves a snapshot, and `crop`
    falls back to the newest one that is early enough: look at `length` afterwards, 0 at worst.
    """

    def __init__(self) -> None:
        self.length = 0
        self._kept: dict[int, list[State]] = {}

    @property
    def layers(self) -> Sequence[State] | None:
        """Each layer's state; None at the beginning of a text."""
        return self._kept.get(self.length)

    def advance(self, n: int, states: list[State]) -> None:
        """n more tokens count, after which the layers' states are these."""
        self.length += n
        self._kept[self.length] = states
        self._kept = {at: kept for at, kept in self._kept.items() if at > self.length - NEWEST or at % EVERY == 0}

    def crop(self, length: int) -> None:
        """Forgets the positions from `length` on, and those before it that no snapshot ends at."""
        self._kept = {at: kept for at, kept in self._kept.items() if at <= length}
        self.length = max(self._kept, default=0)

    @property
    def n_bytes(self) -> int:
        """Memory taken."""
        return sum(part.nbytes for states in self._kept.values() for state in states for part in state)


class Layer(Protocol):
    """A recurrent layer, called."""

    def __call__(self, x: Tensor, state: State | None, written_out: bool) -> tuple[Tensor, State]:
        """x (batch, n, input), the state before (None: zeros) -> h of every step (batch, n, d_hidden), the state."""


class Points(nn.Module):
    """Named points, where a forward hook hears a value and may give another back."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        for name in names:
            self.add_module(name, nn.Identity())


def through(layers: Iterable[Any], x: Tensor, cache: RecurrentState | None, drop: nn.Module, loop: bool) -> Tensor:
    """x (batch, n, d_embed) -> h of the last layer (batch, n, d_hidden); the states after it go into the cache."""
    before = cache.layers if cache is not None else None
    after: list[State] = []
    for number, layer in enumerate(layers):
        x, state = layer(x, None if before is None else before[number], loop)
        after.append(state)
        x = drop(x)
    if cache is not None:
        cache.advance(x.shape[1], after)
    return x


def listened_to(points: Iterable[nn.Module]) -> bool:
    """Whether any has a hook, forward or backward."""
    return any(p._forward_hooks or p._forward_pre_hooks or p._backward_hooks or p._backward_pre_hooks for p in points)


def called(*points: nn.Module) -> list[Callable[[Tensor], Tensor]]:
    """Each point, or nothing at all where nobody listens: to call one takes as long as a product of two gates."""
    return [point if listened_to((point,)) else _unchanged for point in points]


def _unchanged(x: Tensor) -> Tensor:
    return x


def check_config(config: Any) -> None:
    """ValueError, a sentence, if sizes or dropout cannot be."""
    for name in ("vocabulary", "context", "n_layer", "d_embed", "d_hidden"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name} = {getattr(config, name)} is not possible: 1 at least.")
    if not 0 <= config.dropout < 1:
        raise ValueError(f"dropout = {config.dropout} is not possible: a share from 0 to below 1.")


def check_language_model(config: Any) -> None:
    """As `check_config`, for the three families; how wide their embeddings start, too."""
    check_config(config)
    if not config.initial_range > 0:
        raise ValueError(f"initial_range = {config.initial_range} is not possible: above 0.")


@torch.no_grad()
def start_embedding(embed: nn.Embedding, project: nn.Linear, reach: float, generator: torch.Generator) -> None:
    """The tied table uniform between ±`reach`, the projection as Glorot & Bengio 2010."""
    nn.init.uniform_(embed.weight, -reach, reach, generator=generator)
    nn.init.xavier_uniform_(project.weight, generator=generator)
    nn.init.zeros_(project.bias)


@torch.no_grad()
def start_gates(layer: nn.RNNBase, generator: torch.Generator, recurrent: Callable[[Tensor], object]) -> None:
    """Each gate's matrix on its own: from the input as Glorot & Bengio 2010, from h by `recurrent`; biases 0."""
    from_input, from_hidden, *biases = layer.parameters()
    n_gate = len(from_hidden) // layer.hidden_size
    for block in from_input.chunk(n_gate):
        nn.init.xavier_uniform_(block, generator=generator)
    for block in from_hidden.chunk(n_gate):
        recurrent(block)
    for bias in biases:
        nn.init.zeros_(bias)
