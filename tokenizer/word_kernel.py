r"""Kernels that cut text into words as the split patterns do, and count the words in a hash table.

The patterns are regular expressions without memory: what a word is depends only on the text from its
first byte on, so cutting is one pass with at most one run of white space read twice. `max_digits` chooses
the pattern (tokenizer/pretokenize.py): 0 is gpt2, 1 to 3 the gpt4 family.
"""

from typing import Any, NamedTuple

import numpy as np

from tokenizer.character_classes import LETTER, LIMIT, NEWLINE, NUMBER, OTHER, SPACE, UNKNOWN
from tokenizer.kernel_cache import allocating_kernel, kernel

Array = np.ndarray[Any, Any]

_APOSTROPHE = 0x27
_BLANK = 0x20


class WordTable(NamedTuple):
    """Words seen so far: word i is arena[starts[i]:starts[i + 1]]; `slots` holds i + 1, or 0 where free."""

    slots: Array  # int64[power of two], at least twice the capacity
    hashes: Array  # uint64[capacity]
    starts: Array  # int64[capacity + 1]
    counts: Array  # int64[capacity]
    arena: Array  # uint8[bytes]


@kernel
def class_at(data: Array, i: int, end: int, classes: Array) -> tuple[Any, int]:
    """Class and length in bytes of the character at `i`; a cut-off last character is OTHER."""
    lead = data[i]
    if lead < 0x80:
        return classes[lead], 1
    size = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
    if i + size > end:
        return np.uint8(OTHER), end - i
    if size == 2:
        point = (np.int64(lead & 0x1F) << 6) | (data[i + 1] & 0x3F)
    elif size == 3:
        point = (np.int64(lead & 0x0F) << 12) | (np.int64(data[i + 1] & 0x3F) << 6) | (data[i + 2] & 0x3F)
    else:
        point = (
            (np.int64(lead & 0x07) << 18)
            | (np.int64(data[i + 1] & 0x3F) << 12)
            | (np.int64(data[i + 2] & 0x3F) << 6)
            | (data[i + 3] & 0x3F)
        )
    return (classes[point] if point < LIMIT else np.uint8(OTHER)), size


@kernel
def run_end(data: Array, i: int, end: int, classes: Array, wanted: int, limit: int) -> int:
    """End of the run of at most `limit` characters of class `wanted` that starts at `i`."""
    while i < end and limit > 0:
        found, size = class_at(data, i, end, classes)
        if found != wanted:
            break
        i += size
        limit -= 1
    return i


@kernel
def contraction_end(data: Array, i: int, end: int, fold: bool) -> int:
    """End of 's 't 'm 'd 're 've 'll at the apostrophe `i`, in any case if `fold`; `i` where there is none."""
    if i + 1 >= end:
        return i
    first = data[i + 1] | 0x20 if fold else data[i + 1]
    if first == 0x73 or first == 0x74 or first == 0x6D or first == 0x64:
        return i + 2
    # U+017F, the long s, folds to s.
    if fold and i + 2 < end and data[i + 1] == 0xC5 and data[i + 2] == 0xBF:
        return i + 3
    if i + 2 >= end:
        return i
    second = data[i + 2] | 0x20 if fold else data[i + 2]
    if (first == 0x72 or first == 0x76) and second == 0x65:
        return i + 3
    if first == 0x6C and second == 0x6C:
        return i + 3
    return i


@kernel
def space_end(data: Array, i: int, end: int, classes: Array, newlines: bool) -> int:
    r"""End of the word in a run of white space at `i`: (`\s*[\r\n]|` if `newlines`) `\s+(?!\S)|\s+`."""
    last = i  # start of the last character of the run
    after_newline = i
    j = i
    while j < end:
        found, size = class_at(data, j, end, classes)
        if found != SPACE and found != NEWLINE:
            break
        last = j
        j += size
        if found == NEWLINE:
            after_newline = j
    if newlines and after_newline > i:
        return after_newline
    if j == end or last == i:
        return j
    return last


@kernel
def gpt2_end(data: Array, i: int, end: int, classes: Array) -> int:
    """End of the word that starts at `i`, for gpt2."""
    if data[i] == _APOSTROPHE:
        j = contraction_end(data, i, end, False)
        if j > i:
            return j
    found, size = class_at(data, i, end, classes)
    j = i
    if data[i] == _BLANK and i + 1 < end:
        j = i + 1
        found, size = class_at(data, j, end, classes)
    if found in (SPACE, NEWLINE):
        return space_end(data, i, end, classes, False)
    return run_end(data, j + size, end, classes, found, end)


@kernel
def gpt4_end(data: Array, i: int, end: int, classes: Array, max_digits: int) -> int:
    """End of the word that starts at `i`, for the gpt4 family."""
    if data[i] == _APOSTROPHE:
        j = contraction_end(data, i, end, True)
        if j > i:
            return j
    found, size = class_at(data, i, end, classes)
    if found == LETTER:
        return run_end(data, i + size, end, classes, LETTER, end)
    if found == NUMBER:
        return run_end(data, i + size, end, classes, NUMBER, max_digits - 1)
    j = i + size
    after, after_size = np.uint8(UNKNOWN), 0
    if j < end:
        after, after_size = class_at(data, j, end, classes)
        if after == LETTER and found != NEWLINE:
            return run_end(data, j + after_size, end, classes, LETTER, end)
    if found == OTHER or (data[i] == _BLANK and after == OTHER):
        j = run_end(data, j, end, classes, OTHER, end)
        return run_end(data, j, end, classes, NEWLINE, end)
    return space_end(data, i, end, classes, True)


@kernel
def has_unknown(data: Array, i: int, end: int, classes: Array) -> bool:
    """Whether data[i:end] holds a code point of class UNKNOWN."""
    joined = np.uint8(0)
    for k in range(i, end):
        joined |= data[k]
    if joined < 0x80:
        return False
    while i < end:
        character, size = class_at(data, i, end, classes)
        if character == UNKNOWN:
            return True
        i += size
    return False


@allocating_kernel
def unknown_rows(data: Array, offsets: Array, classes: Array) -> Array:
    """For each text, whether it holds a code point of class UNKNOWN: bool[texts]."""
    found = np.zeros(len(offsets) - 1, dtype=np.bool_)
    for row in range(len(offsets) - 1):
        found[row] = has_unknown(data, offsets[row], offsets[row + 1], classes)
    return found


@kernel
def _slot_of(data: Array, start: int, end: int, digest: int, table: WordTable) -> Any:
    """The slot that holds the word data[start:end], or the free one where it belongs."""
    mask = len(table.slots) - 1
    slot = np.int64(digest) & mask
    while table.slots[slot] != 0:
        word = table.slots[slot] - 1
        first = table.starts[word]
        if table.hashes[word] == digest and table.starts[word + 1] - first == end - start:
            same = True
            for k in range(end - start):
                if table.arena[first + k] != data[start + k]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + 1) & mask
    return slot


@kernel
def _hash(data: Array, start: int, end: int) -> Any:
    digest = np.uint64(0xCBF29CE484222325)
    for k in range(start, end):
        digest = (digest ^ np.uint64(data[k])) * np.uint64(0x9E3779B97F4A7C15)
        digest ^= digest >> np.uint64(29)
    return digest


@kernel
def _enter(data: Array, start: int, end: int, digest: int, slot: int, table: WordTable, words: int) -> bool:
    """Make data[start:end] word number `words`; False when the table is full."""
    first = table.starts[words]
    if words >= len(table.counts) or first + end - start > len(table.arena):
        return False
    for k in range(end - start):
        table.arena[first + k] = data[start + k]
    table.starts[words + 1] = first + end - start
    table.hashes[words] = digest
    table.slots[slot] = words + 1
    return True


@kernel
def count_words(
    data: Array,
    offsets: Array,
    skip: Array,
    row: int,
    position: int,
    classes: Array,
    max_digits: int,
    longest: int,
    table: WordTable,
    words: int,
    cut: int,
) -> tuple[int, int, int, int]:
    """Count words from byte `position` of text `row` on, until done or the table is full.

    Texts with skip[row] are left out. Words over `longest` bytes are cut at characters and counted in
    `cut`. Returns (row, position, words, cut); row == len(skip) when everything is counted.
    """
    while row < len(skip):
        end = offsets[row + 1]
        while position < end and not skip[row]:
            if max_digits == 0:
                word_end = gpt2_end(data, position, end, classes)
            else:
                word_end = gpt4_end(data, position, end, classes, max_digits)
            while position < word_end:
                stop = word_end
                if stop - position > longest:
                    stop = position + longest
                    while data[stop] & 0xC0 == 0x80:
                        stop -= 1
                digest = _hash(data, position, stop)
                slot = _slot_of(data, position, stop, digest, table)
                if table.slots[slot] == 0:
                    if not _enter(data, position, stop, digest, slot, table, words):
                        return row, position, words, cut
                    words += 1
                table.counts[table.slots[slot] - 1] += 1
                cut += stop < word_end
                position = stop
        row += 1
        if row < len(skip):
            position = offsets[row]
    return row, position, words, cut


@kernel
def rebuild_slots(table: WordTable, words: int) -> None:
    """Fill the empty `table.slots` anew from the hashes of the words."""
    mask = len(table.slots) - 1
    for word in range(words):
        slot = np.int64(table.hashes[word]) & mask
        while table.slots[slot] != 0:
            slot = (slot + 1) & mask
        table.slots[slot] = word + 1
