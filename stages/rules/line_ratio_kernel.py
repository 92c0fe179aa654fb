"""Cut the lines of documents in which too many characters are of a class: one pass, into a new buffer.

Cost: about 600 MB/s on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import unicode_table
from stages.rules.refinedweb_kernel import stripped
from stages.words_kernel import decode
from tokenizer.kernel_cache import allocating_kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT


@allocating_kernel
def cut_lines(
    data: Array, spans: Array, classes: Array, members: Array, most: float, cuts: Array
) -> tuple[Array, Array]:
    """The documents data[spans[i, 0]:spans[i, 1]] without lines of which more than the share `most` is a member.

    `members` (bool, LIMIT) says which code points count. Lines end at newlines; empty ones stay; white space at
    the ends of a document goes. Returns bytes (uint8) and spans (int64[documents, 2]); adds the number of lines
    cut to `cuts` (int64).
    """
    documents = len(spans)
    size = 0
    for document in range(documents):
        size += spans[document, 1] - spans[document, 0] + 1
    out = np.empty(size, dtype=np.uint8)
    left = np.empty((documents, 2), dtype=np.int64)
    filled = 0
    for document in range(documents):
        begin, high = spans[document, 0], spans[document, 1]
        first = filled
        kept = 0
        while begin <= high:
            end = begin
            characters, counted = 0, 0
            while end < high and data[end] != 10:
                point, width = decode(data, end)
                characters += 1
                counted += point < LIMIT and members[point]
                end += width
            if characters and counted / characters > most:
                cuts[document] += 1
            else:
                if kept:
                    out[filled] = 10
                    filled += 1
                kept += 1
                for place in range(begin, end):
                    out[filled] = data[place]
                    filled += 1
            begin = end + 1
        left[document, 0], left[document, 1] = stripped(out, first, filled, classes)
    return out, left
