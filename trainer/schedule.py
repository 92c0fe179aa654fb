"""The learning rate by step, and how many steps fit into the time that is allowed.

Warm-up is linear, then half a cosine runs down to a fraction of the peak at the last planned step. The
plan is `max_steps`, and nothing but the step number decides the rate, so a resumed run repeats it exactly.
Only when `max_minutes` would cut the run short is the plan shortened, never lengthened again: the cosine
then ends where the time does. A shortened plan is logged and kept in the checkpoint.
"""

from __future__ import annotations

import math

from trainer.config import ScheduleSettings

#: A plan is shortened only when it overruns the time by more than this, so that noise does not change it.
_TOLERANCE = 1.05


def learning_rate(step: int, planned_steps: int, peak: float, settings: ScheduleSettings) -> float:
    """Rate of step `step` (0 is the first) of `planned_steps`."""
    if step < settings.warmup_steps:
        return peak * (step + 1) / settings.warmup_steps
    span = max(planned_steps - settings.warmup_steps - 1, 1)
    progress = min((step - settings.warmup_steps) / span, 1.0)
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return peak * (settings.final_fraction + (1 - settings.final_fraction) * cosine)


def fit_to_time(planned_steps: int, done_steps: int, seconds_per_step: float, seconds_left: float) -> int:
    """The plan, shortened where the steps left would take clearly longer than the seconds left."""
    affordable = max(int(seconds_left / seconds_per_step), 1)
    if (planned_steps - done_steps) <= affordable * _TOLERANCE:
        return planned_steps
    return done_steps + affordable
