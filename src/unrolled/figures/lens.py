"""What would each layer say next?

Each block of a Transformer adds to one stream of numbers, and only after the last is the stream turned into a next
token. The logit lens turns it after every block: what would the model say if it had to stop here? It is a look through
the last layer's glasses, which the early layers were not made for. nostalgebraist 2020, "interpreting GPT: the logit
lens".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Int64

from unrolled.checkpoints import Model
from unrolled.figures._inputs import Text
from unrolled.figures._knobs import Range
from unrolled.figures._panel import Axes, panel
from unrolled.mathematics import Formula, Symbol
from unrolled.progress import Work
from unrolled.trace import lens as read_layers


@dataclass(frozen=True, kw_only=True)
class LayersSay:
    """What each layer would say after each of the last tokens."""

    tokens: Annotated[tuple[str, ...], Axes("token")]
    """The last tokens of the text."""
    first: int
    """Position in the text of the first of them."""
    layers: Annotated[tuple[str, ...], Axes("layer")]
    """Where the stream is read: the embedding, then after each block."""
    top_strings: Annotated[tuple[tuple[str, ...], ...], Axes("layer", "token")]
    """The layer's likeliest next token."""
    top_probabilities: Float32[np.ndarray, "layer token"]
    """Its probability, over the whole vocabulary."""
    final_strings: Annotated[tuple[str, ...], Axes("token")]
    """What the model says in the end."""
    final_rank: Int64[np.ndarray, "layer token"]
    """Rank of that final answer in the layer; 1 is the layer's own first choice."""
    final_probability: Float32[np.ndarray, "layer token"]
    """What the layer gives to it."""
    entropy_bits: Float32[np.ndarray, "layer token"]
    """How unsure the layer is, in bits."""


_LENS = Formula(
    r"p_l = \operatorname{softmax}\left(W_U \operatorname{norm}(x_l)\right)",
    (
        Symbol("x_l", "residual stream after block l; before all blocks it is the embedding", "d_model"),
        Symbol(r"\operatorname{norm}", "the model's last norm", ""),
        Symbol("W_U", "unembedding: from the stream to a score for each token", "vocabulary × d_model"),
        Symbol("p_l", "what layer l would say next", "vocabulary"),
    ),
)


@panel(needs=("resid",), formula=_LENS, source="nostalgebraist 2020", shows=(read_layers,))
def lens(model: Model, text: Text, *, last: Annotated[int, Range(1, 64)] = 16) -> Work[LayersSay]:
    """The likeliest next token of every layer at the last positions, and what becomes of the final answer.

    Args:
        model: whose layers.
        text: what it reads.
        last: how many of the last tokens to look at.
    """
    tokens = model.encode(text)
    first = max(0, len(tokens.ids) - last)
    found = yield from read_layers(model, tokens, positions=range(first, len(tokens.ids)), top_n=1)
    piece = model.tokenizer.piece
    return LayersSay(
        tokens=tokens.strings[first:],
        first=first,
        layers=("embedding", *(str(block) for block in range(len(found.top_ids) - 1))),
        top_strings=tuple(tuple(piece(int(id_)) for id_ in row[:, 0]) for row in found.top_ids),
        top_probabilities=found.top_probabilities[:, :, 0],
        final_strings=tuple(piece(int(id_)) for id_ in found.answer_ids),
        final_rank=found.answer_ranks + 1,
        final_probability=found.answer_probabilities,
        entropy_bits=found.entropy_bits,
    )
