"""Totals of a corpus from a stratified sample of its splits: the combined ratio estimator.

With N_h splits in stratum h, n_h of them drawn without replacement, sizes x and values y, the total of y is
X * R, where X is the known size of the corpus and R = sum_h N_h mean(y_h) / sum_h N_h mean(x_h). Its variance is
that of the residuals y - R x within strata, sum_h N_h (N_h - n_h) s_h^2 / n_h, finite-population correction
included (Cochran, Sampling Techniques, 3rd ed. 1977, sections 6.11 and 5.4). Limits use Student's t with
Satterthwaite's effective degrees of freedom (Cochran 5.16).

Values of splits are skewed to the right (most of a crawl gives little, a few sites much), and so is the estimate: the
upper limit is taken on the logarithmic scale, the lower one on the natural. Both are the wider choice.
Cost: linear in the sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.estimate.interval import CONFIDENCE, Interval, t_quantile


@dataclass(frozen=True)
class StratumSample:
    """Of `units` splits of a stratum those that were drawn: their sizes and values, aligned."""

    units: int
    sizes: np.ndarray
    values: np.ndarray


def ratio_total(strata: Sequence[StratumSample], size: float, confidence: float = CONFIDENCE) -> Interval:
    """The total of the values over a corpus of known `size` (in the unit of the sizes).

    Every stratum has two drawn splits at least, or is drawn whole.
    """
    expansions = [stratum.units / len(stratum.values) for stratum in strata]
    sampled = sum(float(stratum.values.sum()) for stratum in strata)
    estimated_size = sum(w * float(stratum.sizes.sum()) for w, stratum in zip(expansions, strata, strict=True))
    estimated = sum(w * float(stratum.values.sum()) for w, stratum in zip(expansions, strata, strict=True))
    if estimated <= 0 or estimated_size <= 0:
        return Interval.exactly(0.0)
    ratio = estimated / estimated_size
    parts = [_variance(stratum, ratio) for stratum in strata]
    variance = sum(part for part, _ in parts)
    value = size * ratio
    if variance <= 0:
        return Interval.exactly(value)
    degrees = variance**2 / sum(part**2 / freedom for part, freedom in parts if part > 0)
    relative = t_quantile((1 + confidence) / 2, degrees) * math.sqrt(variance) / estimated
    least = sampled * min(size / estimated_size, 1.0)
    return Interval(max(value * (1 - relative), min(least, value)), value, value * math.exp(min(relative, 50.0)))


def _variance(stratum: StratumSample, ratio: float) -> tuple[float, int]:
    """The stratum's part of the variance, and its degrees of freedom."""
    drawn = len(stratum.values)
    if drawn < 2:
        return 0.0, 1
    residuals = stratum.values - ratio * stratum.sizes
    spread = float(np.var(residuals, ddof=1))
    return stratum.units * (stratum.units - drawn) / drawn * spread, drawn - 1
