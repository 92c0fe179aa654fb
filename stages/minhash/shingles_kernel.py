"""Hash every run of `width` units of a text: its shingles.

A shingle's hash is the polynomial of its units' hashes in an odd multiplier modulo 2^64, mixed. It is computed
for a block of neighbouring shingles at once, one coefficient after another, so that the processor's vector
instructions do it: about 2 ns a shingle of five words with AVX-512.
"""

from __future__ import annotations

import numpy as np

from stages.byte_range_kernel import mix
from tokenizer.kernel_cache import kernel

#: Shingles computed together: few enough to stay in the first cache.
_BLOCK = 512
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)


@kernel
def hash_shingles(units, unit_offsets, width, shingles, shingle_offsets):  # type: ignore[no-untyped-def]
    """Hash the shingles of every text into `shingles`, which has room for as many as units; returns their number.

    A text of fewer units than `width` is one shingle, whose hash depends on their number too.
    """
    count = 0
    for document in range(unit_offsets.size - 1):
        shingle_offsets[document] = count
        start, end = unit_offsets[document], unit_offsets[document + 1]
        if end - start >= width:
            for first in range(start, end - width + 1, _BLOCK):
                size = min(_BLOCK, end - width + 1 - first)
                hash_block(units[first : first + size + width - 1], width, shingles[count : count + size])
                count += size
        elif end > start:
            whole = np.uint64(0)
            for place in range(start, end):
                whole = whole * _MULTIPLIER + units[place]
            shingles[count] = mix(whole ^ np.uint64(end - start))
            count += 1
    shingle_offsets[-1] = count
    return count


@kernel
def hash_block(units, width, shingles):  # type: ignore[no-untyped-def]
    """Hash the runs of `width` units that begin at the first shingles.size of them."""
    for place in range(shingles.size):
        shingles[place] = units[place]
    for step in range(1, width):
        for place in range(shingles.size):
            shingles[place] = shingles[place] * _MULTIPLIER + units[place + step]
    for place in range(shingles.size):
        shingles[place] = mix(shingles[place])
