"""The third longest line of each document: one scan over the batch's own bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages.repetition_kernel import characters_between
from tokenizer.kernel_cache import allocating_kernel

if TYPE_CHECKING:
    Array = np.ndarray


@allocating_kernel
def third_longest_lines(data: Array, offsets: Array) -> Array:
    """Characters (int64) of the third longest line of each text, cut at newlines; 0 for fewer than three lines."""
    thirds = np.zeros(len(offsets) - 1, dtype=np.int64)
    for document in range(len(thirds)):
        first, second, third = 0, 0, 0
        place = offsets[document]
        while place <= offsets[document + 1]:
            start = place
            while place < offsets[document + 1] and data[place] != 10:
                place += 1
            length = characters_between(data, start, place)
            if length > first:
                first, second, third = length, first, second
            elif length > second:
                second, third = length, second
            elif length > third:
                third = length
            place += 1
        thirds[document] = third
    return thirds
