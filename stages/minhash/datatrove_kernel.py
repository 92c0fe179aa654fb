"""Shingle hashes and minima as datatrove 0.10 computes them, from normalised texts.

A shingle is `width` words (spaCy's English ones: stages/words_kernel.py) joined by blanks, hashed by xxh64 or by
the first eight bytes of SHA-1; a permutation is (multiplier * x + increment, modulo 2^64) modulo 2^61 - 1.
Texts of fewer words have no shingle. Cost on one core, 112 minima: about 20 ns a shingle with xxh64, besides words.
"""

from __future__ import annotations

import numpy as np

from stages.minhash.digest_kernel import sha1_first_eight, xxh64
from stages.words_kernel import split_words
from tokenizer.kernel_cache import kernel

#: Shingles brought in at a time: few enough to stay in the first cache.
_BLOCK = 512
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
_PRIME = np.uint64((1 << 61) - 1)
_61 = np.uint64(61)
_BLANK = 0x20


@kernel
def hash_word_grams(  # type: ignore[no-untyped-def]
    text,
    offsets,
    width,
    by_sha1,
    classes,
    exceptions,
    piece,
    starts,
    ends,
    joined,
    schedule,
    words,
    hashes,
    out_offsets,
):
    """Hash the shingles of every text, and count its words; returns the number of hashes.

    `classes` and `exceptions` are the word splitter's tables; `piece`, `starts`, `ends`, `joined` (two bytes for each
    of the largest text) and `schedule` (uint64[80]) are scratch.
    """
    count = 0
    for document in range(offsets.size - 1):
        out_offsets[document] = count
        start, end = offsets[document], offsets[document + 1]
        found = split_words(text, start, end, classes, exceptions, piece, starts, ends)
        words[document] = found
        length = 0
        for word in range(found):
            first, last = starts[word], ends[word]
            starts[word] = length
            for place in range(first, last):
                joined[length] = text[place]
                length += 1
            ends[word] = length
            joined[length] = _BLANK
            length += 1
        for word in range(found - width + 1):
            begin, stop = starts[word], ends[word + width - 1]
            if by_sha1:
                hashes[count] = sha1_first_eight(joined, begin, stop, schedule)
            else:
                hashes[count] = xxh64(joined, begin, stop)
            count += 1
    out_offsets[-1] = count
    return count


@kernel
def lower_prime_minima(shingles, multipliers, increments, minima):  # type: ignore[no-untyped-def]
    """Bring `minima` up to date with shingles."""
    for permutation in range(minima.size):
        multiplier = multipliers[permutation]
        increment = increments[permutation]
        least = minima[permutation]
        for place in range(shingles.size):  # by index: only so does the compiler use vector instructions
            value = multiplier * shingles[place] + increment
            value = (value & _PRIME) + (value >> _61)
            least = min(least, min(value, value - _PRIME))  # what is below the prime wraps around to large
        minima[permutation] = least


@kernel
def find_prime_minima(shingles, offsets, multipliers, increments, minima):  # type: ignore[no-untyped-def]
    """minima[texts, permutations] of the shingles of every text; the largest number for a text without."""
    minima[:] = _NONE
    for document in range(offsets.size - 1):
        start, end = offsets[document], offsets[document + 1]
        for first in range(start, end, _BLOCK):
            block = shingles[first : min(first + _BLOCK, end)]
            lower_prime_minima(block, multipliers, increments, minima[document])
