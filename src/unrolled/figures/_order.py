"""A text with two words exchanged, and what a recurrent model makes of the two: its state, and what comes next."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Float64

from unrolled.checkpoints import Model
from unrolled.errors import BadInput, BadKnob
from unrolled.figures._unit import states_of
from unrolled.progress import Work
from unrolled.sampling import distribution_of
from unrolled.text import Tokens

WORD = re.compile(r"\w+(?:['’-]\w+)*")


def words_of(text: str) -> tuple[str, ...]:
    """The text's words, without what stands between them. BadInput, if there are not two."""
    words = tuple(WORD.findall(text))
    if len(words) < 2:
        raise BadInput(f"“{text[:60]}” has {len(words) or 'no'} word; to exchange two, type a second one.")
    return words


def swapped(text: str, first: int, second: int) -> str:
    """The text with the words of these numbers exchanged; what stands between words stays where it is."""
    places = [match.span() for match in WORD.finditer(text)]
    for name, at in (("first", first), ("second", second)):
        if at >= len(places):
            raise BadKnob(f"recurrence (order): {name} was {at}; the text has words 0 to {len(places) - 1}.")
    (a, b), (c, d) = sorted((places[first], places[second]))
    return text if first == second else text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def compared(model: Model, text: str, other: str, layer: int, top_n: int) -> Work[dict[str, Any]]:
    """States at the end, means of embeddings and next tokens of both texts, and how far apart they are."""
    one, two = (yield from states_of(model, text)), (yield from states_of(model, other))
    if layer >= len(one.h):
        raise BadKnob(f"layer was {layer}; {model.name} has layers 0 to {len(one.h) - 1}.")
    before, after = one.h[layer, -1], two.h[layer, -1]
    bags = bag_of(model, one.tokens), bag_of(model, two.tokens)
    said = yield from _next(model, one.tokens, two.tokens, top_n)
    difference = after.astype(np.float64) - before
    return said | {
        "tokens": one.tokens.strings,
        "swapped_tokens": two.tokens.strings,
        "same_bag": Counter(one.tokens.ids) == Counter(two.tokens.ids),
        "h": before,
        "h_swapped": after,
        "difference": difference,
        "distance": float(np.linalg.norm(difference)),
        "relative": float(np.linalg.norm(difference) / np.linalg.norm(before.astype(np.float64))),
        "cosine": cosine(before, after),
        "bag_distance": float(np.linalg.norm(bags[1] - bags[0])),
        "bag_relative": float(np.linalg.norm(bags[1] - bags[0]) / np.linalg.norm(bags[0])),
        "bag_cosine": cosine(*bags),
    }


def bag_of(model: Model, tokens: Tokens) -> Float64[np.ndarray, "d_embed"]:
    """The mean of the tokens' embeddings; summed by token id, so that order cannot even show in the rounding."""
    ids, counts = np.unique(np.array(tokens.ids), return_counts=True)
    embeddings = model.embeddings(ids.tolist()).astype(np.float64)
    mean: Float64[np.ndarray, "d_embed"] = counts @ embeddings / counts.sum()
    return mean


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the angle between two vectors."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def _next(model: Model, one: Tokens, two: Tokens, top_n: int) -> Work[dict[str, Any]]:
    """The likeliest next tokens after either text, with both probabilities."""
    shares = []
    for tokens in (one, two):
        logits = yield from model.next_logits(tokens.ids)
        found = distribution_of(logits)
        share = np.empty(len(found.order))
        share[found.order] = found.probabilities
        shares.append(share)
    before, after = shares
    listed = list(dict.fromkeys([*np.argsort(-before)[:top_n], *np.argsort(-after)[:top_n]]))
    sure = before > 0
    return {
        "top_strings": tuple(model.tokenizer.piece(int(token)) for token in listed),
        "before": before[listed],
        "after": after[listed],
        "kl_bits": float((before[sure] * np.log2(before[sure] / np.maximum(after[sure], 1e-300))).sum()),
    }
