"""Find texts among others that lie in the same order, some of which are gone, by their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages.vector_kernel import load_eight
from tokenizer.kernel_cache import kernel

if TYPE_CHECKING:
    Array = np.ndarray

#: How many texts may be gone between two that follow one another; what comes later is not found.
_REACH = 256


@kernel
def match(known: Array, known_offsets: Array, known_words: Array, data: Array, offsets: Array, words: Array) -> None:
    """Set words[i] for every text data[offsets[i]:offsets[i + 1]] that is a known one, whose words are known."""
    place = 0
    for text in range(len(words)):
        size = offsets[text + 1] - offsets[text]
        for other in range(place, min(place + _REACH, len(known_words))):
            start = known_offsets[other]
            if known_offsets[other + 1] - start == size and is_same(known, start, data, offsets[text], size):
                words[text] = known_words[other]
                place = other + 1
                break


@kernel
def is_same(one: Array, at: int, other: Array, place: int, size: int) -> bool:
    """Whether `size` bytes of two arrays are equal."""
    step = 0
    while step + 8 <= size:
        if load_eight(one, at + step) != load_eight(other, place + step):
            return False
        step += 8
    while step < size:
        if one[at + step] != other[place + step]:
            return False
        step += 1
    return True
