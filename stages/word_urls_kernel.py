"""Whether a word looks like a URL, a host, an e-mail address or a file name, and so is kept whole.

The shape is: an optional scheme, an optional user with "@", a host (labels and a lower-case last label of
two letters or more, or a public IPv4 address), an optional port, an optional path. So "stdio.h" is one word
and "lower.Upper" is not. Cost: linear in the word, times the number of "@" in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import unicode_table
from stages.word_rules_kernel import kind_of
from tokenizer.kernel_cache import kernel

if TYPE_CHECKING:
    Array = np.ndarray

LOWER = unicode_table.LOWER
HOST = unicode_table.HOST
DIGIT = unicode_table.DIGIT
WORD = unicode_table.WORD


@kernel
def is_host(points: Array, classes: Array, start: int, high: int) -> bool:
    """Whether a host name or public IPv4 address, a port, and a path or nothing reach from start to high."""
    place = start
    labels = 0
    while place < high:
        begin = place
        lower = True
        while place < high and (kind_of(points, classes, place) & HOST or points[place] == 45 or points[place] == 95):
            if not kind_of(points, classes, place) & LOWER:
                lower = False
            place += 1
        size = place - begin
        if size == 0:
            return False
        if place < high and points[place] == 46:
            if size > 64 or not (kind_of(points, classes, begin) & HOST and kind_of(points, classes, place - 1) & HOST):
                return False
            labels += 1
            place += 1
            continue
        if labels == 3 and is_address(points, classes, start, place):
            return is_tail(points, classes, place, high)
        return labels > 0 and lower and 2 <= size <= 63 and is_tail(points, classes, place, high)
    return False


@kernel
def is_tail(points: Array, classes: Array, place: int, high: int) -> bool:
    """Whether what follows a host is nothing, a port, a path, a query or a fragment."""
    if place < high and points[place] == 58:
        digits = 0
        while place + 1 + digits < high and kind_of(points, classes, place + 1 + digits) & DIGIT:
            digits += 1
        if digits < 2 or digits > 5:
            return False
        place += 1 + digits
    return place == high or points[place] == 47 or points[place] == 63 or points[place] == 35


@kernel
def is_address(points: Array, classes: Array, start: int, end: int) -> bool:
    """Whether the characters are a public IPv4 address of four decimal numbers."""
    address = np.int64(0)  # ten bits a number
    digits = 0
    for place in range(start, end):
        if points[place] == 46:
            address <<= 10
            digits = 0
        elif kind_of(points, classes, place) & DIGIT and digits < 3:
            address += (address & 1023) * 9 + (points[place] - 48)
            digits += 1
        else:
            return False
    first, second, third, fourth = address >> 30, (address >> 20) & 1023, (address >> 10) & 1023, address & 1023
    if first < 1 or first > 223 or second > 255 or third > 255 or fourth < 1 or fourth > 254:
        return False
    private = first == 10 or first == 127 or (first == 169 and second == 254)
    return not (private or (first == 192 and second == 168) or (first == 172 and 16 <= second <= 31))


@kernel
def is_url(points: Array, classes: Array, low: int, high: int) -> bool:
    """Whether the characters are a URL, a host name, an e-mail address or a file name like one."""
    dotted = False
    for place in range(low + 1, high - 1):
        if points[place] == 46:
            dotted = True
            break
    if not dotted:
        return False
    if is_host(points, classes, low, high):
        return True
    place = low
    while place < high:
        point = points[place]
        if not (kind_of(points, classes, place) & WORD or point == 43 or point == 45 or point == 46):
            break
        place += 1
    if place - low >= 2 and place + 3 < high and point == 58:  # "://" after a scheme
        slashes = points[place + 1] == 47 and points[place + 2] == 47
        if slashes and is_host(points, classes, place + 3, high):
            return True
    for place in range(low + 1, high):  # noqa: SIM110 (numba knows no generators here)
        if points[place] == 64 and is_host(points, classes, place + 1, high):
            return True
    return False
