"""chrF of one sentence: how many of its letters' sequences it shares with a reference. Popović 2015, "chrF: character
n-gram F-score for automatic MT evaluation"; as sacrebleu has it, which only tests need."""

from __future__ import annotations

from collections import Counter

ORDER, BETA = 6, 2
"""The longest sequence, in letters; recall counts β times as much as precision."""


def chrf(said: str, right: str) -> float:
    """From 0 to 100: the F-score of letter sequences of 1 to 6, spaces left out, over those lengths that both have."""
    shares = [_shares(said, right, n) for n in range(1, ORDER + 1)]
    known = [each for each in shares if each is not None]
    if not known:
        return 0.0
    precision, recall = (sum(part) / len(known) for part in zip(*known, strict=True))
    bottom = BETA**2 * precision + recall
    return 100 * (1 + BETA**2) * precision * recall / bottom if bottom else 0.0


def _shares(said: str, right: str, n: int) -> tuple[float, float] | None:
    """Precision and recall of sequences of n letters; None where either has none."""
    ours, theirs = _sequences(said, n), _sequences(right, n)
    if not ours or not theirs:
        return None
    common = (ours & theirs).total()
    return common / ours.total(), common / theirs.total()


def _sequences(text: str, n: int) -> Counter[str]:
    letters = "".join(text.split())
    return Counter(letters[i : i + n] for i in range(len(letters) - n + 1))
