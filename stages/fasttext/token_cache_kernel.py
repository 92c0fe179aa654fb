"""Sums of tokens' rows that are kept for as long as a model is, since words repeat from text to text.

A token of up to 24 bytes is told by three numbers of its bytes and belongs to one of two slots, which share a line of
the processor's cache; the one that was met longer ago gives way. A longer one has one slot, and its bytes are kept in
full. Every sum is made alone and from zero: what was met before changes no result. Tokens are noted first, many at a
time, and then looked up, so that the processor loads their slots side by side. Cost: some 20 ns for a token that is
known, and no branch that depends on its bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.byte_range_kernel import GOLDEN, hash_bytes
from stages.fasttext.rows_kernel import prefetch_row
from stages.vector_kernel import load_eight
from tokenizer.kernel_cache import inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

#: Bytes of a token that is told by numbers, and of the longest that is kept.
SHORT, LONGEST = 24, 256
#: What stands behind the numbers of a slot's token: its FNV hash (upper half) and how many rows it has (lower half).
_KNOWN = 3
#: What is noted of a token (uint64): the three numbers of a short one, its pair of slots, where it stands.
_ONE, _TWO, _THREE, _PAIR, START, END = 0, 1, 2, 3, 4, 5
NOTED = 6
_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)
#: For sizes of 0 to 8: which bits of a number that many bytes are.
_BYTES = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)


class TokenCache(NamedTuple):
    """Slots: pairs for short tokens, then those of long ones, then one for tokens that are not kept."""

    tokens: Array  # uint64 (slots, 4): three numbers, of long tokens hash and size; _KNOWN
    sums: Array  # float32 (slots, dim)
    recent: Array  # uint8, which of a pair was met last
    spelled: Array  # uint8 (long slots, LONGEST), the bytes of long tokens


@inlined_kernel
def bytes_at(data: Array, place: int, size: int) -> np.uint64:
    """The first `size` bytes from `place` on as a number, at most eight; 0 for a size below 1."""
    return load_eight(data, place) & _BYTES[max(0, min(size, 8))]


@inlined_kernel
def note(cache: TokenCache, data: Array, start: int, end: int, noted: Array) -> None:
    """Note where a token stands and how to find it, and have its pair of slots loaded."""
    size = end - start
    one, two = bytes_at(data, start, size), bytes_at(data, start + 8, size - 8)
    three = bytes_at(data, start + 16, size - 16)
    digest = ((one * GOLDEN ^ two) * GOLDEN ^ three) * GOLDEN
    pair = np.int64((digest ^ digest >> _32) * GOLDEN >> _32) & (cache.recent.size - 1)
    prefetch_row(cache.tokens, 2 * pair)
    noted[_ONE], noted[_TWO], noted[_THREE] = one, two, three
    noted[_PAIR], noted[START], noted[END] = pair, start, end


@inlined_kernel
def cached_slot(cache: TokenCache, data: Array, noted: Array) -> int:
    """The slot of a noted token that is known, else -1."""
    start, end = np.int64(noted[START]), np.int64(noted[END])
    if end - start > SHORT:
        return long_slot(cache, data, start, end)
    one, two, three, pair = noted[_ONE], noted[_TWO], noted[_THREE], np.int64(noted[_PAIR])
    first, second = cache.tokens[2 * pair], cache.tokens[2 * pair + 1]
    is_first = (first[0] ^ one | first[1] ^ two | first[2] ^ three) == 0
    is_second = (second[0] ^ one | second[1] ^ two | second[2] ^ three) == 0
    if not (is_first | is_second):
        return -1
    cache.recent[pair] = is_second
    slot = 2 * pair + is_second
    prefetch_row(cache.sums, slot)
    return slot


@kernel
def long_slot(cache: TokenCache, data: Array, start: int, end: int) -> int:
    """As cached_slot, for a token of more than SHORT bytes."""
    digest = hash_bytes(data, start, end)
    place = np.int64(digest) & (cache.spelled.shape[0] - 1)
    slot = 2 * cache.recent.size + place
    token = cache.tokens[slot]
    if token[0] != digest or token[1] != np.uint64(end - start):
        return -1
    spelled = cache.spelled[place]
    for index in range(end - start):
        if spelled[index] != data[start + index]:
            return -1
    return slot


@kernel
def take_slot(cache: TokenCache, data: Array, noted: Array) -> int:
    """A slot for a token that is not known; it is the token's from now on, unless the token is too long to keep."""
    start, end = np.int64(noted[START]), np.int64(noted[END])
    if end - start > LONGEST:
        return int(cache.tokens.shape[0]) - 1
    if end - start > SHORT:
        digest = hash_bytes(data, start, end)
        place = np.int64(digest) & (cache.spelled.shape[0] - 1)
        slot = int(2 * cache.recent.size + place)
        cache.tokens[slot, 0], cache.tokens[slot, 1] = digest, end - start
        for index in range(end - start):
            cache.spelled[place, index] = data[start + index]
        return slot
    pair = np.int64(noted[_PAIR])
    cache.recent[pair] ^= np.uint8(1)
    slot = int(2 * pair + np.int64(cache.recent[pair]))
    cache.tokens[slot, 0], cache.tokens[slot, 1], cache.tokens[slot, 2] = noted[_ONE], noted[_TWO], noted[_THREE]
    return slot


@inlined_kernel
def remember(cache: TokenCache, slot: int, value: int, number: int) -> None:
    """Note a token's FNV hash and the number of its rows."""
    cache.tokens[slot, _KNOWN] = np.uint64(value) << _32 | np.uint64(number)


@inlined_kernel
def hash_of(cache: TokenCache, slot: int) -> np.uint32:
    """The FNV hash of a slot's token."""
    return np.uint32(cache.tokens[slot, _KNOWN] >> _32)


@inlined_kernel
def number_of(cache: TokenCache, slot: int) -> np.int64:
    """How many rows a slot's token has."""
    return np.int64(cache.tokens[slot, _KNOWN] & _LOW)
