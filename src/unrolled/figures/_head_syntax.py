"""Whether a head follows a grammatical relation: attention between related words, beyond what unrelated ones get.

As Clark et al. 2019, "What Does BERT Look At?", §4.2, against three controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from unrolled.figures._head_scores import Arc, ProbeText


def syntactic_arcs(arcs: Sequence[tuple[ProbeText, np.ndarray]]) -> list[np.ndarray]:
    """For each head the relation and direction that it follows: per text, its share beyond unrelated words'.

    Three controls, of which the largest counts: unrelated words at the same distance, in all texts; what unrelated
    words give to the same key; and unrelated words of other texts at the same two places. A head that looks two words
    back, or at every noun, or from the third token at the first, follows no relation.
    """
    if not arcs:
        return []
    by_distance: dict[int, list[np.ndarray]] = {}
    by_key: dict[tuple[int, tuple[int, ...]], list[np.ndarray]] = {}
    by_place: dict[tuple[int, tuple[int, ...]], list[np.ndarray]] = {}
    for text, (probe, attention) in enumerate(arcs):
        for arc in probe.arcs:
            if not arc.relation:
                mass = _mass(attention, arc)
                by_distance.setdefault(arc.distance, []).append(mass)
                by_key.setdefault((text, arc.keys), []).append(mass)
                by_place.setdefault((arc.query, arc.keys), []).append(mass)
    names = sorted({arc.relation for probe, _ in arcs for arc in probe.arcs if arc.relation})
    n_head = len(arcs[0][1])
    nothing = [np.zeros(n_head)]
    table = np.full((len(names), len(arcs), n_head), np.nan)
    for text, (probe, attention) in enumerate(arcs):
        gains: dict[str, list[np.ndarray]] = {}
        for arc in probe.arcs:
            if arc.relation:
                same_distance = np.mean(by_distance.get(arc.distance, nothing), axis=0)
                same_key = np.mean(by_key.get((text, arc.keys), nothing), axis=0)
                same_place = np.mean(by_place.get((arc.query, arc.keys), nothing), axis=0)
                gain = _mass(attention, arc) - np.maximum.reduce([same_distance, same_key, same_place])
                gains.setdefault(arc.relation, []).append(gain)
        for name, found in gains.items():
            table[names.index(name), text] = np.mean(found, axis=0)
    return _of_best(table)


def _of_best(table: np.ndarray) -> list[np.ndarray]:
    """(relation, text, head) -> (head,) of each text: the relation that the other half of the texts says is the head's.

    Chosen and measured on the same texts, the best of eight would look like something in any head."""
    halves = np.arange(table.shape[1]) % 2
    found = np.empty(table.shape[1:])
    for half in (0, 1):
        others = table[:, halves != half]
        counted = (~np.isnan(others)).sum(axis=1)
        means = np.where(counted > 0, np.nansum(others, axis=1) / counted.clip(1), -np.inf)
        here = table[:, halves == half]
        found[halves == half] = here[means.argmax(axis=0), :, np.arange(table.shape[2])].T
    return list(found)


def _mass(attention: np.ndarray, arc: Arc) -> np.ndarray:
    return np.asarray(attention[:, arc.query, list(arc.keys)].sum(axis=-1))
