"""Long texts cut down to pieces from all over them, so that classifying one costs the same however long it is.

Sixteen pieces of equal size, one from the middle of each sixteenth of the text, each beginning and ending at white
space where there is some within 32 bytes, else between two characters, joined by spaces. Which bytes are taken depends
on nothing but the text. Cost: one copy of what remains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tokenizer.kernel_cache import allocating_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

_PIECES = 16
_REACH = 32
_SPACE = 32


@allocating_kernel
def sample_texts(data: Array, offsets: Array, limit: int) -> tuple[Array, Array]:
    """Bytes and offsets of the texts, those longer than `limit` bytes cut down to pieces of so many together."""
    sampled = np.zeros(offsets.size, dtype=np.int64)
    total = 0
    for text in range(offsets.size - 1):
        total += min(offsets[text + 1] - offsets[text], limit + _PIECES)
    result = np.empty(total, dtype=np.uint8)
    for text in range(offsets.size - 1):
        start, end = offsets[text], offsets[text + 1]
        place = sampled[text]
        if end - start <= limit:
            place = copy(data, start, end, result, place)
        else:
            for piece in range(_PIECES):
                middle = start + (2 * piece + 1) * (end - start) // (2 * _PIECES)
                low = after_space(data, middle - limit // (2 * _PIECES), end)
                high = before_space(data, middle + limit // (2 * _PIECES), low)
                place = copy(data, low, high, result, place)
                result[place] = _SPACE
                place += 1
        sampled[text + 1] = place
    return result, sampled


@kernel
def copy(data: Array, start: int, end: int, result: Array, place: int) -> int:
    """Copy data[start:end] to result[place:]; returns the place behind."""
    for index in range(start, end):
        result[place] = data[index]
        place += 1
    return place


@kernel
def after_space(data: Array, place: int, end: int) -> int:
    """The first place behind white space from here on, else the first that begins a character."""
    for near in range(place, min(place + _REACH, end)):
        if data[near] <= _SPACE:
            return near + 1
    while place < end and data[place] & 0xC0 == 0x80:
        place += 1
    return place


@kernel
def before_space(data: Array, place: int, start: int) -> int:
    """The last place before white space up to here, else the last that begins a character; never before `start`."""
    for near in range(place, max(place - _REACH, start), -1):
        if data[near] <= _SPACE:
            return near
    while place > start and data[place] & 0xC0 == 0x80:
        place -= 1
    return max(place, start)
