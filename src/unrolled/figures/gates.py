"""What does an LSTM or GRU keep?

A gate is a row of numbers between 0 and 1, worked out anew for each token, by which another row is multiplied: 0 lets
nothing through, 1 everything. Some gates say what of the old state stays. Here are all gates of a trained LSTM and GRU
on the reader's own text, and how much of each unit is left at the end of it. Hochreiter & Schmidhuber 1997; Gers et
al. 2000; Cho et al. 2014.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from jaxtyping import Float64, Int64

from unrolled.checkpoints import Model
from unrolled.errors import BadKnob
from unrolled.figures._gates_results import GateMap, Survival
from unrolled.figures._inputs import Models, Text
from unrolled.figures._knobs import Below, Choice, Hidden, Offered, Range
from unrolled.figures._panel import panel
from unrolled.figures._unit import PARTS, Unit, states_of, unit_of, whose
from unrolled.mathematics import Formula, Symbol
from unrolled.progress import Work
from unrolled.trace import States
from unrolled.trace.survival import half_lives, keeper_of, shares_left
from unrolled.trace.unit_sums import unit_sums

GATES = ("keeps", "forget", "update", "input", "reset", "output", "candidate", "cell", "h")
"""What the map can show. `keeps` is the gate that multiplies the old state, whatever its name."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
START = {
    "text": "The old man sat by the window and looked out at the rain, which had not stopped since the morning. He",
    "models": ["lstm", "gru"],
}
Layer = Annotated[int, Range(0, 99), Below("n_layer")]


_GATES = Formula(
    r"\mathrm{LSTM}: \quad c_t = f_t \circ c_{t-1} + i_t \circ g_t \qquad h_t = o_t \circ \tanh c_t"
    "\n"
    r"\mathrm{GRU}: \quad h_t = z_t \circ h_{t-1} + (1 - z_t) \circ n_t"
    "\n"
    r"f_t = \sigma\left(W_f x_t + U_f h_{t-1} + b_f\right)",
    (
        Symbol("c_t", "the cell: what an LSTM carries on besides h, by addition", "d_hidden"),
        Symbol("f_t, i_t, o_t", "forget, input and output gate, each as f here with weights of its own", "d_hidden"),
        Symbol("g_t, n_t", "candidate: what might be written, between −1 and 1", "d_hidden"),
        Symbol("z_t", "update gate; here, as in torch and Cho et al., 1 keeps the old state", "d_hidden"),
        Symbol(r"\sigma", "1/(1 + e^−a), between 0 and 1", ""),
        Symbol("W_f, U_f, b_f", "weights and bias of one gate", "d_hidden × d_input, d_hidden × d_hidden, d_hidden"),
        Symbol(r"\circ", "number by number", ""),
    ),
)
_SURVIVAL = Formula(
    r"\left.\frac{\partial c_T}{\partial c_t}\right|_{\mathrm{direct}} = \prod_{s=t+1}^{T} f_s"
    "\n"
    r"t_{1/2} = \frac{\ln 2}{-\frac{1}{T-1} \sum_{s=2}^{T} \ln f_s}",
    (
        Symbol("f_s", "forget gate of a unit at token s; in a GRU its update gate", "a number from 0 to 1"),
        Symbol("c_t", "the unit's cell after token t; in a GRU its state", "a number"),
        Symbol("T", "tokens of the text", "a count"),
        Symbol("t_{1/2}", "tokens until half is left, at the mean pace", "tokens"),
        Symbol(r"\mathrm{direct}", "gates and candidate held fixed, though they depend on the state too", ""),
    ),
)


@panel(
    needs=("gate.candidate",),
    formula=_GATES,
    source="Hochreiter & Schmidhuber 1997; Gers et al. 2000; Cho et al. 2014, §2.3",
    shows=(states_of,),
)
def gates(
    models: Models,
    text: Text,
    *,
    gate: Annotated[str, Choice(*GATES), Offered("gates")] = "keeps",
    layer: Layer = 0,
    units: Annotated[int, Range(4, 256)] = 32,
    last: Annotated[int, Range(1, 128)] = 32,
) -> Work[GateMap]:
    """One gate on every token, unit by unit: where it opens, where it shuts.

    Args:
        models: up to four LSTMs and GRUs, side by side.
        text: what they read.
        gate: which one; “keeps” is what multiplies the old state, an LSTM's forget gate or a GRU's update gate.
        layer: counted from 0.
        units: how many to show.
        last: how many of the last tokens to show.
    """
    rows: list[dict[str, Any]] = []
    found_of = []
    for model in models:
        found = yield from states_of(model, text)
        check_layer(model, layer, found)
        found_of.append(found)
        rows.append(_map(model, found, gate, layer, units, last))
    offered = [name for name in GATES if any(name in _values(found) for found in found_of)]
    if gate not in offered:
        raise BadKnob(f"gate was {gate}; {' and '.join(model.name for model in models)} have {', '.join(offered)}.")
    columns = {name: tuple(row[name] for row in rows) for name in rows[0]}
    return GateMap(**columns, gates=tuple(offered), n_layer=min(len(found.h) for found in found_of))


@panel(
    needs=("gate.candidate",),
    formula=_SURVIVAL,
    source="Gers et al. 2000, §3; Cho et al. 2014, §2.3",
    shows=(shares_left, half_lives),
)
def survival(
    models: Models,
    text: Text,
    *,
    layer: Layer = 0,
    unit: Annotated[int, Range(-1, 9_999), Below("n_unit")] = -1,
    longest: Annotated[int, Range(0, 12)] = 4,
    last: Annotated[int, Range(1, 128)] = 32,
) -> Work[Survival]:
    """What is left at the end of what was in the cell before: the product of the gates that kept it.

    Args:
        models: up to four LSTMs and GRUs, side by side.
        text: what they read.
        layer: counted from 0.
        unit: one unit to draw besides, counted from 0; −1 draws none.
        longest: how many units to draw one by one, those that keep most.
        last: how many of the last tokens to show.
    """
    rows: list[dict[str, Any]] = []
    sizes = []
    for model in models:
        found = yield from states_of(model, text)
        check_layer(model, layer, found)
        sizes.append(found.h.shape)
        rows.append(_survival(model, found, layer, unit, longest, last))
    columns = {name: tuple(row[name] for row in rows) for name in rows[0]}
    n_layer, _, n_unit = (min(each) for each in zip(*sizes, strict=True))
    return Survival(**columns, quantiles=np.array(QUANTILES), n_layer=n_layer, n_unit=n_unit)


@panel(
    needs=("gate.candidate",),
    formula=_GATES,
    source="Gers et al. 2000; Cho et al. 2014; models/lstm.py, gru.py",
    shows=(unit_of, unit_sums),
    sources=whose,
)
def unit(
    models: Models,
    text: Text,
    *,
    layer: Layer = 0,
    unit: Annotated[int, Range(-1, 9_999), Below("n_unit")] = -1,
    token: Annotated[int, Range(-1, 99_999), Below("n_token")] = -1,
    part: Annotated[str, Choice("", *PARTS), Offered("parts")] = "",
    which: Annotated[int, Range(0, 3), Hidden()] = 0,
) -> Work[Unit]:
    """The arithmetic of one unit at one token: the sum of each gate, and how they meet.

    Args:
        models: of which one is asked.
        text: what it reads.
        layer: counted from 0.
        unit: which number of the state, from 0; −1 is the first as well.
        token: after which token, from 0; −1 is the last.
        part: which of the sums to draw.
        which: of the models, from 0.
    """
    return (yield from unit_of(models, which, text, layer, max(0, unit), token, part))


def _values(found: States) -> dict[str, np.ndarray]:
    """(layer, token, unit) of everything that there is to be seen, by its name here."""
    cell = {} if found.c is None else {"cell": found.c}
    return {"keeps": found.gates[keeper_of(found)], **found.gates, **cell, "h": found.h}


def _map(model: Model, found: States, gate: str, layer: int, units: int, last: int) -> dict[str, Any]:
    """What is shown of one model."""
    there = _values(found)
    strings = found.tokens.strings
    first = max(0, len(strings) - last)
    signed = gate in ("candidate", "cell", "h")
    values = there[gate][layer, first:] if gate in there else np.zeros((len(strings) - first, 0), np.float32)
    order = _through(np.abs(values).mean(axis=0), units) if values.size else np.zeros(0, np.int64)
    share = values.size > 0 and not signed
    return {
        "tokens": strings,
        "columns": strings[first:],
        "first": first,
        "shows": (keeper_of(found) if gate == "keeps" else gate) if gate in there else "",
        "why": "" if gate in there else f"{model.name} has no {gate}: it has {', '.join([*found.gates, 'h'])}.",
        "signed": signed,
        "values": np.ascontiguousarray(values.T[order]),
        "units": order,
        "mean": float(values.mean()) if values.size else float("nan"),
        "open_share": float((values > 0.9).mean()) if share else float("nan"),
        "closed_share": float((values < 0.1).mean()) if share else float("nan"),
        "n_unit": found.h.shape[2],
    }


def _through(size: Float64[np.ndarray, "unit"], units: int) -> Int64[np.ndarray, "unit"]:
    """So many units evenly through their order from the largest to the smallest: no end of it is left out."""
    order = np.argsort(-size, kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, min(units, len(order))).round().astype(np.int64))]


def _survival(model: Model, found: States, layer: int, unit: int, longest: int, last: int) -> dict[str, Any]:
    """What is shown of one model."""
    gate = keeper_of(found)
    kept = found.gates[gate][layer]
    if unit >= kept.shape[1]:
        raise BadKnob(f"unit was {unit}; {model.name} has units 0 to {kept.shape[1] - 1}, and −1 for none.")
    strings = found.tokens.strings
    first = max(0, len(strings) - last)
    left, halves = shares_left(kept)[first:], half_lives(kept)
    best = np.argsort(-left[0], kind="stable")[:longest]
    drawn = np.array(list(dict.fromkeys([*best.tolist(), *([unit] if unit >= 0 else [])])), dtype=np.int64)
    return {
        "tokens": strings,
        "columns": strings[first:],
        "first": first,
        "gate": gate,
        "left": np.quantile(left, QUANTILES, axis=1),
        "units": drawn,
        "left_of_unit": np.ascontiguousarray(left.T[drawn]),
        "half_life": halves[drawn],
        "median_half_life": float(np.median(halves)),
        "longest_half_life": float(halves.max()),
    }


def check_layer(model: Model, layer: int, found: States) -> None:
    """BadKnob, where the model ends before."""
    if layer >= len(found.h):
        raise BadKnob(f"layer was {layer}; {model.name} has layers 0 to {len(found.h) - 1}.")
