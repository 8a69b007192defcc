"""Words in a Matplotlib figure: how wide they are, how they are broken, how labels keep out of each other's way."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE = 1.25
"""Height of a line, in sizes of its letters."""


def canvas(width: int, height: int) -> tuple[Figure, Any]:
    """An empty figure of so many px, and the renderer that measures its texts."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    return figure, FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]


def measured(renderer: Any, words: str, size: float, weight: str = "normal") -> float:
    """Width in px of the longest of its lines."""
    from matplotlib.font_manager import FontProperties

    from unrolled.reporting._drawing import FAMILIES

    font = FontProperties(family=list(FAMILIES), size=size, weight=weight)
    lines = words.split("\n")
    return max(float(renderer.get_text_width_height_descent(each, font, False)[0]) if each else 0.0 for each in lines)


def broken(words: str, letters: int) -> str:
    """Lines of so many letters at most."""
    return "\n".join(textwrap.wrap(words, letters, break_on_hyphens=False)) or words


def apart(middles: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Middles of labels, moved so that none covers another and all stay between low and high if there is room."""
    order = sorted(range(len(middles)), key=lambda i: middles[i])
    found = dict(enumerate(middles))
    edge = low
    for i in order:
        found[i] = max(found[i], edge + heights[i] / 2)
        edge = found[i] + heights[i] / 2
    edge = high
    for i in reversed(order):
        found[i] = min(found[i], edge - heights[i] / 2)
        edge = found[i] - heights[i] / 2
    return [found[i] for i in range(len(middles))]
