"""The mean of a text's rows in a fastText model, over the bytes of an Arrow text column.

Joulin et al. 2016 (arXiv 1607.01759; hashed character n-grams as in Bojanowski et al. 2017, arXiv 1607.04606). A text
is the mean of the rows of its tokens, of their character n-grams and of its word n-grams. A token's rows are
summed once and kept in a two-way cache over the batch (words repeat), each sum being made alone and from zero,
so that a result does not depend on what else is in the batch. Cost: a repeated token is one hash and one addition of
`dim` floats; a new one about (maxn - minn + 1) rows a character.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.vector_kernel import flag_count
from tokenizer.kernel_cache import allocating_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

FNV_START = np.uint32(2166136261)
FNV_PRIME = np.uint32(16777619)
_WORD_NGRAM_FACTOR = np.uint64(116049371)
_ONE, _32, _LOW = np.uint64(1), np.uint64(32), np.uint64(0xFFFFFFFF)
_OPEN, _CLOSE, _SLASH, _LETTER_S = 60, 62, 47, 115
_LABEL = np.frombuffer(b"__label__", dtype=np.uint8)
#: What the cache knows of a token: its last eight bytes as one number, its bytes, where one lies, its rows.
_TAIL, _SIZE, _START, _NUMBER = 0, 1, 2, 3
#: Rows that are added together; a text has as many n-grams at a time as a model's longest has words, 64 at most.
_WAITING = 256
#: A slot of the cache whose token is a label and so no part of the text.
_IS_LABEL = -1


class Tables(NamedTuple):
    """What a text's rows are looked up in. Entries are the dictionary's: words first, then labels."""

    entry_bytes: Array  # uint8, as they lie in the file
    entry_spans: Array  # int64 (entries, 2), starts and ends
    entry_slots: Array  # int32, power of two, open addressing by FNV hash; entry or -1
    words: int
    end_of_line: int  # the row of "</s>", or -1
    least: int  # characters of the shortest n-gram
    most: int  # of the longest; 0 for none
    word_ngrams: int  # tokens of the longest word n-gram; 1 for none
    buckets: int  # rows of n-grams before pruning; 0 where n-grams have no rows
    reciprocal: int  # of buckets, see bucket_of
    bucket_index: Array  # uint64 for 32 buckets each, see row_of; empty: the row is words + bucket
    rows: Array  # float32 (rows, dim)


class Scratch(NamedTuple):
    """What summing a batch keeps between texts. The cache's entries lie in the order in which tokens came up."""

    slots: Array  # int32, a power of two of pairs: the entries of tokens that hash there, the last met first, or -1
    cached: Array  # int64 (entries, 4): _TAIL, _SIZE, _START, _NUMBER
    sums: Array  # float32 (entries, dim)
    used: Array  # int64: entries so far, rows that wait
    marked: Array  # uint8, a token in "<" and ">"
    gathered: Array  # int64, rows of character n-grams still to be added
    partial: Array  # uint64, hashes of the word n-grams that still grow, of one word first
    waiting: Array  # int64, rows of word n-grams still to be added


@allocating_kernel
def scan_entries(data: Array, place: int, entries: int) -> tuple[Array, int]:
    """Starts and ends (int64, entries x 2) of a dictionary's words, and the place behind; -1 where data ends."""
    spans = np.empty((entries, 2), dtype=np.int64)
    for entry in range(entries):
        spans[entry, 0] = place
        while place < data.size and data[place] != 0:
            place += 1
        spans[entry, 1] = place
        place += 10
        if place > data.size:
            return spans, -1
    return spans, place


@kernel
def fill_slots(entry_bytes: Array, entry_spans: Array, slots: Array) -> None:
    """Enter every dictionary entry into the open-addressing table `slots`, which holds -1 throughout."""
    mask = slots.size - 1
    for entry in range(entry_spans.shape[0]):
        place = np.int64(hash_bytes(entry_bytes, entry_spans[entry, 0], entry_spans[entry, 1])) & mask
        while slots[place] >= 0:
            place = (place + 1) & mask
        slots[place] = entry


@kernel
def hash_bytes(data: Array, start: int, end: int) -> np.uint32:
    """fastText's FNV-1a, 32 bit: bytes are sign-extended."""
    value = FNV_START
    for place in range(start, end):
        value = np.uint32((value ^ np.uint32(np.int8(data[place]))) * FNV_PRIME)
    return value


@kernel
def is_space(byte: int) -> bool:
    """Whether fastText ends a token here; a newline inside a text is a space like any other."""
    return byte <= 32 and (byte == 32 or 9 <= byte <= 13 or byte == 0)


@kernel
def same_bytes(one: Array, at: int, other: Array, place: int, size: int) -> bool:
    """Whether `size` bytes from `at` and from `place` are equal."""
    for index in range(size):  # noqa: SIM110
        if one[at + index] != other[place + index]:
            return False
    return True


@kernel
def find_entry(tables: Tables, data: Array, start: int, size: int, value: int) -> int:
    """The dictionary entry of a token with FNV hash `value`, or -1."""
    mask = tables.entry_slots.size - 1
    place = np.int64(value) & mask
    while tables.entry_slots[place] >= 0:
        entry = tables.entry_slots[place]
        begin, end = tables.entry_spans[entry]
        if end - begin == size and same_bytes(tables.entry_bytes, begin, data, start, size):
            return entry
        place = (place + 1) & mask
    return -1


@kernel
def bucket_of(value: int, buckets: int, reciprocal: int) -> np.int64:
    """value % buckets for 32-bit numbers, by a multiplication in the place of the slower division.

    The lower half of `reciprocal` is 2^k // buckets with the greatest k that leaves it 32 bits, the upper half k. The
    quotient is right or one too small (Granlund and Montgomery 1994, "Division by invariant integers").
    """
    quotient = np.uint64(value) * (reciprocal & _LOW) >> (reciprocal >> _32)
    rest = np.int64(value) - np.int64(quotient) * buckets
    return rest - buckets if rest >= buckets else rest


@kernel
def has_row(tables: Tables, bucket: int) -> np.int64:
    """1 if an n-gram's bucket has a row, 0 where it was pruned."""
    if tables.bucket_index.size:
        return np.int64(tables.bucket_index[bucket >> 5] >> np.uint64(bucket & 31) & _ONE)
    return np.int64(1)


@kernel
def row_of(tables: Tables, bucket: int) -> np.int64:
    """The row of a bucket that has one.

    Rows of pruned models lie in the order of their buckets. The upper half of the index's number for 32 buckets says
    how many rows the buckets before them have, the lower half which of them has one (Jacobson 1989, "Space-efficient
    static trees and graphs": rank). So one look into a table that stays in the processor's cache finds a row.
    """
    if tables.bucket_index.size:
        known = tables.bucket_index[bucket >> 5]
        before = known & ((_ONE << np.uint64(bucket & 31)) - _ONE)
        return np.int64(tables.words + np.int64(known >> _32) + flag_count(before))
    return np.int64(tables.words + bucket)


@kernel
def add_row(total: Array, row: Array) -> None:
    """Add one row to a sum of rows, in place."""
    for index in range(total.size):
        total[index] += row[index]


@kernel
def add_ngrams(tables: Tables, marked: Array, size: int, gathered: Array, total: Array) -> int:
    """Add the rows of the character n-grams of a token in "<" and ">" to `total`; returns their number.

    They are gathered without a branch first: which n-grams were pruned is past foreseeing.
    """
    total_found = 0
    found = 0
    buckets, reciprocal = np.int64(tables.buckets), np.uint64(tables.reciprocal)
    for start in range(size):
        if marked[start] & 0xC0 == 0x80:
            continue
        value = FNV_START
        place = start
        for characters in range(1, tables.most + 1):
            if place >= size:
                break
            value = np.uint32((value ^ np.uint32(np.int8(marked[place]))) * FNV_PRIME)
            place += 1
            while place < size and marked[place] & 0xC0 == 0x80:
                value = np.uint32((value ^ np.uint32(np.int8(marked[place]))) * FNV_PRIME)
                place += 1
            if characters >= tables.least and not (characters == 1 and (start == 0 or place == size)):
                bucket = bucket_of(value, buckets, reciprocal)
                gathered[found] = row_of(tables, bucket)
                found += has_row(tables, bucket)
        if found > gathered.size - tables.most:
            add_rows(tables.rows, gathered, found, total)
            total_found += found
            found = 0
    add_rows(tables.rows, gathered, found, total)
    return total_found + found


@kernel
def add_rows(rows: Array, gathered: Array, count: int, total: Array) -> None:
    """Add the first `count` rows that were gathered to `total`, one after another."""
    for ngram in range(count):
        add_row(total, rows[gathered[ngram]])


@kernel
def sum_token(tables: Tables, data: Array, start: int, size: int, value: int, scratch: Scratch, total: Array) -> int:
    """Set `total` to the sum of a token's rows; returns their number, or _IS_LABEL."""
    total[:] = 0
    found = 0
    entry = find_entry(tables, data, start, size, value)
    if entry >= tables.words:
        return _IS_LABEL
    if entry >= 0:
        add_row(total, tables.rows[entry])
        found = 1
    elif size >= _LABEL.size and same_bytes(data, start, _LABEL, 0, _LABEL.size):
        return _IS_LABEL
    if tables.most and tables.buckets:
        scratch.marked[0] = _OPEN
        for index in range(size):
            scratch.marked[index + 1] = data[start + index]
        scratch.marked[size + 1] = _CLOSE
        found += add_ngrams(tables, scratch.marked, size + 2, scratch.gathered, total)
    return found


@kernel
def add_word_ngrams(tables: Tables, scratch: Scratch, tokens: int, value: int, total: Array) -> int:
    """Note the rows of the word n-grams that end in token number `tokens`, of hash `value`; returns their number.

    Rows lie anywhere in memory, so they are added together once there are many, without a branch between them:
    the processor then waits for several at a time.
    """
    found = 0
    partial = scratch.partial
    signed = np.uint64(np.int64(np.int32(value)))
    for words in range(min(partial.size, tokens), 0, -1):
        grown = partial[words - 1] * _WORD_NGRAM_FACTOR + signed
        if words < partial.size:
            partial[words] = grown
        bucket = np.int64(grown % np.uint64(tables.buckets))
        if has_row(tables, bucket):
            scratch.waiting[scratch.used[1]] = row_of(tables, bucket)
            scratch.used[1] += 1
            found += 1
    partial[0] = signed
    if scratch.used[1] > scratch.waiting.size - partial.size:
        add_waiting(tables, scratch, total)
    return found


@kernel
def add_waiting(tables: Tables, scratch: Scratch, total: Array) -> None:
    """Add the rows that were noted to `total`, four by four."""
    rows, waiting, count = tables.rows, scratch.waiting, scratch.used[1]
    whole = count // 4 * 4
    for at in range(0, whole, 4):
        one, two, three, four = rows[waiting[at]], rows[waiting[at + 1]], rows[waiting[at + 2]], rows[waiting[at + 3]]
        for index in range(total.size):
            total[index] += (one[index] + two[index]) + (three[index] + four[index])
    for at in range(whole, count):
        add_row(total, rows[waiting[at]])
    scratch.used[1] = 0


@kernel
def is_end(data: Array, start: int, size: int) -> bool:
    """Whether a token is "</s>", which ends fastText's line wherever it stands."""
    return (
        size == 4
        and data[start] == _OPEN
        and data[start + 1] == _SLASH
        and data[start + 2] == _LETTER_S
        and data[start + 3] == _CLOSE
    )


@allocating_kernel
def mean_rows(data: Array, offsets: Array, tables: Tables, slots: int, hidden: Array) -> Array:
    """Fill `hidden` (float32, texts x dim) with each text's mean of rows; returns the numbers of rows (int64).

    `slots`, a power of two, is the size of the cache of tokens, whose memory is touched as tokens come up.
    """
    texts = offsets.size - 1
    counts = np.zeros(texts, dtype=np.int64)
    longest = 0
    for text in range(texts):
        longest = max(longest, offsets[text + 1] - offsets[text])
    scratch = Scratch(
        np.full((slots // 2, 2), -1, dtype=np.int32),
        np.empty((slots, 4), dtype=np.int64),
        np.empty((slots, hidden.shape[1]), dtype=np.float32),
        np.zeros(2, dtype=np.int64),
        np.empty(longest + 2, dtype=np.uint8),
        np.empty(_WAITING + tables.most, dtype=np.int64),
        np.zeros(max(tables.word_ngrams - 1, 1), dtype=np.uint64),
        np.empty(_WAITING, dtype=np.int64),
    )
    end_hash = hash_bytes(np.array([_OPEN, _SLASH, _LETTER_S, _CLOSE], dtype=np.uint8), 0, 4)
    for text in range(texts):
        counts[text] = mean_row(data, offsets[text], offsets[text + 1], tables, scratch, end_hash, hidden[text])
    return counts


@kernel
def is_cached(data: Array, start: int, size: int, tail: int, known: Array) -> bool:
    """Whether an entry of the cache is that of a token."""
    same = known[_TAIL] == tail and known[_SIZE] == size
    return same and (size <= 8 or same_bytes(data, start, data, known[_START], size - 8))


@kernel
def mean_row(
    data: Array, place: int, high: int, tables: Tables, scratch: Scratch, end_hash: int, total: Array
) -> np.int64:
    """Set `total` to the mean of the rows of data[place:high]; returns their number."""
    total[:] = 0
    found = np.int64(0)
    tokens = 0
    while True:
        while place < high and is_space(data[place]):
            place += 1
        if place >= high:
            break
        start = place
        value = FNV_START
        tail = np.int64(0)
        while place < high and not is_space(data[place]):
            value = np.uint32((value ^ np.uint32(np.int8(data[place]))) * FNV_PRIME)
            tail = tail << 8 | np.int64(data[place])
            place += 1
        size = place - start
        pair = scratch.slots[np.int64(value ^ (value >> np.uint32(15))) & (scratch.slots.shape[0] - 1)]
        entry = np.int64(pair[0])
        if entry < 0 or not is_cached(data, start, size, tail, scratch.cached[entry]):
            entry = np.int64(pair[1])
            pair[1] = pair[0]
            if entry < 0 or not is_cached(data, start, size, tail, scratch.cached[entry]):
                if is_end(data, start, size):
                    break
                if entry < 0:
                    entry = scratch.used[0]
                    scratch.used[0] += 1
                known = scratch.cached[entry]
                known[_NUMBER] = sum_token(tables, data, start, size, value, scratch, scratch.sums[entry])
                known[_TAIL] = tail
                known[_SIZE] = size
                known[_START] = start
            pair[0] = entry
        known = scratch.cached[entry]
        if known[_NUMBER] == _IS_LABEL:
            continue
        if known[_NUMBER]:
            add_row(total, scratch.sums[entry])
            found += known[_NUMBER]
        if tables.word_ngrams > 1:
            found += add_word_ngrams(tables, scratch, tokens, value, total)
            tokens += 1
    if tables.end_of_line >= 0:
        add_row(total, tables.rows[tables.end_of_line])
        found += 1
    if tables.word_ngrams > 1:
        found += add_word_ngrams(tables, scratch, tokens, end_hash, total)
        add_waiting(tables, scratch, total)
    if found:
        total *= np.float32(1.0 / found)
    return found
