"""What a model loses when heads of a kind are switched off, beside as many others of the same layers.

Four things that a causal model does, each a mean loss in nats: going on with random tokens that it has read before
(Olsson et al. 2022), plain fiction, the last thing of a list, and the number of a verb (Linzen et al. 2016).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unrolled.checkpoints import Model
from unrolled.experiments import _head_material as material
from unrolled.progress import Progress, Work
from unrolled.trace import HeadOff, patched

Head = tuple[int, int]
"""Layer and head."""

OWN: Mapping[str, str] = {
    "induction": "repeated",
    "previous token": "repeated",
    "first token": "plain",
    "syntactic arc": "agreement",
    "similar meaning": "lists",
}
"""A head's name -> what it should be good for. Heads of the previous token feed those of induction; those that rest on
the first token do nothing in particular."""
DRAWS = 4
"""Times that others are drawn in a kind's place."""
MOST = 16
"""Heads of a kind that are switched off: of more, so many are drawn."""
_PLAIN_FROM = 8
"""Positions of plain text before this are too early to be told by."""


@dataclass(frozen=True, kw_only=True)
class Trials:
    """The texts of one cell, the same for all that is switched off."""

    repeated: Tensor
    plain: Tensor
    """ids (row, position)"""
    lists: list[tuple[Sequence[int], int]]
    agreement: list[tuple[Sequence[int], bool]]


def trials_of(model: Model, drawn: np.random.Generator, rows: int) -> Trials:
    """Drawn for one model. `rows`: texts said twice, and of plain fiction."""
    return Trials(
        repeated=torch.from_numpy(material.repeated(model, rows, drawn)),
        plain=torch.from_numpy(material.fiction_rows(model, rows, 48, drawn)),
        lists=material.list_rows(model, 3 * rows, drawn),
        agreement=material.agreement_rows(model, 4 * rows, drawn),
    )


def loss(model: Model, what: str, trials: Trials) -> float:
    """Mean loss in nats of one of the four."""
    if what == "repeated":
        return _said(model, trials.repeated)[:, material.HALF :].mean().item()
    if what == "plain":
        return _said(model, trials.plain)[:, _PLAIN_FROM:].mean().item()
    if what == "lists":
        return _of_lists(model, trials.lists)
    return _of_verbs(model, trials.agreement)


def _said(model: Model, ids: Tensor) -> Tensor:
    """ids (row, position) -> loss of each but the first, (row, position - 1)."""
    logits = model.all_logits(ids[:, :-1]).float()
    return logits.logsumexp(-1) - logits.gather(-1, ids[:, 1:, None])[..., 0]


def _of_lists(model: Model, rows: Sequence[tuple[Sequence[int], int]]) -> float:
    """Summed over the tokens of the last thing, mean over lists."""
    found = []
    for numbers, ids in material.rows_of_equal_length([ids for ids, _ in rows]):
        said = _said(model, ids)
        found += [float(said[at, rows[number][1] - 1 :].sum()) for at, number in enumerate(numbers)]
    return math.fsum(found) / len(found)


def _of_verbs(model: Model, rows: Sequence[tuple[Sequence[int], bool]]) -> float:
    """Of “is” against “are” alone."""
    singular, plural = material.verb_ids(model)
    found = []
    for numbers, ids in material.rows_of_equal_length([ids for ids, _ in rows]):
        last = model.all_logits(ids)[:, -1].float()
        margin = (last[:, plural] - last[:, singular]).tolist()
        found += [math.log1p(math.exp(-m if rows[number][1] else m)) for m, number in zip(margin, numbers, strict=True)]
    return math.fsum(found) / len(found)


def removals(
    model: Model, names: Sequence[Sequence[str]], drawn: np.random.Generator, rows: int
) -> Work[dict[str, object]]:
    """For each kind what the loss goes up by: {kind: {heads, own, own_random, plain, plain_random}}, and the losses
    with nothing switched off. `names`: (layer, head)."""
    trials = trials_of(model, drawn, rows)
    whole = {what: loss(model, what, trials) for what in ("repeated", "plain", "lists", "agreement")}
    found: dict[str, object] = {"whole": whole}
    for done, (kind, own) in enumerate(OWN.items()):
        yield Progress(done, len(OWN), "heads of each kind switched off")
        chosen, others = scored_and_others(names, kind, drawn)
        if not chosen:
            continue
        said = {}
        for what in dict.fromkeys((own, "plain")):
            said[what] = [_without(model, heads, what, trials) - whole[what] for heads in (chosen, *others)]
        found[kind] = {
            "heads": len(chosen),
            "own": said[own][0],
            "own_random": said[own][1:],
            "plain": said["plain"][0],
            "plain_random": said["plain"][1:],
        }
    return found


def _without(model: Model, heads: Sequence[Head], what: str, trials: Trials) -> float:
    with patched(model, [HeadOff(layer, head) for layer, head in heads]) as changed:
        return loss(changed, what, trials)


def scored_and_others(
    names: Sequence[Sequence[str]], kind: str, drawn: np.random.Generator
) -> tuple[list[Head], list[list[Head]]]:
    """Heads of that name, and DRAWS times as many others of the same layers, where a layer has enough of them.

    A layer in which most heads have the name gives as many of these as it has others."""
    chosen: list[Head] = []
    others: list[list[Head]] = [[] for _ in range(DRAWS)]
    layers = [(layer, *_split(row, kind)) for layer, row in enumerate(names)]
    for layer, scored, rest in _some(layers, drawn):
        n = min(len(scored), len(rest), MOST - len(chosen))
        chosen += [(layer, int(head)) for head in drawn.permutation(scored)[:n]]
        for draw in others:
            draw += [(layer, int(head)) for head in drawn.permutation(rest)[:n]]
    return chosen, others


_Layer = tuple[int, list[int], list[int]]


def _some(layers: Sequence[_Layer], drawn: np.random.Generator) -> list[_Layer]:
    """Layers in an order that is drawn."""
    return [layers[number] for number in drawn.permutation(len(layers))]


def _split(row: Sequence[str], kind: str) -> tuple[list[int], list[int]]:
    """Heads of a layer with the name, and without."""
    return [h for h, name in enumerate(row) if name == kind], [h for h, name in enumerate(row) if name != kind]
