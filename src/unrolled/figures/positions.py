"""How does a model know where?

Attention sees a set of tokens, and a set has no order: shuffle the words, and each gets the same vector as before. So
places have to be told. Vaswani et al. 2017 add sines and cosines; others learn a table, turn queries and keys (RoPE),
or take something off the score for distance (ALiBi); and a causal mask alone tells something too. Vaswani et al. 2017,
§3.5; Su et al. 2021; Press et al. 2022; Haviv et al. 2022.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from unrolled.figures._inputs import Models, Text
from unrolled.figures._knobs import Below, Choice, Range
from unrolled.figures._loaded_positions import known, moved
from unrolled.figures._order import words_of
from unrolled.figures._panel import panel
from unrolled.figures._position_formulas import (
    LOADED_FORMULA,
    PAIRS_FORMULA,
    SCHEMES_FORMULA,
    SHIFT_FORMULA,
    SHUFFLE_FORMULA,
    SINUSOIDS_FORMULA,
)
from unrolled.figures._position_scores import (
    SCHEMES,
    added_parts,
    rope_parts,
    scores_by_scheme,
    slope_sum,
    spread_of,
    told_sums,
    words,
)
from unrolled.figures._position_sums import cosines, divisors, gap_sum, row_times_column, rule
from unrolled.figures._positions_results import Loaded, Pairs, Scores, Shift, Shuffled, Sinusoids
from unrolled.figures._shuffling import ROUNDING, WAYS, Order, compared, new_order, token_order
from unrolled.models import positions as formulas
from unrolled.progress import Progress, Work
from unrolled.trace.positions import check_mask, outputs, outputs_of, positions_of

START = {"text": "Dog bites man", "models": ["minilm", "gpt"]}
PAPER = "Vaswani et al. 2017, §3.5"
TRIED = 512  # positions at which a shift is tried

Count = Annotated[int, Range(2, 256)]
Width = Annotated[int, Choice(8, 16, 32, 64, 128, 256, 512)]
Base = Annotated[int, Choice(100, 1000, 10_000, 100_000)]


@panel(
    needs=("attn",),
    formula=SHUFFLE_FORMULA,
    source="Vaswani et al. 2017, §3.5; Haviv et al. 2022",
    claim="positions",
    shows=(compared, token_order, outputs_of),
    fits=check_mask,
)
def shuffle(
    models: Models,
    text: Text,
    *,
    order: Annotated[Order, Choice("exchanged", "reversed", "shuffled")] = "exchanged",
    first: Annotated[int, Range(0, 999), Below("n_words")] = 0,
    second: Annotated[int, Range(0, 999), Below("n_words")] = 2,
    seed: Annotated[int, Range(0, 999)] = 0,
) -> Work[Shuffled]:
    """The words change places. Does each token still get the same vector, with positions and without, masked or not?

    Args:
        models: up to four; each is run as it was trained and in three other ways.
        text: two words at least.
        order: two words exchanged, all words reversed, or shuffled.
        first: one of the two that are exchanged, counted from 0; a number beyond the text means its last word.
        second: the other one.
        seed: of the shuffle.
    """
    there = words_of(text)
    places = new_order(len(there), order, first, second, seed)
    rows: list[dict[str, Any]] = []
    for number, model in enumerate(models):
        yield Progress(number, len(models), f"{model.name}: both orders, four ways")
        tokens = model.encode(text)
        rows.append(compared(model, positions_of(model), tokens, token_order(tokens, places)))
    return Shuffled(
        words=there,
        n_words=len(there),
        ways=WAYS,
        rounding=ROUNDING,
        **{name: tuple(row[name] for row in rows) for name in rows[0]},
    )


@panel(
    formula=SINUSOIDS_FORMULA,
    source=PAPER,
    claim="positions",
    shows=(formulas.sinusoids,),
)
def sinusoids(*, n: Count = 64, d_model: Width = 64, base: Base = 10_000) -> Sinusoids:
    """Positions as rows of sines and cosines: quick ones at the left, slow ones at the right.

    Args:
        n: positions shown.
        d_model: width of a row.
        base: what the wavelengths grow to, times 2π.
    """
    divisor = divisors(d_model, base)
    return Sinusoids(
        encoding=formulas.sinusoids(0, n, d_model, base=base).numpy(),
        divisor=divisor,
        wavelength=2 * math.pi * divisor,
        turns=(n - 1) / (2 * math.pi * divisor),
        rule=tuple(rule(dimension, d_model, base, n) for dimension in range(d_model)),
    )


@panel(formula=PAIRS_FORMULA, source=PAPER, claim="positions", shows=(formulas.sinusoids,))
def pairs(*, n: Count = 64, d_model: Width = 64, base: Base = 10_000) -> Pairs:
    """How alike the rows of any two positions are: their dot product knows the distance, and nothing else.

    Args:
        n: positions shown.
        d_model: width of a row.
        base: what the wavelengths grow to, times 2π.
    """
    rows = formulas.sinusoids(0, n, d_model, base=base).numpy()
    dots = rows @ rows.T
    apart = np.abs(np.arange(n)[:, None] - np.arange(n))
    by_distance = np.cos(np.arange(n)[:, None] / divisors(d_model, base)).sum(axis=1)
    nearest_apart = 1 + int(by_distance[1:].argmax())
    nearest = float(by_distance[nearest_apart])
    return Pairs(
        dots=dots,
        by_distance=by_distance,
        residual=float(np.abs(dots - by_distance[apart]).max()),
        own=d_model / 2,
        nearest=nearest,
        nearest_apart=nearest_apart,
        nearest_gap=math.sqrt(d_model - 2 * nearest),
        unique=gap_sum(d_model, nearest),
        arithmetic=tuple(cosines(k, d_model, base) for k in range(n)),
    )


@panel(
    formula=SHIFT_FORMULA,
    source=PAPER,
    claim="positions",
    shows=(formulas.shift_matrix,),
)
def shift(
    *,
    k: Annotated[int, Range(0, 64)] = 1,
    position: Annotated[int, Range(0, 256)] = 5,
    d_model: Width = 64,
    base: Base = 10_000,
) -> Shift:
    """The linear map that moves a sinusoidal encoding k positions on.

    Args:
        k: how many positions on.
        position: the position whose row is moved in the picture; the map is the same for all.
        d_model: width of a row.
        base: what the wavelengths grow to, times 2π.
    """
    matrix = formulas.shift_matrix(k, d_model, base=base)
    rows = formulas.sinusoids(0, max(TRIED, position + 1) + k, d_model, base=base)
    moved = rows[: len(rows) - k] @ matrix.T
    return Shift(
        matrix=matrix.numpy(),
        angle=k / divisors(d_model, base),
        residual=float((moved - rows[k:]).abs().max()),
        before=rows[position].numpy(),
        moved=moved[position].numpy(),
        direct=rows[position + k].numpy(),
        arithmetic=tuple(row_times_column(matrix, rows[position], each) for each in range(d_model)),
    )


@panel(
    formula=SCHEMES_FORMULA,
    source="Su et al. 2021, §3.2; Press et al. 2022, §3; Dai et al. 2019, §3.3",
    claim="positions",
    shows=(scores_by_scheme, added_parts, rope_parts, formulas.rotate, formulas.alibi, formulas.alibi_slopes),
)
def schemes(
    *,
    query: Annotated[int, Range(0, 47), Below("n_place")] = 12,
    key: Annotated[int, Range(0, 47), Below("n_place")] = 8,
    places: Annotated[int, Range(4, 48)] = 24,
    d: Annotated[int, Choice(4, 8, 16, 32, 64)] = 16,
    n_head: Annotated[int, Choice(4, 8, 12, 16)] = 8,
    head: Annotated[int, Range(1, 16)] = 3,
    base: Base = 10_000,
    seed: Annotated[int, Range(0, 999)] = 0,
) -> Scores:
    """The same two words at every pair of places: what do sinusoids, RoPE and ALiBi make of their score?

    Args:
        query: position of the query whose score is worked out.
        key: position of its key; one behind the query means the query's own.
        places: how many positions.
        d: width of the query and of the key.
        n_head: heads of the ALiBi model, on which the slopes depend.
        head: whose slope is taken, counted from 1; a number beyond means the last.
        base: of sinusoids and RoPE.
        seed: of the two words' vectors and the two matrices.
    """
    told, head = words(d, seed), min(head, n_head)
    slopes = formulas.alibi_slopes(n_head)
    slope = float(slopes[head - 1])
    all_scores = scores_by_scheme(told, places, slope, base).numpy()
    i, j = np.tril_indices(places)
    scores = all_scores[:, i, j]
    query = min(query, places - 1)
    key = min(key, query)
    return Scores(
        schemes=SCHEMES,
        query=i.astype(np.int64),
        key=j.astype(np.int64),
        scores=scores,
        spread=np.array([spread_of(each, i - j) for each in scores]),
        range=np.ptp(scores, axis=1),
        n_place=places,
        chosen_query=query,
        chosen_key=key,
        arithmetic=told_sums(told, places, slope, base, query, key),
        slopes=slopes.numpy(),
        slope_arithmetic=tuple(slope_sum(each + 1, n_head) for each in range(n_head)),
        head=head,
    )


@panel(
    needs=("attn",),
    formula=LOADED_FORMULA,
    source="Vaswani et al. 2017, Table 3 (E); Su et al. 2021, §3.3",
    shows=(positions_of, outputs),
    fits=positions_of,
)
def loaded(
    models: Models,
    text: Text,
    *,
    n: Count = 64,
    move: Annotated[int, Range(1, 4096, log=True)] = 100,
) -> Work[Loaded]:
    """What trained models know of places: a learned table, RoPE's turning; and the same text moved further on.

    Args:
        models: up to four.
        text: what is moved.
        n: positions compared with one another; a model of shorter context has as many as that.
        move: by how many positions the whole text is moved, at most to the end of the model's context.
    """
    rows: list[dict[str, Any]] = []
    for number, model in enumerate(models):
        yield Progress(number, len(models), f"{model.name}: its positions")
        found = positions_of(model)
        rows.append(known(model, found, n) | moved(model, text, move))
    return Loaded(rounding=ROUNDING, **{name: tuple(row[name] for row in rows) for name in rows[0]})
