"""What is in the state?

A recurrent network reads one token at a time and carries a row of numbers along: its state, which is all that it keeps
of the text. Here is that state for the reader's own text, unit by unit; the sum behind any one number; what becomes of
it when two words change places; what can be read back out of it; and why it has to be made one step at a time. Elman
1990.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

import numpy as np

from unrolled.checkpoints import Model
from unrolled.errors import BadKnob
from unrolled.figures._inputs import Models, Text
from unrolled.figures._knobs import Below, Choice, Hidden, Offered, Range
from unrolled.figures._order import bag_of, compared, swapped, words_of
from unrolled.figures._panel import panel
from unrolled.figures._reading_back import probe_of, read_at_the_end, summed_up
from unrolled.figures._recurrence_rates import recording
from unrolled.figures._recurrence_results import ReadBack, StateMap, Swapped, Wavefront
from unrolled.figures._unit import PARTS, Unit, states_of, unit_of, whose
from unrolled.mathematics import Formula, Symbol
from unrolled.progress import Work
from unrolled.provenance import Provenance
from unrolled.trace.readback import FURTHEST, Part, fit_probe, ridge
from unrolled.trace.unit_sums import unit_sums
from unrolled.trace.wavefront import check_blocks, first_steps

START = {"text": "The cat sat on the", "models": ["rnn", "lstm", "gru"]}
Layer = Annotated[int, Range(0, 99), Below("n_layer")]
Which = Annotated[int, Range(0, 3), Hidden()]
LONGEST = 8  # tokens whose cells are disturbed

_STATE = Formula(
    r"h_t = \tanh\left(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}\right)",
    (
        Symbol("x_t", "what the layer reads: the embedding of token t, or h of the layer below", "d_input"),
        Symbol("h_t", "the state after token t; all zeros before the first", "d_hidden"),
        Symbol("W_{ih}", "how it takes in what it reads", "d_hidden × d_input"),
        Symbol("W_{hh}", "how it takes over what it held", "d_hidden × d_hidden"),
        Symbol("b_{ih}, b_{hh}", "biases", "d_hidden"),
    ),
)
_UNIT = Formula(
    r"a_u = \sum_{i} W_{ih}[u, i]\, x_t[i] + \sum_{j} W_{hh}[u, j]\, h_{t-1}[j] + b[u]"
    "\n"
    r"h_t[u] = \tanh(a_u)",
    (
        Symbol("a_u", "the sum of unit u; an LSTM has four, a GRU three or four, one a gate", "a number"),
        Symbol("x_t[i]", "the i-th number that the layer reads", "a number"),
        Symbol("h_{t-1}[j]", "the j-th of its own numbers, after the token before", "a number"),
        Symbol("b[u]", "both biases together", "a number"),
    ),
)
_ORDER = Formula(
    r"\Delta = h_T(x') - h_T(x)"
    "\n"
    r"\frac{1}{T} \sum_{t=1}^{T} E[x'_t] = \frac{1}{T} \sum_{t=1}^{T} E[x_t]",
    (
        Symbol("x, x'", "the text's T tokens, and the same with two words exchanged", "T"),
        Symbol("h_T(x)", "the state after the last of them", "d_hidden"),
        Symbol(r"\Delta", "how the state differs", "d_hidden"),
        Symbol("E[x_t]", "embedding of a token; their mean knows no order", "d_embed"),
    ),
)
_READ_BACK = Formula(
    r"\hat{y}_d = \bar{y}_d + Y_d^{\top} X \left(X^{\top} X + \lambda I\right)^{-1} (s - \bar{s})",
    (
        Symbol("s", "the state that is read", "units"),
        Symbol(r"\bar{s}", "mean of the states that the probe was fitted on", "units"),
        Symbol("X", "those states, less their mean", "samples × units"),
        Symbol("Y_d", "which token stood d steps before each of them: 1 for that one, else 0", "samples × tokens"),
        Symbol(r"\bar{y}_d", "how frequent each of these tokens was", "tokens"),
        Symbol(r"\lambda", "penalty: a hundredth of the mean diagonal of XᵀX", "a number"),
        Symbol(r"\hat{y}_d", "what speaks for each token; the largest is read out", "tokens"),
    ),
)
_WAVEFRONT = Formula(
    r"s(c) = 1 + \max_{c' \to c} s(c')"
    "\n"
    r"S_{\mathrm{recurrent}} = L + n - 1 \qquad S_{\mathrm{attention}} = L",
    (
        Symbol("c", "a cell: what one layer holds at one token", ""),
        Symbol(r"c' \to c", "c waits for c'; the maximum over nothing is 0", ""),
        Symbol("s(c)", "the step in which c can be there", "a count"),
        Symbol("L", "layers", "a count"),
        Symbol("n", "tokens", "a count"),
        Symbol("S", "steps in all, which the picture finds by disturbing cells", "a count"),
    ),
)


@panel(needs=("h",), formula=_STATE, source="Elman 1990; models/rnn.py, lstm.py, gru.py", shows=(states_of,))
def states(
    models: Models,
    text: Text,
    *,
    layer: Layer = 0,
    units: Annotated[int, Range(4, 256)] = 32,
    last: Annotated[int, Range(1, 128)] = 32,
) -> Work[StateMap]:
    """The state after each token: every column is what the layer knows at that point.

    Args:
        models: up to four, side by side.
        text: what they read.
        layer: counted from 0; the first reads the embeddings.
        units: how many to show, those that vary most.
        last: how many of the last tokens to show.
    """
    rows: list[dict[str, Any]] = []
    n_layer = 99
    for model in models:
        found = yield from states_of(model, text)
        n_layer = min(n_layer, len(found.h))
        check_layer(model, layer, len(found.h))
        first = max(0, found.h.shape[1] - last)
        h = found.h[layer, first:]
        spread = h.std(axis=0, dtype=np.float64)
        order = np.argsort(-spread, kind="stable")[:units]
        strings = found.tokens.strings
        rows.append(
            {
                "tokens": strings,
                "columns": strings[first:],
                "first": first,
                "h": np.ascontiguousarray(h.T[order]),
                "units": order.astype(np.int64),
                "spread": spread[order],
                "n_unit": h.shape[1],
            }
        )
    return StateMap(**in_columns(rows), n_layer=n_layer)


@panel(needs=("h",), formula=_UNIT, source="Elman 1990; models/rnn.py", shows=(unit_of, unit_sums), sources=whose)
def unit(
    models: Models,
    text: Text,
    *,
    layer: Layer = 0,
    unit: Annotated[int, Range(0, 9_999), Below("n_unit")] = 0,
    token: Annotated[int, Range(-1, 99_999), Below("n_token")] = -1,
    part: Annotated[str, Choice("", *PARTS), Offered("parts")] = "",
    which: Which = 0,
) -> Work[Unit]:
    """The row-times-column sum behind one unit at one token, for each gate that it has, down to h.

    Args:
        models: of which one is asked.
        text: what it reads.
        layer: counted from 0.
        unit: which number of the state, from 0.
        token: after which token, from 0; −1 is the last.
        part: which of the sums to draw.
        which: of the models, from 0.
    """
    return (yield from unit_of(models, which, text, layer, unit, token, part))


@panel(needs=("h", "logits"), formula=_ORDER, source="Elman 1990", shows=(swapped, compared, bag_of))
def order(
    models: Models,
    text: Text,
    *,
    first: Annotated[int, Range(0, 999), Below("n_words")] = 1,
    second: Annotated[int, Range(0, 999), Below("n_words")] = 2,
    layer: Layer = 0,
    top_n: Annotated[int, Range(1, 20)] = 6,
) -> Work[Swapped]:
    """Two words change places: does the state notice, does what comes next, and does a bag of words?

    Args:
        models: up to four, side by side.
        text: what they read, two words at least.
        first: one of the two words, counted from 0.
        second: the other one.
        layer: whose state is compared, counted from 0.
        top_n: how many next tokens to list for each of the two texts.
    """
    words = words_of(text)
    other = swapped(text, first, second)
    rows = []
    for model in models:
        found = yield from compared(model, text, other, layer, top_n)
        rows.append(found)
    return Swapped(words=words, n_words=len(words), swapped_text=other, **in_columns(rows))


def _whence(models: tuple[Model, ...], knobs: dict[str, Any]) -> tuple[Provenance, ...]:
    """The models, and the probe that is fitted now."""
    fitted = [model.provenance for model in models]
    name = "probe fitted to states on the package’s fiction, tested on a book of its own"
    return (*fitted, Provenance(name=name, kind="computed", version=fitted[0].version, dtype="float32", seed=0))


@panel(
    needs=("h",),
    formula=_READ_BACK,
    source="Hoerl & Kennard 1970 (ridge); Hewitt & Liang 2019 (control)",
    shows=(fit_probe, ridge),
    sources=_whence,
)
def readback(
    models: Models,
    text: Text,
    *,
    reads: Annotated[str, Choice("everything", "h")] = "everything",
    furthest: Annotated[int, Range(1, FURTHEST)] = 12,
) -> Work[ReadBack]:
    """What is left of each token in the state some steps later, as far as a linear probe can read it.

    Args:
        models: up to four, side by side.
        text: whose last tokens are read back from its end.
        reads: all that is carried on (h of all layers, in an LSTM also c), or h of the last layer alone.
        furthest: how many steps to look back.
    """
    rows = []
    for model in models:
        tokens = model.encode(text)
        probe = yield from probe_of(model, cast(Part, reads))
        own = read_at_the_end(model, probe, cast(Part, reads), tokens, furthest)
        rows.append(summed_up(probe, furthest) | own)
    return ReadBack(distances=np.arange(furthest + 1), **in_columns(rows))


def _recorded(models: tuple[Model, ...], knobs: dict[str, Any]) -> tuple[Provenance, ...]:
    """The models, and the recording of speeds."""
    return (*(model.provenance for model in models), recording().provenance)


@panel(
    needs=("logits",),
    formula=_WAVEFRONT,
    source="Vaswani et al. 2017, Table 1 (sequential operations)",
    claim="sequential_steps",
    shows=(first_steps,),
    sources=_recorded,
    fits=check_blocks,
)
def wavefront(
    models: Models, text: Text, *, step: Annotated[int, Range(1, 999), Below("last_step")] = 1
) -> Work[Wavefront]:
    """One step at a time against all at once: which cells can be there after how many parallel steps.

    Args:
        models: up to four, side by side; recurrent or not.
        text: of which the first 8 tokens are read.
        step: how many steps have been taken.
    """
    rows: list[dict[str, Any]] = []
    for model in models:
        tokens = model.encode(text)
        ids = list(tokens.ids[:LONGEST])
        steps = yield from model.keeping("wavefront", tuple(ids), lambda: first_steps(model, ids))  # noqa: B023
        rows.append(
            {
                "tokens": tokens.strings[:LONGEST],
                "steps": steps,
                "n_steps": int(steps.max()),
                "cells": steps.size,
                "ready": int((steps <= step).sum()),
                "by_length": np.maximum.accumulate(steps.max(axis=0)),
            }
        )
    rates = recording().rates
    return Wavefront(
        **in_columns(rows),
        last_step=max(row["n_steps"] for row in rows) + 1,
        recorded=tuple(each.family for each in rates),
        recorded_work=tuple(each.work for each in rates),
        recorded_rate=np.array([each.gflops for each in rates]),
        recorded_share=np.array([each.share for each in rates]),
        recorded_where=recording().where,
    )


def check_layer(model: Model, layer: int, n_layer: int) -> None:
    """BadKnob, where the model ends before."""
    if layer >= n_layer:
        raise BadKnob(f"layer was {layer}; {model.name} has layers 0 to {n_layer - 1}.")


def in_columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One dict a model -> one tuple a field."""
    return {name: tuple(row[name] for row in rows) for name in rows[0]}
