"""What a model says with something in its blocks switched off, for the figure `block`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from unrolled.checkpoints import Model
from unrolled.progress import Work
from unrolled.sampling import distribution_of
from unrolled.text import Tokens
from unrolled.trace import NormOff, PartOff, ResidualOff, patched
from unrolled.trace.reading import saying
from unrolled.trace.switches import Part, Switch

KINDS: dict[str, tuple[type[Switch], tuple[Part, ...]]] = {
    "attention": (PartOff, ("attn",)),
    "FFN": (PartOff, ("mlp",)),
    "residuals": (ResidualOff, ("attn", "mlp")),
    "norms": (NormOff, ("attn", "mlp")),
}
"""What may be switched off in a block: the switch, and the parts that it is for."""
PARTS: dict[str, Part] = {"attention": "attn", "FFN": "mlp"}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a model says of a text."""

    surprisal: Float64[np.ndarray, "token"]
    """-log₂ p, in bits; NaN for the first."""
    probabilities: Float64[np.ndarray, "vocabulary"]
    """Of what comes next; NaN where its logits are no numbers."""
    stream: Float64[np.ndarray, "point"]
    """Length of the stream at the last token."""

    @property
    def loss(self) -> float:
        """Mean surprisal; NaN of a single token."""
        return float(self.surprisal[1:].mean()) if len(self.surprisal) > 1 else math.nan


def switches_of(kind: str, layers: Sequence[int], parts: str = "both") -> list[Switch]:
    """Of these blocks; `parts`: both, attention or FFN, for residuals and norms."""
    make, own = KINDS[kind]
    chosen = own if len(own) == 1 or parts == "both" else (PARTS[parts],)
    return [make(layer, part) for layer in layers for part in chosen]


def in_words(switch: Switch) -> str:
    """ "residual around FFN 3"."""
    part = "attention" if switch.part == "attn" else "FFN"
    about = {PartOff: "", ResidualOff: "residual around ", NormOff: "norm of "}[type(switch)]
    return f"{about}{part} {switch.layer}"


def said_of(model: Model, tokens: Tokens) -> Work[Said]:
    """Surprisal of each token, what comes next, and the stream's length at the last one."""
    found = yield from saying(model, tokens)
    return Said(
        surprisal=np.concatenate([[np.nan], found.losses.astype(np.float64) / math.log(2)]),
        probabilities=_probabilities(found.logits),
        stream=found.lengths,
    )


def _probabilities(logits: np.ndarray) -> Float64[np.ndarray, "vocabulary"]:
    out = np.full(len(logits), np.nan)
    if np.isfinite(logits).all():
        found = distribution_of(logits)
        out[found.order] = found.probabilities
    return out


def said_without(model: Model, tokens: Tokens, switches: Sequence[Switch]) -> Work[Said]:
    """The same with these switched off."""
    with patched(model, switches) as changed:
        return (yield from said_of(changed, tokens))


def divergence(before: np.ndarray, after: np.ndarray) -> float:
    """Kullback-Leibler, in bits; NaN where one is no distribution."""
    sure = before > 0
    return float((before[sure] * np.log2(before[sure] / np.maximum(after[sure], 1e-300))).sum())
