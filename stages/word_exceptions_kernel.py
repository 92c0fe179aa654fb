"""The English exceptions in compiled code: whether bytes are one, of which words, and runs of words joined to one.

The exceptions of stages/word_exceptions.py lie as a hash table in one int64 array, which stages/words.py fills.
Cost: a look-up is one bit of a filter for nearly all words; few pieces get as far as joining.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages.byte_range_kernel import first_bytes, hash_bytes
from tokenizer.kernel_cache import inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

#: No exception is made of more words by the rules than this.
MOST_JOINED = 16

#: Sections of the table:
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
def first_slot(data: Array, start: int, end: int) -> int:
    """Where in SLOTS the search for data[start:end] begins."""
    return int(np.int64(hash_bytes(data, start, end) >> np.uint64(40)) & (SLOT_COUNT - 1))


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
    return replace_joined(data, exceptions, marks, starts, ends, first, count) if found else count


@kernel
def replace_joined(
    data: Array, exceptions: Array, sizes: Array, starts: Array, ends: Array, first: int, count: int
) -> int:
    """Put the words of exceptions in place of runs of sizes[word] > 1 words; returns the new number of words."""
    words = count - first
    kept = first
    more = 0  # words that exceptions are made of beyond those that they replace
    for begin in range(words):
        if sizes[begin] > 1:
            entry = find_exception(exceptions, data, starts[first + begin], ends[first + begin + sizes[begin] - 1])
            more += max(exceptions[PIECE_STARTS + entry + 1] - exceptions[PIECE_STARTS + entry] - sizes[begin], 0)
    if more:  # what is written must not overtake what is read
        for word in range(count - 1, first - 1, -1):
            starts[word + more], ends[word + more] = starts[word], ends[word]
        first += more
    begin = 0
    while begin < words:
        size = max(sizes[begin], 1)
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
