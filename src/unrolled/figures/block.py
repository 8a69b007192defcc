"""What do the FFN, the residuals and the norms do?

A Transformer is one block, again and again: attention, then a feed-forward network (FFN), each adding what it found to
a stream that runs through, each reading a normed copy of it. Here is who writes what into that stream, what goes on
inside the FFN, why the norm stands where it does, and what a trained model says when one of these is switched off.
Vaswani et al. 2017, §3.1, §3.3; He et al. 2016; Ba et al. 2016; Xiong et al. 2020.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch

from unrolled.checkpoints import Model
from unrolled.errors import BadInput
from unrolled.figures._block_formulas import DEPTH, FFN, STREAM, WITHOUT
from unrolled.figures._block_results import Activations, Depth, EachLayer, Without, Written
from unrolled.figures._block_without import (
    KINDS,
    divergence,
    in_words,
    said_of,
    said_without,
    switches_of,
)
from unrolled.figures._block_words import IN_WORDS, length_of_sum, shared_out, unit_in_words
from unrolled.figures._inputs import Text
from unrolled.figures._knobs import Below, Choice, Range
from unrolled.figures._panel import panel
from unrolled.progress import Progress, Work
from unrolled.text import Tokens
from unrolled.trace.activations import FUNCTIONS, Layers, mlps
from unrolled.trace.activations import activations as heard_in
from unrolled.trace.depth import ARRANGEMENTS, Start, run_stack
from unrolled.trace.each_block import losses_without_each
from unrolled.trace.switches import Switch, switched
from unrolled.trace.writes import Writer, Writes, writes

START = {"text": "The capital of France is", "models": ["smollm2"]}
Back = Annotated[int, Range(0, 1023), Below("count")]
Layer = Annotated[int, Range(0, 127), Below("layers")]
LISTED = 12  # units, and next tokens before and after
SIDE, BINS, POINTS = 5.0, 50, 101  # of the functions' picture
_NAMES = {"attn": "attention", "mlp": "FFN", "block": "block"}


@panel(needs=("resid",), formula=STREAM, source="Vaswani et al. 2017, §3.1; Elhage et al. 2021", shows=(writes,))
def stream(model: Model, text: Text, *, back: Back = 0) -> Work[Written]:
    """How long the residual stream is after each part of each block, and who wrote what into it.

    Args:
        model: whose stream.
        text: what it reads.
        back: which token to look at, counted back from the last; further than the text goes is its first.
    """
    tokens = model.encode(text)
    token = _token(tokens, back)
    found: Writes = yield from model.keeping("writes", tokens.ids, lambda: writes(model, tokens))
    names = tuple(_named(writer) for writer in found.writers)
    lengths = found.before * found.written
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = np.where(lengths > 0, found.meets / lengths, np.nan)
    return Written(
        **_read(tokens),
        token=token,
        writers=names,
        additive=found.additive,
        written=found.written,
        stream=found.after,
        cosine=cosine,
        along=found.along,
        arithmetic=tuple(_sentence(found, i, token) for i in range(len(names))),
        shared=shared_out(names, found.along[:, token]) if found.additive else "",
    )


def _read(tokens: Tokens) -> dict[str, Any]:
    spans = np.array(tokens.spans, dtype=np.int64).reshape(-1, 2)
    return {"tokens": tokens.strings, "token_spans": spans, "count": len(tokens)}


def _token(tokens: Tokens, back: int) -> int:
    """Its place from 0; further back than the text goes is its first."""
    return max(0, len(tokens) - 1 - back)


def _named(writer: Writer) -> str:
    part, layer = writer
    return part if part == "embedding" else f"{_NAMES[part]} {layer}"


def _sentence(found: Writes, i: int, token: int) -> str:
    before, meets, written = (float(x[i, token]) for x in (found.before, found.meets, found.written))
    if i == 0:
        return f"the embedding alone, {written:.4f}"
    if not found.additive:
        return f"{written:.4f} was written, and the sum normed again to {found.after[i, token]:.4f}"
    return length_of_sum(before, meets, written)


@panel(
    needs=("mlp.act",),
    formula=FFN,
    source="Vaswani et al. 2017, §3.3; Hendrycks & Gimpel 2016; Shazeer 2020; Li et al. 2023",
    shows=(heard_in,),
)
def feed_forward(
    model: Model,
    text: Text,
    *,
    layer: Layer = 0,
    back: Back = 0,
    below: Annotated[float, Range(0, 1, step=0.01)] = 0.1,
    carry: Annotated[float, Range(0.5, 0.99, step=0.01)] = 0.9,
) -> Work[Activations]:
    """What enters the non-linearity, what leaves it, how sparse that is layer by layer, and which units write most.

    Args:
        model: whose FFNs.
        text: what it reads.
        layer: the FFN to look into; a number beyond them is the last.
        back: which token's units to list, counted back from the last; further than the text goes is its first.
        below: an activation counts as small up to this share of the root mean square of its token's.
        carry: share of an FFN's sum of squares that its largest units are to hold together.
    """
    tokens = model.encode(text)
    token = _token(tokens, back)
    layer = max(0, min(layer, len(mlps(model)) - 1))
    found = yield from heard_in(model, tokens, layer=layer, below=below, carry=carry)
    mlp: Any = mlps(model)[layer]
    counts, edges = np.histogram(found.sums, bins=BINS, range=(-SIDE, SIDE))
    z = np.linspace(-SIDE, SIDE, POINTS)
    kinds = ("relu", "gelu_tanh" if found.kind == "gelu_tanh" else "gelu", "swiglu")
    return Activations(
        **_read(tokens),
        token=token,
        layers=len(found.zero),
        layer=layer,
        d_model=int(mlp.down.weight.shape[0]),
        d_ff=found.sums.shape[1],
        parameters=sum(weight.numel() for part in (mlp.up, mlp.down, getattr(mlp, "gate", None)) if part is not None
                       for weight in (part.weight, part.bias) if weight is not None),
        kind=IN_WORDS[found.kind][0],
        z=z,
        functions=tuple(IN_WORDS[kind][1] for kind in kinds),
        curves=np.stack([FUNCTIONS[kind](torch.from_numpy(z)).numpy() for kind in kinds]),
        edges=edges,
        histogram=counts / found.sums.size,
        outside=1 - float(counts.sum()) / found.sums.size,
        zero=found.zero,
        negative=found.negative,
        small=found.small,
        carriers=found.carriers,
        **_units(found, token),
    )  # fmt: skip


def _units(found: Layers, token: int) -> dict[str, Any]:
    """The units that write most at a token."""
    written = np.abs(found.values[token]) * found.lengths
    best = np.argsort(-written, kind="stable")[:LISTED]
    sums, factors, values = found.sums[token, best], found.factors[token, best], found.values[token, best]
    rows = zip(sums.tolist(), factors.tolist(), values.tolist(), found.lengths[best].tolist(), strict=True)
    return {
        "units": best.astype(np.int64),
        "sums": sums,
        "values": values,
        "writes": written[best],
        "arithmetic": tuple(unit_in_words(found.kind, *row) for row in rows),
    }


@panel(
    formula=DEPTH,
    source="Xiong et al. 2020, §3; Ba et al. 2016; He et al. 2016; Dong et al. 2021",
    shows=(run_stack, switched),
)
def depth(
    *,
    n_layer: Annotated[int, Range(2, 48)] = 12,
    start: Annotated[Start, Choice("xavier", "gpt-2")] = "xavier",
    d_model: Annotated[int, Choice(32, 64, 128)] = 64,
    seed: Annotated[int, Range(0, 9999)] = 0,
) -> Work[Depth]:
    """How long the gradient is at each depth of an untrained stack, with the norm here, there, or nowhere.

    Args:
        n_layer: blocks, of attention and an FFN each.
        start: how matrices begin: as in 2017 (Xavier), or as GPT-2's (small, and smaller the deeper the stack).
        d_model: width of the stream.
        seed: of the first weights and of the tokens.
    """
    found = []
    for number, arrangement in enumerate(ARRANGEMENTS):
        yield Progress(number, len(ARRANGEMENTS), f"forward and back, {arrangement}")
        found.append(run_stack(arrangement, n_layer, d_model, start, seed))
    return Depth(
        arrangements=ARRANGEMENTS,
        loss=np.array([each.loss for each in found]),
        gradient=np.stack([each.gradient for each in found]),
        weights=np.stack([each.weights for each in found]),
        stream=np.stack([each.stream for each in found]),
        apart=np.stack([each.apart for each in found]),
        parameters=found[0].parameters,
    )


@panel(
    needs=("resid", "norm.mlp", "logits"),
    formula=WITHOUT,
    source="He et al. 2016; Ba et al. 2016; Xiong et al. 2020",
    shows=(switched, said_without),
)
def without(
    model: Model,
    text: Text,
    *,
    off: Annotated[str, Choice(*KINDS)] = "residuals",
    part: Annotated[str, Choice("both", "attention", "FFN")] = "both",
    layer: Layer = 0,
    blocks: Annotated[int, Range(1, 128)] = 1,
) -> Work[Without]:
    """What becomes of the text's loss and of the next token when part of some blocks is switched off.

    Args:
        model: whose blocks.
        text: what it reads.
        off: what is left out: what attention writes, what the FFN writes, the residuals, or the norms' division.
        part: of residuals and norms, whose: attention's, the FFN's, or both.
        layer: the first block in which it is off; a number beyond them is the last.
        blocks: in how many blocks from there on.
    """
    tokens = model.encode(text)
    before = yield from model.keeping("block said", tokens.ids, lambda: said_of(model, tokens))
    layer = max(0, min(layer, len(model.blocks) - 1))
    switches = switches_of(off, range(layer, max(min(len(model.blocks), layer + blocks), layer + 1)), part)
    after = yield from said_without(model, tokens, switches)
    sure = np.nan_to_num(after.probabilities)
    listed = list(dict.fromkeys([*np.argsort(-before.probabilities)[:LISTED], *np.argsort(-sure)[:LISTED]]))
    read = _read(tokens)
    del read["count"]
    return Without(
        **read,
        layers=len(model.blocks),
        off=tuple(map(in_words, switches)),
        finite=bool(np.isfinite(after.probabilities).all() and np.isfinite(after.surprisal[1:]).all()),
        surprisal_before=before.surprisal,
        surprisal_after=after.surprisal,
        loss_before=before.loss,
        loss_after=after.loss,
        top_strings=tuple(model.tokenizer.piece(int(id_)) for id_ in listed),
        before=before.probabilities[listed],
        after=after.probabilities[listed],
        kl_bits=divergence(before.probabilities, after.probabilities),
        stream_before=before.stream,
        stream_after=after.stream,
    )


@panel(needs=("resid", "norm.mlp", "logits"), formula=WITHOUT, source="Veit et al. 2016", shows=(losses_without_each,))
def each_layer(model: Model, text: Text) -> Work[EachLayer]:
    """What the loss becomes when something is switched off in one block alone, for every block.

    Args:
        model: whose blocks.
        text: what it reads, two tokens at least.
    """
    tokens = model.encode(text)
    if len(tokens) < 2:
        raise BadInput(f"“{text}” is one token for {model.name}; a loss needs a second one. Type another word.")
    before = yield from model.keeping("block said", tokens.ids, lambda: said_of(model, tokens))
    kinds = [partial(_alone, kind) for kind in KINDS]
    loss = yield from model.keeping("each block", tokens.ids, lambda: losses_without_each(model, tokens, kinds))
    read = _read(tokens)
    del read["count"]
    return EachLayer(
        **read, kinds=tuple(KINDS), loss_before=before.loss, loss=loss, uniform=math.log2(model.vocabulary)
    )


def _alone(kind: str, layer: int) -> list[Switch]:
    return switches_of(kind, [layer])
