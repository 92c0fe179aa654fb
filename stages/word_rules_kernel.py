"""Where punctuation is cut off a word: prefixes, suffixes and infixes of English, after spaCy's conventions.

Every function looks at one piece of text without white space: the code points points[low:high], which for ASCII
are the text's bytes themselves, with the table of stages/unicode_table.py.
Cost: a few comparisons a call; runs of full stops are read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import unicode_table
from tokenizer.kernel_cache import inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
LETTER = unicode_table.LETTER
LOWER = unicode_table.LOWER
UPPER = unicode_table.UPPER
PREFIX = unicode_table.PREFIX
SUFFIX = unicode_table.SUFFIX
QUOTE = unicode_table.QUOTE
ICON = unicode_table.ICON
BEFORE_STOP = unicode_table.BEFORE_STOP
CURRENCY = unicode_table.CURRENCY
DIGIT = unicode_table.DIGIT
ELLIPSIS = 0x2026


@inlined_kernel
def kind_of(points: Array, classes: Array, place: int) -> np.uint16:
    """The classes of the character at `place`."""
    point = points[place]
    return classes[point] if point < LIMIT else np.uint16(0)


@inlined_kernel
def prefix_length(points: Array, classes: Array, low: int, high: int) -> int:
    """How many characters at `low` are a prefix."""
    if low >= high:
        return 0
    first = points[low]
    if first == 46:  # two or more full stops
        end = low
        while end < high and points[end] == 46:
            end += 1
        return end - low if end - low > 1 else 0
    if kind_of(points, classes, low) & PREFIX:
        return 1
    if first == 43:  # "+" unless a number follows
        return 0 if low + 1 < high and kind_of(points, classes, low + 1) & DIGIT else 1
    if first == 85 and high - low > 2 and points[low + 1] == 83 and points[low + 2] == 36:
        return 3  # US$
    if (first == 67 or first == 65) and high - low > 1 and points[low + 1] == 36:
        return 2  # C$, A$
    return 0


@inlined_kernel
def suffix_length(points: Array, classes: Array, low: int, high: int, has_digit: bool) -> int:
    """How many characters before `high` are a suffix; what precedes `low` is out of sight.

    `has_digit` may be False only where no character is a digit.
    """
    if low >= high:
        return 0
    last = points[high - 1]
    size = high - low
    if last == 46:
        start = high
        while start > low and points[start - 1] == 46:
            start -= 1
        if high - start > 1:
            return high - start
        if size > 1 and kind_of(points, classes, high - 2) & BEFORE_STOP:
            return 1
        if size > 2 and kind_of(points, classes, high - 2) & UPPER and kind_of(points, classes, high - 3) & UPPER:
            return 1
        if size > 2 and points[high - 3] == 0xB0:  # degrees F, C, K
            scale = points[high - 2] & ~32
            if scale == 70 or scale == 67 or scale == 75:
                return 1
        return 0
    if (last == 115 or last == 83) and size > 1 and (points[high - 2] == 39 or points[high - 2] == 0x2019):
        return 2  # 's
    if last == ELLIPSIS and size > 1 and points[high - 2] == ELLIPSIS:
        return 2
    if kind_of(points, classes, high - 1) & SUFFIX:
        return 1
    if (
        size > 1
        and kind_of(points, classes, high - 2) & DIGIT
        and (last == 43 or kind_of(points, classes, high - 1) & CURRENCY)
    ):
        return 1
    return unit_length(points, classes, low, high) if has_digit else 0


@kernel
def unit_length(points: Array, classes: Array, low: int, high: int) -> int:
    """How many characters before `high` are a unit of measure or a dollar sign that follows a digit."""
    start = high
    while start > low and high - start < 5 and not kind_of(points, classes, start - 1) & DIGIT:
        start -= 1
    size = high - start
    if start == low or size == 0 or size > 4 or not kind_of(points, classes, start - 1) & DIGIT:
        return 0
    code = np.int64(1)  # so that a NUL in front counts
    for place in range(start, high):
        if points[place] > 0x7FF:
            return 0
        code = (code << 11) | np.int64(points[place])
    for unit in UNITS:
        if unit == code:
            return size
    return 0


def _unit_codes() -> Array:
    metric = "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h"
    others = "kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % US$ C$ A$"
    cyrillic = "км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ"
    codes = []
    for unit in f"{metric} {others} {cyrillic} мб Гб ГБ гб Тб ТБ".split():
        code = 1
        for character in unit:
            code = (code << 11) | ord(character)
        codes.append(code)
    return np.array(codes, dtype=np.int64)


UNITS = _unit_codes()


@inlined_kernel
def infix_length(points: Array, classes: Array, low: int, high: int, place: int) -> int:
    """How many characters at `place` are an infix of the characters low to high."""
    point = points[place]
    kind = kind_of(points, classes, place)
    if kind & (LETTER | DIGIT) and not kind & ICON:
        return 0
    if point == 46:
        end = place
        while end < high and points[end] == 46:
            end += 1
        if end - place > 1:
            return end - place
    if point == ELLIPSIS or kind & ICON:
        return 1
    if place == low or place + 1 >= high:
        return 0
    before = kind_of(points, classes, place - 1)
    after = kind_of(points, classes, place + 1)
    between_numbers = before & DIGIT and (after & DIGIT or points[place + 1] == 45)
    if between_numbers and (point == 43 or point == 45 or point == 42 or point == 94):  # + - * ^
        return 1
    if point == 46:
        return 1 if before & (LOWER | QUOTE) and after & (UPPER | QUOTE) else 0
    if point == 44:
        return 1 if before & LETTER and after & LETTER else 0
    if not before & (LETTER | DIGIT):
        return 0
    if point == 58 or point == 60 or point == 62 or point == 61 or point == 47:  # : < > = /
        return 1 if after & LETTER else 0
    if point == 45 or point == 0x2013 or point == 0x2014 or point == 126:
        return dash_length(points, classes, high, place)
    return 0


@kernel
def dash_length(points: Array, classes: Array, high: int, place: int) -> int:
    """The length of a dash (up to three hyphens, two em dashes) at `place` that a letter follows."""
    point = points[place]
    longest = 3 if point == 45 else 2 if point == 0x2014 else 1
    size = 1
    while True:
        if place + size < high and kind_of(points, classes, place + size) & LETTER:
            return size
        if size == longest or place + size >= high or points[place + size] != point:
            return 0
        size += 1
