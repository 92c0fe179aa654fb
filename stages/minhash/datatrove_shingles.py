"""What `compat: datatrove` computes otherwise: shingles of normalised texts, and permutations.

Values are those of datatrove 0.10's first MinHash stage for English with 64-bit hashes, which tests hold against
its own files.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stages.minhash import datatrove_kernel
from stages.unicode_table import character_classes
from stages.words import exception_table, scratch

_PRIME = (1 << 61) - 1


class WordGrams(NamedTuple):
    """`hashes` of all shingles, text i's in hashes[offsets[i] : offsets[i + 1]]; `words` of each text."""

    hashes: np.ndarray
    offsets: np.ndarray
    words: np.ndarray


def hash_word_grams(text: np.ndarray, offsets: np.ndarray, width: int, by_sha1: bool) -> WordGrams:
    """Shingles of `width` English words of normalised texts, by xxh64 or SHA-1."""
    texts = len(offsets) - 1
    largest = int(np.diff(offsets).max(initial=0))
    starts, ends = np.empty(largest + 1, dtype=np.int64), np.empty(largest + 1, dtype=np.int64)
    hashes = np.empty(len(text) + 1, dtype=np.uint64)
    found = WordGrams(hashes, np.empty(texts + 1, dtype=np.int64), np.empty(texts, dtype=np.int64))
    count = datatrove_kernel.hash_word_grams(
        text,
        offsets,
        width,
        by_sha1,
        character_classes(),
        exception_table(),
        scratch(largest),
        starts,
        ends,
        np.empty(2 * largest + 8, dtype=np.uint8),
        np.empty(80, dtype=np.uint64),
        found.words,
        found.hashes,
        found.offsets,
    )
    return found._replace(hashes=hashes[:count])


def prime_permutations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and increments below 2^61 - 1 for `count` permutations: numpy's draws for that seed."""
    draws = np.random.RandomState(seed)
    multipliers = draws.randint(1, _PRIME, size=count, dtype=np.uint64)
    return multipliers, draws.randint(0, _PRIME, size=count, dtype=np.uint64)
