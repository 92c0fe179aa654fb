"""Documents whose band keys are equal become candidate pairs, of a bounded number a document.

    unverified    the first of each group with every other: as few pairs as connect the group
    verified      all pairs of a group; of a group larger than `at_most` + 1 each document with the `at_most` next
                  (fewer, down to 4, where more than 1,024 share a key)
                  ones, where documents whose next minimum after the band agrees too stand together

So a key that very many documents share (boilerplate) costs `at_most` pairs a document and not the square of the
group. Pairs that are left out this way are counted: another band may still find them.
Cost: one sort of the band's keys (16 to 24 bytes a document in memory, a few times over).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stages.minhash import window_kernel
from stages.minhash.pairs import Pairs

#: Documents of one key beyond which each is compared with fewer than `at_most`, and with how many at least.
_LARGE = 1024
_LEAST = 4


class Candidates(NamedTuple):
    """Pairs of one band and range of keys, a forest that connects the same documents, and pairs that were left out."""

    pairs: Pairs
    forest: Pairs
    left_out: int


def star_pairs(keys: np.ndarray, places: np.ndarray) -> Candidates:
    """The first document of each group of equal keys with the others; keys and places (uint64) come in any order."""
    shared = _shared(keys)
    shared = shared[np.lexsort((places[shared], keys[shared]))]
    keys, places = keys[shared], places[shared]
    starts, sizes = _groups(keys)
    first = np.repeat(places[starts], sizes)
    paired = first != places
    pairs = _sorted(first[paired], places[paired])
    return Candidates(pairs, pairs, 0)


def window_pairs(keys: np.ndarray, nearness: np.ndarray, places: np.ndarray, at_most: int) -> Candidates:
    """Pairs within groups of equal keys.

    `nearness` (uint32) orders a group, so that documents which are more alike stand closer.
    """
    shared = _shared(keys)
    shared = shared[np.lexsort((places[shared], nearness[shared], keys[shared]))]
    keys, places = keys[shared], places[shared]
    starts, sizes = _groups(keys)
    windows = np.clip(at_most * _LARGE // np.maximum(sizes, 1), min(at_most, _LEAST), at_most)
    count = int(window_kernel.pair_counts(sizes, windows).sum())
    first, other = np.empty(count, dtype=np.uint64), np.empty(count, dtype=np.uint64)
    window_kernel.fill_pairs(places, starts, sizes, windows, first, other)
    follows = np.flatnonzero(keys[1:] == keys[:-1])
    forest = _sorted(*np.sort([places[follows], places[follows + 1]], axis=0))
    return Candidates(_sorted(first, other), forest, int((sizes * (sizes - 1) // 2).sum()) - count)


def _shared(keys: np.ndarray) -> np.ndarray:
    """Which keys stand more than once: their indexes in ascending order of the keys."""
    order = np.argsort(keys)
    same = keys[order[1:]] == keys[order[:-1]]
    return order[np.append(same, False) | np.append(False, same)] if len(keys) > 1 else order[:0]


def _groups(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and size of every run of equal keys."""
    starts = np.flatnonzero(np.append(np.ones(min(len(keys), 1), dtype=bool), keys[1:] != keys[:-1]))
    return starts, np.diff(np.append(starts, len(keys)))


def _sorted(first: np.ndarray, other: np.ndarray) -> Pairs:
    order = np.lexsort((other, first))
    return Pairs(first[order], other[order])
