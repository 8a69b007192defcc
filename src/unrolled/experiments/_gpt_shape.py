"""The shape of a GPT that is trained for minutes: what most claims' small ones have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from unrolled.models.gpt import GPTConfig, gpt2_shape


def gpt_shape(
    *,
    vocabulary: int,
    context: int,
    n_layer: int,
    n_head: int,
    d_model: int,
    initial_std: float,
    d_ff: int | None = None,
    norm: Literal["layernorm", "rmsnorm"] = "layernorm",
    activation: Literal["relu", "gelu", "gelu_tanh", "swiglu"] = "gelu",
) -> GPTConfig:
    """GPT-2's without biases: heads share the width, each with keys and values of its own; positions are learned.

    Args:
        vocabulary: kinds of tokens.
        context: positions.
        n_layer: blocks.
        n_head: heads a block.
        d_model: width of the stream.
        initial_std: standard deviation of the first weights.
        d_ff: hidden width of the FFN; None: four times the stream's.
        norm: of the stream.
        activation: of the FFN.
    """
    shape = gpt2_shape(n_layer, n_head, d_model, vocabulary=vocabulary, context=context)
    return replace(
        shape,
        d_ff=shape.d_ff if d_ff is None else d_ff,
        norm=norm,
        activation=activation,
        bias="none",
        initial_std=initial_std,
    )
