"""Lines of a text: where they end, how they begin and end, and where runs of newlines cut it.

64 bytes are compared at once (stages/vector_kernel.py), and only the places of newlines and marks are looked at.
Cost: about 1 ns for a byte of English web text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import unicode_table
from stages.vector_kernel import (
    BLOCK,
    continuation_flags,
    first_flag,
    flag_count,
    flags_before,
    line_break_flags,
    newline_flags,
    notable_flags,
)
from stages.words_kernel import decode
from tokenizer.kernel_cache import inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
SPACE = unicode_table.SPACE

ELLIPSIS = 0x2026
BULLET = 0x2022


@inlined_kernel
def line_break_width(data: Array, place: int, high: int) -> int:
    """Bytes of what ends a line for str.splitlines at `place`; 0 if nothing does."""
    byte = data[place]
    if byte < 0x80:
        if byte == 13:
            return 2 if place + 1 < high and data[place + 1] == 10 else 1
        return 1 if 10 <= byte <= 12 or 28 <= byte <= 30 else 0
    if byte == 0xC2:
        return 2 if data[place + 1] == 0x85 else 0
    if byte == 0xE2:
        return 3 if data[place + 1] == 0x80 and 0xA8 <= data[place + 2] <= 0xA9 else 0
    return 0


@kernel
def scan_lines(data: Array, low: int, high: int, classes: Array) -> tuple[int, int, int, int, int, int]:
    """Characters, hashes, ellipses, lines (as str.splitlines), lines with a bullet, lines that trail off."""
    characters = high - low
    hashes, ellipses, lines, bullets, endings = 0, 0, 0, 0, 0
    begin = low
    done = low  # what stands before this place has been looked at
    for block in range(low, high, BLOCK):
        characters -= flag_count(flags_before(continuation_flags(data, block), high - block))
        notable = flags_before(notable_flags(data, block), high - block)
        while notable:
            place = block + first_flag(notable)
            notable &= notable - np.uint64(1)
            if place < done:
                continue
            done = place + 1
            if data[place] == 35:
                hashes += 1
            elif data[place] == 46:
                while done < high and data[done] == 46:
                    done += 1
                ellipses += (done - place) // 3
            elif data[place] == 0xE2 and data[place + 1] == 0x80 and data[place + 2] == 0xA6:
                ellipses += 1
            else:
                width = line_break_width(data, place, high)
                if width:
                    lines += 1
                    bullets += begins_with_bullet(data, begin, place, classes)
                    endings += ends_with_ellipsis(data, begin, place, classes)
                    done = begin = place + width
    if begin < high:
        lines += 1
        bullets += begins_with_bullet(data, begin, high, classes)
        endings += ends_with_ellipsis(data, begin, high, classes)
    return characters, hashes, ellipses, lines, bullets, endings


@kernel
def begins_with_bullet(data: Array, low: int, high: int, classes: Array) -> bool:
    """Whether the first character that is no white space is "•" or "-"."""
    low = first_solid(data, low, high, classes)
    if low == high:
        return False
    return data[low] == 45 or (data[low] == 0xE2 and data[low + 1] == 0x80 and data[low + 2] == 0xA2)


@kernel
def ends_with_ellipsis(data: Array, low: int, high: int, classes: Array) -> bool:
    """Whether the text ends with "..." or "…", white space left out."""
    high = last_solid(data, low, high, classes)
    if high - low < 3:
        return False
    one, two, three = data[high - 3], data[high - 2], data[high - 1]
    return (one == 46 and two == 46 and three == 46) or (one == 0xE2 and two == 0x80 and three == 0xA6)


@inlined_kernel
def first_solid(data: Array, low: int, high: int, classes: Array) -> int:
    """Where the range begins when the white space before it is left out; `high` if there is nothing else."""
    while low < high:
        point, width = decode(data, low)
        if point >= LIMIT or not classes[point] & SPACE:
            return low
        low += width
    return high


@inlined_kernel
def last_solid(data: Array, low: int, high: int, classes: Array) -> int:
    """Where the range ends when the white space behind it is left out; `low` if there is nothing else."""
    while low < high:
        last = high - 1
        while data[last] & 0xC0 == 0x80:
            last -= 1
        point, _ = decode(data, last)
        if point >= LIMIT or not classes[point] & SPACE:
            return high
        high = last
    return low


@kernel
def cut(data: Array, low: int, high: int, newlines: int, starts: Array, ends: Array) -> int:
    """Cut at runs of at least `newlines` newlines; returns the number of ranges (one more than cuts)."""
    count = 0
    begin = low
    done = low
    for block in range(low, high, BLOCK):
        flags = flags_before(newline_flags(data, block), high - block)
        while flags:
            place = block + first_flag(flags)
            flags &= flags - np.uint64(1)
            if place < done:
                continue
            done = place + 1
            while done < high and data[done] == 10:
                done += 1
            if done - place >= newlines:
                starts[count], ends[count] = begin, place
                count += 1
                begin = done
    starts[count], ends[count] = begin, high
    return count + 1


@inlined_kernel
def newline_after(data: Array, place: int, high: int) -> int:
    """Where the next newline is; `high` if there is none before."""
    for block in range(place, high, BLOCK):
        flags = newline_flags(data, block)
        if flags:
            return min(block + first_flag(flags), high)
    return high


@inlined_kernel
def line_end(data: Array, place: int, high: int) -> int:
    """Where the line (as str.splitlines) that holds `place` ends, its line break left out."""
    for block in range(place, high, BLOCK):
        flags = flags_before(line_break_flags(data, block), high - block)
        while flags:
            end = block + first_flag(flags)
            if line_break_width(data, end, high):
                return end
            flags &= flags - np.uint64(1)
    return high


@kernel
def cut_lines(data: Array, low: int, high: int, starts: Array, ends: Array) -> int:
    """Cut into lines as str.splitlines does; returns their number."""
    count = 0
    while low < high:
        starts[count], ends[count] = low, line_end(data, low, high)
        low = ends[count]
        low += line_break_width(data, low, high) if low < high else 0
        count += 1
    return count
