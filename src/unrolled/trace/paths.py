"""How far apart two positions are inside a network, found out by trying: who feels it when one input is nudged?

A network is taken as steps one after the other, each from n vectors to n vectors: a layer, or one transition of a
recurrent state. An edge of a step leads from position s to position t if output t changes when input s does. The
shortest way through these edges is the path length of Hochreiter et al. 2001, "Gradient flow in recurrent nets", and
Vaswani et al. 2017, §4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

Step = Callable[[Tensor], Tensor]
"""(batch, n, d) -> (batch, n, d)."""

Edges = Bool[np.ndarray, "source target"]

NOTHING = 1e-9
"""Changes below it are rounding: a nudge has size 1, and the sums are float64."""


@torch.no_grad()
def edges_of(step: Step, n: int, d: int, *, seed: int = 0) -> Edges:
    """Which outputs of a step change when one input does: entry [s, t], input s nudged, output t.

    Each input is nudged alone, by a random vector of standard deviation 1, in float64.
    """
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(1, n, d, dtype=torch.float64, generator=random)
    nudge = torch.randn(n, d, dtype=torch.float64, generator=random)
    nudged = x + torch.diag_embed(nudge.T).permute(1, 2, 0)  # (n, n, d): in row s, input s is another
    return ((step(nudged) - step(x)).abs().amax(dim=-1) > NOTHING).numpy()


def shortest_path(steps: Callable[[int], Edges], source: int, target: int, *, most: int) -> list[int] | None:
    """Positions after 0, 1, 2 … steps on a shortest way from source to target; None if `most` steps do not do.

    `steps(l)`: the edges of step l. A breadth-first search: what is reached after each step is written down.
    """
    reached = np.zeros(len(steps(0)), dtype=bool)
    reached[source] = True
    history = [reached]
    while not history[-1][target]:
        if len(history) > most or not history[-1].any():
            return None
        history.append(history[-1] @ steps(len(history) - 1))
    return _back(steps, history, target)


def _back(steps: Callable[[int], Edges], history: Sequence[Bool[np.ndarray, "position"]], target: int) -> list[int]:
    """From the target back to the source, each time over the longest edge."""
    path = [target]
    for layer in range(len(history) - 2, -1, -1):
        before = np.flatnonzero(history[layer] & steps(layer)[:, path[-1]])
        path.append(int(before[np.abs(before - path[-1]).argmax()]))
    return path[::-1]
