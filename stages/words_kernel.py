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
from stages.byte_range_kernel import first_bytes, hash_bytes
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

#: No exception is made of more words by the rules than this.
MOST_JOINED = 16

#: The exceptions of stages/word_exceptions.py as a hash table in one int64 array (stages/words.py fills it).
#: Its sections:
SLOTS = 0  # open addressing by hash_bytes of the entry: its number, or -1
SLOT_COUNT = 8192
STARTS = SLOTS + SLOT_COUNT  # where an entry's bytes start in DATA, and where the last one's end
MOST_ENTRIES = 2047
PIECE_STARTS = STARTS + MOST_ENTRIES + 1  # where the byte lengths of an entry's words start in PIECES
BY_RULE = PIECE_STARTS + MOST_ENTRIES + 1  # how many words the rules alone make of it; 0 for whole
JOINED = BY_RULE + MOST_ENTRIES + 1  # by first byte: bit n is set if the rules make n words of an entry
FILTER = JOINED + 256  # by filter_bit, 64 of them an item: whether an entry has this one
FILTER_BITS = 1 << 16
PIECES = FILTER + FILTER_BITS // 64
DATA = PIECES + 4 * MOST_ENTRIES


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


@inlined_kernel
def filter_bit(data: Array, start: int, end: int) -> int:
    """A number below FILTER_BITS for the length and the first eight bytes of data[start:end], which is not empty."""
    digest = first_bytes(data, start, min(end - start, 8)) + np.uint64(end - start)
    digest = (digest ^ digest >> np.uint64(32)) * np.uint64(0x9E3779B97F4A7C15)
    return int(np.int64(digest >> np.uint64(48)))


@inlined_kernel
def may_be_exception(exceptions: Array, data: Array, start: int, end: int) -> bool:
    """Whether some exception has the filter_bit of data[start:end]."""
    if start == end:
        return False
    bit = filter_bit(data, start, end)
    return (exceptions[FILTER + (bit >> 6)] >> (bit & 63)) & 1 != 0


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


@inlined_kernel
def first_slot(data: Array, start: int, end: int) -> int:
    """Where in SLOTS the search for data[start:end] begins."""
    return int(np.int64(hash_bytes(data, start, end) >> np.uint64(40)) & (SLOT_COUNT - 1))


@inlined_kernel
def find_exception(exceptions: Array, data: Array, start: int, end: int) -> int:
    """The number of the exception that data[start:end] is, or -1."""
    length = end - start
    if not may_be_exception(exceptions, data, start, end):
        return -1
    slot = first_slot(data, start, end)
    while exceptions[SLOTS + slot] >= 0:
        entry = exceptions[SLOTS + slot]
        first = exceptions[STARTS + entry]
        if exceptions[STARTS + entry + 1] - first == length:
            same = True
            for step in range(length):
                if exceptions[DATA + first + step] != data[start + step]:
                    same = False
                    break
            if same:
                return entry
        slot = (slot + 1) & (SLOT_COUNT - 1)
    return -1


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
def append_exception(exceptions: Array, entry: int, place: int, starts: Array, ends: Array, count: int) -> int:
    """Append the words that an exception is made of, from the byte `place` on."""
    for part in range(exceptions[PIECE_STARTS + entry], exceptions[PIECE_STARTS + entry + 1]):
        starts[count] = place
        place += exceptions[PIECES + part]
        ends[count] = place
        count += 1
    return count


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


@inlined_kernel
def may_join(data: Array, exceptions: Array, starts: Array, ends: Array, first: int, count: int, most: int) -> bool:
    """Whether some run of two to `most` words may be an exception: nearly always none is."""
    pairs = False
    sizes = np.int64(0)  # bit n: a run of n words may be one, by its first byte
    for word in range(first, count - 1):
        pairs |= may_be_exception(exceptions, data, starts[word], ends[word + 1])
        sizes |= exceptions[JOINED + data[starts[word]]]
    return pairs or sizes & ((2 << most) - 8) != 0


@kernel
def join_exceptions(
    data: Array, exceptions: Array, marks: Array, starts: Array, ends: Array, first: int, count: int, most: int
) -> int:
    """Join runs of up to `most` words that the rules cut but that are an exception; returns the new number of words.

    The longest run goes first, then the leftmost. As in spaCy, a run that overlaps an earlier one is not joined
    and yet keeps others off its words. `marks` is scratch: the size of the run to join that begins at a
    word, or -1 for a word that a run covers.
    """
    words = count - first
    for word in range(words):
        marks[word] = 0
    found = False
    for size in range(most, 1, -1):
        for begin in range(words - size + 1):
            if exceptions[JOINED + data[starts[first + begin]]] >> size & 1 == 0:
                continue
            last = begin + size - 1
            entry = find_exception(exceptions, data, starts[first + begin], ends[first + last])
            if entry < 0 or exceptions[BY_RULE + entry] != size:
                continue
            joined = marks[begin] == 0 and marks[last] == 0
            for word in range(begin, last + 1):
                if marks[word] == 0:
                    marks[word] = -1
            if joined:
                marks[begin] = size
                found = True
    if not found:
        return count
    kept = first
    begin = 0
    while begin < words:
        size = max(marks[begin], 1)
        if size > 1:
            start, end = starts[first + begin], ends[first + begin + size - 1]
            entry = find_exception(exceptions, data, start, end)
            kept = append_exception(exceptions, entry, start, starts, ends, kept)
        else:
            starts[kept] = starts[first + begin]
            ends[kept] = ends[first + begin]
            kept += 1
        begin += size
    return kept
