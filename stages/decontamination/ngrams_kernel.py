"""Words of a text, hashes of all runs of n words, and whether a table holds them: one pass, no copy of the text.

A word's hash is FNV-1a over its characters, mixed; prefixes of the text are hashed as a polynomial of their words'
hashes, so that the hash of any run of any length takes one multiplication (Karp and Rabin 1987). A Bloom filter of the
first words of all runs looked for, as many as the shortest has, spares most places the search for runs of every
length. Cost: about 200 MB of English a second of one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages.minhash.normalize_kernel import decode_at
from tokenizer.kernel_cache import allocating_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

#: Every word takes so many bytes of a text at least, but for the last, which may be one byte alone.
BYTES_A_WORD = 2

_OFFSET = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_FIRST_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_MIX = np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
_WORD_BITS = np.uint64(6)
_BIT = np.uint64(63)
_IGNORED = np.iinfo(np.int32).min


@kernel
def mix(value: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    value = (value ^ (value >> _30)) * _FIRST_MIX
    value = (value ^ (value >> _27)) * _SECOND_MIX
    return value ^ (value >> _31)


@kernel
def read_words(data: Array, start: int, end: int, table: Array, prefixes: Array, spans: Array) -> int:
    """Words of data[start:end]: byte spans (int64[words, 2]) and hashes of prefixes (uint64[words + 1]); how many.

    `table` is that of word_characters.py. There must be room for a word each BYTES_A_WORD bytes,
    and two more.
    """
    count = 0
    prefix = _ONE
    prefixes[0] = prefix
    word = _OFFSET
    begin = -1
    stop = start
    place = start
    while place < end:
        byte = data[place]
        if byte < 0x80:
            character, width = np.int64(table[byte]), 1
        else:
            point, width = decode_at(data, place, end)
            character = np.int64(table[point]) if point >= 0 else np.int64(0)
        if character > 0:
            if begin < 0:
                begin = place
                word = _OFFSET
            word = (word ^ np.uint64(character)) * _PRIME
            place += width
            while place < end and data[place] < 0x80 and table[data[place]] > 0:
                word = (word ^ np.uint64(table[data[place]])) * _PRIME
                place += 1
            stop = place
            continue
        place += width
        if character == _IGNORED:
            continue
        if begin >= 0:
            spans[count, 0], spans[count, 1] = begin, stop
            prefix = prefix * _BASE + mix(word)
            count += 1
            prefixes[count] = prefix
            begin = -1
        if character < 0:
            spans[count, 0], spans[count, 1] = place - width, place
            prefix = prefix * _BASE + mix((_OFFSET ^ np.uint64(-character)) * _PRIME)
            count += 1
            prefixes[count] = prefix
    if begin >= 0:
        spans[count, 0], spans[count, 1] = begin, stop
        count += 1
        prefixes[count] = prefix * _BASE + mix(word)
    return count


@kernel
def power(width: int) -> np.uint64:
    """_BASE to the `width`."""
    result = _ONE
    for _ in range(width):
        result *= _BASE
    return result


@kernel
def run_hash(prefixes: Array, first: int, width: int, weight: np.uint64) -> np.uint64:
    """The hash of the `width` words from `first` on; `weight` is power(width)."""
    return mix(prefixes[first + width] - prefixes[first] * weight + np.uint64(width))


@kernel
def find_hash(hashes: Array, wanted: np.uint64) -> int:
    """The place of a hash in the sorted hashes, or -1."""
    low, high = 0, hashes.size
    while low < high:
        middle = (low + high) >> 1
        if hashes[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < hashes.size and hashes[low] == wanted else -1


@kernel
def fill_bits(leads: Array, shift: np.uint64, bits: Array) -> None:
    """Set the two bits of every hash in a Bloom filter: their numbers are its highest bits, and those of a multiple."""
    for place in range(leads.size):
        for number in (leads[place] >> shift, (leads[place] * _FIRST_MIX) >> shift):
            bits[number >> _WORD_BITS] |= _ONE << (number & _BIT)


@kernel
def may_hold(bits: Array, shift: np.uint64, hashed: np.uint64) -> bool:
    """Whether both bits of a hash are set."""
    number = hashed >> shift
    if not (bits[number >> _WORD_BITS] >> (number & _BIT)) & _ONE:
        return False
    number = (hashed * _FIRST_MIX) >> shift
    return bool((bits[number >> _WORD_BITS] >> (number & _BIT)) & _ONE)


@kernel
def match_words(
    prefixes: Array, words: int, lead: int, widths: Array, hashes: Array, bits: Array, shift: np.uint64, matches: Array
) -> int:
    """Write (first word, width, place in `hashes`) of the runs that the table holds; returns how many it holds.

    `bits` are a Bloom filter of the first `lead` words of all runs. Runs beyond the room in
    `matches` (int64[room, 3]) are only counted.
    """
    count = 0
    weight = power(lead)
    for first in range(words - lead + 1):
        if not may_hold(bits, shift, run_hash(prefixes, first, lead, weight)):
            continue
        for entry in range(widths.size):
            width = widths[entry]
            if first + width > words:
                break
            place = find_hash(hashes, run_hash(prefixes, first, width, power(width)))
            if place >= 0:
                if count < matches.shape[0]:
                    matches[count, 0], matches[count, 1], matches[count, 2] = first, width, place
                count += 1
    return count


@allocating_kernel
def count_matches(
    data: Array,
    offsets: Array,
    table: Array,
    lead: int,
    widths: Array,
    hashes: Array,
    bits: Array,
    shift: np.uint64,
    counts: Array,
) -> None:
    """Fill counts[texts, 2] (int64): words of every text, and runs of words in it that the table holds."""
    longest = 0
    for text in range(counts.shape[0]):
        longest = max(longest, offsets[text + 1] - offsets[text])
    prefixes = np.empty(longest // BYTES_A_WORD + 2, dtype=np.uint64)
    spans = np.empty((longest // BYTES_A_WORD + 2, 2), dtype=np.int64)
    nowhere = np.empty((0, 3), dtype=np.int64)
    for text in range(counts.shape[0]):
        words = read_words(data, offsets[text], offsets[text + 1], table, prefixes, spans)
        counts[text, 0] = words
        counts[text, 1] = match_words(prefixes, words, lead, widths, hashes, bits, shift, nowhere)


@allocating_kernel
def hash_passages(
    data: Array, offsets: Array, table: Array, width: int, fewest: int, leads: Array, runs: Array, sizes: Array
) -> int:
    """Runs of words of every passage: hash, passage and first word to `runs`, the hash of the first words to `leads`.

    A passage of fewer words than `width` is one run, if it has `fewest` at least. `runs` (uint64[room, 3]) and
    `leads` (uint64[room]) need room for a run each BYTES_A_WORD bytes, and one more a passage; `sizes` (int64) gets
    each passage's words. Returns the number of runs.
    """
    longest = 0
    for passage in range(sizes.size):
        longest = max(longest, offsets[passage + 1] - offsets[passage])
    prefixes = np.empty(longest // BYTES_A_WORD + 2, dtype=np.uint64)
    spans = np.empty((longest // BYTES_A_WORD + 2, 2), dtype=np.int64)
    lead = min(width, fewest)
    count = 0
    for passage in range(sizes.size):
        words = read_words(data, offsets[passage], offsets[passage + 1], table, prefixes, spans)
        sizes[passage] = words
        if words < lead:
            continue
        size = min(width, words)
        for first in range(words - size + 1):
            leads[count] = run_hash(prefixes, first, lead, power(lead))
            runs[count, 0] = run_hash(prefixes, first, size, power(size))
            runs[count, 1], runs[count, 2] = passage, first
            count += 1
    return count
