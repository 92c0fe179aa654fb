"""How many shingles each of many texts shares with each of a few sampled sets: an inverted index in a hash table.

Few shingles of the texts are in the index, so a bitmap of eight bits a slot, which fits a core's cache, is asked first
(a Bloom filter of one hash function: Bloom, "Space/time trade-offs in hash coding", 1970): a third less time.
"""

from __future__ import annotations

import numpy as np

from tokenizer.kernel_cache import kernel

#: Multiplied by this (Fibonacci hashing: Knuth, "The Art of Computer Programming", volume 3, section 6.4), the upper
#: bits of a hash choose its slot.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_3, _6, _63, _1 = np.uint64(3), np.uint64(6), np.uint64(63), np.uint64(1)


@kernel
def fill_slots(keys, shift, slots, bitmap):  # type: ignore[no-untyped-def]
    """Put the index of each distinct key (uint64) into a free slot (int32, -1) from keys * _SPREAD >> shift on.

    `bitmap` (uint64, an eighth as many as slots, zeros) gets the bit keys * _SPREAD >> (shift - 3).
    """
    mask = slots.size - 1
    for index in range(keys.size):
        slot = np.int64((keys[index] * _SPREAD) >> shift)
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = index
        bit = (keys[index] * _SPREAD) >> (shift - _3)
        bitmap[bit >> _6] |= _1 << (bit & _63)


@kernel
def count_shared(  # type: ignore[no-untyped-def]
    hashes,
    offsets,
    keys,
    shift,
    slots,
    bitmap,
    starts,
    owners,
    least,
    marks,
    before,
    counts,
    touched,
    progress,
    texts,
    samples,
    shared,
):
    """Write (text, sample, shared shingles) where a text shares `least[sample]` distinct shingles or more.

    Key k stands in samples owners[starts[k] : starts[k + 1]]. Text i has hashes[offsets[i] : offsets[i + 1]], repeats
    included. Goes from text progress[0] on while the output has room for all samples; leaves there the next text, and
    in progress[1] how much was written. `marks` (int64, one a key) say which text had the key last, text i as
    before + i, a number that no earlier text had; `counts` (int64, one a sample) come as zeros.
    """
    mask = slots.size - 1
    written = 0
    text = progress[0]
    while text < offsets.size - 1 and written + counts.size <= texts.size:
        found = 0
        for at in range(offsets[text], offsets[text + 1]):
            spread = hashes[at] * _SPREAD
            bit = spread >> (shift - _3)
            if (bitmap[bit >> _6] >> (bit & _63)) & _1 == 0:
                continue
            slot = np.int64(spread >> shift)
            while slots[slot] >= 0 and keys[slots[slot]] != hashes[at]:
                slot = (slot + 1) & mask
            key = slots[slot]
            if key < 0 or marks[key] == before + text:
                continue
            marks[key] = before + text
            for place in range(starts[key], starts[key + 1]):
                owner = owners[place]
                if counts[owner] == 0:
                    touched[found] = owner
                    found += 1
                counts[owner] += 1
        for index in range(found):
            owner = touched[index]
            if counts[owner] >= least[owner]:
                texts[written], samples[written], shared[written] = text, owner, counts[owner]
                written += 1
            counts[owner] = 0
        text += 1
    progress[0] = text
    progress[1] = written
