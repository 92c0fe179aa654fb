"""The classes of characters that Unicode's word boundaries depend on (UAX #29, table 3), as one table."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from stages.unicode_table import LIMIT

if TYPE_CHECKING:
    import numpy as np

OTHER, CR, LF, NEWLINE, EXTEND, ZWJ, FORMAT, KATAKANA, HEBREW_LETTER, LETTER, SINGLE_QUOTE = range(11)
DOUBLE_QUOTE, MID_NUM_LET, MID_LETTER, MID_NUM, NUMERIC, EXTEND_NUM_LET, REGIONAL_INDICATOR, SPACE = range(11, 19)
#: Flags above the class: a pictograph (rule WB3c), and what `str.isalnum` accepts.
PICTOGRAPH = 1 << 6
ALPHANUMERIC = 1 << 7

_PROPERTIES = {
    "CR": CR,
    "LF": LF,
    "Newline": NEWLINE,
    "Extend": EXTEND,
    "ZWJ": ZWJ,
    "Format": FORMAT,
    "Katakana": KATAKANA,
    "Hebrew_Letter": HEBREW_LETTER,
    "ALetter": LETTER,
    "Single_Quote": SINGLE_QUOTE,
    "Double_Quote": DOUBLE_QUOTE,
    "MidNumLet": MID_NUM_LET,
    "MidLetter": MID_LETTER,
    "MidNum": MID_NUM,
    "Numeric": NUMERIC,
    "ExtendNumLet": EXTEND_NUM_LET,
    "Regional_Indicator": REGIONAL_INDICATOR,
    "WSegSpace": SPACE,
}


@cache
def break_classes() -> np.ndarray:
    """uint8 of length LIMIT: class and flags of each code point, from the Unicode data of the package regex."""
    import numpy as np
    import regex

    # A lone surrogate never occurs in a text; replaced, so that one string can hold every code point at its place.
    points = "".join("\uffff" if 0xD800 <= point < 0xE000 else chr(point) for point in range(LIMIT))
    table = np.zeros(LIMIT, dtype=np.uint8)
    for name, value in _PROPERTIES.items():
        for found in regex.finditer(rf"\p{{WB={name}}}+", points):
            table[found.start() : found.end()] = value
    for found in regex.finditer(r"\p{Extended_Pictographic}+", points):
        table[found.start() : found.end()] |= PICTOGRAPH
    table[np.fromiter((character.isalnum() for character in points), dtype=bool, count=LIMIT)] |= ALPHANUMERIC
    table.setflags(write=False)
    return table
