"""Minima of shingle hashes under many permutations: the MinHash signature of a text.

A signature's entry j is the minimum over all shingles x of `multiplier[j] * x + increment[j]` modulo 2^64
(min-wise hashing: Broder, "On the resemblance and containment of documents", 1997; linear permutations:
Bohman, Cooper, Frieze, "Min-wise independent linear permutations", 2000). Such maps are weak on structured
numbers; the shingles here come out of a full 64-bit mixer, so their minima behave as if drawn at random,
and 64 bits leave collisions of distinct shingles out of account.

Cost on one core with AVX-512, 112 minima: about 6 ns a shingle (the inner loop runs over a block of shingles
with one permutation in registers).
"""

from __future__ import annotations

import numpy as np

from stages.byte_range_kernel import mix
from tokenizer.kernel_cache import kernel

#: Shingles brought in at a time: few enough to stay in the first cache.
_BLOCK = 512
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
_ODD = np.uint64(0xD6E8FEB86659FD93)


@kernel
def lower_minima(shingles, multipliers, increments, minima):  # type: ignore[no-untyped-def]
    """Bring `minima` up to date with shingles."""
    for permutation in range(minima.size):
        multiplier = multipliers[permutation]
        increment = increments[permutation]
        least = minima[permutation]
        for place in range(shingles.size):  # by index: only so does the compiler use vector instructions
            least = min(least, multiplier * shingles[place] + increment)
        minima[permutation] = least


@kernel
def find_minima(shingles, offsets, multipliers, increments, minima):  # type: ignore[no-untyped-def]
    """minima[texts, permutations] of the shingles of every text; the largest number for a text without."""
    minima[:] = _NONE
    for document in range(offsets.size - 1):
        start, end = offsets[document], offsets[document + 1]
        for first in range(start, end, _BLOCK):
            block = shingles[first : min(first + _BLOCK, end)]
            lower_minima(block, multipliers, increments, minima[document])


@kernel
def hash_bands(minima, rows, keys):  # type: ignore[no-untyped-def]
    """keys[document, band]: one number for the band's `rows` minima in their order."""
    for document in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            key = np.uint64(band)
            for row in range(band * rows, (band + 1) * rows):
                key = mix(key ^ minima[document, row]) * _ODD
            keys[document, band] = key


@kernel
def share_equal(minima, left, right, shares):  # type: ignore[no-untyped-def]
    """shares[pair]: which part of the minima of texts left[pair] and right[pair] is equal."""
    for pair in range(shares.size):
        equal = 0
        for permutation in range(minima.shape[1]):
            if minima[left[pair], permutation] == minima[right[pair], permutation]:
                equal += 1
        shares[pair] = equal / minima.shape[1]
