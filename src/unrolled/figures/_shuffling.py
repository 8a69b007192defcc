"""Words in another order, as an order of a model's tokens; and what a model makes of the two."""

from __future__ import annotations

import random
from typing import Any, Literal

import numpy as np
from jaxtyping import Int64

from unrolled.checkpoints import Model
from unrolled.figures import _arithmetic
from unrolled.figures._order import WORD, cosine
from unrolled.text import Tokens
from unrolled.trace.positions import Positions, outputs_of

Order = Literal["exchanged", "reversed", "shuffled"]
WAYS = (
    "positions, sees everything",
    "no positions, sees everything",
    "positions, sees only earlier ones",
    "no positions, sees only earlier ones",
)
SWITCHES = ((True, False), (False, False), (True, True), (False, True))
"""Of each way: positions told, causal mask."""
ROUNDING = 1e-4
"""Float32 sums in another order differ by some 1e-7 of their size, and layers add that up: 2e-6 of an output in six of
them, 2e-5 in SmolLM2's thirty. The smallest change that an exchange of words makes is a thousand times that."""


def new_order(n: int, order: Order, first: int, second: int, seed: int) -> list[int]:
    """Which word stands at each place, of n. A number beyond the text means its last word."""
    places = list(range(n))
    if order == "reversed":
        return places[::-1]
    if order == "shuffled":
        random.Random(seed).shuffle(places)
        return places
    a, b = min(first, n - 1), min(second, n - 1)
    places[a], places[b] = places[b], places[a]
    return places


def token_order(tokens: Tokens, order: list[int]) -> Int64[np.ndarray, "token"]:
    """Which token stands at each place when the words change theirs. Tokens of a word stay together; what belongs to
    no word, and what the model puts around a text, stays between them where it was."""
    blocks = _blocks(tokens)
    of_words = {word: block for word, block in blocks if word is not None}
    there = [word for word in order if word in of_words]
    taken = iter(there)
    moved = [of_words[next(taken)] if word is not None else block for word, block in blocks]
    return np.array([token for block in moved for token in block], dtype=np.int64)


def _blocks(tokens: Tokens) -> list[tuple[int | None, list[int]]]:
    """Runs of tokens, with the number of the word that they spell."""
    spans = [match.span() for match in WORD.finditer(tokens.text)]
    blocks: list[tuple[int | None, list[int]]] = []
    for token, (start, end) in enumerate(tokens.spans):
        word = next((number for number, (a, b) in enumerate(spans) if max(start, a) < min(end, b)), None)
        if blocks and word is not None and blocks[-1][0] == word:
            blocks[-1][1].append(token)
        else:
            blocks.append((word, [token]))
    return blocks


def compared(model: Model, positions: Positions, tokens: Tokens, order: Int64[np.ndarray, "token"]) -> dict[str, Any]:
    """Each token's output before and after, in all four ways."""
    ids = np.array(tokens.ids)
    read = [i for i, (start, end) in enumerate(tokens.spans) if end > start]
    differences, cosines, lines = [], [], []
    for told, causal in SWITCHES:
        start = 0 if told else None
        both = outputs_of(model, [ids.tolist(), ids[order].tolist()], start=start, causal=causal).astype(np.float64)
        before, after = both[0], np.empty_like(both[1])
        after[order] = both[1]  # back in the text's order
        change, length = np.linalg.norm(after - before, axis=1), np.linalg.norm(before, axis=1)
        at = int((change / length).argmax())
        differences.append(change / length)
        cosines.append(cosine(before[read].mean(axis=0), after[read].mean(axis=0)))
        lines.append(f"“{tokens.strings[at]}”: {ratio(float(change[at]), float(length[at]))}")
    return {
        "tokens": tokens.strings,
        "token_spans": np.array(tokens.spans, dtype=np.int64).reshape(-1, 2),
        "shuffled": tuple(tokens.strings[i] for i in order),
        "came_from": order,
        "difference": np.stack(differences),
        "largest": np.stack(differences).max(axis=1),
        "cosine": np.array(cosines),
        "trained": SWITCHES.index((True, positions.causal)),
        "scheme": positions.scheme,
        "arithmetic": tuple(lines),
    }


def ratio(change: float, length: float) -> str:
    """`|change| ÷ |output| = 0.6500 ÷ 5.10 = 0.1275`; what is next to nothing as a power of ten."""
    if change < ROUNDING * length:
        return f"|change| ÷ |output| = {change:.1e} ÷ {length:.2f}, which is rounding".replace("e-0", "e−").replace(
            "e-", "e−"
        )
    said = _arithmetic.quotient(change, length, "|output|")
    return f"|change| ÷ |output| = {said.split(' = ', 1)[1]}"
