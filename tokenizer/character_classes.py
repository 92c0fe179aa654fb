r"""Classes of code points as split patterns see them: letters \p{L}, numbers \p{N}, white space \s.

The table comes from the interpreter's Unicode data. Code points that it does not know yet are marked
UNKNOWN, since libraries of different ages disagree about them alone (an assigned character keeps its
class); documents with such a code point take the slow way through `tokenizers`.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

OTHER, LETTER, NUMBER, SPACE, NEWLINE, UNKNOWN = range(6)

#: Code points from here on are marks, private or unassigned: OTHER.
LIMIT = 0x40000

#: White_Space of the Unicode Character Database, less the newlines.
_WHITE_SPACE = (0x09, 0x0B, 0x0C, 0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_BLANKS = range(0x2000, 0x200B)


@cache
def character_classes() -> np.ndarray[Any, Any]:
    """The class of every code point below LIMIT: uint8[LIMIT]. About 60 ms, once a process."""
    import numpy as np

    table = np.zeros(LIMIT, dtype=np.uint8)
    for point in range(LIMIT):
        category = unicodedata.category(chr(point))
        if category[0] == "L":
            table[point] = LETTER
        elif category[0] == "N":
            table[point] = NUMBER
        elif category == "Cn" and not _is_noncharacter(point):
            table[point] = UNKNOWN
    table[[*_WHITE_SPACE, *_BLANKS]] = SPACE
    table[[0x0A, 0x0D]] = NEWLINE
    return table


def _is_noncharacter(point: int) -> bool:
    return point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF
