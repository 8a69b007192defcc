"""What a model is made of, found by running it: its parts in the order in which they run, what each holds, what it
gives, how many operations it takes, and where a sum leads past it.

The text that is run has as many tokens as a prime number that divides no width of the model. So a count says by itself
how it grows: what is divisible by the prime twice is there for every pair of tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.checkpoints.model import Model
from unrolled.errors import ProbeNotFound
from unrolled.models.families import family_of
from unrolled.trace.counting import SUMS, Counting, Product, rnn_products

PAIRS = "pairs"
"""In place of a weight's name: products of activations with one another."""

_PRIMES = (13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 11, 7, 5, 3, 2)
_UNSEEN = (nn.Identity, nn.Dropout, nn.ModuleList, nn.ModuleDict)
"""Have nothing of their own; a hook on one of our named points would make a recurrent layer write its loop out."""


@dataclass(frozen=True)
class Growth:
    """`each` × source tokens to a power × target tokens to a power."""

    each: int = 0
    source: int = 0
    target: int = 0

    def at(self, n: int, m: int | None = None) -> int:
        """For a source of n tokens and a target of m, or as many."""
        return int(self.each * n**self.source * (n if m is None else m) ** self.target)

    @property
    def power(self) -> int:
        """1: as many for every token. 2: for every pair."""
        return self.source + self.target


@dataclass(frozen=True, kw_only=True)
class Part:
    """One module that holds parameters, or one product that a module does itself."""

    path: str
    """Of the module in the tree; "" is the model itself."""
    weight: str
    """The parameter that is multiplied here and lives elsewhere, or PAIRS; "" for the module's own."""
    kind: str
    """Class of the module."""
    tensors: tuple[tuple[str, tuple[int, ...]], ...]
    """Its own parameters: name and shape."""
    shape: tuple[int | str, ...]
    """Of what it gives, without the batch: "n" stands for the tokens of the text or source, "m" for the target's."""
    operations: Growth
    runs: bool
    """Whether it ran at all."""
    joins: int = -1
    """The part to whose result this one's result is added; -1: none."""

    @property
    def parameters(self) -> int:
        """Numbers it holds."""
        return sum(math.prod(shape) for _, shape in self.tensors)


Call = Callable[[int, int | None], object]
"""Runs the whole model on a text of n tokens, and a target of m where there is one."""


def whole_pass(module: nn.Module, ids: Tensor, target: Tensor | None) -> object:
    """One forward pass, whatever the make. ids (1, n), target (1, m) for an encoder-decoder."""
    if target is None:
        return module(ids)
    if family_of(module) is not None:
        return module(ids, target, source_mask=torch.ones_like(ids, dtype=torch.bool))
    return module(input_ids=ids, decoder_input_ids=target)


def anatomy(module: nn.Module, *, context: int, vocabulary: int, takes_target: bool = False) -> tuple[Part, ...]:
    """The parts of a module that reads token ids, in the order in which they run. One short forward pass."""
    n, m = _lengths(module, context, takes_target)
    device = next(module.parameters()).device

    def ids(length: int) -> Tensor:
        return (torch.arange(length)[None] % vocabulary).to(device)

    watch, text, target = _Watch(module), ids(n), ids(m) if takes_target else None
    # where a gradient might follow, no product takes a short cut
    with torch.inference_mode(False), torch.enable_grad(), watch.watching():
        whole_pass(module, text.clone(), None if target is None else target.clone())
    return watch.parts(n, m)


def check_lengths(model: Model) -> None:
    """ProbeNotFound for one whose context is too short to be taken apart."""
    _lengths(model.module, model.context, "target" in model.probes)


def _lengths(module: nn.Module, context: int, two: bool) -> tuple[int, int]:
    """Two primes that divide no width."""
    widths = {size for parameter in module.parameters() for size in parameter.shape}
    fit = [p for p in _PRIMES if p <= context and all(size % p for size in widths)]
    if len(fit) < 1 + two:
        raise ProbeNotFound(
            f"It reads {context} tokens at most, too few to tell how its work grows with a text: that takes as many as"
            " a prime number that divides none of its widths."
        )
    return fit[0], fit[1] if two else 0


@dataclass
class _Row:
    number: int
    path: str
    weight: str
    kind: str
    operations: int = 0
    shape: tuple[int, ...] = ()
    runs: bool = True
    joins: int = -1
    tensors: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)


class _Watch:
    """What has been seen of one forward pass."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._rows: dict[tuple[str, str], _Row] = {}
        self._running: list[str] = [""]
        self._names: dict[int, list[str]] = {}  # of a parameter; tied ones have several
        for name, parameter in module.named_parameters(remove_duplicate=False):
            self._names.setdefault(id(parameter), []).append(name)
        self._from: dict[int, int] = {}  # id of a tensor -> number of the row that it comes from
        self._alive: list[Tensor] = []  # as long as a tensor lives, its id is its own

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Around the forward pass."""
        with ExitStack() as around:
            for path, part in self._module.named_modules():
                if not isinstance(part, _UNSEEN):
                    around.callback(part.register_forward_pre_hook(self._enter(path)).remove)
                    around.callback(part.register_forward_hook(self._leave(path), always_call=True).remove)
            around.enter_context(Counting(self._product, self._made))
            yield

    def parts(self, n: int, m: int) -> tuple[Part, ...]:
        """Every row, with the parameters that it holds; then what did not run."""
        self._hand_out()
        return tuple(_part(row, n, m) for row in self._rows.values())

    def _hand_out(self) -> None:
        """Each parameter to its module's row; else to the one that multiplied with it; else to a row that never ran."""
        for name, parameter in self._module.named_parameters():
            owners = [each.rpartition(".")[0] for each in self._names[id(parameter)]]
            rows = [self._rows[path, ""] for path in owners if (path, "") in self._rows]
            rows += [row for row in self._rows.values() if row.weight.rpartition(".")[0] == owners[0] and row.weight]
            if not rows:
                rows = [self._row(owners[0], "")]
                rows[0].runs = False
            rows[0].tensors.append((name.rpartition(".")[2], tuple(parameter.shape)))

    def _row(self, path: str, weight: str) -> _Row:
        if (path, weight) not in self._rows:
            kind = type(self._module.get_submodule(path)).__name__
            self._rows[path, weight] = _Row(len(self._rows), path, weight, kind)
        return self._rows[path, weight]

    def _enter(self, path: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any) -> None:
            self._running.append(path)
            if next(module.parameters(recurse=False), None) is not None:
                self._row(path, "")

        return hook

    def _leave(self, path: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            self._running.pop()
            row = self._rows.get((path, ""))
            if row is None:
                return
            if isinstance(module, nn.RNNBase):
                row.operations += rnn_products(module, inputs, output).operations
            first = output[0] if isinstance(output, tuple) and output else output
            data = getattr(first, "data", first)
            if isinstance(data, Tensor):
                row.shape = row.shape or tuple(data.shape)
                self._comes_from(first if isinstance(first, Tensor) else data, row.number)

        return hook

    def _product(self, product: Product) -> None:
        path = self._running[-1]
        if isinstance(self._module.get_submodule(path), nn.RNNBase):
            return  # counted as a whole
        known = [self._names[id(x)] for x in product.operands if x.ndim > 1 and id(x) in self._names]
        if known:
            own = path in (name.rpartition(".")[0] for name in known[0])
            row = self._row(path, "" if own else known[0][0])
            row.weight = row.weight or ("" if known[0][0].rpartition(".")[0] == path else known[0][0])
        else:
            only_weights = len(product.operands) == 1  # made from a parameter, such as one rounded to int8
            row = self._row(path, "" if only_weights else PAIRS)
        row.operations += product.operations
        row.shape = row.shape or product.shape

    def _made(self, name: str, out: Any, of: list[Tensor]) -> None:
        if name == "__getitem__" and id(of[0]) in self._names:
            self._looked_up(of[0], out)
        known = sorted({self._from[id(x)] for x in of if id(x) in self._from})
        if not known:
            return
        for x in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(x, Tensor) and id(x) not in self._from:
                self._comes_from(x, known[-1])
        if name in SUMS and len(known) == 2 and out.ndim == 3 and of[0].shape[-2:] == of[1].shape[-2:]:
            list(self._rows.values())[known[1]].joins = known[0]

    def _looked_up(self, table: Tensor, rows: Tensor) -> None:
        """A table of which a module takes rows without asking the module that owns it."""
        path = self._names[id(table)][0].rpartition(".")[0]
        if (path, "") not in self._rows:
            row = self._row(path, "")
            row.shape = tuple(rows.shape)
            self._comes_from(rows, row.number)

    def _comes_from(self, x: Tensor, row: int) -> None:
        self._from[id(x)] = row
        self._alive.append(x)


def _part(row: _Row, n: int, m: int) -> Part:
    operations, shape = _growth(row.operations, n, m), _symbols(row.shape, n, m)
    if operations.target and shape[:1] == (1,):
        shape = ("m", *shape[1:])  # one call a token of the target
    return Part(
        path=row.path,
        weight=row.weight,
        kind=row.kind,
        tensors=tuple(row.tensors),
        shape=shape,
        operations=operations,
        runs=row.runs,
        joins=row.joins,
    )


def _growth(operations: int, n: int, m: int) -> Growth:
    """Taken apart into its primes."""
    powers = []
    for prime in (n, m):
        power = 0
        while prime > 1 and operations and operations % prime == 0:
            operations, power = operations // prime, power + 1
        powers.append(power)
    return Growth(operations, *powers)


def _symbols(shape: tuple[int, ...], n: int, m: int) -> tuple[int | str, ...]:
    """Without the batch of one, tokens by their letters."""
    names: Mapping[int, str] = {n: "n", m: "m"}
    inner = shape[1:] if len(shape) > 2 and shape[0] == 1 else shape
    return tuple(names.get(size, size) for size in inner)
