"""How do the pieces make the whole?

A model is a tree of modules, and most of the tree is one block again and again. Here it is as it stands in memory: what
each part holds, what it gives, how much arithmetic it takes for a token and how much memory. Nothing is drawn by hand:
the parts are those that ran, in the order in which they ran. Vaswani et al. 2017, Figure 1; counting as in Kaplan et
al. 2020, §2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float32

from unrolled.checkpoints import Model
from unrolled.checkpoints.shapes_only import shapes_only
from unrolled.errors import BadInput
from unrolled.figures._architecture_results import Sizes, Whole
from unrolled.figures._architecture_rows import Row, kind_of, opens, rows_of, shape_of
from unrolled.figures._architecture_sums import (
    kept_bytes,
    kept_said,
    operations_at,
    operations_said,
    parameters_said,
    printed,
    total_said,
    weights_said,
)
from unrolled.figures._inputs import Models, Target, Text
from unrolled.figures._knobs import Below, Choice, Range
from unrolled.figures._panel import panel
from unrolled.mathematics import Formula, Symbol
from unrolled.models.families import FAMILIES
from unrolled.models.presets import PRESETS
from unrolled.progress import Progress, Work
from unrolled.provenance import COMPUTED_BY, Provenance
from unrolled.trace.anatomy import Part, anatomy, check_lengths
from unrolled.trace.counting import Counting
from unrolled.trace.flow import sizes_after
from unrolled.trace.kept import Kept, bytes_held, kept_by, kept_by_config

FLOW = 48
"""Tokens that are seen to flow through."""

Context = Annotated[int, Range(1, 1_000_000, log=True)]
Block = Annotated[int, Range(0, 999), Below("n_blocks")]

_COST = Formula(
    r"N_{\mathrm{block}} \approx 4 d^2 + 2 \, d \, d_{\mathrm{ff}}"
    "\n"
    r"C = 2 N_w + 4 n \sum_{l} h_l \, d_k"
    "\n"
    r"M = 2 \, n \, b \sum_{l} h^{\mathrm{kv}}_l \, d_k",
    (
        Symbol(r"N_{\mathrm{block}}", "weights of a block: query, key, value, output; up and down", "a count"),
        Symbol("d", "width of the stream, where queries, keys and values are as wide", "a count"),
        Symbol(r"d_{\mathrm{ff}}", "hidden width of the MLP; a gate adds a third matrix", "a count"),
        Symbol(
            "C", "floating-point operations for one token: two for each weight that it is multiplied with", "a count"
        ),
        Symbol(
            "N_w",
            "weights that every token is multiplied with; looking up a row of a table multiplies nothing",
            "a count",
        ),
        Symbol("n", "tokens that attention looks at", "a count"),
        Symbol("h_l", "heads of layer l", "a count"),
        Symbol("d_k", "width of a head", "a count"),
        Symbol("M", "memory of the keys and values that are kept", "bytes"),
        Symbol(r"h^{\mathrm{kv}}_l", "key and value heads of layer l; fewer than heads where these share", "a count"),
        Symbol("b", "memory of one number", "bytes"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class _Costs:
    """What a whole is made from, besides its rows."""

    name: str
    kept: Kept
    weights_bytes: int
    number_bytes: int
    note: str = ""


@panel(
    formula=_COST,
    source="Vaswani et al. 2017, §3; counting as Kaplan et al. 2020, §2.1",
    shows=(anatomy, Counting, kept_by),
    fits=check_lengths,
)
def model(model: Model, text: Text, target: Target, *, block: Block = 0, context: Context = 1024) -> Work[Whole]:
    """The parts of a loaded model, and the text's tokens on their way through them.

    Args:
        model: any that is open.
        text: what flows through.
        target: what an encoder-decoder's decoder reads; left empty, only the sign that begins it.
        block: which of the blocks that are alike is shown, counted from 0; a number beyond them is the last.
        context: tokens in the text for which operations and memory are counted.
    """
    tokens = model.encode(text)
    two = "target" in model.probes
    read = model.encode_target(target) if two else None
    if read is not None and not len(read):
        raise BadInput(f"{model.name} does not say with which token its decoder begins: type what it reads.")
    parts = yield from parts_of(model)
    rows = rows_of(parts, block, model.vocabulary)
    paths = {part.path for part in parts if part.runs and not part.weight}
    key = (tokens.ids, read and read.ids)  # of all blocks at once, so that turning to another runs nothing again
    found = yield from model.keeping("flow", key, lambda: sizes_after(model, tokens, read, paths, FLOW))
    costs = _Costs(
        name=model.name,
        kept=kept_by(model),
        weights_bytes=bytes_held(model.module),
        number_bytes=model.dtype.itemsize,
        note=_note(len(tokens)),
    )
    strings = (tokens.strings[:FLOW], read.strings[:FLOW] if read is not None else ())
    doors = tuple(opens(row, model.probes, len(model.blocks), len(tokens)) for row in rows)
    flow = _flow(rows, found, len(strings[0]), len(strings[1]))
    return _whole(rows, costs, context, strings, flow, doors)


def _published_by(models: Models, knobs: dict[str, Any]) -> tuple[Provenance, ...]:
    preset = PRESETS[knobs["preset"]]
    said = Provenance(name=f"the shape: {preset.source}", kind="published", version="", device="", dtype="")
    counted = Provenance(
        name="its parts, from modules without numbers", kind="computed", version=COMPUTED_BY, dtype="whole numbers"
    )
    return said, counted


@panel(formula=_COST, source="the paper that published the shape", shows=(anatomy, Counting), sources=_published_by)
def published(
    *,
    preset: Annotated[str, Choice(*PRESETS)] = "transformer-base",
    context: Context = 1024,
    bits: Annotated[int, Choice(32, 16, 8, 4)] = 16,
) -> Whole:
    """The parts of a published model, built from its shape alone: no weights are loaded, so the largest costs nothing.

    Args:
        preset: which one.
        context: tokens in the text for which operations and memory are counted.
        bits: that a weight takes. What is kept of a text is counted at 16.
    """
    shape = PRESETS[preset]
    rows, kept = _preset_rows(preset)
    parameters = sum(row.repeats * row.part.parameters for row in rows)
    costs = _Costs(
        name=shape.title,
        kept=kept,
        weights_bytes=parameters * bits // 8,
        number_bytes=2,
        note=printed(shape, parameters),
    )
    return _whole(rows, costs, context, ((), ()), np.zeros((len(rows), 0), np.float32), ("",) * len(rows))


def _all_sources(models: Models, knobs: dict[str, Any]) -> tuple[Provenance, ...]:
    papers = dict.fromkeys(preset.source.partition(";")[0] for preset in PRESETS.values())
    said = Provenance(name="; ".join(papers), kind="published", version="2017 to 2023", device="", dtype="")
    return (*(model.provenance for model in models), said)


@panel(
    formula=_COST,
    source="the papers that published the shapes",
    shows=(anatomy,),
    sources=_all_sources,
    fits=check_lengths,
)
def sizes(models: Models, *, context: Context = 1024) -> Work[Sizes]:
    """Published shapes from 2017 on, and the loaded models among them: what of each is where.

    Args:
        models: put beside the published ones.
        context: tokens in the text for which operations and memory are counted.
    """
    found = []
    for done, (key, preset) in enumerate(PRESETS.items()):
        yield Progress(done, len(PRESETS), "shapes counted")
        rows, kept = _preset_rows(key)
        facts = {"names": preset.title, "keys": key, "years": preset.year, "said": preset.said}
        facts |= {"sources": preset.source, "layers": preset.config.n_layer, "widths": preset.config.d_model}
        found.append(facts | _summed(rows, kept, context))
    for each in models:
        rows = rows_of((yield from parts_of(each)), 0, each.vocabulary)
        width = next((row.part.tensors[0][1][-1] for row in rows if row.role == "embedding" and row.part.tensors), 0)
        facts = {"names": each.name, "keys": "", "years": 0, "said": "", "sources": "", "layers": len(each.blocks)}
        found.append(facts | {"widths": width} | _summed(rows, kept_by(each), context))
    columns: dict[str, Any] = {name: tuple(facts[name] for facts in found) for name in found[0]}
    columns = {k: v if isinstance(v[0], str) else np.array(v, np.int64) for k, v in columns.items()}
    return Sizes(**columns, context=context)


def parts_of(model: Model) -> Work[tuple[Part, ...]]:
    """A model's parts, kept with it: they do not depend on the text."""

    def look() -> Work[tuple[Part, ...]]:
        yield Progress(0, 1, "looking at the module tree")
        with model.running() as module:
            return anatomy(
                module,
                context=model.context,
                vocabulary=model.vocabulary,
                takes_target="target" in model.probes,
            )

    return (yield from model.keeping("anatomy", "parts", look))


@cache
def _preset_rows(name: str) -> tuple[tuple[Row, ...], Kept]:
    """A published shape's rows. Two blocks are built of each stack, which show that they are alike; the paper says how
    many there are."""
    preset = PRESETS[name]
    family, config = FAMILIES[preset.family], preset.config
    with shapes_only():
        module = family.model(replace(config, n_layer=2)).eval().requires_grad_(False)
    two = family.kind == "pair"
    parts = anatomy(module, context=config.context, vocabulary=config.vocabulary, takes_target=two)
    rows = rows_of(parts, 0, config.vocabulary)
    kept = kept_by_config(config)
    assert kept is not None, "presets are of families that are written out here"
    return tuple(replace(row, repeats=config.n_layer if row.stack else 1) for row in rows), kept


def _whole(
    rows: Sequence[Row],
    costs: _Costs,
    context: int,
    read: tuple[tuple[str, ...], tuple[str, ...]],
    flow: Float32[np.ndarray, "part column"],
    doors: tuple[str, ...],
) -> Whole:
    parts = [row.part for row in rows]
    parameters = [part.parameters for part in parts]
    operations = [operations_at(part, context) for part in parts]
    repeats = np.array([row.repeats for row in rows], np.int64)
    total = int(np.dot(repeats, parameters))
    growing = [value if part.operations.power > 1 else 0 for part, value in zip(parts, operations, strict=True)]
    return Whole(
        model=costs.name,
        read=read[0],
        target_read=read[1],
        names=tuple(row.name for row in rows),
        paths=tuple(part.path for part in parts),
        kinds=tuple(kind_of(row) for row in rows),
        roles=tuple(row.role for row in rows),
        stacks=tuple(row.stack for row in rows),
        blocks=np.array([row.block for row in rows], np.int64),
        repeats=repeats,
        shapes=tuple(shape_of(part) for part in parts),
        parameters=np.array(parameters, np.int64),
        parameters_said=tuple(parameters_said(part) for part in parts),
        operations=np.array(operations, np.int64),
        operations_said=tuple(operations_said(part, context) for part in parts),
        grows=np.array([part.operations.power for part in parts], np.int64),
        joins=np.array([row.joins for row in rows], np.int64),
        opens=doors,
        sizes=flow,
        n_blocks=int(repeats.max(initial=1)),
        context=context,
        total_parameters=total,
        total_parameters_said=total_said(rows, parameters),
        total_operations=int(np.dot(repeats, operations)),
        total_operations_said=total_said(rows, operations),
        attention_operations=int(np.dot(repeats, growing)),
        weights_bytes=costs.weights_bytes,
        weights_said=weights_said(total, costs.weights_bytes),
        kept_bytes=kept_bytes(costs.kept, costs.number_bytes, context),
        kept_said=kept_said(costs.kept, costs.number_bytes, context),
        note=costs.note,
    )


def _summed(rows: Sequence[Row], kept: Kept, context: int) -> dict[str, Any]:
    """A model's row in `sizes`."""
    groups = {"embedding": 0, "attention": 0, "mlp": 0, "rest": 0, "operations": 0, "growing": 0}
    for row in rows:
        groups[_GROUP.get(row.role, "rest")] += row.repeats * row.part.parameters
        work = row.repeats * operations_at(row.part, context)
        groups["operations"] += work
        groups["growing"] += work if row.part.operations.power > 1 else 0
    parameters = sum(groups[name] for name in ("embedding", "attention", "mlp", "rest"))
    return groups | {"parameters": parameters, "kept_bytes": kept_bytes(kept, 2, context)}


_GROUP = {
    **dict.fromkeys(("embedding", "position", "head"), "embedding"),
    **dict.fromkeys(("query", "key", "value", "attention"), "attention"),
    **dict.fromkeys(("mlp", "recurrent"), "mlp"),
}


def _flow(rows: Sequence[Row], found: dict[str, np.ndarray], n: int, m: int) -> Float32[np.ndarray, "part column"]:
    """What was heard, row by row; a table that source and target are both looked up in is shown for the source."""
    table = np.full((len(rows), max(n, m)), np.nan, np.float32)
    for number, row in enumerate(rows):
        columns = {"n": n, "m": m}.get(str(row.part.shape[0]) if row.part.shape else "", 0)
        values = found.get(row.part.path, np.zeros(0)) if not row.part.weight else np.zeros(0)
        if columns and len(values) in (columns, n + m):
            table[number, :columns] = values[:columns]
    return table


def _note(n: int) -> str:
    return f"The first {FLOW} of {n} tokens are shown." if n > FLOW else ""
