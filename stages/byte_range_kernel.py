"""Hash, compare and count ranges of bytes, eight bytes a step.

The hash is for tables in memory: 64 well mixed bits, no defence against texts made to collide. Cost: two
multiplications for a range of up to eight bytes, one more for each eight further bytes; for longer ones blocks of
64 bytes are hashed at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages.vector_kernel import BLOCK, block_digest, continuation_flags, flag_count, flags_before, load_eight
from tokenizer.kernel_cache import inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@inlined_kernel
def first_bytes(data: Array, place: int, size: int) -> np.uint64:
    """data[place : place + size] as the highest bytes of a uint64, for a size of 1 to 8; the lower ones are 0."""
    return load_eight(data, place) << np.uint64(64 - 8 * size)


@inlined_kernel
def mix(value: np.uint64) -> np.uint64:
    """Spread the bits of a uint64 (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def hash_bytes(data: Array, start: int, end: int) -> np.uint64:
    """64 bits of the bytes start to end."""
    digest = np.uint64(end - start) * GOLDEN
    while start + 8 < end:
        digest = (digest ^ load_eight(data, start)) * GOLDEN
        digest ^= digest >> np.uint64(32)
        start += 8
    if start < end:
        digest ^= first_bytes(data, start, end - start)
    return mix(digest)


@inlined_kernel
def hash_blocks(data: Array, start: int, end: int) -> np.uint64:
    """64 bits of the bytes start to end, other ones than hash_bytes: quicker where few ranges are words."""
    digest = np.uint64(end - start) * GOLDEN
    while end - start > BLOCK:
        digest = (digest ^ block_digest(data, start, BLOCK)) * GOLDEN
        digest ^= digest >> np.uint64(32)
        start += BLOCK
    return mix(digest ^ block_digest(data, start, end - start))


@kernel
def equal_bytes(data: Array, one: int, other: int, length: int) -> bool:
    """Whether two ranges of the same length hold the same bytes."""
    step = 0
    while step + 8 < length:
        if load_eight(data, one + step) != load_eight(data, other + step):
            return False
        step += 8
    if step == length:
        return True
    return first_bytes(data, one + step, length - step) == first_bytes(data, other + step, length - step)


@kernel
def characters_between(data: Array, start: int, end: int) -> int:
    """How many characters the UTF-8 bytes start to end hold."""
    count = end - start
    for block in range(start, end, BLOCK):
        count -= flag_count(flags_before(continuation_flags(data, block), end - block))
    return count


@kernel
def table_size(items: int) -> int:
    """A power of two at least twice `items`."""
    size = 16
    while size < 2 * items:
        size *= 2
    return size
