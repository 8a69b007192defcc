"""How many steps fit into so many minutes: measured on the run itself, which then begins anew."""

from __future__ import annotations

import time

from unrolled.training.reporting import report
from unrolled.training.run import Run

_WARM_UP = 3
"""Steps that do not count."""
_SHARE, _MOST = 0.05, 10.0
"""Of the time, and seconds, that are spent on measuring steps."""


def steps_for(run: Run, minutes: float, began: float) -> int:
    """Steps that end `minutes` after `began` (on the monotonic clock), reports among them. The run is used up."""
    for _ in range(_WARM_UP):
        run.learn(stop=False)
    a_step = _seconds_a_step(run, min(_SHARE * 60 * minutes, _MOST))
    start = time.monotonic()
    list(report(run, whole=False))
    a_report = time.monotonic() - start
    limit, every = run.folder.recipe.report_tokens, run.folder.fixed.held_out_tokens
    last = a_report * max(1.0, every / limit if limit else 1.0)
    left = 60 * minutes - (time.monotonic() - began) - last
    reports = min(run.folder.recipe.reports * a_report, 0.3 * left)
    return max(1, int((left - reports) / a_step))


def _seconds_a_step(run: Run, seconds: float) -> float:
    start, done = time.monotonic(), 0
    while run.group.first_says(done < 2 or time.monotonic() - start < seconds):
        run.learn(stop=False)
        done += 1
    return (time.monotonic() - start) / done
