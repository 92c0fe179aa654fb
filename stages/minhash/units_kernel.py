"""Cut normalised texts (words parted by one blank) into what shingles are made of, each as a 64-bit hash.

Words are found by comparing 64 bytes at once with the blank and hashed eight bytes a step: about 4 ns a word.
"""

from __future__ import annotations

import numpy as np

from stages.byte_range_kernel import GOLDEN, first_bytes, hash_bytes, mix
from stages.minhash.character_tables import ALONE
from stages.minhash.normalize_kernel import decode_at
from stages.vector_kernel import BLOCK, blank_or_wide_flags, first_flag, flags_before, load_eight
from tokenizer.kernel_cache import inlined_kernel, kernel

_BLANK = 0x20
_ZERO, _ONE, _32 = np.uint64(0), np.uint64(1), np.uint64(32)


@kernel
def hash_words(text, offsets, classes, alone, units, unit_offsets):  # type: ignore[no-untyped-def]
    """Hash the words of every text into `units`, which needs an item for each byte; returns their number.

    With `alone`, every character of the class ALONE is a word for itself.
    """
    count = 0
    for document in range(offsets.size - 1):
        unit_offsets[document] = count
        begin, end = offsets[document], offsets[document + 1]
        for block in range(begin, end, BLOCK):
            flags = flags_before(blank_or_wide_flags(text, block), end - block)
            while flags:
                at = block + first_flag(flags)
                flags &= flags - _ONE
                size = 1
                if text[at] != _BLANK:
                    point, size = decode_at(text, at, end)
                    if not alone or point < 0 or classes[point] & ALONE == 0:
                        continue
                if begin < at:
                    units[count] = hash_word(text, begin, at)
                    count += 1
                if text[at] != _BLANK:
                    units[count] = hash_bytes(text, at, at + size)
                    count += 1
                begin = at + size
        if begin < end:
            units[count] = hash_word(text, begin, end)
            count += 1
    unit_offsets[-1] = count
    return count


@inlined_kernel
def hash_word(text, start, end):  # type: ignore[no-untyped-def]
    """hash_bytes, of up to 16 bytes without a branch on whether they are more than eight, which is hard to foresee."""
    size = end - start
    if size > 16:
        return hash_bytes(text, start, end)
    longer = size > 8
    digest = np.uint64(size) * GOLDEN
    further = (digest ^ load_eight(text, start)) * GOLDEN
    further ^= further >> _32
    digest ^= (digest ^ further) & (_ZERO - np.uint64(longer))
    return mix(digest ^ first_bytes(text, start + 8 * longer, size - 8 * longer))


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
