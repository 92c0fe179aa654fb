"""Counting equal things within one document: n-grams of words, lines, paragraphs, all by 64-bit hashes.

Two different things with one hash would be counted as equal: of a million n-grams in a document, with a chance
of about 10^-8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tokenizer.kernel_cache import allocating_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

_OFFSET = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


class Groups(NamedTuple):
    """Scratch for `group`, kept from document to document."""

    slots: Array  # int64, a power of two: group of the hash that lies here, or -1
    members: Array  # int64, things in each group, groups in order of their first thing
    firsts: Array  # int64, first thing of each group
    group_of: Array  # int64, group of each thing


@allocating_kernel
def groups_for(things: int) -> Groups:
    """Scratch with room for so many things."""
    size = 16
    while size < 2 * things:
        size *= 2
    return Groups(
        np.empty(size, dtype=np.int64),
        np.empty(things + 1, dtype=np.int64),
        np.empty(things + 1, dtype=np.int64),
        np.empty(things + 1, dtype=np.int64),
    )


@kernel
def scramble(value: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64."""
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))


@kernel
def hash_bytes(data: Array, start: int, end: int) -> np.uint64:
    """FNV-1a of data[start:end], scrambled."""
    digest = _OFFSET
    for place in range(start, end):
        digest = (digest ^ np.uint64(data[place])) * _PRIME
    return scramble(digest)


@kernel
def hash_grams(words: Array, grams: Array, count: int, n: int) -> int:
    """Turn the hashes of (n - 1)-grams in `grams` into those of n-grams; returns how many there are.

    `words` are the hashes of the `count` words; for n = 1, `grams` is filled with them.
    """
    if n == 1:
        for word in range(count):
            grams[word] = words[word]
        return count
    left = count - n + 1
    for word in range(left):
        grams[word] = scramble(grams[word] * np.uint64(3) + words[word + n - 1])
    return max(left, 0)


@kernel
def group(hashes: Array, count: int, scratch: Groups) -> int:
    """Group `count` equal hashes; fills members, firsts and group_of, and returns the number of groups."""
    slots, members, firsts, group_of = scratch
    size = 16
    while size < 2 * count:
        size *= 2
    mask = np.uint64(size - 1)
    for slot in range(size):
        slots[slot] = -1
    groups = 0
    for thing in range(count):
        slot = hashes[thing] & mask
        while slots[slot] >= 0 and hashes[firsts[slots[slot]]] != hashes[thing]:
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] < 0:
            slots[slot] = groups
            firsts[groups] = thing
            members[groups] = 0
            groups += 1
        group_of[thing] = slots[slot]
        members[slots[slot]] += 1
    return groups
