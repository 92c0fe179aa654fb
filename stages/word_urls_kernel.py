"""Whether a word looks like a URL, a host, an e-mail address or a file name, and so is kept whole.

The shape is: an optional scheme, an optional user with "@", a host (labels and a lower-case last label of
two letters or more, or a public IPv4 address), an optional port, an optional path. So "stdio.h" is one word
and "lower.Upper" is not. Cost: linear in the word, times the number of "@" in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import unicode_table
from stages.word_rules_kernel import KIND, POINT
from tokenizer.kernel_cache import kernel

if TYPE_CHECKING:
    Array = np.ndarray

LOWER = unicode_table.LOWER
HOST = unicode_table.HOST
DIGIT = unicode_table.DIGIT
WORD = unicode_table.WORD


@kernel
def is_host(piece: Array, start: int, high: int) -> bool:
    """Whether a host name or public IPv4 address, a port, and a path or nothing reach from start to high."""
    place = start
    labels = 0
    while place < high:
        begin = place
        lower = True
        while place < high and (piece[place, KIND] & HOST or piece[place, POINT] == 45 or piece[place, POINT] == 95):
            if not piece[place, KIND] & LOWER:
                lower = False
            place += 1
        size = place - begin
        if size == 0:
            return False
        if place < high and piece[place, POINT] == 46:
            if size > 64 or not (piece[begin, KIND] & HOST and piece[place - 1, KIND] & HOST):
                return False
            labels += 1
            place += 1
            continue
        if labels == 3 and is_address(piece, start, place):
            return is_tail(piece, place, high)
        return labels > 0 and lower and 2 <= size <= 63 and is_tail(piece, place, high)
    return False


@kernel
def is_tail(piece: Array, place: int, high: int) -> bool:
    """Whether what follows a host is nothing, a port, a path, a query or a fragment."""
    if place < high and piece[place, POINT] == 58:
        digits = 0
        while place + 1 + digits < high and piece[place + 1 + digits, KIND] & DIGIT:
            digits += 1
        if digits < 2 or digits > 5:
            return False
        place += 1 + digits
    return place == high or piece[place, POINT] == 47 or piece[place, POINT] == 63 or piece[place, POINT] == 35


@kernel
def is_address(piece: Array, start: int, end: int) -> bool:
    """Whether the characters are a public IPv4 address of four decimal numbers."""
    address = np.int64(0)  # ten bits a number
    digits = 0
    for place in range(start, end):
        if piece[place, POINT] == 46:
            address <<= 10
            digits = 0
        elif piece[place, KIND] & DIGIT and digits < 3:
            address += (address & 1023) * 9 + (piece[place, POINT] - 48)
            digits += 1
        else:
            return False
    first, second, third, fourth = address >> 30, (address >> 20) & 1023, (address >> 10) & 1023, address & 1023
    if first < 1 or first > 223 or second > 255 or third > 255 or fourth < 1 or fourth > 254:
        return False
    private = first == 10 or first == 127 or (first == 169 and second == 254)
    return not (private or (first == 192 and second == 168) or (first == 172 and 16 <= second <= 31))


@kernel
def is_url(piece: Array, low: int, high: int) -> bool:
    """Whether the characters are a URL, a host name, an e-mail address or a file name like one."""
    dotted = False
    for place in range(low + 1, high - 1):
        if piece[place, POINT] == 46:
            dotted = True
            break
    if not dotted:
        return False
    if is_host(piece, low, high):
        return True
    place = low
    while place < high:
        point = piece[place, POINT]
        if not (piece[place, KIND] & WORD or point == 43 or point == 45 or point == 46):
            break
        place += 1
    if place - low >= 2 and place + 3 < high and point == 58:  # "://" after a scheme
        slashes = piece[place + 1, POINT] == 47 and piece[place + 2, POINT] == 47
        if slashes and is_host(piece, place + 3, high):
            return True
    for place in range(low + 1, high):  # noqa: SIM110 (numba knows no generators here)
        if piece[place, POINT] == 64 and is_host(piece, place + 1, high):
            return True
    return False
