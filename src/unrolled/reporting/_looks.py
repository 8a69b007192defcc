"""How series look in a file: the hues of the guide (web/src/styles/tokens.css, light), one for each family of models.

The hues can be told apart by colour-blind readers; series that share one differ by their line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from unrolled.experiments._plot import Series

INK, SOFT, RULE, EDGE, PAPER = "#1d1c1a", "#615d55", "#e4e0d7", "#8d877b", "#fcfbf8"
HUES = ("#0b5c8a", "#857000", "#6d1f1a", "#6f7278")
HOMES = {"rnn": 3, "lstm": 1, "gru": 2, "gpt": 0, "attention": 0, "transformer": 0, "smollm2": 2}
"""The hue of a family, here and on the page; any other series takes the next that is free."""
DASHES = ((), (9, 3), (2.5, 2.5), (9, 3, 2.5, 3))


@dataclass(frozen=True)
class Look:
    """Of one series."""

    colour: str
    dash: tuple[float, ...]
    thin: bool = False


def looks_of(series: Sequence[Series]) -> list[Look]:
    """One for each; controls and theories stay grey."""
    kept = [HOMES[family] for each in series if each.role == "measured" and (family := family_of(each.name)) in HOMES]
    free = [hue for hue in range(len(HUES)) if hue not in kept] or list(range(len(HUES)))
    found: list[Look] = []
    taken: list[int] = []
    greys = 0
    for each in series:
        if each.role != "measured":
            found.append(Look(EDGE, DASHES[1 + greys % 3] if each.role == "control" else DASHES[2], True))
            greys += each.role == "control"
            continue
        family = family_of(each.name)
        hue = HOMES[family] if family in HOMES else free[sum(t in free for t in taken) % len(free)]
        found.append(Look(HUES[hue], DASHES[taken.count(hue) % len(DASHES)]))
        taken.append(hue)
    return found


def family_of(name: str) -> str:
    """A series' first word, in small letters."""
    return re.split(r"[^\w]+", name.strip().lower(), maxsplit=1)[0]
