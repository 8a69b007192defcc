"""What a loaded model knows of places, and what it makes of a text that is told to stand further on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from unrolled.checkpoints import Model
from unrolled.trace.positions import Positions, outputs


def known(model: Model, found: Positions, n: int) -> dict[str, Any]:
    """What does not depend on a text."""
    similarity = _similarity(found, min(n, model.context))
    count = len(similarity)
    lines = [np.diagonal(similarity, offset).astype(np.float64) for offset in range(count)]
    turning = found.frequencies is not None
    wavelength = 2 * math.pi / found.frequencies.double().numpy() if found.frequencies is not None else np.zeros(0)
    return {
        "scheme": found.scheme,
        "context": model.context,
        "similarity": similarity,
        "mean": np.array([line.mean() for line in lines]),
        "low": np.array([line.min() for line in lines]),
        "high": np.array([line.max() for line in lines]),
        "closest": max((float(line.max()) for line in lines[1:]), default=math.nan),
        "wavelength": wavelength,
        "slow": int((wavelength > model.context).sum()) if turning else 0,
        "slopes": found.slopes.numpy() if found.slopes is not None else np.zeros(0),
    }


def _similarity(found: Positions, n: int) -> np.ndarray:
    if found.table is not None:
        rows = torch.nn.functional.normalize(found.table[:n].detach().double(), dim=1)
        return (rows @ rows.T).float().numpy()
    if found.scheme == "rope" and found.frequencies is not None:
        apart = torch.arange(n, dtype=torch.float64)[:, None] - torch.arange(n)
        return (apart[..., None] * found.frequencies.double()).cos().mean(dim=-1).float().numpy()
    return np.zeros((0, 0), np.float32)


def moved(model: Model, text: str, move: int) -> dict[str, Any]:
    """The same text, every token told that it stands further on."""
    tokens = model.encode(text)
    by = max(0, min(move, model.context - len(tokens)))
    here, there = (outputs(model, tokens.ids, start=start).astype(np.float64) for start in (0, by))
    change = np.linalg.norm(there - here, axis=1) / np.linalg.norm(here, axis=1)
    return {"tokens": tokens.strings, "moved_by": by, "moved": change}
