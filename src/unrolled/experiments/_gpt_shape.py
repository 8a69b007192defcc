"""The shape of a GPT that is trained for minutes: what most claims' small ones have in common."""

from __future__ import annotations

from typing import Literal

from unrolled.models.gpt import GPTConfig


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
    """Heads share the width, each with keys and values of its own; positions are learned.

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
    return GPTConfig(
        vocabulary=vocabulary,
        context=context,
        n_layer=n_layer,
        n_head=n_head,
        n_key_value=n_head,
        d_model=d_model,
        d_head=d_model // n_head,
        d_ff=4 * d_model if d_ff is None else d_ff,
        norm=norm,
        positions="learned",
        activation=activation,
        initial_std=initial_std,
    )
