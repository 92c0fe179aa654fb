"""Bands and rows: what they detect, and which to take for a target.

Two texts of Jaccard similarity s agree in one minimum with probability s, in a band of r rows with s^r, and in
at least one of b bands with 1 - (1 - s^r)^b (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", section
3.4.2). More rows make the curve steeper and its middle higher: fewer pairs below the target are compared for nothing.
"""

from __future__ import annotations

import math
import sys
from functools import cache
from typing import NamedTuple, overload

import numpy as np

from stages.base import StageError


class Bands(NamedTuple):
    """`bands` of `rows` minima each."""

    bands: int
    rows: int


@overload
def detection_probability(jaccard: float, bands: int, rows: int) -> float: ...
@overload
def detection_probability(jaccard: np.ndarray, bands: int, rows: int) -> np.ndarray: ...
def detection_probability(jaccard: float | np.ndarray, bands: int, rows: int) -> float | np.ndarray:
    """Probability that two texts of this Jaccard similarity share a band."""
    # By logarithms, so that neither a tiny nor an almost certain probability is lost in rounding.
    with np.errstate(divide="ignore"):
        detected = -np.expm1(bands * np.log1p(-np.power(jaccard, float(rows))))
    return detected if isinstance(jaccard, np.ndarray) else float(detected)


@cache
def bands_and_rows(target_jaccard: float, recall: float, most_permutations: int = 256) -> Bands:
    """The setting with the most rows that detects pairs of `target_jaccard` with probability `recall` or more.

    Most rows means fewest candidates below the target; for these rows, the fewest bands that reach the recall.
    Bands times rows is at most `most_permutations`. StageError where no setting reaches the recall.
    """
    for name, value in (("target Jaccard", target_jaccard), ("recall", recall)):
        if not 0 < value < 1:
            raise StageError(f"a {name} of {value:g} cannot be had: give a number above 0 and below 1")
    for rows in range(most_permutations, 0, -1):
        bands = _bands_needed(target_jaccard, recall, rows)
        if bands * rows <= most_permutations:
            return Bands(bands, rows)
    least = _bands_needed(target_jaccard, recall, 1)
    raise StageError(
        f"recall {recall:g} at Jaccard {target_jaccard:g} takes {least:,} minima or more, and {most_permutations:,} "
        "are allowed: allow more, or ask for less recall or a higher Jaccard"
    )


def _bands_needed(target_jaccard: float, recall: float, rows: int) -> int:
    missed_by_one = math.log1p(-(target_jaccard**rows))
    bands = math.log1p(-recall) / missed_by_one if missed_by_one else math.inf
    return math.ceil(min(bands, sys.maxsize))
