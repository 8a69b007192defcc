"""From logits to the distribution that a token is drawn from.

Temperature, then top-k (Fan et al. 2018), softmax, top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024), in the
order in which transformers applies them. The page applies the same to given logits in `web/src/presentation.ts`;
a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64


@dataclass(frozen=True)
class Distribution:
    """Tokens from the most to the least likely, with their probabilities."""

    order: Int64[np.ndarray, "vocabulary"]
    """Token ids by falling logit; equal logits keep the order of their ids."""
    probabilities: Float64[np.ndarray, "vocabulary"]
    """In that order, summing to 1; exactly 0 for what the knobs removed."""

    @property
    def entropy_bits(self) -> float:
        """Shannon entropy in bits. 0 when one token has it all."""
        likely = self.probabilities[self.probabilities > 0]
        return float(abs(-(likely * np.log2(likely)).sum()))

    @property
    def kept(self) -> int:
        """How many tokens can be drawn."""
        return int((self.probabilities > 0).sum())

    def draw(self, random: np.random.Generator) -> int:
        """The rank of one token drawn by its probability."""
        return int(np.searchsorted(self.probabilities.cumsum(), random.random(), side="right").clip(max=self.kept - 1))


def distribution_of(
    logits: np.ndarray, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0
) -> Distribution:
    """logits (vocabulary,) -> the distribution after the knobs. `top_k` 0, `top_p` 1 and `min_p` 0 remove nothing."""
    order = _falling(logits)
    falling = logits[order].astype(np.float64)
    kept = _kept_by_rank(len(falling), temperature, top_k)
    probabilities = np.zeros(len(falling))
    probabilities[:kept] = _softmax(falling[:kept], temperature)
    kept = min(kept, int(np.searchsorted(probabilities.cumsum(), top_p)) + 1) if top_p < 1 else kept
    probabilities[max(kept, 1) :] = 0
    probabilities[probabilities < min_p * probabilities[0]] = 0
    return Distribution(order, probabilities / probabilities.sum())


def _falling(logits: np.ndarray) -> Int64[np.ndarray, "vocabulary"]:
    """Ids by falling logit, equal ones in their order.

    float32 sorts as whole numbers twice as fast as numpy's stable sort: the bits of -logit, which rise as it does once
    those of negative numbers are turned over, and the id behind them.
    """
    if logits.dtype != np.float32:
        return np.argsort(-logits, kind="stable")
    bits = (0 - logits).view(np.int32)  # not -logits: there is one zero
    keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64) << 32 | np.arange(len(logits))
    keys.sort()
    return keys & 0xFFFFFFFF


def _kept_by_rank(vocabulary: int, temperature: float, top_k: int) -> int:
    """Temperature 0 is greedy: the first token has it all."""
    if temperature == 0:
        return 1
    return min(top_k, vocabulary) if top_k else vocabulary


def _softmax(falling: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of logits sorted from the largest; the largest is subtracted first, so nothing overflows."""
    with np.errstate(over="ignore"):  # a temperature next to 0 sends what is not the largest to -inf, as it should
        powers = np.exp((falling - falling[0]) / (temperature or 1.0))
    return np.asarray(powers / powers.sum())
