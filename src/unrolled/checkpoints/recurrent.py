"""Our RNN, LSTM and GRU as a Model: read onwards from the state that they carry, read out after the last layer.

They have no "resid" and so no logit lens. The lens reads early layers with the last layer's head, which asks that all
layers write to one stream; recurrent layers are stacked without one, so that a unit of layer 0 and the unit of that
number in layer 1 have nothing to do with each other, though there are equally many. `Model.readout` is that of the last
layer's h, which is exact.
"""

from __future__ import annotations

from unrolled.checkpoints.model import Model, Training
from unrolled.checkpoints.prefixes import CachedReader
from unrolled.models.families import family_of
from unrolled.models.gru import GRU
from unrolled.models.lstm import LSTM
from unrolled.models.recurrent import RecurrentState
from unrolled.models.rnn import RNN
from unrolled.text import Tokenizer

LONGEST = 1 << 16
"""Tokens that are read at most. The state has no limit; time and what figures show have."""

Recurrent = RNN | LSTM | GRU


def recurrent_model(
    module: Recurrent,
    tokenizer: Tokenizer,
    *,
    name: str,
    architecture: str,
    sha256: str | None,
    training: Training | None = None,
) -> Model:
    """With its tokenizer, every probe of its family in place."""
    family = family_of(module)
    assert family is not None
    return Model(
        name=name,
        architecture=architecture,
        module=module,
        reader=CachedReader(module, RecurrentState),
        blocks=list(module.layers),
        readout=module.read_out,
        why={"attn": "its layers are recurrent and have no heads.", "resid": "its layers share no residual stream."},
        tokenizer=tokenizer,
        probes=family.probes,
        context=LONGEST,
        vocabulary=module.config.vocabulary,
        sha256=sha256,
        training=training,
    )
