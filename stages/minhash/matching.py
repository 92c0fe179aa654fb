"""Documents whose band keys are equal become pairs: the first of each group with every other of it.

A star connects a group with as few pairs as can be, and its pairs are among the candidates themselves.
Cost: one sort of the band's keys (16 bytes a document in memory, a few times over).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Pairs(NamedTuple):
    """Places (uint64, aligned, `first` < `other`) of documents that share a key, ascending by both."""

    first: np.ndarray
    other: np.ndarray


def match(keys: np.ndarray, places: np.ndarray) -> Pairs:
    """Pair the documents of one band that have the same key; keys and places (uint64) come in any order."""
    if len(keys) == 0:
        return Pairs(places[:0], places[:0])
    order = np.argsort(keys)
    keys, places = keys[order], places[order]
    begins = np.append(True, keys[1:] != keys[:-1])
    starts = np.flatnonzero(begins)
    first_of_group = np.minimum.reduceat(places, starts)
    first = np.repeat(first_of_group, np.diff(np.append(starts, len(keys))))
    paired = first != places
    first, other = first[paired], places[paired]
    order = np.lexsort((other, first))
    return Pairs(first[order], other[order])
