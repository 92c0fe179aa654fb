"""Measure documents for the FineWeb rules: one scan of the lines and one of the words, over the batch's own bytes.

Lines are cut at newlines only. Integers leave the kernel; ratios are divided afterwards, as Python divides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import punctuation_table, unicode_table
from stages.byte_range_kernel import characters_between, table_size
from stages.lines_kernel import first_solid, newline_after
from stages.repetition_kernel import duplicates
from stages.unicode_words_kernel import split_unicode_words
from stages.words_kernel import decode, split_words
from tokenizer.kernel_cache import allocating_kernel, inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
TERMINAL = punctuation_table.TERMINAL
TERMINAL_OR_QUOTE = punctuation_table.TERMINAL_OR_QUOTE

#: Columns of the counts, int64, one row a document. Lines that hold more than white space:
LINES, PUNCTUATED, SHORT, REPEATED_CHARACTERS = 0, 1, 2, 3
#: All lines, blank ones among them; PUNCTUATED_OF_ALL takes datatrove 0.2's marks.
ALL_LINES, PUNCTUATED_OF_ALL, SHORT_OF_ALL = 4, 5, 6
#: Characters other than newlines; words.
CHARACTERS, WORDS = 7, 8
COLUMNS = 9


@allocating_kernel
def measure_texts(
    data: Array,
    offsets: Array,
    classes: Array,
    marks: Array,
    exceptions: Array,
    breaks: Array,
    piece: Array,
    known: Array,
    short: int,
) -> Array:
    """Counts, int64[documents, COLUMNS], of the texts data[offsets[i]:offsets[i + 1]], with our words.

    `data` is uint8 and valid UTF-8, `offsets` int64; a line of up to `short` characters is short. Words are English
    ones, or Unicode's where `breaks` is the table of stages/word_break_table.py and not empty; `known` (int64) says how
    many English ones a text has, -1 where that is to be found out.
    """
    documents = len(offsets) - 1
    counts = np.zeros((documents, COLUMNS), dtype=np.int64)
    longest = 0
    for document in range(documents):
        longest = max(longest, offsets[document + 1] - offsets[document])
    starts = np.empty(longest + 1, dtype=np.int64)
    ends = np.empty(longest + 1, dtype=np.int64)
    slots = np.empty(16, dtype=np.int64)
    for document in range(documents):
        low, high = offsets[document], offsets[document + 1]
        row = counts[document]
        if len(breaks):
            row[WORDS] = split_unicode_words(data, low, high, breaks, starts, ends)
        elif known[document] >= 0:
            row[WORDS] = known[document]
        else:
            row[WORDS] = split_words(data, low, high, classes, exceptions, piece, starts, ends)
        scan_lines(data, low, high, classes, marks, short, starts, ends, row)
        if len(slots) < table_size(row[LINES]):
            slots = np.empty(table_size(row[LINES]), dtype=np.int64)
        row[REPEATED_CHARACTERS] = duplicates(data, starts, ends, row[LINES], slots)[1]
    return counts


@kernel
def scan_lines(
    data: Array, low: int, high: int, classes: Array, marks: Array, short: int, starts: Array, ends: Array, row: Array
) -> None:
    """Count lines by kind; write the spans of those that are not blank to `starts` and `ends`."""
    place = low
    while place <= high:
        start = place
        place = newline_after(data, place, high)
        characters = characters_between(data, start, place)
        mark = last_mark(data, start, place, marks)
        row[ALL_LINES] += 1
        row[CHARACTERS] += characters
        row[PUNCTUATED_OF_ALL] += (mark & TERMINAL_OR_QUOTE) != 0
        row[SHORT_OF_ALL] += characters <= short
        if first_solid(data, start, place, classes) < place:
            starts[row[LINES]], ends[row[LINES]] = start, place
            row[LINES] += 1
            row[PUNCTUATED] += (mark & TERMINAL) != 0
            row[SHORT] += characters <= short
        place += 1


@inlined_kernel
def last_mark(data: Array, start: int, end: int, marks: Array) -> np.int64:
    """The punctuation classes of the last character, 0 where there is none."""
    if start == end:
        return np.int64(0)
    last = end - 1
    while data[last] & 0xC0 == 0x80:
        last -= 1
    point, _ = decode(data, last)
    return np.int64(marks[point]) if point < LIMIT else np.int64(0)
