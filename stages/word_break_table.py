"""One table of word-break classes, indexed by code point, for splitting words of any script.

The classes are those of Unicode's Word_Break property (UAX #29), as the `regex` package knows them, with two
added for scripts that are written without spaces. Built once per process (about 0.3 s).
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from stages.unicode_table import LIMIT

if TYPE_CHECKING:
    import numpy as np

OTHER, SPACE, LETTER, HEBREW, NUMERIC, CONNECTOR = 0, 1, 2, 3, 4, 5
MIDDLE_OF_LETTERS, MIDDLE_OF_NUMBERS, MIDDLE_OF_BOTH, SINGLE_QUOTE, DOUBLE_QUOTE = 6, 7, 8, 9, 10
EXTEND, JOINER, FLAG_LETTER, PICTOGRAPH, PICTOGRAPH_LETTER = 11, 12, 13, 14, 15
#: Scripts without spaces: Han and Hiragana, Katakana, and the south-east Asian ones.
IDEOGRAPH, KATAKANA, SYLLABLE = 16, 17, 18
#: Marks that bind the next letter to the one before: the coeng of Khmer, the virama of Myanmar.
BINDING = 19
#: What stands between the syllables of Tibetan; it belongs to the syllable before it.
SYLLABLE_MARK = 20
#: Or-ed to the class of letters and digits that are two columns wide (UAX #11): Han, Kana, Hangul and full-width ones.
WIDE = 0x80

ZERO_WIDTH_SPACE = 0x200B  # stands between words of Khmer and Thai

#: Later ones go before earlier ones.
_PROPERTIES = {
    SPACE: r"\s",
    PICTOGRAPH: r"\p{Extended_Pictographic}",
    LETTER: r"\p{WB=ALetter}",
    HEBREW: r"\p{WB=Hebrew_Letter}",
    NUMERIC: r"\p{WB=Numeric}",
    CONNECTOR: r"\p{WB=ExtendNumLet}",
    MIDDLE_OF_LETTERS: r"\p{WB=MidLetter}",
    MIDDLE_OF_NUMBERS: r"\p{WB=MidNum}",
    MIDDLE_OF_BOTH: r"\p{WB=MidNumLet}",
    SINGLE_QUOTE: r"\p{WB=Single_Quote}",
    DOUBLE_QUOTE: r"\p{WB=Double_Quote}",
    FLAG_LETTER: r"\p{WB=Regional_Indicator}",
    IDEOGRAPH: r"[\p{Script=Han}\p{Script=Hiragana}&&[\p{L}\p{N}]]",
    KATAKANA: r"\p{WB=Katakana}",
    SYLLABLE: r"[[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]&&\p{L}]",
    EXTEND: r"[\p{WB=Extend}\p{WB=Format}]",
    JOINER: r"\p{WB=ZWJ}",
    BINDING: r"[\u17D2\u1039]",
    SYLLABLE_MARK: r"[\u0F0B\u0F0C]",
    PICTOGRAPH_LETTER: r"[\p{Extended_Pictographic}&&\p{WB=ALetter}]",
}


@cache
def word_break_classes() -> np.ndarray:
    """uint8 of length LIMIT: the class of each code point, with WIDE where it applies."""
    import numpy as np
    import regex

    points = np.array([point for point in range(LIMIT) if not 0xD800 <= point < 0xE000], dtype=np.int64)
    characters = "".join(map(chr, points.tolist()))
    table = np.zeros(LIMIT, dtype=np.uint8)
    for kind, pattern in _PROPERTIES.items():
        places = [match.start() for match in regex.finditer(pattern, characters, flags=regex.V1)]
        table[points[places]] = kind
    table[[point for point in points.tolist() if chr(point).isspace() or point == ZERO_WIDTH_SPACE]] = SPACE
    table[[point for point in points.tolist() if chr(point).isalnum() and _is_wide(chr(point))]] |= WIDE
    table.setflags(write=False)
    return table


@cache
def default_word_breaks() -> np.ndarray:
    """The same without units: every letter of a script without spaces is a word of its own, as UAX #29 has it.

    Runs of Katakana, which are one word there, stay cut into units.
    """
    import numpy as np

    table = word_break_classes() & ~np.uint8(WIDE)
    table[np.isin(table, (IDEOGRAPH, SYLLABLE, SYLLABLE_MARK))] = OTHER
    table[table == BINDING] = EXTEND
    table.setflags(write=False)
    return table


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")
