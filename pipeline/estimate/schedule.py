"""List scheduling: each worker takes the next task as soon as it is free, as executors do.

The makespan is at most twice the best possible, and at most the mean load plus the longest task (Graham 1969).
Cost: one heap operation a task.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable


def makespan(seconds: Iterable[float], workers: int) -> float:
    """When the last of the tasks ends, taken in order by `workers`."""
    free = [0.0] * workers
    for duration in seconds:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)
