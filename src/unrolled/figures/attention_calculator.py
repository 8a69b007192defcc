"""How does attention come out of numbers?

Four tokens, four numbers each, three small matrices: everything that a head of a Transformer does, small enough to
check with a pencil. X becomes queries, keys and values; each query meets each key; the scores are scaled, masked and
turned into weights; the weights mix the values. Vaswani et al. 2017, §3.2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import torch

from unrolled.checkpoints import Model
from unrolled.errors import BadKnob
from unrolled.figures import _arithmetic
from unrolled.figures._attention_calculator_results import HeadSteps, Steps, Variance
from unrolled.figures._inputs import Text
from unrolled.figures._knobs import Below, Choice, Hidden, Matrix, Numbers, Range
from unrolled.figures._panel import panel
from unrolled.figures._tracing import check_head, check_one_text, check_plain, check_scores, trace_of
from unrolled.mathematics import Formula, Symbol
from unrolled.models import attention
from unrolled.models.weighing import scores_of
from unrolled.progress import Progress, Work, stop_if_cancelled
from unrolled.trace import Trace

Rows = list[list[float]]
Editable = Matrix(rows=(1, 8), columns=(1, 8))

X: Numbers = (
    (0.50, 0.20, -0.30, 0.80),
    (0.10, 0.90, 0.40, -0.20),
    (-0.40, 0.30, 0.70, 0.10),
    (0.60, -0.10, 0.20, 0.50),
)
"""Four tokens of four numbers: the example that the guide starts from."""

W_QUERY = (
    (1.0, 0.0, 0.5, 0.0, -0.5, 0.0, 1.0, 0.5),
    (0.0, 1.0, 0.0, -0.5, 0.0, 1.0, 0.5, 0.0),
    (0.5, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0, -0.5),
    (0.0, -0.5, 0.0, 1.0, 0.5, -1.0, 0.0, 0.0),
    (1.0, 0.5, 0.0, 0.0, 0.0, 0.5, -1.0, 0.0),
    (0.0, 0.0, 1.0, 0.5, -0.5, 0.0, 0.0, 1.0),
    (-0.5, 1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.5),
    (0.0, 0.0, 0.5, 1.0, 1.0, 0.0, -0.5, 0.0),
)
W_KEY = (
    (0.5, 0.0, 0.0, 1.0, 0.0, -0.5, 0.5, 0.0),
    (0.0, 1.0, 0.5, 0.0, 0.5, 0.0, 0.0, -1.0),
    (0.0, 0.5, -1.0, 0.0, 0.0, 1.0, 0.0, 0.5),
    (1.0, 0.0, 0.0, -0.5, -1.0, 0.0, 0.5, 0.0),
    (0.0, -0.5, 1.0, 0.0, 0.5, 0.0, 1.0, 0.0),
    (0.5, 0.0, 0.0, 0.5, 0.0, 1.0, 0.0, -0.5),
    (0.0, 1.0, 0.0, 0.0, -0.5, 0.0, 0.5, 1.0),
    (1.0, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0, 0.0),
)
W_VALUE = (
    (1.0, 0.0, 0.0, 0.5, 0.0, 0.0, -0.5, 0.0),
    (0.0, 1.0, 0.0, 0.0, 0.5, 0.0, 0.0, -0.5),
    (0.0, 0.0, 1.0, 0.0, 0.0, 0.5, 0.0, 0.0),
    (-0.5, 0.0, 0.0, 1.0, 0.0, 0.0, 0.5, 0.0),
    (0.0, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0, 0.5),
    (0.0, 0.0, -0.5, 0.0, 0.0, 1.0, 0.0, 0.0),
    (0.5, 0.0, 0.0, 0.0, -0.5, 0.0, 1.0, 0.0),
    (0.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
)
"""The built-in tables: plain halves and ones, so that Q, K and V can be checked by head. A smaller d_model takes the
first rows, a smaller d_k the first columns."""


_ATTENTION = Formula(
    r"\mathrm{Attention} = \operatorname{softmax}\left(\frac{\query{Q} \key{K}^{\top}}{\sqrt{d_k}} + M\right) \value{V}"
    "\n"
    r"\query{Q} = X W_Q \quad \key{K} = X W_K \quad \value{V} = X W_V",
    (
        Symbol("X", "the tokens, one row each", "tokens × d_model"),
        Symbol(r"\query{Q}", "queries: what each token asks for", "tokens × d_k"),
        Symbol(r"\key{K}", "keys: what each token can be found by", "tokens × d_k"),
        Symbol(r"\value{V}", "values: what each token hands on", "tokens × d_k"),
        Symbol("W_Q, W_K, W_V", "the three learned maps", "d_model × d_k"),
        Symbol("d_k", "length of a query and of a key", "a count"),
        Symbol("M", "mask: 0 where a key may be seen, −∞ where it is later than the query", "tokens × tokens"),
    ),
)
_VARIANCE = Formula(
    r"\operatorname{Var}(\query{q} \cdot \key{k}) = \sum_{i=1}^{d_k} \operatorname{Var}(\query{q}_i \key{k}_i) = d_k"
    "\n"
    r"J = \operatorname{diag}(p) - p\,p^{\top}",
    (
        Symbol(r"\query{q}, \key{k}", "a query and a key with independent entries of mean 0 and variance 1", "d_k"),
        Symbol("p", "softmax weights of one query over its keys", "keys"),
        Symbol("J", "how the weights answer to a change of the scores", "keys × keys"),
    ),
)


@panel(
    formula=_ATTENTION,
    source="Vaswani et al. 2017, §3.2.1",
    shows=(attention.scores, attention.scale, attention.causal_mask, attention.masked),
)
def steps(
    *,
    x: Annotated[Numbers, Editable] = X,
    w_query: Annotated[Numbers | None, Editable] = None,
    w_key: Annotated[Numbers | None, Editable] = None,
    w_value: Annotated[Numbers | None, Editable] = None,
    scaling: bool = True,
    causal: bool = False,
    d_k: Annotated[int, Range(1, 8)] = 4,
) -> Steps:
    """Scaled dot-product attention, one step at a time.

    Args:
        x: the tokens, one row each.
        w_query: d_model × d_k; left out, the built-in table.
        w_key: d_model × d_k; left out, the built-in table.
        w_value: d_model × d_k; left out, the built-in table.
        scaling: divide the scores by √d_k.
        causal: let no token see a later one.
        d_k: length of queries, keys and values.
    """
    tokens = torch.tensor(x, dtype=torch.float64)
    maps = {
        name: _map(name, given, table, tokens.shape[1], d_k)
        for name, given, table in (
            ("w_query", w_query, W_QUERY),
            ("w_key", w_key, W_KEY),
            ("w_value", w_value, W_VALUE),
        )
    }
    query, key, value = (tokens @ weight for weight in maps.values())
    scores = attention.scores(query[None], key[None])[0]  # one head
    scaled = attention.scale(scores, d_k) if scaling else scores
    masked = attention.masked(scaled, attention.causal_mask(len(x), len(x))) if causal else scaled
    # Softmax by hand: torch's wakes a second thread even for 16 numbers, which then takes a core for 8 ms of waiting.
    powers = (masked - masked.amax(dim=-1, keepdim=True)).exp()
    weights = powers / powers.sum(dim=-1, keepdim=True)
    matrices = {"x": tokens, **maps, "query": query, "key": key, "value": value, "scores": scores, "scaled": scaled}
    matrices |= {"masked": masked, "weights": weights, "output": weights @ value}
    arrays: dict[str, Any] = {name: matrix.numpy() for name, matrix in matrices.items()}
    return Steps(**arrays, **_sentences(arrays, d_k, scaling, causal))


def measured(products: np.ndarray, prefix: str) -> dict[str, float]:
    """products (samples, keys) -> their variance with its error, the softmax's largest weight and gradient."""
    squares = (products**2).mean(axis=1)  # the mean of q·k is 0 by construction; one independent value a query
    p = torch.from_numpy(products).softmax(dim=-1).numpy()
    jacobian = np.eye(p.shape[1]) * p[:, None] - p[:, :, None] * p[:, None, :]
    return {
        f"{prefix}variance": squares.mean(),
        f"{prefix}variance_error": squares.std(ddof=1) / np.sqrt(len(squares)),
        f"{prefix}largest_weight": p.max(axis=1).mean(),
        f"{prefix}gradient": np.sqrt((jacobian**2).sum(axis=(1, 2))).mean(),
    }


@panel(
    needs=("attn",),
    formula=_ATTENTION,
    source="Vaswani et al. 2017, §3.2.1",
    shows=(Trace.weights,),
    fits=check_plain,
)
def head(
    model: Model,
    text: Text,
    *,
    layer: Annotated[int, Range(0, 999), Below("n_layer")] = 0,
    head: Annotated[int, Range(0, 999), Below("n_head")] = 0,
    last: Annotated[int, Range(1, 16)] = 8,
    row: Annotated[int, Range(0, 15), Hidden()] = 0,
    column: Annotated[int, Range(0, 15), Hidden()] = 0,
) -> Work[HeadSteps]:
    """The steps in a head of a loaded model, on the reader's own text.

    Args:
        model: whose head.
        text: what it reads.
        layer: counted from 0.
        head: counted from 0 within its layer.
        last: how many of the last tokens to show; the softmax runs over all.
        row: the query whose arithmetic is told, among those shown.
        column: its key.
    """
    check_one_text(model)
    trace = yield from trace_of(model, text, values=(layer,))
    kind = trace.kinds[0]
    check_head(model, trace, kind, layer, head)
    check_scores(model, (trace.explain(each, kind) for each in range(trace.n_layer(kind))))
    how = trace.explain(layer, kind)
    n = trace.shape(kind)[0]
    shown = slice(max(0, n - last), n)
    query, keys = trace.query(layer, head, kind=kind)[shown], trace.key(layer, head, kind=kind)
    key = keys[shown]
    scores = attention.scores(torch.from_numpy(query)[None], torch.from_numpy(key)[None])[0].numpy()
    scaled = scores * np.float32(how.scaling)
    places = torch.arange(shown.start, n)
    masked = scores_of(how, torch.from_numpy(query)[None], torch.from_numpy(keys)[None], places)[0, :, shown]
    weights = trace.weights(layer, head, shown, shown, kind=kind)
    row, column = min(row, len(scores) - 1), min(column, len(scores) - 1)
    return HeadSteps(
        tokens=trace.tokens_of(kind)[0].strings[shown],
        first=shown.start,
        n_layer=trace.n_layer(kind),
        n_head=trace.n_head(kind),
        query=query,
        key=key,
        value=trace.value(layer, head, kind=kind)[shown],
        scores=scores,
        scaled=scaled,
        masked=masked.numpy(),
        weights=weights,
        elsewhere=np.maximum(0, 1 - weights.sum(axis=1)),
        scaling=how.scaling,
        sentence=_arithmetic.product_sum(query[row].tolist(), key[column].tolist()),
    )


@panel(formula=_VARIANCE, source="Vaswani et al. 2017, §3.2.1, footnote 4", claim="root_d_k", shows=(measured,))
def variance(
    *,
    n_samples: Annotated[int, Choice(128, 512, 2048)] = 512,
    n_keys: Annotated[int, Range(2, 64)] = 16,
    seed: Annotated[int, Range(0, 9999)] = 0,
) -> Work[Variance]:
    """Why the scores are divided by √d_k: variance and softmax gradient as d_k grows from 4 to 1,024, measured.

    Args:
        n_samples: queries drawn for each d_k.
        n_keys: keys that each query meets.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    sizes = [2**power for power in range(2, 11)]
    rows = []
    for done, size in enumerate(sizes):
        stop_if_cancelled()
        yield Progress(done, len(sizes), f"d_k = {size}")
        products = np.concatenate([_products(random, size, n_keys) for _ in range(n_samples)])
        rows.append({"d_k": np.int64(size), **measured(products, ""), **measured(products / np.sqrt(size), "scaled_")})
    return Variance(**{name: np.array([row[name] for row in rows]) for name in rows[0]})


def _map(name: str, given: Numbers | None, table: Numbers, d_model: int, d_k: int) -> torch.Tensor:
    """The reader's matrix if it fits X and d_k, or that part of the built-in table."""
    weight = torch.tensor(table if given is None else given, dtype=torch.float64)
    if given is None:
        return weight[:d_model, :d_k].clone()
    if weight.shape != (d_model, d_k):
        rows, columns = weight.shape
        raise BadKnob(
            f"attention_calculator (steps): {name} is {rows} × {columns}; X has {d_model} columns and d_k is {d_k}, "
            f"so it must be {d_model} × {d_k}. Change it, or leave it out for the built-in table."
        )
    return weight


def _sentences(a: dict[str, Any], d_k: int, scaling: bool, causal: bool) -> dict[str, Any]:
    """The arithmetic of every cell of every step."""
    rows = {name: matrix.tolist() for name, matrix in a.items()}  # Python rounds its own numbers five times as fast
    columns = {name: matrix.T.tolist() for name, matrix in a.items()}

    def product(left: Rows, right: Rows) -> Any:
        return _each_cell((len(left), len(right)), lambda i, j: _arithmetic.product_sum(left[i], right[j]))

    square = a["scores"].shape
    return {
        "query_arithmetic": product(rows["x"], columns["w_query"]),
        "key_arithmetic": product(rows["x"], columns["w_key"]),
        "value_arithmetic": product(rows["x"], columns["w_value"]),
        "scores_arithmetic": product(rows["query"], rows["key"]),
        "scaled_arithmetic": _each_cell(square, lambda i, j: _scaled(rows["scores"][i][j], d_k, scaling)),
        "masked_arithmetic": _each_cell(square, lambda i, j: _masked(rows["scaled"][i][j], i, j, causal)),
        "weights_arithmetic": _each_cell(square, lambda i, j: _arithmetic.share(rows["masked"][i], j)),
        "output_arithmetic": product(rows["weights"], columns["value"]),
    }


def _each_cell(shape: tuple[int, ...], sentence: Callable[[int, int], str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(sentence(i, j) for j in range(shape[1])) for i in range(shape[0]))


def _scaled(score: float, d_k: int, scaling: bool) -> str:
    if not scaling:
        return f"scaling is off: {_arithmetic.number(score)} stays as it is"
    return _arithmetic.quotient(score, float(np.sqrt(d_k)), f"√{d_k}")


def _masked(score: float, i: int, j: int, causal: bool) -> str:
    if not causal:
        return f"no mask: {_arithmetic.number(score)} stays as it is"
    if j > i:
        return f"key {j + 1} is later than query {i + 1}: −∞, so that its weight becomes 0"
    return f"key {j + 1} is not later than query {i + 1}: {_arithmetic.number(score)} stays as it is"


def _products(random: np.random.Generator, size: int, n_keys: int) -> np.ndarray:
    """q·k of one fresh query with each of its fresh keys: (1, n_keys)."""
    return np.asarray(random.standard_normal((1, size)) @ random.standard_normal((size, n_keys)))
