"""Cut text at Unicode's default word boundaries (UAX #29, section 4.1.1, rules WB1 to WB999), over UTF-8 bytes.

One pass with one character of look-ahead past marks; about 150 MB/s of English on one core. Only words that begin with
a letter or digit are given: white space and punctuation are boundaries' by-products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import unicode_table
from stages.rules import word_breaks as wb
from stages.words_kernel import decode
from tokenizer.kernel_cache import kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
CLASS = 63
OTHER, CR, LF, NEWLINE, EXTEND, ZWJ, FORMAT = wb.OTHER, wb.CR, wb.LF, wb.NEWLINE, wb.EXTEND, wb.ZWJ, wb.FORMAT
KATAKANA, HEBREW, LETTER, NUMERIC = wb.KATAKANA, wb.HEBREW_LETTER, wb.LETTER, wb.NUMERIC
SINGLE_QUOTE, DOUBLE_QUOTE = wb.SINGLE_QUOTE, wb.DOUBLE_QUOTE
MID_NUM_LET, MID_LETTER, MID_NUM = wb.MID_NUM_LET, wb.MID_LETTER, wb.MID_NUM
EXTEND_NUM_LET, REGIONAL, SPACE = wb.EXTEND_NUM_LET, wb.REGIONAL_INDICATOR, wb.SPACE
PICTOGRAPH, ALPHANUMERIC = wb.PICTOGRAPH, wb.ALPHANUMERIC


@kernel
def class_at(data: Array, place: int, classes: Array) -> tuple[int, int]:
    """Class with flags, and byte length, of the character that starts at `place`."""
    if data[place] < 0x80:
        return int(classes[data[place]]), 1
    point, width = decode(data, place)
    if point < LIMIT:
        return int(classes[point]), width
    extends = 0xE0100 <= point <= 0xE01EF or 0xE0020 <= point <= 0xE007F
    return EXTEND if extends else OTHER, width


@kernel
def is_letter(kind: int) -> bool:
    return kind in (LETTER, HEBREW)


@kernel
def next_class(data: Array, place: int, end: int, classes: Array) -> int:
    """Class of the next character from `place` on that is no mark or format (rule WB4); -1 at the end."""
    while place < end:
        kind, width = class_at(data, place, classes)
        if kind & CLASS != EXTEND and kind & CLASS != FORMAT and kind & CLASS != ZWJ:
            return kind & CLASS
        place += width
    return -1


@kernel
def joins(before: int, last: int, kind: int, data: Array, after: int, end: int, classes: Array) -> bool:
    """Whether no boundary stands between characters of the classes `last` and `kind` (rules WB5 to WB13b).

    `before` is the class in front of `last`, `after` the place behind `kind`.
    """
    if is_letter(last):
        if is_letter(kind) or kind in (NUMERIC, EXTEND_NUM_LET):
            return True
        if last == HEBREW and kind == SINGLE_QUOTE:
            return True
        if kind in (MID_LETTER, MID_NUM_LET, SINGLE_QUOTE):
            return is_letter(next_class(data, after, end, classes))
        return last == HEBREW and kind == DOUBLE_QUOTE and next_class(data, after, end, classes) == HEBREW
    if last == NUMERIC:
        if kind in (NUMERIC, EXTEND_NUM_LET) or is_letter(kind):
            return True
        if kind in (MID_NUM, MID_NUM_LET, SINGLE_QUOTE):
            return next_class(data, after, end, classes) == NUMERIC
        return False
    if last == KATAKANA:
        return kind in (KATAKANA, EXTEND_NUM_LET)
    if last == EXTEND_NUM_LET:
        return is_letter(kind) or kind in (NUMERIC, KATAKANA, EXTEND_NUM_LET)
    if is_letter(kind) and is_letter(before):
        if last in (MID_LETTER, MID_NUM_LET, SINGLE_QUOTE):
            return True
        return last == DOUBLE_QUOTE and kind == HEBREW and before == HEBREW
    if kind == NUMERIC and before == NUMERIC:
        return last in (MID_NUM, MID_NUM_LET, SINGLE_QUOTE)
    return False


@kernel
def unicode_words(data: Array, low: int, high: int, classes: Array, starts: Array, ends: Array) -> int:
    """Write the byte spans of the words of data[low:high] that begin alphanumerically; returns their number.

    `classes` is stages/rules/word_breaks.py's table; `starts` and `ends` (int64) have room for one item a byte.
    """
    count = 0
    place = low
    begin = low
    wanted = False
    before, last = -1, -1  # classes of the two characters before, marks skipped
    raw = -1  # class of the character right before
    flags = 0
    while place < high:
        flags, width = class_at(data, place, classes)
        kind = flags & CLASS
        marks = kind in (EXTEND, FORMAT, ZWJ)
        if raw == -1 or raw in (CR, LF, NEWLINE) or kind in (CR, LF, NEWLINE):
            boundary = not (raw == CR and kind == LF)
        elif (raw == ZWJ and flags & PICTOGRAPH) or marks or (raw == SPACE and kind == SPACE):
            boundary = False
        elif last == REGIONAL and kind == REGIONAL:
            # Pairs of indicators make flags: the second of a pair is remembered as any other character.
            boundary = False
        else:
            boundary = not joins(before, last, kind, data, place + width, high, classes)
        if boundary:
            if wanted:
                starts[count], ends[count] = begin, place
                count += 1
            begin = place
            wanted = flags & ALPHANUMERIC != 0
        if boundary or not marks:
            paired = last == REGIONAL and kind == REGIONAL and not boundary
            before = last
            last = OTHER if paired else kind
        raw = kind
        place += width
    if wanted:
        starts[count], ends[count] = begin, high
        count += 1
    return count
