"""Kernels of BPE training: words as linked symbols, pairs in a hash table, candidates in a heap.

Every position that has a right neighbour belongs to exactly one pair and stands in that pair's chain, so a
merge touches its occurrences and nothing else. The heap is lazy: an entry whose count has sunk is put
back with the count it has now when it comes to the top.
"""

from typing import Any, NamedTuple

import numpy as np

from tokenizer.kernel_cache import allocating_kernel, kernel

Array = np.ndarray[Any, Any]

_FREE = -1
_NONE = -1


class Symbols(NamedTuple):
    """One entry a position: all words one after another; _NONE where there is no neighbour."""

    id: Array  # int32: token that starts here, _NONE where merged into the left one
    left: Array  # int32: position of the symbol before, within the word
    right: Array  # int32
    word: Array  # int32: which word
    chain_next: Array  # int32: the next occurrence of the pair that starts here
    chain_previous: Array  # int32


class Pairs(NamedTuple):
    """Hash table by `left id << 32 | right id`."""

    keys: Array  # int64[power of two], _FREE where free
    counts: Array  # int64
    heads: Array  # int32: the first occurrence
    seen: Array  # int32: the last merge that made an occurrence of it


class Heap(NamedTuple):
    """Binary heap: greatest count first, then smallest key."""

    counts: Array  # int64
    keys: Array  # int64


@kernel
def fill_symbols(data: Array, starts: Array, ids_of_bytes: Array, symbols: Symbols) -> None:
    """Lay out the words data[starts[w]:starts[w + 1]] as linked symbols."""
    base = starts[0]
    for word in range(len(starts) - 1):
        first, end = starts[word] - base, starts[word + 1] - base
        for i in range(first, end):
            symbols.id[i] = ids_of_bytes[data[base + i]]
            symbols.word[i] = word
            symbols.left[i] = i - 1 if i > first else _NONE
            symbols.right[i] = i + 1 if i + 1 < end else _NONE


@kernel
def pair_slot(keys: Array, key: int) -> Any:
    """The slot of `key`, or the free one where it belongs."""
    mask = len(keys) - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(mixed >> np.uint64(32)) & mask
    while keys[slot] != _FREE and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def _link(symbols: Symbols, pairs: Pairs, i: int, weight: int) -> tuple[int, bool]:
    """Enter position `i` into the chain of its pair; returns its slot and whether the slot was free."""
    key = (np.int64(symbols.id[i]) << 32) | np.int64(symbols.id[symbols.right[i]])
    slot = pair_slot(pairs.keys, key)
    created = pairs.keys[slot] == _FREE
    if created:
        pairs.keys[slot] = key
        pairs.counts[slot] = 0
        pairs.heads[slot] = _NONE
        pairs.seen[slot] = _NONE
    head = pairs.heads[slot]
    symbols.chain_next[i] = head
    symbols.chain_previous[i] = _NONE
    if head != _NONE:
        symbols.chain_previous[head] = i
    pairs.heads[slot] = i
    pairs.counts[slot] += weight
    return slot, created


@kernel
def _unlink(symbols: Symbols, pairs: Pairs, i: int, weight: int) -> None:
    """Take position `i` out of the chain of the pair that it starts now."""
    key = (np.int64(symbols.id[i]) << 32) | np.int64(symbols.id[symbols.right[i]])
    slot = pair_slot(pairs.keys, key)
    following, previous = symbols.chain_next[i], symbols.chain_previous[i]
    if previous == _NONE:
        pairs.heads[slot] = following
    else:
        symbols.chain_next[previous] = following
    if following != _NONE:
        symbols.chain_previous[following] = previous
    pairs.counts[slot] -= weight


@kernel
def link_all(symbols: Symbols, weights: Array, pairs: Pairs) -> int:
    """Enter every position; returns the number of different pairs (there are at most 65,536 of bytes)."""
    used = 0
    for i in range(len(symbols.id)):
        if symbols.right[i] != _NONE:
            _, created = _link(symbols, pairs, i, weights[symbols.word[i]])
            used += created
    return used


@kernel
def _before(heap: Heap, i: int, j: int) -> bool:
    if heap.counts[i] != heap.counts[j]:
        return heap.counts[i] > heap.counts[j]
    return heap.keys[i] < heap.keys[j]


@kernel
def _swap(heap: Heap, i: int, j: int) -> None:
    heap.counts[i], heap.counts[j] = heap.counts[j], heap.counts[i]
    heap.keys[i], heap.keys[j] = heap.keys[j], heap.keys[i]


@kernel
def _push(heap: Heap, size: int, count: int, key: int) -> int:
    heap.counts[size] = count
    heap.keys[size] = key
    i = size
    while i > 0 and _before(heap, i, (i - 1) // 2):
        _swap(heap, i, (i - 1) // 2)
        i = (i - 1) // 2
    return size + 1


@kernel
def _sift_down(heap: Heap, size: int) -> None:
    i = 0
    while True:
        best = i
        for child in (2 * i + 1, 2 * i + 2):
            if child < size and _before(heap, child, best):
                best = child
        if best == i:
            return
        _swap(heap, i, best)
        i = best


@kernel
def push_all(pairs: Pairs, heap: Heap, size: int) -> int:
    """Push every pair that occurs; returns the heap's size."""
    for slot in range(len(pairs.keys)):
        if pairs.keys[slot] != _FREE and pairs.counts[slot] > 0:
            size = _push(heap, size, pairs.counts[slot], pairs.keys[slot])
    return size


@kernel
def pop_best(pairs: Pairs, heap: Heap, size: int) -> tuple[Any, Any, int]:
    """The most frequent pair, smallest ids first among equals: (key or -1, count, heap size)."""
    while size > 0:
        key = heap.keys[0]
        count = pairs.counts[pair_slot(pairs.keys, key)]
        if count == heap.counts[0] and count > 0:
            size -= 1
            _swap(heap, 0, size)
            _sift_down(heap, size)
            return key, count, size
        if count > 0:
            heap.counts[0] = count
        else:
            size -= 1
            _swap(heap, 0, size)
        _sift_down(heap, size)
    return np.int64(-1), np.int64(0), size


@kernel
def rehash_pairs(old: Pairs, new: Pairs) -> int:
    """Move the pairs that still occur to an empty table; returns their number."""
    used = 0
    for slot in range(len(old.keys)):
        if old.keys[slot] != _FREE and old.counts[slot] > 0:
            target = pair_slot(new.keys, old.keys[slot])
            new.keys[target] = old.keys[slot]
            new.counts[target] = old.counts[slot]
            new.heads[target] = old.heads[slot]
            new.seen[target] = old.seen[slot]
            used += 1
    return used


@allocating_kernel
def _occurrences(symbols: Symbols, head: int) -> Array:
    """Positions of a chain in rising order, so that runs of one symbol merge from the left."""
    count = 0
    i = head
    while i != _NONE:
        count += 1
        i = symbols.chain_next[i]
    positions = np.empty(count, dtype=symbols.id.dtype)
    i = head
    for k in range(count):
        positions[k] = i
        i = symbols.chain_next[i]
    positions.sort()
    return positions


@allocating_kernel
def merge_pair(
    symbols: Symbols,
    weights: Array,
    pairs: Pairs,
    heap: Heap,
    size: int,
    used: int,
    key: int,
    token: int,
    number: int,
) -> tuple[int, int]:
    """Replace every occurrence of the pair by `token`; push the pairs that this made.

    The tables must have room for two new pairs for every token there is. Returns (heap size, pairs used).
    """
    positions = _occurrences(symbols, pairs.heads[pair_slot(pairs.keys, key)])
    touched = np.empty(2 * len(positions), dtype=np.int64)
    touches, used = _merge_at(symbols, weights, pairs, used, key, token, number, positions, touched)
    return _push_touched(pairs, heap, size, touched, touches), used


@kernel
def _merge_at(
    symbols: Symbols,
    weights: Array,
    pairs: Pairs,
    used: int,
    key: int,
    token: int,
    number: int,
    positions: Array,
    touched: Array,
) -> tuple[int, int]:
    """Merge at `positions`; fills `touched` with the keys of pairs that this made. Returns (touched, pairs used)."""
    left_id, right_id = np.int32(key >> 32), np.int32(key & 0xFFFFFFFF)
    touches = 0
    for i in positions:
        j = symbols.right[i]
        if symbols.id[i] != left_id or j == _NONE or symbols.id[j] != right_id:
            continue
        before, after = symbols.left[i], symbols.right[j]
        weight = weights[symbols.word[i]]
        if before != _NONE:
            _unlink(symbols, pairs, before, weight)
        if after != _NONE:
            _unlink(symbols, pairs, j, weight)
        _unlink(symbols, pairs, i, weight)
        symbols.id[i] = token
        symbols.id[j] = _NONE
        symbols.right[i] = after
        if after != _NONE:
            symbols.left[after] = i
        for start in (before, i):
            if start == _NONE or (start == i and after == _NONE):
                continue
            slot, created = _link(symbols, pairs, start, weight)
            used += created
            if pairs.seen[slot] != number:
                pairs.seen[slot] = number
                touched[touches] = pairs.keys[slot]
                touches += 1
    return touches, used


@kernel
def _push_touched(pairs: Pairs, heap: Heap, size: int, touched: Array, touches: int) -> int:
    for k in range(touches):
        count = pairs.counts[pair_slot(pairs.keys, touched[k])]
        if count > 0:
            size = _push(heap, size, count, touched[k])
    return size
