"""Indexes of pairs as kernels take them: kernels check no bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def pair_indexes(left: ArrayLike, right: ArrayLike, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as int64 arrays. IndexError where one is not in [0, count), ValueError where lengths differ."""
    sides = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    if sides[0].shape != sides[1].shape:
        raise ValueError(f"{sides[0].size} left and {sides[1].size} right sides are no pairs")
    for side in sides:
        if side.size and (side.min() < 0 or side.max() >= count):
            raise IndexError(f"pair of text {side.min()} to {side.max()}: there are {count} texts")
    return sides
