"""What each split costs whatever it holds, from runs of neighbouring splits that are read one by one and as one.

A sample's splits are finer than those of tasks, so this cost must be taken out before work is scaled by bytes. The two
readings of a run follow one another, in turn the one and the other first, so that a machine that gets slower or
faster meanwhile takes no side. The cost is a ratio estimate over runs (Cochran, Sampling Techniques, 6.4) with
Student's t. Cost: the runs are read twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.estimate.interval import CONFIDENCE, Interval, t_quantile
from pipeline.estimate.measure import MeasuredPhase
from stages.base import Split

Run = tuple[Split, ...]


def readings(runs: Sequence[Run]) -> list[Run]:
    """Tasks that read every run twice, apart and joined; of every other run joined and apart."""
    tasks: list[Run] = []
    for number, run in enumerate(runs):
        joined = Split(run[0].file, run[0].start, run[-1].end, sum(split.bytes for split in run))
        tasks += [(joined,), run] if number % 2 else [run, (joined,)]
    return tasks


def seconds_a_split(runs: Sequence[Run], measured: MeasuredPhase) -> Interval:
    """CPU seconds that a further split costs, from the measured `readings`."""
    first, second = measured.work[0::2], measured.work[1::2]
    more = np.where(np.arange(len(runs)) % 2, second - first, first - second)
    return ratio(more, np.array([len(run) - 1 for run in runs], dtype=float))


def ratio(values: np.ndarray, sizes: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """The sum of values over that of sizes in a large population of which these are a sample, at least zero."""
    if len(values) < 2:
        return Interval.exactly(0.0)
    value = float(values.sum() / sizes.sum())
    error = float(np.std(values - value * sizes, ddof=1)) * math.sqrt(len(values)) / float(sizes.sum())
    reach = t_quantile((1 + confidence) / 2, len(values) - 1) * error
    return Interval(value - reach, value, value + reach).at_least(0.0)
