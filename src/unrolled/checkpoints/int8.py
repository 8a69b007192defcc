"""An opened model with int8 weights: quicker to write with on a CPU, and not the same numbers."""

from __future__ import annotations

from dataclasses import replace

from unrolled.checkpoints.gpt import gpt_model
from unrolled.checkpoints.model import Model
from unrolled.errors import BadKnob
from unrolled.models.gpt import GPT
from unrolled.models.int8 import with_int8_weights

LABEL = "int8 weights, bfloat16 products"


def int8_model(model: Model) -> Model:
    """The model with its weights rounded to int8, which its provenance says; `model` itself is used up.

    Raises:
        BadKnob: its linear maps are not ours to replace.
    """
    if not isinstance(model.module, GPT):
        raise BadKnob(f"int8 weights are for models that run as our GPT; {model.name} ({model.architecture}) does not.")
    name, architecture, sha256 = model.name, model.architecture, model.provenance.hash
    module = with_int8_weights(model.module)
    rounded = gpt_model(
        module, model.tokenizer, name=name, architecture=architecture, sha256=sha256, training=model.training
    )
    rounded.parameters = model.parameters
    rounded.provenance = replace(model.provenance, dtype=LABEL)
    return rounded
