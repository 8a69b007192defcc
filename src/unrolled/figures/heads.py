"""What does each head look at?

A model asks dozens of questions of a text at once, in every layer, and nobody told it which. Here are all its heads on
the reader's own text; each is also scored on texts whose right answers are known, and named only where the scores
allow it. Vaswani et al. 2017, §3.2.2; Clark et al. 2019; Olsson et al. 2022.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from unrolled.checkpoints import Model
from unrolled.errors import BadInput, BadKnob, ProbeNotFound
from unrolled.figures._head_ablation import heads_named, said_of
from unrolled.figures._head_labels import UNCLASSIFIED, labels_of
from unrolled.figures._head_probing import scores_of, too_short
from unrolled.figures._head_results import Ablation, Found, Map, Overview
from unrolled.figures._head_scores import SCORES
from unrolled.figures._inputs import Target, Text
from unrolled.figures._knobs import Choice, Hidden, Length, Offered, Range
from unrolled.figures._panel import panel
from unrolled.figures._tracing import check_head, navigation, occurrences, thumbnails, trace_of
from unrolled.mathematics import Formula, Symbol
from unrolled.progress import Work
from unrolled.text import Tokens
from unrolled.trace import HeadOff, Kind, Trace, patched

Layer = Annotated[int, Range(0, 999), Hidden()]  # the picture has its own steppers, which know how many there are
Head = Annotated[int, Range(0, 999), Hidden()]
WhichKind = Annotated[str, Choice("", "self", "encoder", "cross"), Offered("kinds")]
Place = Annotated[int, Range(0, 1_000_000), Hidden()]

SIDE = 32  # rows and blocks of a thumbnail at most
BEST = 12  # heads listed by `find`
LISTED = 8  # next tokens listed by `ablate`, before and after

_HEAD = Formula(
    r"\mathrm{head}_h = \operatorname{softmax}\left(\frac{\query{Q}_h \key{K}_h^{\top}}{\sqrt{d_h}} + M\right)"
    r" \value{V}_h"
    "\n"
    r"\mathrm{MultiHead} = \left[\mathrm{head}_1, \ldots, \mathrm{head}_H\right] W_O",
    (
        Symbol(r"\query{Q}_h, \key{K}_h, \value{V}_h", "queries, keys and values of head h", "tokens × d_h"),
        Symbol("d_h", "width of a head, d_model / H as a rule", "a count"),
        Symbol("M", "mask: what a query may not see is −∞", "tokens × tokens"),
        Symbol("H", "heads of the layer", "a count"),
        Symbol("W_O", "puts the heads' findings back into the stream", "H d_h × d_model"),
    ),
)
_LOSS = Formula(
    r"L = -\frac{1}{n-1} \sum_{t=2}^{n} \ln p(x_t \mid x_1 \ldots x_{t-1})"
    "\n"
    r"D = \sum_i p_i \log_2 \frac{p_i}{q_i}",
    (
        Symbol("x_t", "the t-th of the text's n tokens", "a token"),
        Symbol("L", "loss, in nats a token", "a number"),
        Symbol("p, q", "what comes next, with all heads on and with some off", "vocabulary"),
        Symbol("D", "how far the second is from the first, in bits", "a number"),
    ),
)
_SCORE = Formula(
    r"s = \frac{\bar{a} - \bar{u}}{1 - \bar{u}}",
    (
        Symbol(r"\bar{a}", "mean attention on a pattern's keys", "a share"),
        Symbol(r"\bar{u}", "what an even spread over all visible keys would put there", "a share"),
        Symbol("s", "the score: 0 is chance, 1 is all of it", "a number"),
    ),
)


@panel(needs=("attn",), formula=_SCORE, source="Clark et al. 2019, §3–4; Olsson et al. 2022", shows=(labels_of,))
def overview(
    model: Model,
    text: Text,
    target: Target,
    *,
    kind: WhichKind = "",
    scoring: Annotated[bool, Hidden()] = True,
) -> Work[Overview]:
    """Every head on the text, small, each with its scores and, where they allow one, a name.

    Args:
        model: whose heads.
        text: what it reads.
        target: what its decoder reads, if it has one besides an encoder.
        kind: which attention: a decoder's own (self), an encoder's, or from decoder to encoder (cross).
        scoring: also score the heads; without, all stay unclassified.
    """
    trace = yield from trace_of(model, text, target)
    chosen = _kind(trace, kind)
    too_little = too_short(model)
    scored = scoring and not (too_little or chosen == "cross" or trace.target is not None)
    scores = (yield from model.keeping("scores", chosen, lambda: scores_of(model, chosen))) if scored else None
    queries, block, pictures = yield from thumbnails(trace, chosen, SIDE)
    empty = np.full((len(SCORES), trace.n_layer(chosen), trace.n_head(chosen)), np.nan, dtype=np.float32)
    asking, asked = trace.tokens_of(chosen)
    others = asking if chosen == "cross" else None
    return Overview(
        tokens=asked.strings,
        token_spans=_spans(asked),
        query_tokens=others.strings if others else (),
        query_token_spans=_spans(others),
        **_of_kinds(trace, chosen),
        thumbnails=pictures,
        thumbnail_queries=queries,
        block_size=block,
        score_names=SCORES,
        scores=scores.mean.astype(np.float32) if scores else empty,
        scores_low=scores.low.astype(np.float32) if scores else empty,
        scores_high=scores.high.astype(np.float32) if scores else empty,
        labels=labels_of(scores) if scores else _unnamed(empty.shape[1:]),
        unscored=scores.unscored if scores else too_little,
    )


@panel(needs=("attn",), formula=_HEAD, source="Vaswani et al. 2017, §3.2.2", shows=(Trace.weights,))
def map(  # noqa: A001 - the panel's name
    model: Model,
    text: Text,
    target: Target,
    *,
    layer: Layer = 0,
    head: Head = 0,
    kind: WhichKind = "",
    size: Annotated[int, Range(1, 512), Hidden()] = 256,
    first_query: Place = 0,
    first_key: Place = 0,
) -> Work[Map]:
    """One head's weights, exact, and the whole of it in small to find one's way by.

    Args:
        model: whose head.
        text: what it reads.
        target: what its decoder reads, if it has one besides an encoder.
        layer: counted from 0.
        head: counted from 0 within its layer.
        kind: which attention: self, encoder or cross.
        size: rows and columns of the tile at most.
        first_query: the tile's first row.
        first_key: the tile's first column.
    """
    trace = yield from trace_of(model, text, target)
    chosen = _kind(trace, kind)
    check_head(model, trace, chosen, layer, head)
    n_query, n_key = trace.shape(chosen)
    if first_query >= n_query or first_key >= n_key:
        raise BadKnob(
            f"The tile begins at {first_query}, {first_key}; the text has {n_query} queries and {n_key} keys."
        )
    rows = slice(first_query, min(first_query + size, n_query))
    columns = slice(first_key, min(first_key + size, n_key))
    queries, block, picture = yield from navigation(model, trace, chosen, layer, head)
    asking, asked = trace.tokens_of(chosen)
    return Map(
        **_of_kinds(trace, chosen),
        query_strings=asking.strings[rows],
        key_strings=asked.strings[columns],
        weights=trace.weights(layer, head, rows, columns, kind=chosen),
        first_query=first_query,
        first_key=first_key,
        n_query=n_query,
        n_key=n_key,
        navigation=picture,
        navigation_queries=queries,
        navigation_block=block,
    )


@panel(needs=("attn",), formula=_HEAD, source="Clark et al. 2019, §4.2")
def find(
    model: Model,
    text: Text,
    target: Target,
    *,
    query: Annotated[str, Length(200)] = "",
    key: Annotated[str, Length(200)] = "",
    kind: WhichKind = "",
) -> Work[Found]:
    """Which heads look from one word of the text at another.

    Args:
        model: whose heads.
        text: what it reads.
        target: what its decoder reads, if it has one besides an encoder.
        query: the word that looks, as it stands in the text.
        key: the word that is looked at.
        kind: which attention: self, encoder or cross.
    """
    if not query or not key:
        raise BadInput("heads (find) needs two words of the text: query, which looks, and key, which is looked at.")
    trace = yield from trace_of(model, text, target)
    chosen = _kind(trace, kind)
    asking, asked = trace.tokens_of(chosen)
    rows, columns = occurrences(asking, query), occurrences(asked, key)
    if trace.causal(chosen) and min(columns) > max(rows):
        raise BadInput(
            f"In {model.name} a token sees only what stands before it, and “{key}” comes after “{query}”: "
            "ask the other way round, or take a bidirectional encoder such as minilm."
        )
    weight = np.stack(
        [
            trace.heads(layer, rows, kind=chosen)[:, :, columns].sum(axis=2).mean(axis=1)
            for layer in range(trace.n_layer(chosen))
        ]
    )
    best = np.argsort(-weight, axis=None)[:BEST]
    layers, heads = np.unravel_index(best, weight.shape)
    visible = [row + 1 if trace.causal(chosen) else trace.shape(chosen)[1] for row in rows]
    return Found(
        kinds=trace.kinds,
        kind=chosen,
        weight=weight,
        even=float(np.mean([sum(column < seen for column in columns) / seen for seen in visible])),
        query_positions=np.array(rows, dtype=np.int64),
        key_positions=np.array(columns, dtype=np.int64),
        best_layers=layers.astype(np.int64),
        best_heads=heads.astype(np.int64),
        best_weights=weight.ravel()[best],
    )


@panel(needs=("attn", "logits"), formula=_LOSS, source="Michel et al. 2019; Voita et al. 2019", shows=(HeadOff,))
def ablate(model: Model, text: Text, *, off: Annotated[str, Length(2_000)] = "") -> Work[Ablation]:
    """What becomes of the loss and of the next token when heads are switched off.

    Args:
        model: whose heads.
        text: what it reads, two tokens at least.
        off: heads to switch off, as layer.head, with spaces or commas between: 3.1 4.7
    """
    tokens = model.encode(text)
    heads = heads_named(off)
    before = yield from model.keeping("said", tokens.ids, lambda: said_of(model, tokens))
    with patched(model, [HeadOff(layer, head) for layer, head in heads]) as changed:
        after = (yield from said_of(changed, tokens)) if heads else before
    listed = list(dict.fromkeys([*np.argsort(-before[1])[:LISTED], *np.argsort(-after[1])[:LISTED]]))
    sure = before[1] > 0
    return Ablation(
        off=tuple(f"{layer}.{head}" for layer, head in heads),
        tokens=tokens.strings,
        surprisal_before=np.concatenate([[np.nan], before[0]]),
        surprisal_after=np.concatenate([[np.nan], after[0]]),
        loss_before=float(before[0].mean()),
        loss_after=float(after[0].mean()),
        top_strings=tuple(model.tokenizer.piece(int(id_)) for id_ in listed),
        before=before[1][listed],
        after=after[1][listed],
        kl_bits=float((before[1][sure] * np.log2(before[1][sure] / np.maximum(after[1][sure], 1e-300))).sum()),
    )


def _kind(trace: Trace, asked: str) -> Kind:
    """The kind of attention asked for; the first that there is without."""
    if not asked:
        return trace.kinds[0]
    for kind in trace.kinds:
        if kind == asked:
            return kind
    raise ProbeNotFound(f"{trace.model} has no {asked} attention; it has {', '.join(trace.kinds)}.")


def _spans(tokens: Tokens | None) -> np.ndarray:
    return np.array(tokens.spans if tokens else (), dtype=np.int64).reshape(-1, 2)


def _of_kinds(trace: Trace, chosen: Kind) -> dict[str, Any]:
    """What there is to choose from, and what is chosen."""
    return {
        "kinds": trace.kinds,
        "kind": chosen,
        "n_layer": np.array([trace.n_layer(kind) for kind in trace.kinds], dtype=np.int64),
        "n_head": np.array([trace.n_head(kind) for kind in trace.kinds], dtype=np.int64),
    }


def _unnamed(shape: tuple[int, ...]) -> tuple[tuple[str, ...], ...]:
    return ((UNCLASSIFIED,) * shape[1],) * shape[0]
