"""One table of punctuation classes, indexed by code point, for the kernels that read ends of lines and sentences.

Built once per process from the interpreter's Unicode data, as stages/unicode_table.py is, whose LIMIT it shares.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from stages.unicode_table import LIMIT

if TYPE_CHECKING:
    import numpy as np

PUNCTUATION = 1 << 0  # general category P: what spaCy calls punctuation
SENTENCE_END = 1 << 1  # a word of this alone ends a sentence for spaCy's sentencizer (128 characters)
TERMINAL = 1 << 2  # ends a line for datatrove 0.10's FineWeb rules (159 characters, no quotes)
TERMINAL_OR_QUOTE = 1 << 3  # the same for datatrove 0.2: . ' " ! ?

_SENTENCE_ENDS = """
21 2E 3F 589 61F 6D4 700-702 7F9 964-965 104A-104B 1362 1367-1368 166E 1735-1736 1803 1809 1944-1945 1AA8-1AAB
1B5A-1B5B 1B5E-1B5F 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E 2E3C 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877
A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 11047-11048
110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3
115C9-115D7 11641-11642 1173C-1173E 11A42-11A43 11A9B-11A9C 11C41-11C42 16A6E-16A6F 16AF5 16B37-16B38 16B44 1BC9F
1DA88
"""
_TERMINAL_TOO = """
61D-61E 837 839 83D-83E 17D4-17D6 17D9-17DA 1B7D-1B7E 2E53-2E54 10F55-10F59 10F86-10F89 11944 11946 11EF7-11EF8
11F43-11F44 16E98
"""
_ASCII_ENDS = ".'\"!?"


@cache
def punctuation_classes() -> np.ndarray:
    """uint8 of length LIMIT: the classes of each code point, or-ed together."""
    import numpy as np

    table = np.zeros(LIMIT, dtype=np.uint8)
    table[[unicodedata.category(chr(point)).startswith("P") for point in range(LIMIT)]] |= PUNCTUATION
    table[_points(_SENTENCE_ENDS)] |= SENTENCE_END
    table[_points(_SENTENCE_ENDS + _TERMINAL_TOO)] |= TERMINAL
    table[[ord(character) for character in _ASCII_ENDS]] |= TERMINAL_OR_QUOTE
    table.setflags(write=False)
    return table


def _points(words: str) -> list[int]:
    points: list[int] = []
    for word in words.split():
        first, _, last = word.partition("-")
        points += range(int(first, 16), int(last or first, 16) + 1)
    return points
