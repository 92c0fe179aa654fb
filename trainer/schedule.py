"""The learning rate by step, and how many steps fit into the time that is allowed.

Warm-up is linear, then half a cosine runs down to a fraction of the peak at the last planned step. The
plan is `max_steps`, and nothing but the step number decides the rate, so a resumed run repeats it exactly.
Only when `max_minutes` would cut the run short are fewer steps planned, so that the cosine ends where the
time does. Such a plan is logged and kept in the checkpoint.
"""

from __future__ import annotations

import math

from trainer.config import ScheduleSettings

#: A plan is changed only when the steps left are wrong by more than this share.
_TOLERANCE = 0.05


def learning_rate(step: int, planned_steps: int, peak: float, settings: ScheduleSettings) -> float:
    """Rate of step `step` (0 is the first) of `planned_steps`."""
    if step < settings.warmup_steps:
        return peak * (step + 1) / settings.warmup_steps
    span = max(planned_steps - settings.warmup_steps - 1, 1)
    progress = min((step - settings.warmup_steps) / span, 1.0)
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return peak * (settings.final_fraction + (1 - settings.final_fraction) * cosine)


def fit_to_time(
    planned_steps: int, max_steps: int, done_steps: int, seconds_per_step: float, seconds_left: float
) -> int:
    """The steps to plan: `max_steps`, or fewer where the time left does not reach for them.

    A plan that is about right stays, so that noise in `seconds_per_step` does not move the rate.
    """
    affordable = done_steps + max(int(seconds_left / seconds_per_step), 1)
    fitting = min(max_steps, affordable)
    within = abs(fitting - planned_steps) <= _TOLERANCE * (planned_steps - done_steps)
    return planned_steps if within else fitting
