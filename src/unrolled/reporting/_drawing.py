"""A `Plot` drawn by Matplotlib, for files: direct labels, intervals as bands or bars, bounds as dashed lines.

The title is left to the text around the picture. Letters are text in `svg(…, words=True)`, for a page that brings the
fonts, and shapes otherwise. Equal plots give equal files. Matplotlib is imported when it is needed
(`unrolled[report]`).
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from typing import TYPE_CHECKING, Any

from unrolled.errors import MissingExtra
from unrolled.experiments._plot import Plot
from unrolled.picture import built
from unrolled.reporting._looks import EDGE, INK, PAPER, SOFT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE, NARROW = 640, 340
"""Widths in px: a page, a phone."""
FAMILIES = ("Inter", "Unrolled Signs", "DejaVu Sans")
"""Letters, the signs that these lack, and what is left: Matplotlib brings the last."""


def check_extra() -> None:
    """Raises MissingExtra; asked before any work is done."""
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError:
        raise MissingExtra(
            "Pictures of a report are drawn by Matplotlib, which is not installed: pip install 'unrolled[report]'."
        ) from None


def svg(plot: Plot, *, width: int = WIDE, words: bool = False) -> str:
    """The picture as an SVG file; its background is paper, or with `words` nothing."""
    import matplotlib as mpl

    with mpl.rc_context(_settings(words)), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that no font has
        buffer = io.BytesIO()
        said = {"Date": None, "Creator": None, "Format": None, "Type": None}
        face = "none" if words else PAPER
        drawn(plot, width).savefig(buffer, format="svg", metadata=said, facecolor=face, edgecolor="none")
    return buffer.getvalue().decode()


def drawn(plot: Plot, width: int = WIDE) -> Figure:
    """The picture as a Matplotlib figure of `width` px."""
    import matplotlib as mpl

    from unrolled.reporting._bars import draw_bars
    from unrolled.reporting._lines import draw_lines

    with mpl.rc_context(_settings(False)):
        return (draw_bars if plot.kind == "bars" else draw_lines)(plot, width)


def _settings(words: bool) -> Any:
    _know_fonts()
    return {
        "font.family": list(FAMILIES),
        "font.size": 12,
        "text.parse_math": False,
        "text.color": INK,
        "svg.fonttype": "none" if words else "path",
        "svg.hashsalt": "unrolled",
        "axes.unicode_minus": True,
        "axes.edgecolor": EDGE,
        "axes.facecolor": "none",
        "axes.linewidth": 1,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "xtick.labelsize": 11,
        "ytick.labelsize": 11,
        "ytick.major.size": 0,
        "xtick.major.size": 4,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "lines.solid_joinstyle": "round",
        "path.simplify": False,
        "figure.dpi": 72,
        "savefig.dpi": 72,
    }


def _know_fonts() -> None:
    """Tells Matplotlib of the fonts that come along, once."""
    from matplotlib import font_manager

    logging.getLogger(font_manager.__name__).setLevel(logging.ERROR)  # of weights that the last font has not
    there = {each.fname for each in font_manager.fontManager.ttflist}
    for path in sorted(built("fonts").iterdir(), key=str):
        if re.match(r"inter|stix", path.name) and str(path) not in there:
            font_manager.fontManager.addfont(str(path))
