"""Opening the model that a command was asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrolled.cli.bar import finish
from unrolled.errors import BadKnob

if TYPE_CHECKING:
    from unrolled.checkpoints import Model


def open_as(spec: str, device: str, dtype: str, weights: str | None) -> Model:
    """The model, its weights as they are or as `--weights` says."""
    from unrolled import checkpoints

    if weights not in (None, "int8"):
        raise BadKnob(f"--weights was “{weights}”; it takes int8, or is left out for weights as they are.")
    model: Model = finish(checkpoints.opening(spec, device=device, dtype=dtype))
    if weights is None:
        return model
    from unrolled.checkpoints.int8 import int8_model

    return int8_model(model)
