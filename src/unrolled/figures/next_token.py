"""What comes next?

A language model answers one question only: given everything so far, how likely is each token of its vocabulary to be
the next one? Here is that answer for the reader's own text, over the whole vocabulary, with the knobs that turn it
into writing: temperature, top-k, top-p, min-p. Shannon 1948 for the entropy; Holtzman et al. 2020 for the sampling.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from unrolled.checkpoints import Model
from unrolled.figures._inputs import Models, Text, UpTo
from unrolled.figures._knobs import Hidden, Length, Range
from unrolled.figures._next_token_results import NextToken, Sample, Tree
from unrolled.figures._panel import panel
from unrolled.mathematics import Formula, Symbol
from unrolled.progress import Progress, Work, finish
from unrolled.sampling import distribution_of

Temperature = Annotated[float, Range(0, 2, step=0.01)]
TopK = Annotated[int, Range(0, 1000)]
TopP = Annotated[float, Range(0, 1, step=0.01)]
MinP = Annotated[float, Range(0, 1, step=0.01)]
Reply = Annotated[str, Length(20_000), Hidden()]


_SOFTMAX = Formula(
    r"p_i = \frac{e^{z_i / T}}{\sum_{j=1}^{\left|V\right|} e^{z_j / T}}"
    "\n"
    r"H = -\sum_i p_i \log_2 p_i",
    (
        Symbol("z_i", "logit of token i: the model's score for it", "vocabulary"),
        Symbol("T", "temperature; at 0 the largest logit takes all", "a number"),
        Symbol(r"\left|V\right|", "size of the vocabulary; the sum runs over all of it", "a count"),
        Symbol("p_i", "probability that token i comes next", "vocabulary"),
        Symbol("H", "entropy in bits; 2 to the H is the number of equally likely tokens it feels like", "a number"),
    ),
)
_CHAIN = Formula(
    r"P(t_1 \ldots t_m \mid \text{text}) = \prod_{k=1}^{m} P(t_k \mid \text{text}, t_1 \ldots t_{k-1})",
    (
        Symbol("t_k", "the k-th token after the text", "a token"),
        Symbol("m", "length of the continuation", "a count"),
    ),
)


@panel(
    needs=("logits",), formula=_SOFTMAX, source="Shannon 1948, §6; Holtzman et al. 2020, §3", shows=(distribution_of,)
)
def distribution(
    models: Annotated[Models, UpTo(5)],
    text: Text,
    *,
    temperature: Temperature = 1.0,
    top_k: TopK = 0,
    top_p: TopP = 1.0,
    min_p: MinP = 0.0,
    top_n: Annotated[int, Range(1, 50)] = 10,
    chat: bool = False,
    bos: bool = False,
    reply: Reply = "",
    vocabulary: Annotated[bool, Hidden()] = False,
) -> Work[NextToken]:
    """How likely each token of the vocabulary is to come next.

    Args:
        models: up to five, side by side.
        text: what they read.
        temperature: divides the logits; 0 is greedy, above 1 flattens.
        top_k: keep only the k likeliest tokens; 0 keeps all.
        top_p: keep the fewest likeliest tokens that reach this probability together; 1 keeps all.
        min_p: drop tokens less likely than this share of the likeliest; 0 keeps all.
        top_n: how many tokens to list; the others are summed up as the rest.
        chat: put the text into the model's chat template, as a message to an assistant.
        bos: begin with the model's beginning-of-sequence token.
        reply: with chat, what the assistant has said so far.
        vocabulary: also give every logit.
    """
    rows: list[dict[str, Any]] = []
    for model in models:
        tokens = model.encode(text, bos=bos, chat=chat, reply=reply)
        logits = yield from model.next_logits(tokens.ids)
        whole = distribution_of(logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
        top = whole.order[:top_n]
        rows.append(
            {
                "tokens": tokens.strings,
                "token_spans": np.array(tokens.spans, dtype=np.int64).reshape(-1, 2),
                "top_strings": tuple(model.tokenizer.piece(int(token)) for token in top),
                "top_text": tuple(_appended(model, int(token)) for token in top),
                "top_ids": top,
                "top_logits": logits[top],
                "top_probabilities": whole.probabilities[:top_n],
                "rest_probability": float(max(0.0, whole.probabilities[top_n:].sum())),
                "entropy_bits": whole.entropy_bits,
                "effective_choices": 2**whole.entropy_bits,
                "kept": whole.kept,
                "vocabulary_size": len(logits),
                "sorted_logits": logits[whole.order] if vocabulary else logits[:0],
            }
        )
    return NextToken(**_columns(rows))


@panel(needs=("logits",), formula=_CHAIN, source="Holtzman et al. 2020, §3", shows=(distribution_of,))
def sample(
    models: Annotated[Models, UpTo(5)],
    text: Text,
    *,
    temperature: Temperature = 1.0,
    top_k: TopK = 0,
    top_p: TopP = 1.0,
    min_p: MinP = 0.0,
    n_tokens: Annotated[int, Range(1, 64)] = 16,
    seed: Annotated[int, Range(0, 9999)] = 0,
    chat: bool = False,
    bos: bool = False,
    reply: Reply = "",
) -> Work[Sample]:
    """A continuation, drawn one token at a time from the distribution; stops where the model ends its text.

    Args:
        models: up to five, side by side; each draws with the same seed.
        text: what they go on from.
        temperature: divides the logits; 0 is greedy, above 1 flattens.
        top_k: keep only the k likeliest tokens; 0 keeps all.
        top_p: keep the fewest likeliest tokens that reach this probability together; 1 keeps all.
        min_p: drop tokens less likely than this share of the likeliest; 0 keeps all.
        n_tokens: how many tokens at most.
        seed: of the draws; the same seed gives the same continuation.
        chat: put the text into the model's chat template, as a message to an assistant.
        bos: begin with the model's beginning-of-sequence token.
        reply: with chat, what the assistant has said so far.
    """
    rows: list[dict[str, Any]] = []
    for model in models:
        random = np.random.default_rng(seed)
        start = model.encode(text, bos=bos, chat=chat, reply=reply).ids
        drawn: list[int] = []
        shares, own = [], []
        while len(drawn) < n_tokens and len(start) + len(drawn) < model.context:
            reading = model.next_logits((*start, *drawn))
            logits = finish(reading) if drawn else (yield from reading)  # after the first, one token a step
            shaped = distribution_of(logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
            rank = shaped.draw(random)
            drawn.append(int(shaped.order[rank]))
            shares.append(shaped.probabilities[rank])
            own.append(distribution_of(logits).probabilities[rank])
            yield Progress(len(drawn), n_tokens, model.tokenizer.decode(drawn))
            if drawn[-1] in model.tokenizer.eos_ids:
                break
        rows.append(
            {
                "strings": tuple(model.tokenizer.piece(token) for token in drawn),
                "ids": np.array(drawn, dtype=np.int64),
                "text": model.tokenizer.decode(drawn),
                "probabilities": np.array(shares, dtype=np.float64),
                "model_probabilities": np.array(own, dtype=np.float64),
            }
        )
    return Sample(**_columns(rows))


@panel(needs=("logits",), formula=_CHAIN, source="the chain rule of probability")
def tree(
    models: Annotated[Models, UpTo(5)],
    text: Text,
    *,
    width: Annotated[int, Range(2, 5)] = 3,
    depth: Annotated[int, Range(1, 4)] = 2,
    chat: bool = False,
    bos: bool = False,
    reply: Reply = "",
) -> Work[Tree]:
    """The likeliest next tokens, and after each of them the likeliest next ones again.

    Args:
        models: up to five, side by side.
        text: what they go on from.
        width: how many alternatives at each point.
        depth: how many tokens ahead.
        chat: put the text into the model's chat template, as a message to an assistant.
        bos: begin with the model's beginning-of-sequence token.
        reply: with chat, what the assistant has said so far.
    """
    rows: list[dict[str, Any]] = []
    for model in models:
        start = model.encode(text, bos=bos, chat=chat, reply=reply).ids
        nodes: list[_Node] = []
        yield from _grow(model, start, _Node((), -1, 1.0, 1.0), width, depth, nodes)
        rows.append(
            {
                "strings": tuple(model.tokenizer.piece(node.path[-1]) for node in nodes),
                "text": tuple(model.tokenizer.decode(node.path) for node in nodes),
                "parent": np.array([node.parent for node in nodes], dtype=np.int64),
                "depth": np.array([len(node.path) for node in nodes], dtype=np.int64),
                "probability": np.array([node.probability for node in nodes]),
                "joint": np.array([node.joint for node in nodes]),
            }
        )
    return Tree(**_columns(rows))


@dataclass(frozen=True)
class _Node:
    path: tuple[int, ...]
    parent: int
    probability: float
    joint: float


def _grow(
    model: Model, start: tuple[int, ...], node: _Node, width: int, depth: int, nodes: list[_Node]
) -> Generator[Progress, None, None]:
    """Depth first, so that each step adds one token to a prefix the model has just read."""
    reading = model.next_logits((*start, *node.path))
    logits = finish(reading) if node.path else (yield from reading)  # after the first, one token a step
    here = distribution_of(logits)
    parent = len(nodes) - 1
    for token, probability in zip(here.order[:width], here.probabilities[:width], strict=True):
        child = _Node((*node.path, int(token)), parent, float(probability), node.joint * float(probability))
        nodes.append(child)
        yield Progress(len(nodes), _size(width, depth), "looking ahead")
        if len(child.path) < depth and int(token) not in model.tokenizer.eos_ids:
            yield from _grow(model, start, child, width, depth, nodes)


def _size(width: int, depth: int) -> int:
    return sum(width**level for level in range(1, depth + 1))


def _appended(model: Model, token: int) -> str:
    """The text that this token alone stands for; empty for special tokens and pieces of a character."""
    if model.tokenizer.is_special(token):
        return ""
    try:
        return model.tokenizer.piece_bytes(token).decode()
    except UnicodeDecodeError:
        return ""


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One row a model -> one tuple a field."""
    return {name: tuple(row[name] for row in rows) for name in rows[0]}
