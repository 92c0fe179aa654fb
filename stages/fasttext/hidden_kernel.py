"""The mean of a text's rows in a fastText model, over the bytes of an Arrow text column.

Joulin et al. 2016 (arXiv 1607.01759; hashed character n-grams as in Bojanowski et al. 2017, arXiv 1607.04606). A text
is the mean of the rows of its tokens, of their character n-grams and of its word n-grams. A token's rows are
summed once and kept (token_cache_kernel.py), each sum being made alone and from zero, so that a result does not depend
on what else is in the batch or was met before. Cost: a known token is a hash and one addition of `dim` floats; a new
one about (maxn - minn + 1) rows a character.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.fasttext.rows_kernel import add_rows
from stages.fasttext.token_cache_kernel import (
    END,
    NOTED,
    START,
    TokenCache,
    cached_slot,
    hash_of,
    note,
    number_of,
    remember,
    take_slot,
)
from stages.vector_kernel import BLOCK, first_flag, flag_count, flags_before, token_end_flags
from tokenizer.kernel_cache import allocating_kernel, inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

FNV_START = np.uint32(2166136261)
FNV_PRIME = np.uint32(16777619)
_WORD_NGRAM_FACTOR = np.uint64(116049371)
_ONE, _32, _LOW = np.uint64(1), np.uint64(32), np.uint64(0xFFFFFFFF)
_OPEN, _CLOSE, _SLASH, _LETTER_S = 60, 62, 47, 115
_LABEL = np.frombuffer(b"__label__", dtype=np.uint8)
#: Rows that are added together; a text has as many n-grams at a time as a model's longest has words, 64 at most.
_WAITING = 256
#: The number of rows of a token that is a label and so no part of the text.
_IS_LABEL = 0xFFFFFFFF
#: Tokens that are looked up together, so that the processor waits for many at once, besides those of one block.
_TOGETHER = 64
#: Of Scratch.used.
_NOTED, _TOKENS, _NGRAMS, _MET, _FOUND = 0, 1, 2, 3, 4


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
    """What is still to be added to the sum of a text."""

    used: Array  # int64: tokens noted, slots and rows of word n-grams that wait; tokens and rows of the text so far
    noted: Array  # uint64, tokens to be looked up, see token_cache_kernel.py
    tokens: Array  # int64, slots of tokens
    marked: Array  # uint8, a token in "<" and ">"
    gathered: Array  # int64, rows of character n-grams
    partial: Array  # uint64, hashes of the word n-grams that still grow, of one word first
    waiting: Array  # int64, rows of word n-grams


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
def same_bytes(one: Array, at: int, other: Array, place: int, size: int) -> bool:
    """Whether `size` bytes from `at` and from `place` are equal."""
    for index in range(size):  # noqa: SIM110
        if one[at + index] != other[place + index]:
            return False
    return True


@inlined_kernel
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


@inlined_kernel
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


@inlined_kernel
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


@inlined_kernel
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
            scratch.waiting[scratch.used[_NGRAMS]] = row_of(tables, bucket)
            scratch.used[_NGRAMS] += 1
            found += 1
    partial[0] = signed
    if scratch.used[_NGRAMS] > scratch.waiting.size - partial.size:
        add_waiting(tables, scratch, total)
    return found


@kernel
def add_waiting(tables: Tables, scratch: Scratch, total: Array) -> None:
    """Add the rows that were noted to `total`, four by four."""
    rows, waiting, count = tables.rows, scratch.waiting, scratch.used[_NGRAMS]
    whole = count // 4 * 4
    for at in range(0, whole, 4):
        one, two, three, four = rows[waiting[at]], rows[waiting[at + 1]], rows[waiting[at + 2]], rows[waiting[at + 3]]
        for index in range(total.size):
            total[index] += (one[index] + two[index]) + (three[index] + four[index])
    for at in range(whole, count):
        add_row(total, rows[waiting[at]])
    scratch.used[_NGRAMS] = 0


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


@inlined_kernel
def add_tokens(cache: TokenCache, scratch: Scratch, total: Array) -> None:
    """Add the sums of the tokens that wait to `total`."""
    add_rows(cache.sums, scratch.tokens, scratch.used[_TOKENS], total)
    scratch.used[_TOKENS] = 0


@kernel
def fill_slot(tables: Tables, cache: TokenCache, data: Array, noted: Array, scratch: Scratch, total: Array) -> int:
    """Sum a new token's rows in a slot, which is returned; those that wait are added first, for one may lose its."""
    add_tokens(cache, scratch, total)
    start, end = np.int64(noted[START]), np.int64(noted[END])
    slot = take_slot(cache, data, noted)
    value = hash_bytes(data, start, end)
    remember(cache, slot, value, sum_token(tables, data, start, end - start, value, scratch, cache.sums[slot]))
    return slot


@kernel
def add_noted(tables: Tables, cache: TokenCache, data: Array, scratch: Scratch, total: Array) -> bool:
    """Add the sums of all tokens that were noted to `total`; returns whether one of them ends the text."""
    for token in range(scratch.used[_NOTED]):
        noted = scratch.noted[token]
        slot = cached_slot(cache, data, noted)
        if slot < 0:
            if is_end(data, np.int64(noted[START]), np.int64(noted[END] - noted[START])):
                add_tokens(cache, scratch, total)
                return True
            slot = fill_slot(tables, cache, data, noted, scratch, total)
        number = number_of(cache, slot)
        if number == _IS_LABEL:
            continue
        scratch.used[_FOUND] += number
        scratch.tokens[scratch.used[_TOKENS]] = slot
        scratch.used[_TOKENS] += 1
        if tables.word_ngrams > 1:
            add_tokens(cache, scratch, total)
            value = hash_of(cache, slot)
            scratch.used[_FOUND] += add_word_ngrams(tables, scratch, scratch.used[_MET], value, total)
            scratch.used[_MET] += 1
    add_tokens(cache, scratch, total)
    scratch.used[_NOTED] = 0
    return False


@allocating_kernel
def mean_rows(data: Array, offsets: Array, tables: Tables, cache: TokenCache, hidden: Array) -> Array:
    """Fill `hidden` (float32, texts x dim) with each text's mean of rows; returns the numbers of rows (int64)."""
    texts = offsets.size - 1
    counts = np.zeros(texts, dtype=np.int64)
    longest = 0
    for text in range(texts):
        longest = max(longest, offsets[text + 1] - offsets[text])
    scratch = Scratch(
        np.zeros(5, dtype=np.int64),
        np.empty((_TOGETHER + BLOCK, NOTED), dtype=np.uint64),
        np.empty(_TOGETHER + BLOCK, dtype=np.int64),
        np.empty(longest + 2, dtype=np.uint8),
        np.empty(_WAITING + tables.most, dtype=np.int64),
        np.zeros(max(tables.word_ngrams - 1, 1), dtype=np.uint64),
        np.empty(_WAITING, dtype=np.int64),
    )
    end_hash = hash_bytes(np.array([_OPEN, _SLASH, _LETTER_S, _CLOSE], dtype=np.uint8), 0, 4)
    for text in range(texts):
        counts[text] = mean_row(data, offsets[text], offsets[text + 1], tables, cache, scratch, end_hash, hidden[text])
    return counts


@kernel
def mean_row(
    data: Array,
    low: int,
    high: int,
    tables: Tables,
    cache: TokenCache,
    scratch: Scratch,
    end_hash: int,
    total: Array,
) -> np.int64:
    """Set `total` to the mean of the rows of data[low:high]; returns their number."""
    total[:] = 0
    scratch.used[:] = 0
    inside = np.uint64(0)  # 1 if the block before ended within a token
    start = np.int64(-1)
    for block in range(low, high + 1, BLOCK):  # one behind the last byte, where the last token ends
        solid = flags_before(~token_end_flags(data, block), high - block)
        edges = solid ^ (solid << _ONE | inside)
        inside = solid >> np.uint64(BLOCK - 1)
        while edges:
            place = block + first_flag(edges)
            edges &= edges - _ONE
            if start < 0:
                start = place
            else:
                note(cache, data, start, place, scratch.noted[scratch.used[_NOTED]])
                scratch.used[_NOTED] += 1
                start = np.int64(-1)
        full = scratch.used[_NOTED] >= _TOGETHER or block + BLOCK > high
        if full and add_noted(tables, cache, data, scratch, total):
            break
    found = scratch.used[_FOUND]
    if tables.end_of_line >= 0:
        add_row(total, tables.rows[tables.end_of_line])
        found += 1
    if tables.word_ngrams > 1:
        found += add_word_ngrams(tables, scratch, scratch.used[_MET], end_hash, total)
        add_waiting(tables, scratch, total)
    if found:
        total *= np.float32(1.0 / found)
    return found
