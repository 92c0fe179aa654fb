"""Connected components of the recorded pairs; the first document by identity of each one survives.

Pairs are read band by band and never held together: memory is about 40 bytes for each document that has a
pair, whatever the number of pairs or of documents without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from stages.minhash import union_find_kernel
from stages.minhash.matching import Pairs


class Clusters(NamedTuple):
    """Every document that has a pair: `place` (uint64, ascending), its `survivor` (uint64), `size` (int64)."""

    place: np.ndarray
    survivor: np.ndarray
    size: np.ndarray


def find_clusters(bands: Iterable[Pairs]) -> Clusters:
    """Components of the graph of all bands' pairs. `bands` is gone through twice."""
    place = np.empty(0, dtype=np.uint64)
    for pairs in bands:
        place = _distinct(np.concatenate([place, pairs.first, pairs.other]))
    parents = np.arange(len(place), dtype=np.int64)
    for pairs in bands:
        left, right = np.searchsorted(place, pairs.first), np.searchsorted(place, pairs.other)
        union_find_kernel.join_pairs(parents, left, right)
    union_find_kernel.settle_roots(parents)
    size = np.bincount(parents, minlength=len(place))
    return Clusters(place, place[parents], size[parents])


def _distinct(values: np.ndarray) -> np.ndarray:
    """Distinct values, ascending. One sort: numpy's own `unique` is ten times slower on long columns."""
    values = np.sort(values)
    return values[np.append(True, values[1:] != values[:-1])] if len(values) else values
