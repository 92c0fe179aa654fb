"""Repeated lines, paragraphs and word n-grams of one document, as datatrove 0.10 counts them.

Lines and paragraphs are compared byte for byte behind a 64-bit hash; word n-grams by a 64-bit hash alone: the
top n-grams by a polynomial of the words' hashes, the duplicate n-grams, which datatrove joins without a space,
by a hash of the joined bytes. Two different n-grams of a document of a million words collide with a probability
of about 3e-8. Tables are entered only by n-grams that small counters do not rule out: different n-grams share
a counter, so it is an upper bound (a count-min sketch of one row, Cormode and Muthukrishnan 2005).
Cost: a counter for each word and n, and a table look-up for each n-gram left over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.byte_range_kernel import characters_between, equal_bytes, hash_blocks, table_size
from stages.vector_kernel import load_eight
from tokenizer.kernel_cache import inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

_ODD = np.uint64(0x9E3779B97F4A7C15)
#: Words of the duplicate n-grams.
SHORTEST, LONGEST = 5, 10
#: The widest window, in bytes, that tells whether an n-gram can have a duplicate at all.
WIDEST = 64
#: Where counters stop.
MOST = 255
NO_LIMIT = 1 << 62


class Candidates(NamedTuple):
    """Words at which an n-gram may have a duplicate; each array has room for so many words."""

    places: Array  # int64, their numbers
    limits: Array  # int64, for every word: an n-gram of so many bytes or more has none
    windows: Array  # uint64, hashes of the bytes from a place on
    counters: Array  # uint8, table_size(4 * words)


@kernel
def duplicates(data: Array, starts: Array, ends: Array, count: int, slots: Array) -> tuple[int, int]:
    """Ranges that equal an earlier one: their number, and their characters.

    `slots` is scratch (int64, at least table_size(count)).
    """
    mask = table_size(count) - 1
    slots[: mask + 1] = -1
    repeats = 0
    characters = 0
    for index in range(count):
        start = starts[index]
        length = ends[index] - start
        slot = np.int64(hash_blocks(data, start, start + length)) & mask
        while slots[slot] >= 0:
            earlier = slots[slot]
            if ends[earlier] - starts[earlier] == length and equal_bytes(data, starts[earlier], start, length):
                repeats += 1
                characters += characters_between(data, start, start + length)
                break
            slot = (slot + 1) & mask
        if slots[slot] < 0:
            slots[slot] = index
    return repeats, characters


@inlined_kernel
def counter_of(gram: np.uint64, room: int) -> int:
    """The number of the counter, of `room` (a power of two), that a hash belongs to."""
    return int(np.int64(gram >> np.uint64(32)) & (room - 1))


@kernel
def count_all(grams: Array, count: int, counters: Array, room: int) -> None:
    """Count every n-gram in its counter, up to MOST."""
    counters[:room] = 0
    for index in range(count):
        counter = counter_of(grams[index], room)
        counters[counter] += counters[counter] < MOST


@kernel
def highest(counters: Array, room: int) -> int:
    """The highest of the first `room` counters."""
    most = np.uint8(0)
    for counter in range(room):
        if counters[counter] > most:
            most = counters[counter]
    return int(np.int64(most))


@kernel
def count_frequent(
    grams: Array, count: int, counters: Array, room: int, least: int, places: Array, keys: Array, seen: Array
) -> tuple[int, int]:
    """The highest count of an n-gram whose counter is `least` or more, and where the first such n-gram first occurs.

    (1, 0) if none of them occurs twice. `places`, `keys` and `seen` are scratch.
    """
    kept = 0
    for index in range(count):
        places[kept] = index
        kept += counters[counter_of(grams[index], room)] >= least
    mask = table_size(kept) - 1
    for slot in range(mask + 1):
        seen[2 * slot + 1] = 0
    most, first = 1, 0
    for item in range(kept):
        gram = grams[places[item]]
        slot = np.int64(gram >> np.uint64(8)) & mask
        while seen[2 * slot + 1] and keys[slot] != gram:
            slot = (slot + 1) & mask
        if seen[2 * slot + 1] == 0:
            keys[slot] = gram
            seen[2 * slot] = places[item]
        seen[2 * slot + 1] += 1
        number = seen[2 * slot + 1]
        if number > most or (number == most > 1 and seen[2 * slot] < first):
            most, first = number, seen[2 * slot]
    return most, first


@kernel
def top_n_gram(
    grams: Array, lengths: Array, n: int, count: int, counters: Array, places: Array, keys: Array, seen: Array
) -> int:
    """Characters of the most frequent n-gram (the first met among equals), spaces included, times its count.

    `grams` (uint64) are the hashes of the `count` n-grams, `lengths` (int64, words + 1) the characters of the
    words summed up to each word. The rest is scratch: `counters` (uint8 of table_size(2 * count)), `places`
    (int64 of count), `keys` (uint64 of table_size(count)) and `seen` (int64, twice as many).
    """
    room = table_size(2 * count)
    count_all(grams, count, counters, room)
    bound = highest(counters, room)
    most, first = 1, 0
    if bound > 1:
        most, first = count_frequent(grams, count, counters, room, bound, places, keys, seen)
        if max(most, 2) < bound:  # n-grams of lower counters may be as frequent
            most, first = count_frequent(grams, count, counters, room, max(most, 2), places, keys, seen)
    return (lengths[first + n] - lengths[first] + n - 1) * most


@inlined_kernel
def extended(window: np.uint64, following: np.uint64) -> np.uint64:
    """The hash of a window and the eight bytes that follow."""
    window = (window ^ following * _ODD) * _ODD
    return window ^ window >> np.uint64(32)


@kernel
def find_candidates(joined: Array, sizes: Array, words: int, scratch: Candidates) -> int:
    """Find the words at which an n-gram of SHORTEST to LONGEST words may have a duplicate.

    An n-gram of at least w bytes has none if its first w bytes, joined without spaces, occur once where n-grams
    begin. So windows of 12, 20, 28, ... bytes are counted, each only at the words where the narrower one did not
    occur once. Fills scratch.places, and for each word scratch.limits; returns the number of places. `sizes` (int64,
    words + 1) are the bytes up to each word; `joined` must have WIDEST more than are used.
    """
    windows, limits, places = scratch.windows, scratch.limits, scratch.places
    count = max(words - SHORTEST + 1, 0)
    for word in range(count):
        places[word] = word
        windows[word] = extended(load_eight(joined, sizes[word]), load_eight(joined, sizes[word] + 4))
    kept, size = count, 12
    while kept:
        room = table_size(4 * kept)
        count_all(windows, kept, scratch.counters, room)
        left, kept = kept, 0
        for item in range(left):
            word = places[item]
            again = scratch.counters[counter_of(windows[item], room)] > 1
            limits[word] = NO_LIMIT if again else size
            places[kept], windows[kept] = word, windows[item]
            kept += again  # no branch: it would be guessed wrong often
        if size + 8 > WIDEST:
            break
        for item in range(kept):
            windows[item] = extended(windows[item], load_eight(joined, sizes[places[item]] + size))
        size += 8
    found = 0
    for word in range(count):
        places[found] = word
        found += sizes[word + SHORTEST] - sizes[word] < limits[word]
    return found


@kernel
def duplicate_n_grams(
    joined: Array, sizes: Array, lengths: Array, n: int, words: int, found: int, scratch: Candidates, keys: Array
) -> tuple[int, int]:
    """Characters of n-grams that repeat an earlier one; a hit is jumped over, so nothing counts twice.

    `sizes` and `lengths` (int64, words + 1) are the bytes and characters up to each word. scratch.places holds
    `found` candidates, from find_candidates() or a smaller n; the second result is how many of them are left, for
    where n words cannot repeat, more cannot. `keys` is scratch (uint64 of table_size(found)).
    """
    places, windows = scratch.places, scratch.windows
    kept = 0
    for item in range(found):
        word = places[item]
        size = sizes[min(word + n, words)] - sizes[word]
        places[kept] = word
        kept += (word + n <= words) & (size < scratch.limits[word])
    for item in range(kept):
        word = places[item]
        windows[item] = max(hash_blocks(joined, sizes[word], sizes[word + n]), np.uint64(1))
    mask = table_size(kept) - 1
    keys[: mask + 1] = 0
    repeated = 0
    next_word = 0
    for item in range(kept):
        word, gram = places[item], windows[item]
        if word < next_word:
            continue
        slot = np.int64(gram) & mask
        while keys[slot] != gram and keys[slot] != 0:
            slot = (slot + 1) & mask
        if keys[slot] == 0:
            keys[slot] = gram
        else:
            repeated += lengths[word + n] - lengths[word]
            next_word = word + n
    return repeated, kept
