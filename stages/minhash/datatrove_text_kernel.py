"""Normalise texts as datatrove 0.10 does before it compares them (`simplify_text`), byte for byte.

The steps are those of stages/minhash/datatrove_characters.py, done in one pass. What looks beyond one character:
a number is digits, or digits, one decimal mark and digits; a capital sigma is final at the end of a word; marks
that are kept stand in canonical order (Unicode, section 3.11), which the decomposition puts them in.
Cost: about 2 ns a byte.
"""

from __future__ import annotations

import numpy as np

from stages.minhash.datatrove_characters import BLANK, DECIMAL_MARK, DIGIT, DROPPED_MARK, ONE_CHARACTER
from stages.minhash.normalize_kernel import decode_at, encode_at, is_final_sigma
from stages.vector_kernel import BLOCK, copy_lower_case, first_flag, letter_flags
from tokenizer.kernel_cache import kernel

_CAPITAL_SIGMA = 0x3A3
_SMALL_FINAL_SIGMA = 0x3C2
_SPACE = 0x20
_ZERO = 0x30


@kernel
def simplify_texts(  # type: ignore[no-untyped-def]
    data, offsets, classes, kinds, forms, ordering, sequences, out, out_offsets
):
    """Normalise every text into `out`, which needs three bytes for each of theirs, and 68; returns its bytes."""
    length = 0
    for document in range(offsets.size - 1):
        out_offsets[document] = begin = unordered = length
        start, end = offsets[document], offsets[document + 1]
        after_blank = True
        at = start
        block = start - BLOCK  # `others` has a bit for each of the BLOCK bytes from here on: it is no ASCII letter
        others = np.uint64(0)
        while at < end:
            if at - block >= BLOCK:
                block = at
                others = ~letter_flags(data, at)
            run = min(first_flag(others >> np.uint64(at - block)), block + BLOCK - at, end - at)
            if run:
                copy_lower_case(data, at, out, length)
                length += run
                unordered = length
                after_blank = False
                at += run
                continue
            point, size = decode_at(data, at, end)
            if point < 0:
                out[length] = data[at]
                length += 1
                unordered = length
                after_blank = False
                at += 1
                continue
            kind = kinds[point]
            if kind & DIGIT:
                out[length] = _ZERO
                length += 1
                unordered = length
                after_blank = False
                at = number_end(data, at, end, kinds)
                continue
            if kind & BLANK:
                # Marks dropped at the very start may leave a blank there, which goes too.
                if not after_blank and length > begin:
                    out[length] = _SPACE
                    length += 1
                    unordered = length
                after_blank = True
                at += size
                continue
            after_blank = False
            if point == _CAPITAL_SIGMA and is_final_sigma(data, start, end, at, classes):
                length = encode_at(out, length, _SMALL_FINAL_SIGMA)
                unordered = length
            elif forms[point] >= ONE_CHARACTER:
                length, unordered = append(out, length, unordered, forms[point], ordering)
            else:
                place = -1 - forms[point]
                if sequences[place] == 0 and ordering[point] != DROPPED_MARK:
                    unordered = length
                for step in range(sequences[place]):
                    length, unordered = append(out, length, unordered, sequences[place + 1 + step], ordering)
            at += size
        while length > begin and out[length - 1] == _SPACE:
            length -= 1
    out_offsets[-1] = length
    return length


@kernel
def number_end(data, at, end, kinds):  # type: ignore[no-untyped-def]
    """Where the number that begins at `at` ends."""
    at = digits_end(data, at, end, kinds)
    if at < end:
        mark, size = decode_at(data, at, end)
        if mark >= 0 and kinds[mark] & DECIMAL_MARK:
            after = digits_end(data, at + size, end, kinds)
            if after > at + size:
                return after
    return at


@kernel
def digits_end(data, at, end, kinds):  # type: ignore[no-untyped-def]
    """Where the digits that begin at `at`, if any, end."""
    while at < end:
        point, size = decode_at(data, at, end)
        if point < 0 or kinds[point] & DIGIT == 0:
            return at
        at += size
    return at


@kernel
def append(out, length, unordered, point, ordering):  # type: ignore[no-untyped-def]
    """Write a character at `length`, or before marks of higher class in out[unordered:length].

    Returns the new length, and where marks begin that the next one may have to stand before.
    """
    rank = ordering[point]
    after = encode_at(out, length, point)
    if rank == 0:
        return after, after
    place = length
    while place > unordered:
        previous = place - 1
        while out[previous] & 0xC0 == 0x80:
            previous -= 1
        other, _ = decode_at(out, previous, length)
        if ordering[other] <= rank:
            break
        place = previous
    size = after - length
    if place < length:
        for byte in range(length - 1, place - 1, -1):
            out[byte + size] = out[byte]
        encode_at(out, place, point)
    return after, unordered
