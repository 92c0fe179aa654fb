"""Find in one pass the stretches of text that could hold something private, so that expressions see only those.

A chunk is a run of ASCII without white space; what it holds is summed up in one packed integer (digits, dots,
colons, "@"), and almost no chunk of prose is a candidate. Numbers may be grouped by blanks, so neighbouring
chunks with digits on one line count together. Cost: about 350 MB/s of one busy core (Zen 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tokenizer.kernel_cache import kernel

if TYPE_CHECKING:
    Array = np.ndarray

#: What a candidate may hold, as bits.
AT = 1
NUMBER = 2
DOTTED = 4
COLONS = 8
TOKEN = 16
KEY_BLOCK = 32
CARD = 64

#: Digits that a telephone number has at least, and a card number.
NUMBER_DIGITS, CARD_DIGITS = 7, 14
#: Bytes that a secret has at least, and letters and digits in a row in it: both kinds of them, or of either.
TOKEN_BYTES, MIXED_RUN, LETTER_RUN = 16, 6, 20
#: There is never more than one candidate in so many bytes of text.
BYTES_A_CANDIDATE = 2

_BLANK = np.uint64(1) << np.uint64(63)
_LINE_END = np.uint64(1) << np.uint64(62)
_AT_SHIFT, _COLON_SHIFT, _DOT_SHIFT = np.uint64(45), np.uint64(30), np.uint64(15)
_FIELD = np.uint64(0x7FFF)


def byte_table() -> np.ndarray:
    """uint64 by byte: one in the field of what the byte counts as, or the bits that end a chunk or a line."""
    table = np.zeros(256, dtype=np.uint64)
    table[48:58] = 1
    table[46] = 1 << 15
    table[58] = 1 << 30
    table[64] = 1 << 45
    table[[9, 11, 12, 32]] = _BLANK
    table[[10, 13]] = _BLANK | _LINE_END
    table[128:] = _BLANK
    return table


@kernel
def find_candidates(data: Array, offsets: Array, table: Array, starts: Array, ends: Array, flags: Array) -> int:
    """Write byte spans (int64) and flags (uint8) of the candidates of all texts; returns their number.

    Spans of different flags may overlap. There must be room for one candidate each BYTES_A_CANDIDATE bytes,
    and two more a text.
    """
    count = 0
    for text in range(offsets.size - 1):
        begin, end = offsets[text], offsets[text + 1]
        chunk = begin
        held = np.uint64(0)
        run, run_digits = begin, np.int64(0)
        place = begin
        while True:
            kind = table[data[place]] if place < end else _BLANK | _LINE_END
            if kind < _LINE_END:
                held += kind
                place += 1
                continue
            found = chunk_flags(data, chunk, place, held)
            if found:
                starts[count], ends[count], flags[count] = chunk, place, found
                count += 1
            digits = np.int64(held & _FIELD)
            if digits:
                if run_digits == 0:
                    run = chunk
                run_digits += digits
            if kind & _LINE_END or (digits == 0 and place > chunk):
                if run_digits >= NUMBER_DIGITS:
                    starts[count], ends[count] = run, place
                    flags[count] = NUMBER | CARD if run_digits >= CARD_DIGITS else NUMBER
                    count += 1
                run_digits = np.int64(0)
            if place >= end:
                break
            held = np.uint64(0)
            place += 1
            chunk = place
    return count


@kernel
def chunk_flags(data: Array, start: int, end: int, held: int) -> int:
    """What the chunk data[start:end] could be, from what it holds; numbers apart."""
    size = end - start
    found = 0
    if held:
        digits = held & _FIELD
        if held >> _AT_SHIFT:
            found |= AT
        if (held >> _DOT_SHIFT) & _FIELD >= np.uint64(3) and digits >= np.uint64(4):
            found |= DOTTED
        if (held >> _COLON_SHIFT) & _FIELD >= np.uint64(2) and digits:
            found |= COLONS
    if size >= TOKEN_BYTES and has_token(data, start, end):
        found |= TOKEN
    if size >= 10 and data[end - 10] == 45 and data[end - 6] == 45 and data[end - 5] == 66 and data[end - 1] == 78:
        found |= KEY_BLOCK
    return found


@kernel
def has_token(data: Array, start: int, end: int) -> bool:
    """Whether letters and digits stand side by side: MIXED_RUN of them, both kinds, or LETTER_RUN of any."""
    letters, digits = 0, 0
    for place in range(start, end):
        byte = data[place]
        if 48 <= byte <= 57:
            digits += 1
        elif 97 <= (byte | 32) <= 122:
            letters += 1
        else:
            letters, digits = 0, 0
        run = letters + digits
        if run >= LETTER_RUN or (run >= MIXED_RUN and letters and digits):
            return True
    return False
