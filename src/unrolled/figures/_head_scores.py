"""What a head does, as numbers: how much of its attention goes where a pattern says it should.

Every head is scored on the same texts, whatever the reader's own is: ordinary sentences, random tokens, repeated ones,
and sentences whose grammar is known. A score is the share of attention that lands on a pattern's keys, less what an
even spread would put there, over what is left: 0 is chance, 1 is all of it. Each comes with a 95 % interval over the
texts; where all texts say the same, as position alone can make them do, over the positions: their errors are clustered
(Liang & Zeger 1986, "Longitudinal data analysis using generalized linear models").

Induction and duplicate: Olsson et al. 2022, "In-context learning and induction heads"; the repeats have many different
lengths, since with one fixed length a head could find its place by distance alone. Syntactic arcs, as Clark et al.
2019, §4.2, measured against the same distance between words that are not related. Similar meaning: correlation of
attention with the cosine of the tokens' embeddings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from jaxtyping import Bool, Float

from unrolled.figures._head_syntax import syntactic_arcs

PATTERNS = ("previous", "next", "same", "first", "separator", "local", "duplicate", "induction")
SCORES = (*PATTERNS, "syntax", "meaning", "entropy")
RELATIONS = ("d", "a", "s", "o")  # determiner, adjective, subject, object
N_REPEATS = 24
SHORTEST, LONGEST = 8, 24  # random tokens, before they are said again
N_LONG, LONG = 8, 64  # texts, and random tokens in each
NEAR = 3  # tokens on either side that count as local
EARLY = 4  # queries before this see too few keys to say anything
SEPARATORS = frozenset({",", ".", ";", ":", "[SEP]", "</s>"})


@dataclass(frozen=True)
class Arc:
    """A pair of words: the query's token, the key's tokens, their distance in words, the relation ("" for none)."""

    query: int
    keys: tuple[int, ...]
    distance: int
    relation: str


@dataclass(frozen=True)
class ProbeText:
    """One text that heads are scored on: its tokens, and per pattern which keys count for which queries."""

    ids: tuple[int, ...]
    targets: dict[str, Bool[np.ndarray, "query key"]]
    arcs: tuple[Arc, ...] = ()
    long: bool = False


@dataclass(frozen=True)
class Scores:
    """Mean and 95 % interval over texts or positions, each (score, layer, head), in the order of SCORES."""

    mean: Float[np.ndarray, "score layer head"]
    low: Float[np.ndarray, "score layer head"]
    high: Float[np.ndarray, "score layer head"]
    unscored: str = ""
    """What could not be scored with this model, and why: a sentence, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """What the texts are made of that heads are scored on."""

    sentences: tuple[str, ...]
    """Ordinary ones."""
    arcs: tuple[str, ...]
    """Sentences with known grammar, in the notation of `arcs_text`."""
    seed: int = 0
    """Of the random tokens."""


@cache
def texts() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sentences, and those with arcs in their notation."""
    written = tomllib.loads((resources.files(__package__) / "_head_probes.toml").read_text("utf-8"))
    return tuple(written["sentences"]), tuple(written["arcs"])


@cache
def standard() -> Material:
    """What figures score on."""
    sentences, arcs = texts()
    return Material(sentences=sentences, arcs=arcs)


def sentence_probe(ids: Sequence[int], strings: Sequence[str]) -> ProbeText:
    """Patterns of position, of the first token and of separators in an ordinary sentence."""
    probe = position_probe(ids)
    n = len(ids)
    separators = np.array([string.strip() in SEPARATORS for string in strings])
    late = np.indices((n, n))[0] >= EARLY
    separator = separators[None, :] & ~separators[:, None] & late
    return ProbeText(probe.ids, probe.targets | {"separator": separator})


def position_probe(ids: Sequence[int]) -> ProbeText:
    """Patterns of position and of the first token, which any tokens show."""
    i, j = np.indices((len(ids), len(ids)))
    late = i >= EARLY
    targets = {
        "previous": (j == i - 1) & late,
        "next": (j == i + 1) & late,
        "same": (j == i) & late,
        "first": (j == 0) & late,
        "local": (abs(i - j) <= NEAR) & (i >= 2 * NEAR),
    }
    return ProbeText(tuple(ids), targets)


def random_probes(
    vocabulary: Sequence[int], prefix: Sequence[int] = (), *, longest: int = 24, seed: int = 1
) -> list[ProbeText]:
    """Random tokens in place of sentences, for a model that cannot read these."""
    random = np.random.default_rng(seed)
    probes = []
    for _ in range(N_REPEATS):
        length = int(random.integers(min(14, longest), longest + 1))
        drawn = random.choice(np.asarray(vocabulary), length, replace=length > len(vocabulary))
        probes.append(position_probe([*prefix, *map(int, drawn)]))
    return probes


def long_probes(
    vocabulary: Sequence[int], prefix: Sequence[int] = (), *, length: int = LONG, seed: int = 2
) -> list[ProbeText]:
    """Long random texts: among many keys, none comes first or nearest by chance."""
    random = np.random.default_rng(seed)
    probes = []
    for _ in range(N_LONG):
        drawn = random.choice(np.asarray(vocabulary), length, replace=length > len(vocabulary))
        probe = position_probe([*prefix, *map(int, drawn)])
        probes.append(ProbeText(probe.ids, probe.targets, long=True))
    return probes


def repeat_probes(
    vocabulary: Sequence[int], prefix: Sequence[int] = (), *, longest: int = LONGEST, seed: int = 0
) -> list[ProbeText]:
    """Random tokens, said twice, of many lengths: the second time, who came after this token the first time?"""
    random = np.random.default_rng(seed)
    probes = []
    for _ in range(N_REPEATS):
        length = int(random.integers(SHORTEST, longest + 1))
        once = random.choice(np.asarray(vocabulary), length, replace=False)
        ids = np.concatenate([np.asarray(prefix, dtype=once.dtype), once, once])
        i, j = np.indices((len(ids), len(ids)))
        again = i >= len(prefix) + length
        duplicate = again & (j == i - length)
        induction = again & (j == i - length + 1)
        probes.append(ProbeText(tuple(map(int, ids)), {"duplicate": duplicate, "induction": induction}))
    return probes


def arcs_text(notation: str) -> tuple[str, list[tuple[int, int, str]]]:
    """`The/2d dog/3s ran .` -> the sentence, and arcs (dependent word, head word, relation), counted from 0."""
    words, arcs = [], []
    for place, part in enumerate(notation.split()):
        word, _, arc = part.partition("/")
        words.append(word)
        if arc:
            found = re.fullmatch(r"(\d+)([daso])", arc)
            assert found, f"{part} in {notation}"
            arcs.append((place, int(found[1]) - 1, found[2]))
    return " ".join(words).replace(" .", "."), arcs


def arcs_probe(
    ids: Sequence[int], words: Sequence[Sequence[int]], arcs: Sequence[tuple[int, int, str]], causal: bool
) -> ProbeText:
    """`words`: the tokens of each word. Related pairs both ways (back only, where later keys are hidden), and all
    unrelated pairs at the distances that related ones have, as what they are compared with."""
    related = {(a, b): relation for a, b, relation in arcs}
    named = [(b, a, f"{r}<") for (a, b), r in related.items()] + [(a, b, f"{r}>") for (a, b), r in related.items()]
    distances = {key - query for query, key, _ in named}
    pairs = named + [
        (query, query + distance, "")
        for query in range(len(words))
        for distance in distances
        if 0 <= query + distance < len(words)
        and not {(query, query + distance), (query + distance, query)} & set(related)
    ]
    found = [
        Arc(words[query][-1], tuple(words[key]), key - query, relation)
        for query, key, relation in pairs
        if not causal or key < query
    ]
    return ProbeText(tuple(ids), {}, tuple(found))


def score_layer(
    weights: Callable[[int], Float[np.ndarray, "head query key"]],
    probes: Sequence[ProbeText],
    cosines: Sequence[Float[np.ndarray, "query key"] | None],
    causal: bool,
) -> Float[np.ndarray, "score 3 head"]:
    """All scores of one layer's heads: mean, low and high. `weights(k)`: the layer's attention on probe k."""
    values: dict[str, list[Float[np.ndarray, "head"]]] = {name: [] for name in SCORES if name not in PATTERNS}
    patterns: dict[str, list[tuple[bool, np.ndarray]]] = {name: [] for name in PATTERNS}
    arcs: list[tuple[ProbeText, Float[np.ndarray, "head query key"]]] = []
    for number, probe in enumerate(probes):
        attention = weights(number)
        for name, target in probe.targets.items():
            if not (causal and name == "next"):
                patterns[name].append((probe.long, _excess(attention, target, causal)))
        if probe.arcs:
            arcs.append((probe, attention))
        similar = cosines[number]
        if similar is not None:
            values["meaning"].append(_correlation(attention, similar, probe.ids, causal))
            values["entropy"].append(_entropy(attention, causal))
    n_head = len(attention)
    values["syntax"] = syntactic_arcs(arcs)
    intervals = {name: _of_pattern(found, n_head) for name, found in patterns.items()}
    intervals |= {name: _interval(found, n_head) for name, found in values.items()}
    return np.stack([intervals[name] for name in SCORES])


def _excess(attention: np.ndarray, target: np.ndarray, causal: bool) -> np.ndarray:
    """(head, n, n), (n, n) -> (head, query): share on the target beyond an even spread's, over what is left to gain;
    nan for a query that has no such key, or little else."""
    n = len(target)
    visible = np.arange(1, n + 1) if causal else np.full(n, n)
    seen = target & np.tri(n, dtype=bool) if causal else target
    even = seen.sum(axis=1) / visible
    counted = (even > 0) & (even <= 0.5)
    mass = (attention * seen).sum(axis=-1)
    return np.where(counted, (mass - even) / np.where(counted, 1 - even, 1), np.nan)


def _of_pattern(texts: Sequence[tuple[bool, np.ndarray]], n_head: int) -> np.ndarray:
    """(whether it is long, (head, query) of a text) -> (3, head). What holds in short texts must hold in long ones: of
    the two intervals the lower counts."""
    found = [_over_positions([rows for each, rows in texts if each is long], n_head) for long in (False, True)]
    short, long = found
    return np.where(long[1] < short[1], long, short)  # nan, where there are no long ones, is not lower


def _over_positions(texts: Sequence[np.ndarray], n_head: int) -> np.ndarray:
    """Mean, and the wider of the intervals over the texts and over positions.

    Token 7 asks token 6 in every text, and where position decides, all texts say the same: they are one observation
    of each position and not many. What chance gives to some positions, an interval over positions gives away."""
    if not texts:
        return np.full((3, n_head), np.nan)
    longest = max(rows.shape[1] for rows in texts)
    stacked = np.full((len(texts), n_head, longest), np.nan)
    for number, rows in enumerate(texts):
        stacked[number, :, : rows.shape[1]] = rows
    counted = ~np.isnan(stacked)
    filled = np.where(counted, stacked, 0)
    by_text = filled.sum(axis=2) / counted.sum(axis=2).clip(1)
    mean, _, high = _interval(by_text, n_head)
    off = np.where(counted, stacked - mean[:, None], 0).sum(axis=0)  # (head, position): positions are the clusters
    n_position = max(int(counted[:, 0].any(axis=0).sum()), 1)
    spread = np.sqrt((off**2).sum(axis=1) * n_position / max(n_position - 1, 1)) / counted[:, 0].sum().clip(1)
    half = np.maximum(high - mean, 1.96 * spread)
    return np.stack([mean, mean - half, mean + half])


def _correlation(attention: np.ndarray, cosines: np.ndarray, ids: Sequence[int], causal: bool) -> np.ndarray:
    """Mean over queries of the correlation of weight and cosine; the token, its likes and the first are left out."""
    found = []
    tokens = np.asarray(ids)
    for query in range(2 * EARLY, len(ids)):
        keys = (tokens != tokens[query]) & (np.arange(len(ids)) > 0)
        if causal:
            keys &= np.arange(len(ids)) < query
        if keys.sum() >= EARLY:
            found.append(_pearson(attention[:, query, keys], cosines[query, keys]))
    return np.mean(found, axis=0) if found else np.zeros(len(attention))


def _pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a = a - a.mean(axis=-1, keepdims=True)
    b = b - b.mean()
    spread = np.sqrt((a**2).sum(axis=-1) * (b**2).sum())
    return np.asarray(np.divide((a * b).sum(axis=-1), spread, out=np.zeros(len(a)), where=spread > 1e-12))


def _entropy(attention: np.ndarray, causal: bool) -> np.ndarray:
    """Mean entropy of a row over that of an even spread: 1 looks everywhere, 0 at one key."""
    n = attention.shape[-1]
    visible = np.arange(1, n + 1) if causal else np.full(n, n)
    bits = -(attention * np.log(np.maximum(attention, 1e-30))).sum(axis=-1)
    return np.asarray((bits[:, EARLY:] / np.log(visible[EARLY:])).mean(axis=-1))


def _interval(values: Sequence[np.ndarray] | np.ndarray, n_head: int) -> np.ndarray:
    """(3, head): mean and the ends of its 95 % interval over the texts; nan where there is nothing to score."""
    if not len(values):
        return np.full((3, n_head), np.nan)
    stacked = np.asarray(values)  # (text, head); nan where a text has no pair of the relation that the head follows
    mean = np.nanmean(stacked, axis=0)
    half = 1.96 * np.nanstd(stacked, axis=0, ddof=1) / np.sqrt((~np.isnan(stacked)).sum(axis=0))
    return np.stack([mean, mean - half, mean + half])
