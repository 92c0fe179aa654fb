"""Repeated lines, paragraphs and word n-grams of one document, as datatrove 0.10 counts them.

Lines and paragraphs are compared byte for byte behind a 64-bit hash. Word n-grams are compared by hash
alone: the top n-grams by 64 mixed bits over the words' hashes; the duplicate n-grams, which datatrove
joins without a space, by a polynomial hash modulo 2^61 - 1 of the joined bytes (Karp and Rabin 1987), taken in
constant time from prefix hashes. Two different n-grams of a document of a million words collide with a
probability of about 4e-7. N-grams that cannot repeat are recognised cheaply and passed over.
Cost: one table look-up for each place that may repeat and each n.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tokenizer.kernel_cache import allocating_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

_FNV_PRIME = np.uint64(0x100000001B3)
MODULUS = np.uint64((1 << 61) - 1)
_LOW_31 = np.uint64((1 << 31) - 1)
_LOW_30 = np.uint64((1 << 30) - 1)
BASE = np.uint64(0x0F3A5C1D97B24E61)
#: Powers of BASE kept in a table; longer n-grams compute theirs.
POWERS = 1024
#: Bytes that tell whether an n-gram can have a duplicate at all.
WINDOW = 16


@kernel
def multiply(a: np.uint64, b: np.uint64) -> np.uint64:
    """a * b modulo 2^61 - 1, for uint64 arguments below it."""
    a_high, a_low = a >> np.uint64(31), a & _LOW_31
    b_high, b_low = b >> np.uint64(31), b & _LOW_31
    middle = a_low * b_high + a_high * b_low
    total = a_high * b_high * np.uint64(2) + (middle >> np.uint64(30))
    total += ((middle & _LOW_30) << np.uint64(31)) + a_low * b_low
    return fold(total)


@kernel
def fold(value: np.uint64) -> np.uint64:
    """A uint64 modulo 2^61 - 1."""
    value = (value & MODULUS) + (value >> np.uint64(61))
    return value - MODULUS if value >= MODULUS else value


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Spread the bits of a uint64 (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@allocating_kernel
def powers() -> Array:
    """BASE to the power of 0 to POWERS - 1, uint64."""
    table = np.empty(POWERS, dtype=np.uint64)
    table[0] = np.uint64(1)
    for exponent in range(1, POWERS):
        table[exponent] = multiply(table[exponent - 1], BASE)
    return table


@kernel
def power(table: Array, exponent: int) -> np.uint64:
    """BASE to any power, by squaring beyond the table."""
    if exponent < POWERS:
        return table[exponent]
    result, square = np.uint64(1), BASE
    while exponent:
        if exponent & 1:
            result = multiply(result, square)
        square = multiply(square, square)
        exponent >>= 1
    return result


@kernel
def table_size(items: int) -> int:
    """A power of two at least twice `items`."""
    size = 16
    while size < 2 * items:
        size *= 2
    return size


@kernel
def characters_between(data: Array, start: int, end: int) -> int:
    """How many characters the UTF-8 bytes start to end hold."""
    count = 0
    for place in range(start, end):
        if (data[place] & 0xC0) != 0x80:
            count += 1
    return count


@kernel
def equal_bytes(data: Array, one: int, other: int, length: int) -> bool:
    """Whether two ranges of the same length hold the same bytes."""
    for step in range(length):  # noqa: SIM110 (numba knows no generators here)
        if data[one + step] != data[other + step]:
            return False
    return True


@kernel
def hash_bytes(data: Array, start: int, end: int) -> np.uint64:
    """64 bits of a byte range, eight bytes at a time."""
    digest = np.uint64(end - start)
    place = start
    while place + 8 <= end:
        low = np.uint64(data[place]) | np.uint64(data[place + 1]) << np.uint64(8)
        low |= np.uint64(data[place + 2]) << np.uint64(16) | np.uint64(data[place + 3]) << np.uint64(24)
        high = np.uint64(data[place + 4]) | np.uint64(data[place + 5]) << np.uint64(8)
        high |= np.uint64(data[place + 6]) << np.uint64(16) | np.uint64(data[place + 7]) << np.uint64(24)
        digest = mix(digest ^ (low | high << np.uint64(32)))
        place += 8
    while place < end:
        digest = (digest ^ np.uint64(data[place])) * _FNV_PRIME
        place += 1
    return mix(digest)


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
        slot = np.int64(hash_bytes(data, start, start + length)) & mask
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


@kernel
def top_n_gram(
    grams: Array, lengths: Array, n: int, count: int, repeated: Array, keys: Array, slots: Array, seen: Array
) -> int:
    """Characters of the most frequent n-gram (the first met among equals), spaces included, times its count.

    `grams` (uint64, not 0) are the hashes of the `count` n-grams, `lengths` (int64, words + 1) the characters of
    the words summed up to each word. `repeated` (bool) says whether the (n - 1)-gram at a place occurs twice:
    else the n-gram cannot. It is overwritten with the same for n. The rest is scratch (uint64 and int64 of
    table_size(count), int64 of 2 * count).
    """
    mask = table_size(count) - 1
    keys[: mask + 1] = 0
    distinct = 0
    for index in range(count):
        if not repeated[index]:
            continue
        gram = grams[index]
        slot = np.int64(gram >> np.uint64(8)) & mask
        while keys[slot] != gram and keys[slot] != 0:
            slot = (slot + 1) & mask
        if keys[slot] == 0:
            keys[slot] = gram
            slots[slot] = distinct
            seen[2 * distinct] = index
            seen[2 * distinct + 1] = 1
            repeated[index] = False
            distinct += 1
        else:
            item = slots[slot]
            seen[2 * item + 1] += 1
            repeated[seen[2 * item]] = True
    most = 1
    first = 0
    for item in range(distinct):
        if seen[2 * item + 1] > most:
            most = seen[2 * item + 1]
            first = seen[2 * item]
    return (lengths[first + n] - lengths[first] + n - 1) * most


@kernel
def candidates(joined: Array, sizes: Array, words: int, shortest: int, places: Array, counters: Array) -> int:
    """Write to `places` the words at which an n-gram of `shortest` words or more may have a duplicate.

    An n-gram of at least WINDOW bytes has none if its first WINDOW bytes, joined without spaces, occur once.
    Returns the number of places, which is an upper bound: different windows may share a counter. `places` is
    int64 of words, `counters` scratch (uint8 of table_size(4 * words)).
    """
    mask = table_size(4 * words) - 1
    counters[: mask + 1] = 0
    leaving = np.uint64(1)
    for _ in range(WINDOW):
        leaving *= _FNV_PRIME
    digest = np.uint64(0)
    end = 0
    whole = 0
    while whole < words and sizes[whole] + WINDOW <= sizes[words]:
        while end < sizes[whole] + WINDOW:
            digest = digest * _FNV_PRIME + np.uint64(joined[end])
            if end >= WINDOW:
                digest -= leaving * np.uint64(joined[end - WINDOW])
            end += 1
        slot = np.int64(mix(digest)) & mask
        places[whole] = slot
        counters[slot] = min(counters[slot] + 1, 2)
        whole += 1
    count = 0
    for word in range(words - shortest + 1):
        if word >= whole or counters[places[word]] > 1 or sizes[word + shortest] - sizes[word] < WINDOW:
            places[count] = word
            count += 1
    return count


@kernel
def duplicate_n_grams(
    prefixes: Array, sizes: Array, lengths: Array, places: Array, n: int, words: int, table: Array, keys: Array
) -> int:
    """Characters of n-grams that repeat an earlier one; a hit is jumped over, so nothing counts twice.

    `prefixes` (uint64, words + 1) are the polynomial hashes of the joined words up to each word, `sizes` and
    `lengths` (int64) their bytes and characters; `places` are those of candidates(), `table` is powers(), `keys`
    scratch (uint64 of table_size(len(places))).
    """
    mask = table_size(len(places)) - 1
    keys[: mask + 1] = 0
    repeated = 0
    next_word = 0
    for item in range(len(places)):
        word = places[item]
        if word > words - n:
            break
        if word < next_word:
            continue
        shift = power(table, sizes[word + n] - sizes[word])
        gram = prefixes[word + n] + MODULUS - multiply(prefixes[word], shift)
        gram = (gram - MODULUS if gram >= MODULUS else gram) + np.uint64(1)
        slot = np.int64(mix(gram)) & mask
        while keys[slot] != gram and keys[slot] != 0:
            slot = (slot + 1) & mask
        if keys[slot] == 0:
            keys[slot] = gram
        else:
            repeated += lengths[word + n] - lengths[word]
            next_word = word + n
    return repeated
