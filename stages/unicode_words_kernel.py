"""Split text of any script into words: the default word boundaries of Unicode (UAX #29), and units where no spaces are.

Letters, digits and marks make words, with apostrophes and the like inside; every other character is a word of its
own. Scripts without spaces have no words that a scan could find, and a run of them taken for one word, or each
character for one, would have whole languages dropped for their mean word length. So their runs are cut into units
about as long as their words are: two characters of Han or Hiragana, four of Katakana (words from abroad), four
letters of Thai, Lao, Khmer or Myanmar with the marks on them. Cost: a table look-up and a few comparisons a character.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages.word_break_table import (
    BINDING,
    CONNECTOR,
    DOUBLE_QUOTE,
    EXTEND,
    FLAG_LETTER,
    HEBREW,
    IDEOGRAPH,
    JOINER,
    KATAKANA,
    LETTER,
    MIDDLE_OF_BOTH,
    MIDDLE_OF_LETTERS,
    MIDDLE_OF_NUMBERS,
    NUMERIC,
    PICTOGRAPH,
    PICTOGRAPH_LETTER,
    SINGLE_QUOTE,
    SPACE,
    SYLLABLE,
    SYLLABLE_MARK,
    WIDE,
)
from stages.words_kernel import LIMIT, decode
from tokenizer.kernel_cache import kernel

if TYPE_CHECKING:
    Array = np.ndarray


#: Sets of classes, as bits.
MARKS = 1 << EXTEND | 1 << JOINER | 1 << BINDING
LETTERS = 1 << LETTER | 1 << HEBREW | 1 << PICTOGRAPH_LETTER
PICTOGRAPHS = 1 << PICTOGRAPH | 1 << PICTOGRAPH_LETTER
MIDDLES_OF_LETTERS = 1 << MIDDLE_OF_LETTERS | 1 << MIDDLE_OF_BOTH | 1 << SINGLE_QUOTE
MIDDLES_OF_NUMBERS = 1 << MIDDLE_OF_NUMBERS | 1 << MIDDLE_OF_BOTH | 1 << SINGLE_QUOTE

#: How many characters of a script without spaces make a unit.
IDEOGRAPHS, KATAKANAS, SYLLABLES = 2, 4, 4


@kernel
def class_at(data: Array, place: int, end: int, breaks: Array) -> tuple[np.int64, int]:
    """The word-break class of the character at `place` (as a class of its own beyond the end), and its bytes."""
    if place >= end:
        return np.int64(SPACE), 0
    point, width = decode(data, place)
    return (np.int64(breaks[point] & 0x7F) if point < LIMIT else np.int64(0)), width


@kernel
def after_marks(data: Array, place: int, end: int, breaks: Array) -> tuple[int, bool, bool]:
    """Where the marks at `place` end, whether the last of them is a joiner, and whether it binds the next letter."""
    joins, binds = False, False
    while place < end:
        kind, width = class_at(data, place, end, breaks)
        if not MARKS >> kind & 1:
            break
        joins, binds = kind == JOINER, kind == BINDING
        place += width
    return place, joins, binds


@kernel
def split_unicode_words(data: Array, start: int, end: int, breaks: Array, starts: Array, ends: Array) -> int:
    """Write the byte spans of the words of data[start:end] to `starts` and `ends`; returns their number.

    `breaks` is the table of stages/word_break_table.py; `starts` and `ends` (int64) need room for one item a byte.
    """
    count = 0
    place = start
    while place < end:
        kind, width = class_at(data, place, end, breaks)
        if kind == SPACE:
            place += width
            continue
        starts[count] = place
        place = end_of_word(data, place, end, breaks)
        ends[count] = place
        count += 1
    return count


@kernel
def end_of_word(data: Array, place: int, end: int, breaks: Array) -> int:
    """Where the word that begins at `place`, which is no white space, ends."""
    kind, width = class_at(data, place, end, breaks)
    if kind == IDEOGRAPH:
        return end_of_unit(data, place, end, breaks, kind, IDEOGRAPHS)
    if kind == KATAKANA:
        return end_of_unit(data, place, end, breaks, kind, KATAKANAS)
    if kind == SYLLABLE:
        return end_of_unit(data, place, end, breaks, kind, SYLLABLES)
    while True:
        place, joins, _ = after_marks(data, place + width, end, breaks)
        after, width = class_at(data, place, end, breaks)
        if after == SYLLABLE_MARK and kind == LETTER:
            return place + width
        if joins and PICTOGRAPHS >> after & 1:
            kind = after
            continue
        if kind == FLAG_LETTER and after == FLAG_LETTER:
            place, _, _ = after_marks(data, place + width, end, breaks)
            return place
        if joined(kind, after):
            kind = after
            continue
        beyond, _, _ = after_marks(data, place + width, end, breaks)
        next_kind, next_width = class_at(data, beyond, end, breaks)
        if joined_around(kind, after, next_kind):
            place, width, kind = beyond, next_width, next_kind
            continue
        if kind == HEBREW and after == SINGLE_QUOTE:
            return beyond
        return place


@kernel
def end_of_unit(data: Array, place: int, end: int, breaks: Array, script: int, characters: int) -> int:
    """Where the unit of up to so many characters of one script without spaces ends, marks on them included."""
    count = 0
    binds = False
    while True:
        kind, width = class_at(data, place, end, breaks)
        if kind != script or (count == characters and not binds):
            return place
        count += not binds
        place, _, binds = after_marks(data, place + width, end, breaks)


@kernel
def joined(kind: int, after: int) -> bool:
    """Whether no boundary is between two neighbours (WB5, 8, 9, 10, 13a, 13b)."""
    alphanumeric = (LETTERS | 1 << NUMERIC) >> kind & 1
    then = (LETTERS | 1 << NUMERIC) >> after & 1
    if kind == CONNECTOR:
        return then != 0 or after == CONNECTOR
    return alphanumeric != 0 and (then != 0 or after == CONNECTOR)


@kernel
def joined_around(kind: int, middle: int, after: int) -> bool:
    """Whether a mark in the middle belongs to the word around it (WB6, 7, 7b, 7c, 11, 12)."""
    if LETTERS >> kind & 1 and LETTERS >> after & 1:
        quoted = middle == DOUBLE_QUOTE and kind == HEBREW and after == HEBREW
        return quoted or MIDDLES_OF_LETTERS >> middle & 1 != 0
    return kind == NUMERIC and after == NUMERIC and MIDDLES_OF_NUMBERS >> middle & 1 != 0


@kernel
def wide_characters(data: Array, low: int, high: int, breaks: Array) -> int:
    """How many letters and digits of the range are two columns wide."""
    count = 0
    place = low
    while place < high:
        if data[place] < 0x80:
            place += 1
            continue
        point, width = decode(data, place)
        count += point < LIMIT and (breaks[point] & WIDE) != 0
        place += width
    return count
