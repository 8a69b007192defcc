"""One unit of a recurrent layer at one token, as arithmetic: every sum that it takes, and what becomes of them.

The largest products are told one by one and the others together, so that the printed terms add up to the printed sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float64

from unrolled.checkpoints import Model
from unrolled.errors import BadKnob
from unrolled.figures import _arithmetic
from unrolled.figures._inputs import Models
from unrolled.figures._long_sums import long_sum, squashed
from unrolled.figures._panel import Axes
from unrolled.progress import Work
from unrolled.provenance import Provenance
from unrolled.trace import States, record_states
from unrolled.trace.unit_sums import UnitSum, squash_of, unit_sums

LISTED = 4  # products told one by one, of the input's and of the state's
PARTS = ("state", "input", "forget", "candidate", "output", "reset", "update", "candidate_input", "candidate_state")
_HALVES = ("candidate_input", "candidate_state")
Lines = Annotated[tuple[str, ...], Axes("line")]
Line = tuple[str, str]
"""What is worked out, and how."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The sums behind one unit of a layer at one token."""

    model: str
    """Whose unit it is."""
    tokens: Annotated[tuple[str, ...], Axes("token")]
    """The text as this model reads it."""
    token: int
    """At which of them, from 0."""
    unit: int
    """Which unit, from 0."""
    layer: int
    """Of which layer, from 0."""
    n_layer: int
    """Layers of the model: where the knob `layer` ends."""
    n_unit: int
    """Units of a layer: where the knob `unit` ends."""
    n_token: int
    """Tokens of the text: where the knob `token` ends."""
    parts: Annotated[tuple[str, ...], Axes("part")]
    """The sums that there are: one for a simple RNN, one a gate otherwise."""
    part: str
    """The one whose terms are listed."""
    terms: Annotated[tuple[str, ...], Axes("term")]
    """Its terms: x[i] is a number that the layer reads, h[i] one of its own from the token before."""
    term_values: Float64[np.ndarray, "term"]
    """Each term, a product or the sum of the products that are not listed. Unitless."""
    total: float
    """Their sum."""
    squash: str
    """What stands around the sum: tanh, relu or sigmoid; nothing yet around each of a candidate's two sums."""
    value: float
    """What the gate or the state makes of it."""
    names: Lines
    """What each line works out."""
    lines: Lines
    """The arithmetic from the sums to h."""
    h: float
    """The unit's h after this token, as the model has it in float32."""
    h_before: float
    """And before it; 0 before the first."""


def unit_of(models: Models, which: int, text: str, layer: int, unit: int, token: int, part: str) -> Work[Unit]:
    """The panel `unit` of recurrence and of gates."""
    model = chosen(models, which)
    states = yield from states_of(model, text)
    token = len(states.tokens.ids) - 1 if token < 0 else token
    sums = unit_sums(model, states, layer, unit, token)
    names = tuple(each.name for each in sums)
    if part and part not in names:
        raise BadKnob(f"part was {part}; a unit of {model.name} has {', '.join(names)}.")
    shown = sums[names.index(part) if part else 0]
    terms = [*_products(shown), *_others(shown)]
    lines = list(_lines(model, states, sums, layer, unit, token))
    return Unit(
        model=model.name,
        tokens=states.tokens.strings,
        token=token,
        unit=unit,
        layer=layer,
        n_layer=len(states.h),
        n_unit=states.h.shape[2],
        n_token=states.h.shape[1],
        parts=names,
        part=shown.name,
        terms=tuple(name for name, _ in terms),
        term_values=np.array([value for _, value in terms]),
        total=shown.total,
        squash="" if shown.name in _HALVES else squash_of(model, layer, shown.name)[0],
        value=_squashed(model, layer, shown),
        names=tuple(name for name, _ in lines),
        lines=tuple(line for _, line in lines),
        h=float(states.h[layer, token, unit]),
        h_before=_before(states.h, layer, token, unit),
    )


def chosen(models: Models, which: int) -> Model:
    """The model whose unit is asked for. BadKnob, if there are fewer."""
    if which >= len(models):
        raise BadKnob(f"which was {which}; {len(models)} models were given, counted from 0.")
    return models[which]


def whose(models: tuple[Model, ...], knobs: dict[str, int]) -> tuple[Provenance, ...]:
    """Of the models side by side only one is asked."""
    return (models[knobs["which"]].provenance,)


def states_of(model: Model, text: str) -> Work[States]:
    """The recording of this text; the last few are kept with the model."""
    return (yield from model.keeping("states", text, lambda: record_states(model, model.encode(text))))


def _squashed(model: Model, layer: int, each: UnitSum) -> float:
    """After its sigmoid or tanh; the two sums of a candidate are squashed together, not each."""
    if each.name in _HALVES:
        return each.total
    return squash_of(model, layer, each.name)[1](each.total)


def _products(each: UnitSum) -> list[Line | tuple[str, float]]:
    """The largest products, by name."""
    found: list[Line | tuple[str, float]] = []
    for letter, numbers, weights in (("x", each.x, each.w_x), ("h", each.h, each.w_h)):
        found += [(f"{letter}[{at}]", float(numbers[at] * weights[at])) for at in _largest(numbers * weights)]
    return found


def _others(each: UnitSum) -> list[tuple[str, float]]:
    """The products that are not listed, together, and the bias."""
    found = []
    for letter, products in (("x", each.x * each.w_x), ("h", each.h * each.w_h)):
        listed = len(_largest(products))
        left = len(products) - listed
        if left > 0:
            rest = float(products.sum() - products[_largest(products)].sum())
            found.append((f"{left} {'other ' if listed else ''}products of {letter}", rest))
    return [*found, ("bias", each.bias)]


def _largest(products: np.ndarray) -> np.ndarray:
    order: np.ndarray = np.argsort(-np.abs(products), kind="stable")[:LISTED]
    listed: np.ndarray = order[products[order] != 0]
    return listed


def _sum_line(each: UnitSum, decimals: int) -> str:
    at_x, at_h = _largest(each.x * each.w_x), _largest(each.h * each.w_h)
    left = [*each.x[at_x], *each.h[at_h]]
    right = [*each.w_x[at_x], *each.w_h[at_h]]
    return long_sum(left, right, _others(each), decimals)


def _lines(
    model: Model, states: States, sums: tuple[UnitSum, ...], layer: int, unit: int, token: int
) -> Iterator[Line]:
    """Every gate's sum and what is made of it, then how they meet."""
    values: dict[str, float] = {}
    for each in sums:
        if each.name in _HALVES:
            values[each.name] = each.total
            yield f"{each.name.replace('_', ' from ')}, the sum", _sum_line(each, 6)
            continue
        name, function = squash_of(model, layer, each.name)
        said, decimals = squashed(each.total, name, function)
        values[each.name] = function(each.total)
        yield f"{each.name}, the sum", _sum_line(each, decimals)
        yield "h" if each.name == "state" else each.name, said
    if "forget" in values:
        yield from _of_lstm(values, _before(states.c, layer, token, unit))
    elif "update" in values:
        yield from _of_gru(values, _before(states.h, layer, token, unit))


def _of_lstm(gates: dict[str, float], c: float) -> Iterator[Line]:
    """c = f c + i g, then h = o tanh(c)."""
    yield (
        "c = forget × c before + input × candidate",
        _arithmetic.product_sum([gates["forget"], gates["input"]], [c, gates["candidate"]]),
    )
    cell = gates["forget"] * c + gates["input"] * gates["candidate"]
    yield "tanh of c", squashed(cell, "tanh", lambda x: float(np.tanh(x)))[0]
    yield "h = output × tanh of c", _arithmetic.product_sum([gates["output"]], [float(np.tanh(cell))])


def _of_gru(gates: dict[str, float], h: float) -> Iterator[Line]:
    """The candidate, where it is made of two sums, then h = (1 - z) n + z h."""
    if "candidate" not in gates:
        total = gates["candidate_input"] + gates["reset"] * gates["candidate_state"]
        said, decimals = squashed(total, "tanh", lambda x: float(np.tanh(x)))
        read = [("candidate from input", gates["candidate_input"])]
        name = "reset × candidate from state + candidate from input"
        yield name, long_sum([gates["reset"]], [gates["candidate_state"]], read, decimals)
        yield "candidate", said
        gates = gates | {"candidate": float(np.tanh(total))}
    z = gates["update"]
    yield (
        "h = (1 − update) × candidate + update × h before",
        _arithmetic.product_sum([1 - z, z], [gates["candidate"], h]),
    )


def _before(values: np.ndarray | None, layer: int, token: int, unit: int) -> float:
    """After the token before; 0 before the first."""
    return float(values[layer, token - 1, unit]) if values is not None and token else 0.0
