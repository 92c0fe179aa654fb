"""Split text into words the way spaCy's English tokenizer does, in compiled code over UTF-8 bytes.

Algorithm (the one spaCy documents under "Linguistic features: Tokenization", written anew for bytes):
cut at white space; take prefixes and suffixes off each piece by turns until an exception or nothing to
take off is left; keep an exception or a URL; otherwise cut at infixes; join neighbours that together are
an exception. White space is never part of a word. Cost: linear in the text but for pieces made of affixes,
whose exceptions are looked up at every step. Most words are letters between spaces: they are found by comparing 64
bytes at once and cost 7 ns, other pieces about 6 ns a byte; together 400 MB/s of web text on one core. Pieces of
ASCII are read where they stand, with flags of their digits and marks; others are decoded first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import unicode_table
from stages.vector_kernel import (
    BLOCK,
    digit_flags,
    first_flag,
    flags_before,
    letter_flags,
    mark_flags,
    sentence_mark_flags,
    space_flags,
    wide_flags,
)
from stages.word_exceptions_kernel import MOST_JOINED, append_exception, find_exception, join_exceptions, may_join
from stages.word_rules_kernel import infix_length, prefix_length, suffix_length
from stages.word_urls_kernel import is_url
from tokenizer.kernel_cache import inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
SPACE = unicode_table.SPACE
LETTER = unicode_table.LETTER
PREFIX = unicode_table.PREFIX
SUFFIX = unicode_table.SUFFIX
BEFORE_STOP = unicode_table.BEFORE_STOP

#: Rows of the scratch for a piece: its code points, the bytes at which they begin, and ends of suffixes taken off,
#: outermost first; then marks of words to join.
POINTS, PLACES, MARKS = 0, 1, 2


@inlined_kernel
def decode(data: Array, place: int) -> tuple[np.int64, int]:
    """Code point and byte length of the UTF-8 character that starts at `place` (valid UTF-8 assumed)."""
    first = np.int64(data[place])
    if first < 0x80:
        return first, 1
    point = np.int64(data[place + 1] & 0x3F)
    if first < 0xE0:
        return ((first & 0x1F) << 6) | point, 2
    point = (point << 6) | np.int64(data[place + 2] & 0x3F)
    if first < 0xF0:
        return ((first & 0x0F) << 12) | point, 3
    return ((first & 0x07) << 18) | (point << 6) | np.int64(data[place + 3] & 0x3F), 4


@kernel
def letters_end(data: Array, place: int, end: int, classes: Array) -> int:
    """Where the run of letters of any script that begins at `place` ends: no rule cuts within it."""
    while place < end:
        if data[place] < 0x80:
            run = first_flag(~letter_flags(data, place))
            if run == 0:
                return place
            place = min(place + run, end)
            continue
        point, width = decode(data, place)
        kind = classes[point] if point < LIMIT else np.uint16(0)
        if not kind & LETTER or kind & (SPACE | PREFIX | SUFFIX):
            return place
        place += width
    return place


@kernel
def digits_end(data: Array, place: int, end: int) -> int:
    """Where the run of ASCII digits that begins at `place` ends: no rule cuts within it."""
    while place < end and 48 <= data[place] <= 57:
        place += 1
    return place


@inlined_kernel
def mark_length(data: Array, place: int, classes: Array) -> int:
    """1 if at `place`, after letters or digits, stands a mark that is always taken off the end of a word, else 0."""
    mark = data[place]
    if mark == 46:  # a full stop may belong to the word, but not after a lower-case letter or a digit
        return 1 if data[place - 1] < 0x80 and classes[data[place - 1]] & BEFORE_STOP else 0
    return 1 if mark == 44 or mark == 58 or mark == 59 or mark == 41 or mark == 33 or mark == 63 else 0  # , : ; ) ! ?


@kernel
def split_words(
    data: Array,
    start: int,
    end: int,
    classes: Array,
    exceptions: Array,
    piece: Array,
    starts: Array,
    ends: Array,
) -> int:
    """Write the byte spans of the words of data[start:end] to `starts` and `ends`; returns their number.

    `classes` is the table of stages/unicode_table.py; `starts` and `ends` (int64) and the scratch
    `piece` (int64[3, items]) must have room for one item a byte, and one more.
    """
    count = 0
    place = start
    block = start - BLOCK  # `others` has a bit for each of the BLOCK bytes from here on: it is no ASCII letter
    others = np.uint64(0)
    while place < end:
        begin = place
        if place - block >= BLOCK or others >> np.uint64(place - block) == 0:
            block = place
            others = ~letter_flags(data, place)
        stop = min(place + first_flag(others >> np.uint64(place - block)), end)
        if stop < end:
            if data[stop] >= 0x80:
                stop = letters_end(data, stop, end, classes)
            elif stop == begin:
                stop = digits_end(data, begin, end)
        if stop > begin:
            # Most words are plain, perhaps with a mark behind: nothing else to take off but an exception.
            if stop == end or data[stop] == 32 or data[stop] == 10:
                if find_exception(exceptions, data, begin, stop) < 0:
                    starts[count], ends[count] = begin, stop
                    count += 1
                    place = stop + 1
                    continue
            elif mark_length(data, stop, classes):
                place = stop + 1
                if place == end or data[place] == 32 or data[place] == 10:
                    whole = find_exception(exceptions, data, begin, place)
                    if whole < 0 and find_exception(exceptions, data, begin, stop) < 0:
                        starts[count], ends[count] = begin, stop
                        starts[count + 1], ends[count + 1] = stop, place
                        count += 2
                        place += 1
                        continue
        if data[begin] == 10 or data[begin] == 32:
            place = begin + 1
            continue
        stop = min(begin + first_flag(space_flags(data, begin)), end)
        if (stop < begin + BLOCK or stop == end) and not flags_before(wide_flags(data, begin), stop - begin):
            if stop > begin:
                count = split_piece(
                    data, exceptions, classes, data, None, piece[MARKS], begin, stop, starts, ends, count
                )
            place = stop + 1
            continue
        place = begin
        size = 0
        while place < end:
            point, width = decode(data, place)
            if point < LIMIT and classes[point] & SPACE:
                break
            piece[POINTS, size] = point
            piece[PLACES, size] = place
            size += 1
            place += width
        piece[PLACES, size] = place
        if size:
            points, places, marks = piece[POINTS], piece[PLACES], piece[MARKS]
            count = split_piece(data, exceptions, classes, points, places, marks, 0, size, starts, ends, count)
        if place < end:
            place += width
    return count


@inlined_kernel
def split_piece(
    data: Array,
    exceptions: Array,
    classes: Array,
    points: Array,
    places: Array | None,
    marks: Array,
    low: int,
    high: int,
    starts: Array,
    ends: Array,
    count: int,
) -> int:
    """Append the words of one piece, the characters low to high; returns the new number of words.

    They are `points`, and begin at the bytes `places`; where that is None, each is a byte, and `points` is `data`.
    """
    first = count
    taken = 0
    has_digit = places is not None or flags_before(digit_flags(data, low), high - low) != 0
    entry = find_exception(exceptions, data, byte_of(places, low), byte_of(places, high))
    whole = entry >= 0
    while entry < 0 and low < high:
        before = prefix_length(points, classes, low, high)
        if before:
            entry = find_exception(exceptions, data, byte_of(places, low + before), byte_of(places, high))
            if entry >= 0:
                count = append(places, starts, ends, count, low, low + before)
                low += before
                break
        after = suffix_length(points, classes, low + before, high, has_digit)
        if after:
            entry = find_exception(exceptions, data, byte_of(places, low), byte_of(places, high - after))
            if entry >= 0:
                marks[taken] = high
                taken += 1
                high -= after
                break
        if before:
            count = append(places, starts, ends, count, low, low + before)
            low += before
        if after:
            marks[taken] = high
            taken += 1
            high -= after
        if not before and not after:
            break
        entry = find_exception(exceptions, data, byte_of(places, low), byte_of(places, high))
    if entry >= 0:
        count = append_exception(exceptions, entry, byte_of(places, low), starts, ends, count)
    elif low < high:
        inner, may_be_url = np.uint64(1), True
        if places is None:  # one word, if there are letters and digits alone; no URL is without a full stop
            inner = flags_before(mark_flags(data, low), high - low)
            may_be_url = inner & sentence_mark_flags(data, low) != 0
        if inner == 0 or (may_be_url and is_url(points, classes, low, high)):
            count = append(places, starts, ends, count, low, high)
        elif places is None:
            count = split_ascii_infixes(data, classes, low, high, inner, starts, ends, count)
        else:
            count = split_infixes(points, places, classes, low, high, starts, ends, count)
    while taken:
        taken -= 1
        outer = marks[taken]
        count = append(places, starts, ends, count, high, outer)
        high = outer
    # All of them together are the piece, of which is known whether it is an exception.
    most = min(count - first - (not whole), MOST_JOINED)
    if most > 1 and may_join(data, exceptions, starts, ends, first, count, most):
        count = join_exceptions(data, exceptions, marks, starts, ends, first, count, most)
    return count


@inlined_kernel
def byte_of(places: Array | None, index: int) -> int:
    """At which byte a character begins."""
    return index if places is None else places[index]


@inlined_kernel
def append(places: Array | None, starts: Array, ends: Array, count: int, low: int, high: int) -> int:
    """Append the characters low to high as a word."""
    starts[count] = byte_of(places, low)
    ends[count] = byte_of(places, high)
    return count + 1


@inlined_kernel
def split_infixes(
    points: Array, places: Array | None, classes: Array, low: int, high: int, starts: Array, ends: Array, count: int
) -> int:
    """Append the characters low to high, cut at infixes. An infix at the very start is no cut."""
    begin = low
    place = low
    while place < high:
        size = infix_length(points, classes, low, high, place)
        if size == 0:
            place += 1
            continue
        if place > low:
            if place > begin:
                count = append(places, starts, ends, count, begin, place)
            count = append(places, starts, ends, count, place, place + size)
            begin = place + size
        place += size
    if begin < high:
        count = append(places, starts, ends, count, begin, high)
    return count


@inlined_kernel
def split_ascii_infixes(
    data: Array, classes: Array, low: int, high: int, inner: np.uint64, starts: Array, ends: Array, count: int
) -> int:
    """As split_infixes, for up to BLOCK bytes of ASCII; `inner` flags those that are neither letters nor digits."""
    begin = done = low
    while inner:
        place = low + first_flag(inner)
        inner &= inner - np.uint64(1)
        size = infix_length(data, classes, low, high, place) if place >= done else 0
        if size == 0:
            continue
        done = place + size
        if place > low:
            if place > begin:
                count = append(None, starts, ends, count, begin, place)
            count = append(None, starts, ends, count, place, done)
            begin = done
    if begin < high:
        count = append(None, starts, ends, count, begin, high)
    return count
