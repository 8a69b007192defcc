"""A planted head of every kind gets its name, and random heads get none: at most 1 % of thousands.

Words are tokens here, so that nothing depends on a model; embeddings are random, with planted likeness.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from unrolled.figures import _head_scores as heads
from unrolled.figures._head_labels import LABELS, THRESHOLDS, UNCLASSIFIED, labels_of

KINDS = list(THRESHOLDS)
N_RANDOM = 400

WORDS: dict[str, int] = {}


def ids_of(text: str) -> tuple[list[int], list[str]]:
    strings = re.findall(r"[\w']+|[.,;]", text)
    return [WORDS.setdefault(word.lower(), len(WORDS)) for word in strings], strings


def probes(causal: bool) -> list[heads.ProbeText]:
    sentences, arcs = heads.texts()
    found = [heads.sentence_probe(*ids_of(text)) for text in sentences]
    for notation in arcs:
        text, pairs = heads.arcs_text(notation)
        ids, strings = ids_of(text)
        found.append(heads.arcs_probe(ids, [[k] for k in range(len(strings))], pairs, causal))
    return found + heads.long_probes(range(1_000, 1_600)) + heads.repeat_probes(range(1_000, 1_600))


EMBEDDINGS = np.random.default_rng(11).standard_normal((1_600, 24))


def cosines(texts: list[heads.ProbeText]) -> list[np.ndarray | None]:
    unit = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    return [
        unit[list(text.ids)] @ unit[list(text.ids)].T if "first" in text.targets and not text.long else None
        for text in texts
    ]


def softmax(scores: np.ndarray, causal: bool) -> np.ndarray:
    n = scores.shape[-1]
    seen = np.where(np.tri(n, dtype=bool), scores, -np.inf) if causal else scores
    powers = np.exp(seen - seen.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def scored(weights: Callable[[int], np.ndarray], texts: list[heads.ProbeText], causal: bool) -> heads.Scores:
    layer = heads.score_layer(weights, texts, cosines(texts), causal)
    return heads.Scores(*(layer[:, end][:, None] for end in range(3)))


def planted(kind: str, text: heads.ProbeText, causal: bool, strength: float = 3.5) -> np.ndarray:
    """(1, n, n): a head that adds `strength` to the scores of its pattern's keys, over a little noise."""
    n = len(text.ids)
    i, j = np.indices((n, n))
    ids = np.asarray(text.ids)
    patterns: dict[str, np.ndarray] = {
        "previous": j == i - 1,
        "next": j == i + 1,
        "same": j == i,
        "first": j == 0,
        "separator": np.isin(ids, [WORDS.get(",", -1), WORDS.get(".", -1)])[None, :] & (i > -1),
        "local": (abs(i - j) <= 3) & (i != j),
        "duplicate": (ids[:, None] == ids[None, :]) & (i > j),
        "induction": np.pad((ids[:, None] == ids[None, :]) & (i > j), ((0, 0), (1, 0)))[:, :-1] & (j <= i),
        "syntax": np.zeros((n, n), dtype=bool),
        "meaning": np.zeros((n, n), dtype=bool),
    }
    for arc in text.arcs:
        if arc.relation == "a<":
            patterns["syntax"][arc.query, list(arc.keys)] = True
    noise = np.random.default_rng(n).standard_normal((n, n)) * 0.3
    if kind == "meaning":
        unit = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
        return softmax(noise + 6 * (unit[ids] @ unit[ids].T) * (i != j), causal)[None]
    return softmax(noise + strength * patterns[kind], causal)[None]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_head_gets_its_name(kind: str, causal: bool) -> None:
    if causal and kind == "next":
        return  # nobody sees ahead
    texts = probes(causal)
    found = scored(lambda number: planted(kind, texts[number], causal), texts, causal)
    assert labels_of(found) == ((LABELS[kind],),), dict(zip(heads.SCORES, found.low[:, 0, 0].round(2), strict=True))


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("make", ["pairs", "tokens"])
def test_random_heads_stay_unclassified(make: str, causal: bool) -> None:
    """Attention drawn pair by pair, and attention of random maps of random embeddings; 0.3 to 4 nats of spread."""
    texts, random = probes(causal), np.random.default_rng(5)
    spread = random.uniform(0.3, 4, (N_RANDOM, 1, 1))
    query, key = random.standard_normal((2, N_RANDOM, 24, 16))

    def weights(number: int) -> np.ndarray:
        n = len(texts[number].ids)
        if make == "pairs":
            return softmax(random.standard_normal((N_RANDOM, n, n)) * spread, causal)
        x = EMBEDDINGS[list(texts[number].ids)]
        scores = (x @ query) @ (x @ key).transpose(0, 2, 1)
        return softmax(scores / scores.std(axis=(1, 2), keepdims=True) * spread, causal)

    (labels,) = labels_of(scored(weights, texts, causal))
    named = [label for label in labels if label != UNCLASSIFIED]
    assert len(named) <= 0.01 * N_RANDOM, named


def test_a_weak_pattern_is_left_unnamed() -> None:
    texts = probes(True)
    found = scored(lambda number: planted("previous", texts[number], True, strength=0.3), texts, True)
    assert labels_of(found) == ((UNCLASSIFIED,),)


def test_a_head_that_knows_one_distance_is_no_induction_head() -> None:
    """With one fixed lag it would look like one; with many it does not."""
    texts = probes(True)

    def at_distance(number: int) -> np.ndarray:
        n = len(texts[number].ids)
        i, j = np.indices((n, n))
        return softmax(4.0 * (j == i - 15), True)[None]

    assert labels_of(scored(at_distance, texts, True)) == ((UNCLASSIFIED,),)


def test_scores_by_hand() -> None:
    """All of the attention on the token before scores 1, an even spread 0."""
    text = heads.sentence_probe(*ids_of("one two three four five six seven eight ."))
    n = len(text.ids)
    all_of_it = np.eye(n, k=-1)[None] + np.eye(n)[None] * (np.arange(n) == 0)[:, None]
    even = (np.tri(n) / np.arange(1, n + 1)[:, None])[None]
    texts = [text, text, *(other for other in probes(True)[24:] if not other.long)]
    place = heads.SCORES.index("previous")

    def score(attention: np.ndarray) -> float:
        rest = [softmax(np.zeros((len(t.ids),) * 2), True)[None] for t in texts]
        return float(scored(lambda k: attention if k < 2 else rest[k], texts, True).mean[place, 0, 0])

    assert score(all_of_it) == pytest.approx(1)
    assert score(even) == pytest.approx(0, abs=1e-12)


def test_an_interval_over_texts_that_say_the_same_is_no_interval() -> None:
    """A head whose rows are decided by position says in 24 texts what it says in one."""
    by_place = np.random.default_rng(0).normal(0.3, 0.4, 12)
    texts = [np.broadcast_to(by_place, (1, 12)) for _ in range(24)]
    mean, low, high = heads._over_positions(texts, 1)[:, 0]
    assert mean == pytest.approx(by_place.mean())
    half = 1.96 * by_place.std(ddof=1) / np.sqrt(12)
    assert [low, high] == pytest.approx([mean - half, mean + half])
    assert np.ptp(heads._interval([rows.mean(axis=1) for rows in texts], 1)) == pytest.approx(0, abs=1e-12)


def test_what_holds_in_short_texts_only_is_no_pattern() -> None:
    """The lower of both counts; without long texts, the short ones."""
    random = np.random.default_rng(0)
    high, low = ([random.normal(middle, 0.01, (1, 20)) for _ in range(8)] for middle in (0.9, 0.1))
    both = heads._of_pattern([(False, rows) for rows in high] + [(True, rows) for rows in low], 1)
    assert both[0, 0] == pytest.approx(0.1, abs=0.01)
    alone = heads._of_pattern([(False, rows) for rows in high], 1)
    assert alone[0, 0] == pytest.approx(0.9, abs=0.01)
    assert np.isnan(heads._of_pattern([], 1)).all()


def test_arcs_name_the_words_that_they_should() -> None:
    text, arcs = heads.arcs_text("The/3d old/3a dog/4s chased the/6d cat/4o .")
    assert text == "The old dog chased the cat."
    assert arcs == [(0, 2, "d"), (1, 2, "a"), (2, 3, "s"), (4, 5, "d"), (5, 3, "o")]
    for notation in heads.texts()[1]:
        sentence, pairs = heads.arcs_text(notation)
        words = sentence[:-1].split()
        for dependent, head, relation in pairs:
            assert dependent != head
            assert 0 <= head < len(words), notation
            if relation in "da":
                assert dependent < head, notation
