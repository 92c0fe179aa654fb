"""Cut normalised texts (words parted by one blank) into what shingles are made of, each as a 64-bit hash.

Words are found by comparing 64 bytes at once with the blank and hashed eight bytes a step: about 4 ns a word.
"""

from __future__ import annotations

import numpy as np

from stages.byte_range_kernel import hash_bytes, mix
from stages.minhash.character_tables import ALONE
from stages.minhash.normalize_kernel import decode_at
from stages.vector_kernel import BLOCK, blank_or_wide_flags, first_flag
from tokenizer.kernel_cache import kernel

_BLANK = 0x20
_ONE = np.uint64(1)


@kernel
def hash_words(text, offsets, classes, alone, units, unit_offsets):  # type: ignore[no-untyped-def]
    """Hash the words of every text into `units`, which needs an item for each byte; returns their number.

    With `alone`, every character of the class ALONE is a word for itself.
    """
    count = 0
    for document in range(offsets.size - 1):
        unit_offsets[document] = count
        begin = at = block = offsets[document]
        end = offsets[document + 1]
        flags = blank_or_wide_flags(text, block)
        while at < end:
            while at - block >= BLOCK or flags >> np.uint64(at - block) == 0:
                block = block + BLOCK if at - block < BLOCK else at
                at = max(at, block)
                if at >= end:
                    break
                flags = blank_or_wide_flags(text, block)
            if at < end:
                at += first_flag(flags >> np.uint64(at - block))
            size = 1
            is_alone = False
            if at >= end:
                at = end
            elif text[at] != _BLANK:
                point, size = decode_at(text, at, end)
                is_alone = alone and point >= 0 and classes[point] & ALONE != 0
                if not is_alone:
                    at += size
                    if at < end:
                        continue
            if begin < at:
                units[count] = hash_bytes(text, begin, at)
                count += 1
            if is_alone:
                units[count] = hash_bytes(text, at, at + size)
                count += 1
            at += size
            begin = at
    unit_offsets[-1] = count
    return count


@kernel
def hash_characters(text, offsets, units, unit_offsets):  # type: ignore[no-untyped-def]
    """Hash the characters of every text, blanks among them, into `units`; returns their number."""
    count = 0
    for document in range(offsets.size - 1):
        unit_offsets[document] = count
        at, end = offsets[document], offsets[document + 1]
        while at < end:
            _, size = decode_at(text, at, end)
            units[count] = hash_bytes(text, at, at + size)
            count += 1
            at += size
    unit_offsets[-1] = count
    return count


@kernel
def hash_tokens(tokens, units):  # type: ignore[no-untyped-def]
    """Hash token ids, one for one."""
    for place in range(tokens.size):
        units[place] = mix(np.uint64(tokens[place]) + _ONE)
