"""From text to MinHash signature in one pass: normalise, hash words, roll them into shingles, take minima.

A signature's entry j is the minimum over all shingles x of `multiplier[j] * x + increment[j]` modulo 2^64
(min-wise hashing: Broder, "On the resemblance and containment of documents", 1997; linear permutations:
Bohman, Cooper, Frieze, "Min-wise independent linear permutations", 2000). Such maps are weak on structured
numbers; the shingles here come out of a full 64-bit mixer, so their minima behave as if drawn at random,
and 64 bits leave collisions of distinct shingles out of account.

Cost on one core with AVX-512, 112 minima: about 10 ns a shingle for the minima (the inner loop runs over a
block of shingles with one permutation in registers), 20 ns for scan and hash.
"""

from __future__ import annotations

import numpy as np

from stages.minhash.normalize_kernel import normalize_document
from tokenizer.kernel_cache import allocating_kernel, kernel

#: Shingles gathered before the minima are brought up to date: small enough to stay in the first cache.
_BLOCK = 512
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
_WORD_SEED = np.uint64(0x9E3779B97F4A7C15)
_WORD_MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)
_LENGTH_MULTIPLIER = np.uint64(0xC4CEB9FE1A85EC53)
_ROLL = np.uint64(0xD6E8FEB86659FD93)
_ONE = np.uint64(1)
_EIGHT = np.uint64(8)
_32 = np.uint64(32)
_33 = np.uint64(33)
_64 = np.uint64(64)


@kernel
def mix(value):  # type: ignore[no-untyped-def]
    """Bijective 64-bit mixer (MurmurHash3's finaliser, Appleby)."""
    value ^= value >> _33
    value *= _WORD_MULTIPLIER
    value ^= value >> _33
    value *= _LENGTH_MULTIPLIER
    return value ^ (value >> _33)


@kernel
def lower_minima(shingles, count, multipliers, increments, minima):  # type: ignore[no-untyped-def]
    """Bring `minima` up to date with shingles[:count]."""
    for permutation in range(minima.size):
        multiplier = multipliers[permutation]
        increment = increments[permutation]
        least = minima[permutation]
        for position in range(count):
            least = min(least, multiplier * shingles[position] + increment)
        minima[permutation] = least


@kernel
def sign_words(text, length, recent, shingles, multipliers, increments, minima):  # type: ignore[no-untyped-def]
    """Minima over the shingles of recent.size words of a normalised text; returns its number of words.

    A word's hash takes eight bytes at a time. A shingle's is the polynomial of its words' hashes in _ROLL,
    kept up to date by taking in one word and giving up the oldest (`recent` is the ring of them).
    """
    width = recent.size
    recent[:] = 0
    leaving = _ONE
    for _ in range(width):
        leaving *= _ROLL
    text[length] = 0x20
    words = 0
    gathered = 0
    rolled = np.uint64(0)
    slot = 0
    word = _WORD_SEED
    chunk = np.uint64(0)
    shift = np.uint64(0)
    size = np.uint64(0)
    for at in range(length + 1 if length else 0):
        byte = text[at]
        if byte != 0x20:
            chunk |= np.uint64(byte) << shift
            shift += _EIGHT
            size += _ONE
            if shift == _64:
                word = (word ^ chunk) * _WORD_MULTIPLIER
                word ^= word >> _32
                chunk = np.uint64(0)
                shift = np.uint64(0)
            continue
        word = (word ^ chunk) * _WORD_MULTIPLIER
        word ^= word >> _32
        word = (word ^ size) * _LENGTH_MULTIPLIER
        word ^= word >> _32
        rolled = rolled * _ROLL + word - recent[slot] * leaving
        recent[slot] = word
        slot = slot + 1 if slot + 1 < width else 0
        words += 1
        if words >= width:
            shingles[gathered] = mix(rolled)
            gathered += 1
            if gathered == _BLOCK:
                lower_minima(shingles, gathered, multipliers, increments, minima)
                gathered = 0
        word = _WORD_SEED
        chunk = np.uint64(0)
        shift = np.uint64(0)
        size = np.uint64(0)
    if 0 < words < width:
        shingles[0] = mix(rolled ^ np.uint64(words))
        gathered = 1
    lower_minima(shingles, gathered, multipliers, increments, minima)
    return words


@allocating_kernel
def sign_documents(  # type: ignore[no-untyped-def]
    data, offsets, classes, lower, width, multipliers, increments, minima, words
):
    """Signatures of every text of an Arrow column: fills minima[documents, permutations] and words[documents].

    A text without words keeps the largest number in every entry.
    """
    longest = 0
    for document in range(words.size):
        longest = max(longest, offsets[document + 1] - offsets[document])
    text = np.empty(longest + longest // 2 + 8, dtype=np.uint8)
    shingles = np.empty(_BLOCK, dtype=np.uint64)
    recent = np.empty(width, dtype=np.uint64)
    minima[:] = _NONE
    for document in range(words.size):
        start, end = offsets[document], offsets[document + 1]
        length = normalize_document(data, start, end, classes, lower, text)
        words[document] = sign_words(text, length, recent, shingles, multipliers, increments, minima[document])


@kernel
def hash_bands(minima, rows, keys):  # type: ignore[no-untyped-def]
    """keys[document, band]: one number for the band's `rows` minima in their order."""
    for document in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            key = np.uint64(band)
            for row in range(band * rows, (band + 1) * rows):
                key = mix(key ^ minima[document, row]) * _ROLL
            keys[document, band] = key
