"""What is left at the end of a text of what a cell held before, along the direct path from cell to cell.

An LSTM's cell is c_t = f_t ∘ c_{t-1} + i_t ∘ g_t, so that along this path alone ∂c_T / ∂c_t = f_{t+1} ∘ … ∘ f_T (Gers
et al. 2000; the cell of 1997 had no forget gate, and nothing was ever lost on it). A GRU's state is h_t = (1 - z_t) ∘
n_t + z_t ∘ h_{t-1} with the z of models/gru.py: there the factors are z. Both leave out that gates and candidate read
the state as well; the whole gradient takes those ways too.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64

from unrolled.errors import ProbeNotFound
from unrolled.trace.states import States

KEEPERS = ("forget", "update")
"""Gates that multiply the old state: an LSTM's and, with z = 1 keeping, a GRU's."""


def keeper_of(states: States) -> str:
    """The gate that multiplies the old state. ProbeNotFound, where there is none."""
    for name in KEEPERS:
        if name in states.gates:
            return name
    raise ProbeNotFound(
        f"{states.model} has no gate that multiplies its old state: neither gate.forget nor gate.update."
    )


def shares_left(kept: Float32[np.ndarray, "token unit"]) -> Float64[np.ndarray, "token unit"]:
    """kept: the factor of each token -> at each token, the product of the factors of all later ones; 1 at the last."""
    later = np.concatenate([kept[1:], np.ones_like(kept[:1])]).astype(np.float64)
    return np.cumprod(later[::-1], axis=0)[::-1]


def half_lives(kept: Float32[np.ndarray, "token unit"]) -> Float64[np.ndarray, "unit"]:
    """Tokens after which half is left, were each token's factor the unit's geometric mean over the text's factors.

    The first token's factor multiplies an empty state and does not count."""
    factors = kept[1:] if len(kept) > 1 else kept
    with np.errstate(divide="ignore"):
        fading = -np.log(factors.astype(np.float64)).mean(axis=0)
        return np.asarray(np.log(2) / fading)
