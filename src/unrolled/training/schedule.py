"""The learning rate over a run, in closed form: a function of the step alone.

cosine               Loshchilov & Hutter 2017, "SGDR", without restarts, after a linear warm-up (Goyal et al. 2017).
inverse_square_root  Vaswani et al. 2017, §5.3: linear warm-up over w steps, then peak × √(w / step). Their
                     d_model^-0.5 × min(step^-0.5, step × w^-1.5) is this with peak = (d_model × w)^-0.5.
"""

from __future__ import annotations

import math

from unrolled.training.recipe import Schedule


def warm_up_steps(schedule: Schedule, steps: int) -> int:
    """Steps until the rate is at its highest; at least 1."""
    return max(1, round(schedule.warm_up * steps))


def learning_rate(schedule: Schedule, peak: float, step: int, steps: int) -> float:
    """The rate of step 1, 2, … `steps`."""
    w = warm_up_steps(schedule, steps)
    if step <= w:
        return peak * step / w
    if schedule.kind == "constant":
        return peak
    if schedule.kind == "inverse_square_root":
        return peak * math.sqrt(w / step)
    through = (step - w) / (steps - w)  # 0 to 1
    return peak * (schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * through)) / 2)
