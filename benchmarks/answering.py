"""One more token after a text of 32: with the cache of the common prefix, against reading everything again."""

from __future__ import annotations

from itertools import count

from run import Row, timed

from unrolled.checkpoints import open_model
from unrolled.progress import finish

PROMPT = "The keeper of the lighthouse wrote down every ship that passed, and in winter he read the names aloud"


def rows() -> list[Row]:
    model = open_model("smollm2")
    ids = [*model.encode(PROMPT * 2).ids][:32]
    other = count(1000)  # a token that was not asked about before: no answer is remembered

    def reusing() -> None:
        finish(model.next_logits([*ids, next(other)]))

    def reading_again() -> None:
        model.forget()
        reusing()

    ours, theirs = timed(reusing, 15), timed(reading_again, 15)
    rival = "reading all 33 again"
    return [Row(name="the 33rd token", ours=1000 * ours, unit="ms", rival=rival, theirs=1000 * theirs)]
