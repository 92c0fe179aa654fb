"""Split text into words the way spaCy's English tokenizer does, in compiled code over UTF-8 bytes.

Algorithm (the one spaCy documents under "Linguistic features: Tokenization", written anew for bytes):
cut at white space; take prefixes and suffixes off each piece by turns until an exception or nothing to
take off is left; keep an exception or a URL; otherwise cut at infixes; join neighbours that together are
an exception. White space is never part of a word. Cost: linear in the text but for pieces made of affixes,
whose exceptions are looked up at every step; about 60 to 100 MB/s of English prose on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages import unicode_table
from stages.word_rules_kernel import infix_length, prefix_length, suffix_length
from stages.word_urls_kernel import is_url
from tokenizer.kernel_cache import kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
SPACE = unicode_table.SPACE

#: No exception is made of more words by the rules than this.
MOST_JOINED = 16

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)


class Exceptions(NamedTuple):
    """The exceptions of stages/word_exceptions.py as a hash table in arrays."""

    #: uint64[4096] by the low six bits of the first and last byte: bit n is set if one of n bytes exists.
    lengths: Array
    #: int32, open addressing by FNV-1a of the bytes: the entry's number or -1. A power of two long.
    slots: Array
    #: uint8 and int64: the entries' bytes one after another and where each starts (entries + 1).
    data: Array
    starts: Array
    #: int64: the byte lengths of the words an entry is made of, and where each entry's begin (entries + 1).
    pieces: Array
    piece_starts: Array
    #: int64: how many words the rules alone make of the entry; 0 where they leave it whole.
    by_rule: Array


class Piece(NamedTuple):
    """Scratch for one run of text without white space: one item a character, and one more for the end."""

    points: Array  # int32 code points
    classes: Array  # uint16 of stages/unicode_table.py
    places: Array  # int64 byte offsets
    suffixes: Array  # int64 ends of suffixes taken off, outermost first; then marks of words to join


@kernel
def decode(data: Array, place: int) -> tuple[int, int]:
    """Code point and byte length of the UTF-8 character that starts at `place` (valid UTF-8 assumed)."""
    first = np.int64(data[place])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return ((first & 0x1F) << 6) | (np.int64(data[place + 1]) & 0x3F), 2
    second = np.int64(data[place + 1]) & 0x3F
    third = np.int64(data[place + 2]) & 0x3F
    if first < 0xF0:
        return ((first & 0x0F) << 12) | (second << 6) | third, 3
    return ((first & 0x07) << 18) | (second << 12) | (third << 6) | (np.int64(data[place + 3]) & 0x3F), 4


@kernel
def find_exception(exceptions: Exceptions, data: Array, start: int, end: int) -> int:
    """The number of the exception that data[start:end] is, or -1."""
    length = end - start
    if length < 1 or length > 63:
        return -1
    corner = (np.int64(data[start] & 63) << 6) | np.int64(data[end - 1] & 63)
    if not (exceptions.lengths[corner] >> np.uint64(length)) & np.uint64(1):
        return -1
    digest = _FNV_OFFSET
    for place in range(start, end):
        digest = (digest ^ np.uint64(data[place])) * _FNV_PRIME
    mask = len(exceptions.slots) - 1
    slot = np.int64(digest >> np.uint64(20)) & mask
    while exceptions.slots[slot] >= 0:
        entry = exceptions.slots[slot]
        first = exceptions.starts[entry]
        if exceptions.starts[entry + 1] - first == length:
            same = True
            for step in range(length):
                if exceptions.data[first + step] != data[start + step]:
                    same = False
                    break
            if same:
                return np.int64(entry)
        slot = (slot + 1) & mask
    return -1


@kernel
def split_words(
    data: Array,
    start: int,
    end: int,
    classes: Array,
    exceptions: Exceptions,
    piece: Piece,
    starts: Array,
    ends: Array,
) -> int:
    """Write the byte spans of the words of data[start:end] to `starts` and `ends`; returns their number.

    `classes` is the table of stages/unicode_table.py; `starts`, `ends` (int64) and the arrays of `piece`
    must have room for one item a byte, and one more.
    """
    points, kinds, places = piece.points, piece.classes, piece.places
    lengths = exceptions.lengths
    count = 0
    place = start
    while place < end:
        begin = place
        while place < end and 97 <= (data[place] | 32) <= 122:
            place += 1
        if place > begin and (place == end or data[place] == 32 or data[place] == 10):
            # Most words are ASCII letters between spaces: nothing to take off, perhaps an exception.
            corner = (np.int64(data[begin] & 63) << 6) | np.int64(data[place - 1] & 63)
            if place - begin > 63 or not (lengths[corner] >> np.uint64(place - begin)) & np.uint64(1):
                starts[count] = begin
                ends[count] = place
                count += 1
                place += 1
                continue
        place = begin
        size = 0
        while place < end:
            if data[place] < 0x80:
                point, width = np.int64(data[place]), 1
            else:
                point, width = decode(data, place)
            kind = classes[point] if point < LIMIT else np.uint16(0)
            if kind & SPACE:
                break
            points[size] = point
            kinds[size] = kind
            places[size] = place
            size += 1
            place += width
        places[size] = place
        if size:
            count = split_piece(data, exceptions, piece, size, starts, ends, count)
        if place < end:
            place += width
    return count


@kernel
def split_piece(
    data: Array, exceptions: Exceptions, piece: Piece, size: int, starts: Array, ends: Array, count: int
) -> int:
    """Append the words of one piece; returns the new number of words."""
    first = count
    points, classes, places = piece.points, piece.classes, piece.places
    low, high = 0, size
    taken = 0
    entry = find_exception(exceptions, data, places[0], places[size])
    while entry < 0 and low < high:
        before = prefix_length(points, classes, low, high)
        if before:
            entry = find_exception(exceptions, data, places[low + before], places[high])
            if entry >= 0:
                count = append(places, starts, ends, count, low, low + before)
                low += before
                break
        after = suffix_length(points, classes, low + before, high)
        if after:
            entry = find_exception(exceptions, data, places[low], places[high - after])
            if entry >= 0:
                piece.suffixes[taken] = high
                taken += 1
                high -= after
                break
        if before:
            count = append(places, starts, ends, count, low, low + before)
            low += before
        if after:
            piece.suffixes[taken] = high
            taken += 1
            high -= after
        if not before and not after:
            break
        entry = find_exception(exceptions, data, places[low], places[high])
    if entry >= 0:
        count = append_exception(exceptions, entry, places[low], starts, ends, count)
    elif low < high:
        if is_url(points, classes, low, high):
            count = append(places, starts, ends, count, low, high)
        else:
            count = split_infixes(points, classes, places, low, high, starts, ends, count)
    while taken:
        taken -= 1
        outer = piece.suffixes[taken]
        count = append(places, starts, ends, count, high, outer)
        high = outer
    if count - first > 1:
        count = join_exceptions(data, exceptions, piece.suffixes, starts, ends, first, count)
    return count


@kernel
def append(places: Array, starts: Array, ends: Array, count: int, low: int, high: int) -> int:
    """Append the characters low to high as a word."""
    starts[count] = places[low]
    ends[count] = places[high]
    return count + 1


@kernel
def append_exception(
    exceptions: Exceptions, entry: int, place: int, starts: Array, ends: Array, count: int
) -> int:
    """Append the words that an exception is made of, from the byte `place` on."""
    for part in range(exceptions.piece_starts[entry], exceptions.piece_starts[entry + 1]):
        starts[count] = place
        place += exceptions.pieces[part]
        ends[count] = place
        count += 1
    return count


@kernel
def split_infixes(
    points: Array, classes: Array, places: Array, low: int, high: int, starts: Array, ends: Array, count: int
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


@kernel
def join_exceptions(
    data: Array, exceptions: Exceptions, marks: Array, starts: Array, ends: Array, first: int, count: int
) -> int:
    """Join runs of words that the rules cut but that are an exception; returns the new number of words.

    The longest run goes first, then the leftmost. As in spaCy, a run that overlaps an earlier one is not joined
    and yet keeps others off its words. `marks` is scratch: the size of the run to join that begins at a
    word, or -1 for a word that a run covers.
    """
    words = count - first
    marks[:words] = 0
    found = False
    for size in range(min(MOST_JOINED, words), 1, -1):
        for begin in range(words - size + 1):
            last = begin + size - 1
            entry = find_exception(exceptions, data, starts[first + begin], ends[first + last])
            if entry < 0 or exceptions.by_rule[entry] != size:
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
