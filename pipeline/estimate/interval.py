"""Intervals that a quantity lies in, and the quantiles that they are made from.

Arithmetic takes bounds to bounds: sums and products of what one sample gave err together, so nothing cancels.
Quantiles are closed approximations (no dependency): Student's t by the Cornish-Fisher expansion (Abramowitz and
Stegun 26.7.5, exact forms for one and two degrees of freedom), chi-square by Wilson and Hilferty's cube root.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """`value` estimates a quantity that is at least zero and lies between `low` and `high`."""

    low: float
    value: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Interval:
        return cls(value, value, value)

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.value + other.value, self.high + other.high)

    def __mul__(self, other: Interval) -> Interval:
        return Interval(self.low * other.low, self.value * other.value, self.high * other.high)

    def scaled(self, factor: float) -> Interval:
        return Interval(self.low * factor, self.value * factor, self.high * factor)

    def power(self, exponent: float) -> Interval:
        return Interval(self.low**exponent, self.value**exponent, self.high**exponent)

    def widened(self, low: float, high: float) -> Interval:
        """Bounds moved by factors, for what the sample does not show."""
        return Interval(self.low * low, self.value, self.high * high)

    def at_least(self, least: float) -> Interval:
        """What has been seen is there."""
        return Interval(max(self.low, least), max(self.value, least), max(self.high, least))

    def at_most(self, most: float) -> Interval:
        return Interval(min(self.low, most), min(self.value, most), min(self.high, most))

    def less(self, other: Interval) -> Interval:
        """This less something estimated independently of it: errors add in squares on either side."""
        value = self.value - other.value
        below = math.hypot(self.value - self.low, other.high - other.value)
        above = math.hypot(self.high - self.value, other.value - other.low)
        return Interval(max(value - below, 0.0), max(value, 0.0), max(value + above, 0.0))

    def over(self, base: float) -> Interval:
        """How many times `base` this is; once where there was nothing to compare with."""
        return self.scaled(1 / base) if base > 0 else Interval.exactly(1.0)

    def to_data(self) -> dict[str, float]:
        return {"value": round(self.value, 3), "low": round(self.low, 3), "high": round(self.high, 3)}


def total(intervals: list[Interval]) -> Interval:
    return sum(intervals, Interval.exactly(0.0))


def t_quantile(probability: float, degrees: float) -> float:
    """Quantile of Student's t; degrees of freedom are rounded down (never below one), which errs to the wide side."""
    degrees = max(math.floor(degrees), 1)
    if degrees == 1:
        return math.tan(math.pi * (probability - 0.5))
    if degrees == 2:
        return (2 * probability - 1) / math.sqrt(2 * probability * (1 - probability))
    z = NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / degrees**power for power, term in enumerate(terms))


def chi_square_quantile(probability: float, degrees: float) -> float:
    """Quantile of chi-square for any positive degrees of freedom."""
    z = NormalDist().inv_cdf(probability)
    part = 2 / (9 * degrees)
    return degrees * max(1 - part + z * math.sqrt(part), 0.0) ** 3
